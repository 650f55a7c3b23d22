"""Check of a GeoPackage after it was written: GDAL runs SQL whose failure it does not report."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from math import inf, isclose
from pathlib import Path
from typing import Any

import numpy as np

from crackscan.sinks.gdal_file import NotWhole
from crackscan.sinks.values import Shape

HEADER = (0x47504B47, 10300)  # "GPKG" and the version 1.3, as application_id and user_version
HEADER_BYTES = {"Point": 5, "Polygon": 13, "MultiLineString": 9}  # of WKB, before the positions or lines
LINE_HEADER_BYTES, POSITION_BYTES = 9, 16
FEWEST_UPDATE_TRIGGERS = 4  # of a spatial index; GDAL's versions have different ones
SYSTEM_TABLES = {
    *("gpkg_spatial_ref_sys", "gpkg_contents", "gpkg_geometry_columns"),
    *("gpkg_extensions", "gpkg_ogr_contents"),
}


@dataclass(slots=True)
class LayerContent:
    """What was written to a layer, as the file must tell it."""

    shape: Shape | None = None
    rows: int = 0
    shapes: int = 0  # rows with a geometry
    low: tuple[float, float] = (inf, inf)
    high: tuple[float, float] = (-inf, -inf)

    def add(self, geometries: Iterable[bytes | None]) -> None:
        """Count the geometries of more rows, given as WKB."""
        known = list(geometries)
        self.rows += len(known)
        present = [_positions(wkb, self.shape) for wkb in known if wkb and self.shape]
        self.shapes += len(present)
        if present:
            positions = np.frombuffer(b"".join(present), "<f8").reshape(-1, 2)
            (x, y), (right, top) = positions.min(axis=0).tolist(), positions.max(axis=0).tolist()
            self.low = min(self.low[0], x), min(self.low[1], y)
            self.high = max(self.high[0], right), max(self.high[1], top)


def _positions(wkb: bytes, shape: Shape) -> bytes:
    """Return the bytes of a geometry's positions without what is between them."""
    content = wkb[HEADER_BYTES[shape] :]
    if shape != "MultiLineString":
        return content
    lines = []
    while content:
        end = LINE_HEADER_BYTES + POSITION_BYTES * int.from_bytes(content[5:LINE_HEADER_BYTES], "little")
        lines.append(content[LINE_HEADER_BYTES:end])
        content = content[end:]
    return b"".join(lines)


def check_geopackage(path: Path, layers: dict[str, LayerContent], geometry: str) -> None:
    """Make sure that a file has all rows of its layers, with their indexes and extents.

    geometry: the name of the geometry column.

    Raises: NotWhole: something is missing.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            missing = next(_missing(database, layers, geometry), None)
    except sqlite3.Error as error:
        raise NotWhole(f"what was written cannot be read: {error}") from error
    if missing:
        raise NotWhole(f"{missing} was not written whole")


def _missing(database: sqlite3.Connection, layers: dict[str, LayerContent], geometry: str) -> Iterator[str]:
    """Yield the names of parts that are missing or differ."""
    if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        yield "the file"
    header = tuple(_row(database, f"PRAGMA {name}") for name in ("application_id", "user_version"))
    if header != tuple((number,) for number in HEADER):
        yield "the header"
    names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    yield from SYSTEM_TABLES - names
    for layer, content in layers.items():
        if (content.rows,) != _row(database, _count_of(layer)):
            yield f"the layer {layer}"
        counted = "SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = ?"
        triggers = {f"trigger_{event}_feature_count_{layer}" for event in ("insert", "delete")}
        if _row(database, counted, layer) != (content.rows,) or not triggers <= names:
            yield f"the number of rows of the layer {layer}"
        if content.shape:
            yield from _missing_of_geometry(database, layer, content, names, geometry)


def _missing_of_geometry(
    database: sqlite3.Connection, layer: str, content: LayerContent, names: set[str], geometry: str
) -> Iterator[str]:
    index = f"rtree_{layer}_{geometry}"
    updates = sum(name.startswith(f"{index}_update") for name in names)
    if (
        _row(database, _count_of(f"{index}_rowid")) != (content.shapes,)
        or not {f"{index}_insert", f"{index}_delete"} <= names
        or updates < FEWEST_UPDATE_TRIGGERS
        or not _row(database, "SELECT 1 FROM gpkg_extensions WHERE table_name = ?", layer)
    ):
        yield f"the spatial index of the layer {layer}"
    system = _row(
        database,
        "SELECT length(definition) > 0 FROM gpkg_geometry_columns JOIN gpkg_spatial_ref_sys USING (srs_id) "
        "WHERE table_name = ?",
        layer,
    )
    extent = _row(
        database, "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?", layer
    )
    if system != (1,) or not _is_extent(extent, content):
        yield f"the extent of the layer {layer}"


def _is_extent(extent: tuple[Any, ...] | None, content: LayerContent) -> bool:
    if extent is None:
        return False
    if not content.shapes:
        return True
    return None not in extent and all(
        isclose(figure, known, rel_tol=1e-12, abs_tol=1e-12)
        for figure, known in zip(extent, (*content.low, *content.high), strict=True)
    )


def _count_of(table: str) -> str:
    return f'SELECT count(*) FROM "{table}"'  # noqa: S608 - the name of a layer of ours


def _row(database: sqlite3.Connection, query: str, *values: object) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = database.execute(query, values).fetchone()
    return row
