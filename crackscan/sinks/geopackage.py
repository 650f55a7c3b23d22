"""GeoPackage: tiles as polygons on their mosaic's map, photos as points, layers with styles for QGIS."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import MapGrid, Position, Result, Window
from crackscan.sinks.arrow import point, polygon, table
from crackscan.sinks.gdal_file import LibraryFile
from crackscan.sinks.styles import style_table
from crackscan.sinks.values import geometry

MAIN, PHOTOS, FOOTPRINTS, UNPLACED = "cracks", "photos", "footprints", "unplaced"
OWN = re.compile(f"{MAIN}(_EPSG_[0-9]+|_CRS_[0-9]+)?|{PHOTOS}|{FOOTPRINTS}|{UNPLACED}|layer_styles")
GEOMETRY = "geom"
WGS84 = "EPSG:4326"
BATCH = 10_000  # rows a transaction, and held in memory for each layer, some 10 MB

# GDAL's, while a file is written: the same rows give the same bytes, whenever and however fast.
SETTINGS = {
    "OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z",  # instead of today as the date of the last change
    "OGR_GPKG_ALLOW_THREADED_RTREE": "NO",
    "OGR_SQLITE_SYNCHRONOUS": "OFF",  # it is synchronised once, before it takes its name
}


ERRORS = (DataSourceError, DataLayerError, FeatureError, RuntimeError)  # what pyogrio raises


class Layer(NamedTuple):
    """What rows must share to stand in one layer."""

    name: str
    crs: str | None  # None: without geometry
    shape: Literal["Point", "Polygon"] | None


class GeoPackage(LibraryFile):
    """Layers by what their rows are, and by coordinate system; README's table has them.

    `cracks` are the tiles of mosaics that share the first one's system, or photos where there is no mosaic.
    """

    needs_crs = True

    def __init__(self, target: Path, *, has_mosaics: bool = True) -> None:
        super().__init__(target)
        self._points = Layer(PHOTOS if has_mosaics else MAIN, WGS84, "Point")
        self._maps: dict[str, Layer] = {}  # by coordinate system
        self._pending: dict[Layer, list[tuple[Result, bytes | None]]] = {}
        self._begun = False

    def _resolve_target(self) -> None:
        super()._resolve_target()
        if foreign := _foreign_layers(self._target):
            raise CrackscanError(
                f"{self._name}: is there, with other layers ({', '.join(foreign)}), which would be lost; "
                "choose another name with -o."
            )

    def _add(self, result: Result) -> None:
        layer, shape = self._layer_of(result)
        rows = self._pending.setdefault(layer, [])
        rows.append((result, shape))
        if len(rows) == BATCH:
            self._flush(layer)

    def _layer_of(self, result: Result) -> tuple[Layer, bytes | None]:
        if result.grid is not None and result.window is not None:
            return self._map_layer(result.grid.crs), polygon(outline(result.grid, result.window))
        shape = geometry(result)
        if shape is None:
            photo = result.kind == "photo"
            return self._points if photo else Layer(UNPLACED, None, None), None
        positions = [(float(lon), float(lat)) for lon, lat in shape.positions]
        if shape.kind == "Point":
            return self._points, point(positions[0])
        layer = Layer(FOOTPRINTS, WGS84, "Polygon") if result.kind == "photo" else self._map_layer(WGS84)
        return layer, polygon(positions)

    def _map_layer(self, crs: str) -> Layer:
        if crs not in self._maps:
            code = crs.replace(":", "_") if crs.startswith("EPSG:") else f"CRS_{len(self._maps) + 1}"
            self._maps[crs] = Layer(f"{MAIN}_{code}" if self._maps else MAIN, crs, "Polygon")
        return self._maps[crs]

    def _flush(self, layer: Layer) -> None:
        rows = self._pending[layer]
        named = GEOMETRY if layer.shape else None
        content = table([row for row, _ in rows], [shape for _, shape in rows], geometry_column=named)
        with self._writing(*ERRORS), _settled():
            pyogrio.write_arrow(
                content,
                self._temporary,
                layer=layer.name,
                driver="GPKG",
                geometry_name=named,
                geometry_type=layer.shape,
                crs=layer.crs,
                append=self._begun,
                dataset_options=None if self._begun else {"VERSION": "1.3"},  # what GDAL 3.6 knows
            )
        self._begun = True
        rows.clear()

    def _end(self) -> None:
        if not self._pending:
            self._pending[self._points._replace(name=MAIN)] = []
        layers = list(self._pending)
        for layer in layers:
            if self._pending[layer] or not self._begun:
                self._flush(layer)
        with self._writing(*ERRORS), _settled():
            pyogrio.write_arrow(
                style_table([(layer.name, layer.shape) for layer in layers if layer.shape], GEOMETRY),
                self._temporary,
                layer="layer_styles",
                driver="GPKG",
                append=True,
                layer_options={"FID": "id"},
            )


def _foreign_layers(path: Path) -> list[str]:
    """Return the layers of a GeoPackage that no scan has written; none if it is none."""
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            names = [name for (name,) in database.execute("SELECT table_name FROM gpkg_contents")]
    except sqlite3.DatabaseError:
        return []
    return [name for name in names if not OWN.fullmatch(name)]


def outline(grid: MapGrid, window: Window) -> list[Position]:
    """Return a window's true quadrilateral on its mosaic's map: a closed ring, counter-clockwise."""
    a, b, c, d, e, f = grid.transform
    left, top, width, height = window
    corners = [(left, top), (left, top + height), (left + width, top + height), (left + width, top)]
    ring = [(a * col + b * row + c, d * col + e * row + f) for col, row in (*corners, corners[0])]
    return ring if a * e - b * d < 0 else ring[::-1]  # rows count downwards


@contextmanager
def _settled() -> Iterator[None]:
    """Set GDAL's options for a while."""
    before = {name: pyogrio.get_gdal_config_option(name) for name in SETTINGS}
    pyogrio.set_gdal_config_options(SETTINGS)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)
