"""Areas of interest (--aoi): read from a file, and transformed to the pixels of each mosaic."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import numpy as np
from rasterio._err import CPLE_BaseError  # what a failed transformation raises; no public module has it
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from crackscan.basics.arrays import Points
from crackscan.basics.errors import CrackscanError, MissingExtra
from crackscan.basics.records import Position, Window
from crackscan.geo.area_files import check_area_file
from crackscan.geo.georef import WGS84, Georeference, on_earth

try:
    import pyogrio
    import shapely
except ModuleNotFoundError as error:
    raise MissingExtra('--aoi needs pyogrio and shapely; install "crackscan[gis]".') from error

# Edges are cut into pieces of at most 1/256 of a shape's extent before they are transformed: an edge that is
# straight in one coordinate system is curved in another.
SEGMENTS = 256
MARGIN = 0.1  # of a mosaic's extent; areas farther away are dropped, since its CRS may not be defined there


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas of interest in longitude and latitude of WGS 84, degrees."""

    name: str
    digest: str  # of the shapes in the file alone, so that other changes to the file do not matter
    shape: Any  # shapely geometry
    closed: int = 0  # shapes of the file with a ring that was not closed

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read all shapes of all layers of a file, such as GeoJSON or GeoPackage.

        Raises: CrackscanError: the file cannot be read, holds no shape, or names no coordinate system.
        """
        check_area_file(path)
        try:
            layers = [layer for layer, kind in pyogrio.list_layers(path) if kind is not None]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Non closed ring")  # `_read_shape` closes it
                contents = [
                    pyogrio.raw.read(path, layer=layer, columns=[], force_2d=True) for layer in layers
                ]
        except RuntimeError as error:  # the base class of pyogrio's errors
            raise CrackscanError(f"--aoi {path}: {error}; give GeoJSON or a GeoPackage.") from error
        digest, shapes, closed = blake2b(digest_size=8), list[Any](), 0
        for meta, _, wkbs, _ in contents:
            digest.update(f"{meta['crs']}".encode())
            present = [wkb for wkb in wkbs if wkb is not None]
            if present and meta["crs"] is None:
                raise CrackscanError(
                    f"--aoi {path}: names no coordinate system; save it with one, or as GeoJSON."
                )
            for wkb in present:
                digest.update(wkb)
            for wkb in present:
                shape, is_closed = _read_shape(wkb, meta["crs"], f"--aoi {path}: shape {len(shapes) + 1}")
                shapes.append(shape)
                closed += is_closed
        union = shapely.union_all(shapes)
        if union.is_empty:
            raise CrackscanError(f"--aoi {path}: holds no areas; draw some, or leave it out.")
        shapely.prepare(union)
        return cls(str(path), digest.hexdigest(), union, closed)

    def contains(self, position: Position) -> bool:
        """Say whether a position, (lon, lat) in degrees, lies in an area or on its border."""
        return bool(shapely.intersects_xy(self.shape, *position))

    def to_pixels(self, georef: Georeference, size: tuple[int, int]) -> "PixelAreas":
        """Transform the areas to the pixels of a mosaic; `size` is (width, height) in px.

        Raises: RasterioError, CPLE_BaseError: the mosaic's projection is not defined for an area near it.
        """
        inverse = ~georef.transform

        def transform_points(lonlat: Points) -> Points:
            x, y = _transform_points(WGS84, georef.crs, lonlat).T
            return np.stack(
                [inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f], axis=1
            )

        return PixelAreas(_transform_shape(self._clip_near(georef, size), transform_points))

    def _clip_near(self, georef: Georeference, size: tuple[int, int]) -> Any:
        """Clip the areas to the extent of a mosaic and a margin around it."""
        location = georef.locate(Window(0, 0, *size))
        if location is None:
            return self.shape
        west, south, east, north = shapely.bounds(shapely.linestrings(location.outline))
        margin = MARGIN * max(east - west, north - south)
        return shapely.intersection(
            self.shape, shapely.box(west - margin, south - margin, east + margin, north + margin)
        )


class PixelAreas:
    """Areas in the pixels of one mosaic."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        shapely.prepare(shape)

    def runs(self, tiles: Sequence[Window]) -> Iterator[tuple[tuple[Window, ...], bool]]:
        """Yield runs of consecutive tiles, and whether those of a run touch the areas."""
        left, top, width, height = np.array(tiles, dtype=float).T
        touch = shapely.intersects(self._shape, shapely.box(left, top, left + width, top + height))
        for touches, run in groupby(zip(tiles, touch.tolist(), strict=True), key=itemgetter(1)):
            yield tuple(tile for tile, _ in run), touches


def _read_shape(wkb: bytes, crs: str, where: str) -> tuple[Any, bool]:
    """Return a shape of a file in longitude and latitude, and whether a ring was closed, as GDAL closes it.

    where: the file and the shape, for errors.
    """
    try:
        with np.errstate(invalid="ignore"):
            is_open = shapely.from_wkb(wkb, on_invalid="ignore") is None
            shape = shapely.from_wkb(wkb, on_invalid="fix")
        if shape is not None:
            return _to_wgs84(shape, crs, where), is_open
    except shapely.errors.ShapelyError as error:
        raise CrackscanError(f"{where} cannot be used ({error}); draw it again.") from error
    raise CrackscanError(f"{where} is not a valid geometry; draw it again.")


def _to_wgs84(shape: Any, crs: str, where: str) -> Any:
    """Transform a shape of a file from its CRS to longitude and latitude."""
    west, south, east, north = shapely.bounds(shape)
    max_length = max(east - west, north - south) / SEGMENTS
    segmented = shapely.segmentize(shape, max_length) if max_length > 0 else shape
    try:
        source = CRS.from_user_input(crs)
        return _transform_shape(segmented, lambda points: _points_to_wgs84(source, points))
    except (CRSError, CPLE_BaseError, RasterioError) as error:
        raise CrackscanError(
            f"{where} has no longitude and latitude by {crs:.80} ({error}); save the file as GeoJSON."
        ) from error


def _points_to_wgs84(source: CRS, points: Points) -> Points:
    """Transform points, (n, 2), to (lon, lat) in degrees.

    Raises: RasterioError, CPLE_BaseError: one of them is not on earth.
    """
    transformed = _transform_points(source, WGS84, points)
    on_earth(transformed)
    return transformed


def _transform_shape(shape: Any, transform_points: Callable[[Points], Points]) -> Any:
    return shapely.make_valid(shapely.transform(shape, transform_points))


def _transform_points(source: CRS, target: CRS, points: Points) -> Points:
    """Transform points, (n, 2), from one CRS to another.

    Raises: RasterioError, CPLE_BaseError: a projection is not defined for one of them.
    """
    if not len(points):
        return points
    transformed = np.array(transform(source, target, points[:, 0].tolist(), points[:, 1].tolist())).T
    if not np.isfinite(transformed).all():
        raise RasterioError("PROJ gave a position that is not finite")
    return transformed
