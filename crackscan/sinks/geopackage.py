"""GeoPackage: tiles and cracks in their mosaic's CRS, photos as points, a QGIS style for each layer."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import MapGrid, Position, Result, Trace, Window
from crackscan.sinks.arrow import encode, multi_line_string, polygon, table
from crackscan.sinks.gdal_file import GDALFile
from crackscan.sinks.geopackage_check import LayerContent, check_geopackage
from crackscan.sinks.styles import StyledLayer, style_table
from crackscan.sinks.values import Shape, geometry

MAIN, PHOTOS, FOOTPRINTS, UNPLACED = "cracks", "photos", "footprints", "unplaced"
LINES, MOSAICS = "crack_lines", "mosaics"
OWN_LAYERS = re.compile(
    f"({MAIN}|{LINES}|{MOSAICS})(_EPSG_[0-9]+|_CRS_[0-9]+)?|{PHOTOS}|{FOOTPRINTS}|{UNPLACED}|layer_styles"
)
GEOMETRY = "geom"
WGS84 = "EPSG:4326"
BATCH = 10_000  # rows in a transaction, and held in memory for each layer: about 10 MB

# GDAL's options while a file is written: the same rows give the same bytes at any time.
GDAL_OPTIONS = {
    "OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z",  # the date of the last change, else today
    "OGR_GPKG_ALLOW_THREADED_RTREE": "NO",
    "OGR_SQLITE_SYNCHRONOUS": "OFF",  # the file is synchronised once, before it takes its name
}

ERRORS = (DataSourceError, DataLayerError, FeatureError, RuntimeError)  # what pyogrio raises


class Layer(NamedTuple):
    """A layer, and what its rows have in common."""

    name: str
    crs: str | None  # None: without geometry
    shape: Shape | None


class GeoPackage(GDALFile):
    """One layer for each kind of row and coordinate system, as the table in examples/output.md lists them.

    `cracks` holds the tiles of the mosaics in the first mosaic's CRS, or the photos if there is no mosaic;
    `crack_lines` holds cracks.
    """

    needs_crs = True
    shows_lines = True

    def __init__(self, target: Path, *, has_mosaics: bool = True, reviewed: bool = False) -> None:
        super().__init__(target)
        self._reviewed = reviewed
        self._photo_layer = Layer(PHOTOS if has_mosaics else MAIN, WGS84, "Point")
        self._map_layers: dict[str, dict[str, Layer]] = {}  # by the first one's name, and by CRS
        self._buffers: dict[Layer, list[tuple[Result, bytes | None]]] = {}
        self._contents: dict[str, LayerContent] = {}
        self._file_exists = False

    def _check_target(self) -> None:
        super()._check_target()
        if foreign := _foreign_layers(self._target):
            raise CrackscanError(
                f"{self._name}: already has other layers ({', '.join(foreign)}), which would be lost; "
                "choose another name with -o."
            )

    def _add(self, result: Result) -> None:
        layer, wkb = self._layer_and_wkb(result)
        rows = self._buffers.setdefault(layer, [])
        rows.append((result, wkb))
        if len(rows) == BATCH:
            self._flush(layer)

    def _layer_and_wkb(self, result: Result) -> tuple[Layer, bytes | None]:
        if result.grid is not None and result.lines:
            lines = map_lines(result.grid, result.traces)
            return self._map_layer(LINES, result.grid.crs, "MultiLineString"), multi_line_string(lines)
        if result.grid is not None and result.window is not None:
            name = MOSAICS if result.kind == "mosaic" else MAIN
            return self._map_layer(name, result.grid.crs), polygon(outline(result.grid, result.window))
        shape, of_photo = geometry(result), result.kind in {"photo", "crack"}
        if shape is None:
            return self._photo_layer if of_photo else Layer(UNPLACED, None, None), None
        if shape.kind == "Point":
            layer = self._photo_layer
        elif shape.kind == "Polygon":
            layer = Layer(FOOTPRINTS, WGS84, "Polygon") if of_photo else self._map_layer(MAIN, WGS84)
        else:
            layer = self._map_layer(LINES, WGS84, "MultiLineString")
        return layer, encode(shape)

    def _map_layer(self, name: str, crs: str, shape: Shape = "Polygon") -> Layer:
        """Return the layer of a coordinate system; the first one's name does not tell the system."""
        layers = self._map_layers.setdefault(name, {})
        if crs not in layers:
            code = crs.replace(":", "_") if crs.startswith("EPSG:") else f"CRS_{len(layers) + 1}"
            layers[crs] = Layer(f"{name}_{code}" if layers else name, crs, shape)
        return layers[crs]

    def _flush(self, layer: Layer) -> None:
        rows = self._buffers[layer]
        column = GEOMETRY if layer.shape else None
        geometries = [wkb for _, wkb in rows]
        results = [row for row, _ in rows]
        content = table(results, geometries, geometry_column=column, reviewed=self._reviewed)
        with self._system_errors(*ERRORS), _gdal_options():
            pyogrio.write_arrow(
                content,
                self._partial.path,
                layer=layer.name,
                driver="GPKG",
                geometry_name=column,
                geometry_type=layer.shape,
                crs=layer.crs,
                append=self._file_exists,
                dataset_options=None
                if self._file_exists
                else {"VERSION": "1.3"},  # the newest that GDAL 3.6 reads
            )
        self._file_exists = True
        self._contents.setdefault(layer.name, LayerContent(layer.shape)).add(geometries)
        rows.clear()

    def _end(self) -> None:
        if not self._buffers:
            self._buffers[self._photo_layer._replace(name=MAIN)] = []
        layers = list(self._buffers)
        for layer in layers:
            if self._buffers[layer] or not self._file_exists:
                self._flush(layer)
        styles = style_table(
            [
                StyledLayer(layer.name, layer.shape, filled=not layer.name.startswith(MOSAICS))
                for layer in layers
                if layer.shape
            ],
            GEOMETRY,
        )
        self._contents["layer_styles"] = LayerContent(rows=len(styles))
        with self._system_errors(*ERRORS), _gdal_options():
            pyogrio.write_arrow(
                styles,
                self._partial.path,
                layer="layer_styles",
                driver="GPKG",
                append=True,
                layer_options={"FID": "id"},
            )
            check_geopackage(self._partial.path, self._contents, GEOMETRY)


