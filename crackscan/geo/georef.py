"""Where the windows of a mosaic are, as positions in WGS 84.

They are as good as PROJ makes them: without the grid files of a national datum (rasterio's wheels carry
none) it falls back to formulas that are good to a few metres.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError  # what a failed transformation raises; no public module has it
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from crackscan.basics.arrays import Float64s
from crackscan.basics.errors import CrackscanError, MissingCRS
from crackscan.basics.records import MapGrid, Position, Window
from crackscan.geo import gcps
from crackscan.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M

WGS84 = CRS.from_epsg(4326)

# Corners, counter-clockwise where north is up, then the centre, as fractions of a window's width and height.
SPOTS = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0.5, 0.5)])


class GroundLocation(NamedTuple):
    """Where a window of a mosaic lies on the ground, and how large its pixels are there."""

    outline: tuple[Position, ...]  # four corners from the top left one, right-hand winding
    centre: Position
    mm_per_px: float


@dataclass(frozen=True, slots=True)
class Georeference:
    """What ties the pixels of a mosaic to the earth."""

    transform: Affine
    crs: CRS

    @property
    def grid(self) -> MapGrid:
        """Return the same as a record, which rows can carry."""
        affine = self.transform
        return MapGrid(_as_text(self.crs), (affine.a, affine.b, affine.c, affine.d, affine.e, affine.f))

    def mm_per_px(self, size: tuple[int, int]) -> float | None:
        """Return the ground resolution in the middle of a mosaic of so many px, (width, height)."""
        place = self.place(Window(size[0] // 2, size[1] // 2, 100, 100))
        return None if place is None else place.mm_per_px

    def place(self, window: Window) -> GroundLocation | None:
        """Locate one window; many are cheaper by `places`."""
        return self.places([window])[0]

    def places(self, windows: Sequence[Window]) -> list[GroundLocation | None]:
        """Locate windows together: PROJ takes 0.2 ms to set up and 1 us a window.

        An outline is the true quadrilateral, whatever the transform's rotation, shear or handedness.
        Across the antimeridian its longitudes jump from 180 to -180: it is not cut in two.

        `mm_per_px` is the ground distance along a window's edges over their pixels: the same for metres,
        feet and degrees, and free of the projection's scale (Web Mercator's is 2 at 60 degrees). Of a
        pixel's two sides it is the longer, which limits the narrowest crack that can be seen.

        Returns: `None` for a window outside of the area for which the projection is defined.
        """
        if not windows:
            return []
        pixels = np.array(windows, dtype=float)
        try:
            lonlat = _in_wgs84(self.crs, *(_on_the_map(self.transform, pixels)))
        except (CPLE_BaseError, RasterioError):
            # one bad window fails them all, so look for it
            return [None] if len(windows) == 1 else [self.place(window) for window in windows]
        sizes = _mm_per_px(lonlat, pixels[:, 2:])
        return [_place(spots, size) for spots, size in zip(lonlat, sizes.tolist(), strict=True)]


def georeference(dataset: rasterio.DatasetReader, crs: str | None = None) -> Georeference | None:
    """Find what ties a mosaic to the earth; `missing_crs` words what is lacking.

    A local system, a façade's for one, has no longitude and latitude: it counts as none. Ground control
    points count where an affine transform fits them.

    Args:
        dataset: an open mosaic.
        crs: stands in where the mosaic names no usable coordinate system; never overrules one.

    Returns: `None` where the mosaic has no transform or no coordinate system of the earth.
    Raises: CrackscanError: `crs` is not a coordinate system.
    """
    stand_in = parse_crs(crs) if crs is not None else None
    points, points_crs = dataset.gcps
    affine = dataset.transform if _has_transform(dataset) else gcps.fit_affine(points)
    if affine is None:
        return None
    middle = Window(dataset.width // 2, dataset.height // 2, 1, 1)
    for candidate in (dataset.crs, points_crs, stand_in):
        if candidate and _is_of_the_earth(candidate):
            found = Georeference(affine, candidate)
            if found.place(middle) is not None:
                return found
    return None


def parse_crs(text: str, *, where: str = "--crs") -> CRS:
    """Read a coordinate system as a user writes it: an EPSG code, WKT, or a PROJ string.

    Raises: CrackscanError: PROJ does not know it, or it has no longitude and latitude; it says `where`.
    """
    try:
        with rasterio.Env():  # else GDAL prints its own words besides
            crs = CRS.from_user_input(text)
    except (CRSError, CPLE_BaseError) as error:
        raise CrackscanError(
            f"{where} {text}: not a coordinate system that PROJ knows; name one like EPSG:32633."
        ) from error
    if not _is_of_the_earth(crs):
        raise CrackscanError(f"{where} {text}: has no longitude and latitude; name one like EPSG:32633.")
    return crs


def positions(crs: CRS, xs: Sequence[float], ys: Sequence[float]) -> list[Position | None]:
    """Transform points together; `None` for one for which the projection is not defined."""
    if not xs:
        return []
    try:
        return [(lon, lat) for lon, lat in _in_wgs84(crs, np.array(xs), np.array(ys)).tolist()]
    except (CPLE_BaseError, RasterioError):
        # one bad point fails them all, so look for it
        return [None] if len(xs) == 1 else [positions(crs, [x], [y])[0] for x, y in zip(xs, ys, strict=True)]


def missing_crs(
    source: str, dataset: rasterio.DatasetReader, *, otherwise: str = "write CSV instead"
) -> MissingCRS:
    """Word why `georeference` found nothing for a mosaic, and what to do: place it, or something else."""
    points, points_crs = dataset.gcps
    advice = "give one with --crs EPSG:32633"
    if not _has_transform(dataset) and gcps.fit_affine(points) is None:
        found = f"only {gcps.describe_misfit(points)}" if points else "no geotransform"
        found, advice = f"{found}, so --crs cannot place it", "rectify it with gdalwarp"
    elif dataset.crs or points_crs:
        found = "its CRS is a local one, without longitude and latitude"
    else:
        found = "no CRS"
    return MissingCRS(f"{source}: {found}; {advice} or {otherwise}.")


def _as_text(crs: CRS) -> str:
    """Name a coordinate system by its EPSG code where that is all there is to it, else describe it by WKT."""
    code = crs.to_epsg()
    same = code is not None and CRS.from_epsg(code) == crs
    return f"EPSG:{code}" if same else str(crs.to_wkt(version="WKT2_2019"))


def _has_transform(dataset: rasterio.DatasetReader) -> bool:
    affine = dataset.transform  # the identity stands for none
    return not affine.is_identity and not affine.is_degenerate and all(map(math.isfinite, affine))


def _is_of_the_earth(crs: CRS) -> bool:
    # a vertical system would pass its numbers through as if they were degrees
    return bool(crs.is_projected or crs.is_geographic)


def _on_the_map(affine: Affine, windows: Float64s) -> tuple[Float64s, Float64s]:
    """Find x and y, each of shape (n, 5), of the corners and the centre of windows of shape (n, 4)."""
    cols = windows[:, 0, None] + windows[:, 2, None] * SPOTS[:, 0]
    rows = windows[:, 1, None] + windows[:, 3, None] * SPOTS[:, 1]
    return (
        affine.a * cols + affine.b * rows + affine.c,
        affine.d * cols + affine.e * rows + affine.f,
    )


def _in_wgs84(crs: CRS, xs: Float64s, ys: Float64s) -> Float64s:
    """Transform coordinates of shape (n, ...) to lon, lat of shape (n, ..., 2)."""
    lons, lats = transform(crs, WGS84, xs.ravel().tolist(), ys.ravel().tolist())
    lonlat = np.stack([lons, lats], axis=-1)
    if not np.isfinite(lonlat).all():
        raise RasterioError("PROJ gave a position that is not finite")
    return lonlat.reshape(*xs.shape, 2)


def _place(spots: Float64s, mm_per_px: float) -> GroundLocation:
    *corners, centre = [(lon, lat) for lon, lat in spots.tolist()]
    first, *rest = corners
    if _signed_area(corners) < 0:  # south is up, or the axes point elsewhere
        rest.reverse()
    return GroundLocation((first, *rest), centre, mm_per_px)


def _signed_area(ring: Sequence[Position]) -> float:
    """Twice the area in square degrees; positive is counter-clockwise, also across the antimeridian."""
    # relative to one corner, so that no digits cancel for a ring a few millimetres wide
    lon0, lat0 = ring[0]
    local = [((lon - lon0 + 180) % 360 - 180, lat - lat0) for lon, lat in ring]
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(local, local[1:] + local[:1], strict=True))


def _mm_per_px(lonlat: Float64s, sizes: Float64s) -> Float64s:
    """Measure pixels over whole edges: over a single one, of a millimetre, rounding would show."""
    corners = _geocentric(lonlat[:, :4])
    across = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=-1) / sizes[:, 0]
    down = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1) / sizes[:, 1]
    longer: Float64s = np.maximum(across, down) * 1000
    return longer


def _geocentric(lonlat: Float64s) -> Float64s:
    """Turn positions into x, y, z in metres from the centre of the earth (EPSG method 9602, at height 0).

    The straight line between two of them is the distance on the ground to 1e-6 up to 30 km, at the poles
    and across the antimeridian as well.
    """
    lon, lat = np.radians(lonlat[..., 0]), np.radians(lonlat[..., 1])
    normal = SEMI_MAJOR_AXIS_M / np.sqrt(1 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    x = normal * np.cos(lat) * np.cos(lon)
    y = normal * np.cos(lat) * np.sin(lon)
    z = normal * (1 - ECCENTRICITY_SQUARED) * np.sin(lat)
    return np.stack([x, y, z], axis=-1)
