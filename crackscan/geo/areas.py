"""The areas to which a scan keeps: read from a file, and found again in the pixels of each mosaic."""

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
from crackscan.geo.georef import WGS84, Georeference

try:
    import pyogrio
    import shapely
except ModuleNotFoundError as error:
    raise MissingExtra('--aoi needs pyogrio and shapely; install "crackscan[gis]".') from error

STRAIGHT = 256  # pieces of the areas' extent: over one of them a straight line stays one in any system
MARGIN = 0.1  # of a mosaic's extent; areas beyond it play no part, and may have no place in its system


@dataclass(frozen=True, slots=True)
class Areas:
    """Where to look, in longitude and latitude of WGS 84."""

    name: str
    digest: str  # of the shapes as the file has them, whatever else it holds
    shape: Any  # shapely geometry

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read all shapes of all layers of a file, such as GeoJSON or GeoPackage.

        Raises: CrackscanError: it cannot be read, holds no shape, or does not say where on earth they are.
        """
        try:
            layers = [layer for layer, kind in pyogrio.list_layers(path) if kind is not None]
            read = [pyogrio.raw.read(path, layer=layer, columns=[], force_2d=True) for layer in layers]
        except RuntimeError as error:  # what all errors of pyogrio are
            raise CrackscanError(f"--aoi {path}: {error}; give GeoJSON or a GeoPackage.") from error
        digest, shapes = blake2b(digest_size=8), []
        for meta, _, shapes_wkb, _ in read:
            digest.update(f"{meta['crs']}".encode())
            found = [shape for shape in shapes_wkb if shape is not None]
            for shape in found:
                digest.update(shape)
            shapes += [_on_earth(shape, meta["crs"], path) for shape in shapely.from_wkb(found)]
        whole = shapely.union_all(shapes)
        if whole.is_empty:
            raise CrackscanError(f"--aoi {path}: holds no areas; draw some, or leave it out.")
        shapely.prepare(whole)
        return cls(str(path), digest.hexdigest(), whole)

    def hold(self, position: Position) -> bool:
        """Say whether a position lies in an area."""
        return bool(shapely.intersects_xy(self.shape, *position))

    def on(self, ground: Georeference, size: tuple[int, int]) -> "Cutout":
        """Return the areas in the pixels of a mosaic of so many px, (width, height)."""
        inverse = ~ground.transform

        def in_pixels(lonlat: Points) -> Points:
            x, y = _transformed(WGS84, ground.crs, lonlat).T
            return np.stack(
                [inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f], axis=1
            )

        return Cutout(_reshaped(self._near(ground, size), in_pixels))

    def _near(self, ground: Georeference, size: tuple[int, int]) -> Any:
        place = ground.place(Window(0, 0, *size))
        if place is None:
            return self.shape
        west, south, east, north = shapely.bounds(shapely.linestrings(place.outline))
        margin = MARGIN * max(east - west, north - south)
        return shapely.intersection(
            self.shape, shapely.box(west - margin, south - margin, east + margin, north + margin)
        )


class Cutout:
    """Areas in the pixels of one mosaic."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        shapely.prepare(shape)

    def runs(self, tiles: Sequence[Window]) -> Iterator[tuple[tuple[Window, ...], bool]]:
        """Yield the tiles of a band in runs of neighbours, and whether those of a run touch the areas."""
        left, top, width, height = np.array(tiles, dtype=float).T
        touch = shapely.intersects(self._shape, shapely.box(left, top, left + width, top + height))
        for touches, run in groupby(zip(tiles, touch.tolist(), strict=True), key=itemgetter(1)):
            yield tuple(tile for tile, _ in run), touches


def _on_earth(shape: Any, crs: str | None, path: Path) -> Any:
    if crs is None:
        raise CrackscanError(f"--aoi {path}: names no coordinate system; save it with one, or as GeoJSON.")
    west, south, east, north = shapely.bounds(shape)
    longest = max(east - west, north - south) / STRAIGHT
    dense = shapely.segmentize(shape, longest) if longest > 0 else shape
    try:
        system = CRS.from_user_input(crs)
        found = _reshaped(dense, lambda points: _transformed(system, WGS84, points))
    except (CRSError, CPLE_BaseError, RasterioError) as error:
        raise CrackscanError(
            f"--aoi {path}: its coordinates have no longitude and latitude ({error}); save it as GeoJSON."
        ) from error
    return found


def _reshaped(shape: Any, change: Callable[[Points], Points]) -> Any:
    return shapely.make_valid(shapely.transform(shape, change))


def _transformed(source: CRS, target: CRS, points: Points) -> Points:
    if not len(points):
        return points
    found = np.array(transform(source, target, points[:, 0].tolist(), points[:, 1].tolist())).T
    if not np.isfinite(found).all():
        raise RasterioError("PROJ gave a position that is not finite")
    return found