def _foreign_layers(path: Path) -> list[str]:
    """Return the layers of a GeoPackage that no scan has written; none if it is not a GeoPackage."""
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            names = [name for (name,) in database.execute("SELECT table_name FROM gpkg_contents")]
    except sqlite3.DatabaseError:
        return []
    return [name for name in names if not OWN_LAYERS.fullmatch(name)]


def outline(grid: MapGrid, window: Window) -> list[Position]:
    """Return a window's quadrilateral in its mosaic's CRS: a closed ring, counter-clockwise."""
    a, b, c, d, e, f = grid.transform
    left, top, width, height = window
    corners = [(left, top), (left, top + height), (left + width, top + height), (left + width, top)]
    ring = [(a * col + b * row + c, d * col + e * row + f) for col, row in (*corners, corners[0])]
    return ring if a * e - b * d < 0 else ring[::-1]  # rows count downwards


def map_lines(grid: MapGrid, traces: Sequence[Trace]) -> list[list[Position]]:
    """Return lines in px of a mosaic as lines in its CRS."""
    a, b, c, d, e, f = grid.transform
    return [[(a * col + b * row + c, d * col + e * row + f) for col, row in trace.points] for trace in traces]


@contextmanager
def _gdal_options() -> Iterator[None]:
    """Set GDAL's options, and restore them at the end."""
    before = {name: pyogrio.get_gdal_config_option(name) for name in GDAL_OPTIONS}
    pyogrio.set_gdal_config_options(GDAL_OPTIONS)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)
