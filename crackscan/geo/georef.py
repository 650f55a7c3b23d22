"""Georeferences of mosaics: the location of their windows in WGS 84, and the ground resolution.

Positions are as accurate as PROJ: without the grid files of a national datum (rasterio's wheels contain none)
it uses formulas that are accurate to a few metres.
"""

import math
import re
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
from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import MapGrid, Position, Window
from crackscan.geo import gcps
from crackscan.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M

WGS84 = CRS.from_epsg(4326)
ADDRESS = re.compile(r"\s*(\w+://|/vsi)", re.IGNORECASE)

ROUNDING = 1e-9  # degrees; a pole may be at 90.00000000000001
LONGEST_TEXT = 80  # characters of a coordinate system in an error; the first line of a file may be long

# As fractions of a window's width and height; the corners are counter-clockwise where north is up.
CORNERS_AND_CENTRE = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0.5, 0.5)])


class GroundLocation(NamedTuple):
    """The location of a window on the ground, and the size of its pixels there."""

    outline: tuple[Position, ...]  # four corners, counter-clockwise from the top left one, degrees
    centre: Position  # degrees
    mm_per_px: float


@dataclass(frozen=True, slots=True)
class Georeference:
    """The transform of a mosaic from pixels to map coordinates, and their coordinate system."""

    transform: Affine  # (col, row) in px to (x, y) in units of the CRS
    crs: CRS

    @property
    def grid(self) -> MapGrid:
        """The same as a record that rows can carry."""
        affine = self.transform
        return MapGrid(_describe(self.crs), (affine.a, affine.b, affine.c, affine.d, affine.e, affine.f))

    def mm_per_px(self, size: tuple[int, int]) -> float | None:
        """Return the ground resolution in the middle of a mosaic; `size` is (width, height) in px."""
        location = self.locate(Window(size[0] // 2, size[1] // 2, 100, 100))
        return None if location is None else location.mm_per_px

    def locate(self, window: Window) -> GroundLocation | None:
        """Locate one window; for many, `locate_all` is faster."""
        return self.locate_all([window])[0]

    def locate_all(self, windows: Sequence[Window]) -> list[GroundLocation | None]:
        """Locate windows in one call of PROJ, which takes 0.2 ms to set up and 1 us a window.

        An outline is the true quadrilateral, whatever the transform's rotation, shear or handedness.
        Across the antimeridian its longitudes jump from 180 to -180: it is not cut in two.

        `mm_per_px` is the ground distance along a window's edges divided by their pixels, so units (metres,
        feet, degrees) and the projection's scale (2 at 60 degrees in Web Mercator) do not matter. It is the
        longer of a pixel's two sides, which limits the narrowest crack that can be seen.

        Returns: None for a window outside of the area for which the projection is defined.
        """
        if not windows:
            return []
        pixels = np.array(windows, dtype=float)
        try:
            lonlat = _to_wgs84(self.crs, *_map_coordinates(self.transform, pixels))
        except (CPLE_BaseError, RasterioError):
            # one window outside fails them all, so try each alone
            return [None] if len(windows) == 1 else [self.locate(window) for window in windows]
        sizes_mm = _pixel_sizes_mm(lonlat, pixels[:, 2:])
        return [_make_location(points, size) for points, size in zip(lonlat, sizes_mm.tolist(), strict=True)]


def read_georeference(dataset: rasterio.DatasetReader, crs: str | None = None) -> Georeference | None:
    """Return a mosaic's georeference, or None if it has no usable CRS or transform.

    A CRS is usable if it has longitude and latitude: the local system of a façade does not. Ground control
    points replace a missing transform where an affine transform fits them. `missing_crs` says what is
    missing.

    Args:
        dataset: an open mosaic.
        crs: used where the mosaic has no usable CRS; it never overrules one.

    Raises: CrackscanError: `crs` is not a coordinate system.
    """
    fallback = parse_crs(crs) if crs is not None else None
    points, points_crs = dataset.gcps
    affine = dataset.transform if has_transform(dataset) else gcps.fit_affine(points)
    if affine is None:
        return None
    middle = Window(dataset.width // 2, dataset.height // 2, 1, 1)
    for candidate in (dataset.crs, points_crs, fallback):
        if candidate and has_lonlat(candidate):
            georef = Georeference(affine, candidate)
            if georef.locate(middle) is not None:
                return georef
    return None


def parse_crs(text: str, *, where: str = "--crs") -> CRS:
    """Parse a coordinate system as a user writes it: an EPSG code, WKT, or a PROJ string.

    where: the option or the line of a file that it comes from, for errors.

    Raises: CrackscanError: PROJ does not know it, or it has no longitude and latitude.
    """
    try:
        with rasterio.Env():  # else GDAL prints its own message, too
            crs = CRS.from_user_input("" if ADDRESS.match(text) else text)  # PROJ would open an address
    except (CRSError, CPLE_BaseError, ValueError) as error:  # ValueError: bytes that are not text, or a zero
        raise CrackscanError(
            f"{where} {_shorten(text)}: not a coordinate system that PROJ knows; name one like EPSG:32633."
        ) from error
    if not has_lonlat(crs):
        raise CrackscanError(
            f"{where} {_shorten(text)}: has no longitude and latitude; name one like EPSG:32633."
        )
    return crs


def transform_to_wgs84(crs: CRS, xs: Sequence[float], ys: Sequence[float]) -> list[Position | None]:
    """Transform points in one call of PROJ to (lon, lat) in degrees.

    Returns: None for a point for which the projection is not defined.
    """
    if not xs:
        return []
    try:
        return [(lon, lat) for lon, lat in _to_wgs84(crs, np.array(xs), np.array(ys)).tolist()]
    except (CPLE_BaseError, RasterioError):
        if len(xs) == 1:
            return [None]
        # one point outside fails them all, so try each alone
        return [transform_to_wgs84(crs, [x], [y])[0] for x, y in zip(xs, ys, strict=True)]


def _describe(crs: CRS) -> str:
    """Return the EPSG code of a CRS where that says all of it, else its WKT."""
    code = crs.to_epsg()
    is_complete = code is not None and CRS.from_epsg(code) == crs
    return f"EPSG:{code}" if is_complete else str(crs.to_wkt(version="WKT2_2019"))


def _shorten(text: str) -> str:
    """Return the beginning of a text of a user, without bytes that are not text."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}..."


def has_transform(dataset: rasterio.DatasetReader) -> bool:
    """Return whether a raster has a transform that can be used."""
    affine = dataset.transform  # rasterio gives the identity for a file without one
    return not affine.is_identity and not affine.is_degenerate and all(map(math.isfinite, affine))


def has_lonlat(crs: CRS) -> bool:
    """Return whether a coordinate system has longitude and latitude."""
    # PROJ would pass the numbers of a vertical system through as if they were degrees
    return bool(crs.is_projected or crs.is_geographic)


def _map_coordinates(affine: Affine, windows: Float64s) -> tuple[Float64s, Float64s]:
    """Return x and y, each (n, 5), of the corners and the centre of windows, (n, 4)."""
    cols = windows[:, 0, None] + windows[:, 2, None] * CORNERS_AND_CENTRE[:, 0]
    rows = windows[:, 1, None] + windows[:, 3, None] * CORNERS_AND_CENTRE[:, 1]
    return (
        affine.a * cols + affine.b * rows + affine.c,
        affine.d * cols + affine.e * rows + affine.f,
    )


def _to_wgs84(crs: CRS, xs: Float64s, ys: Float64s) -> Float64s:
    """Transform coordinates, (n, ...), to (lon, lat) in degrees, (n, ..., 2).

    Raises: RasterioError, CPLE_BaseError: one of them is outside of the projection, or not on earth.
    """
    lons, lats = transform(crs, WGS84, xs.ravel().tolist(), ys.ravel().tolist())
    return on_earth(np.stack([lons, lats], axis=-1)).reshape(*xs.shape, 2)


def on_earth(lonlat: Float64s) -> Float64s:
    """Return positions, (n, 2), (lon, lat) in degrees, with longitudes of 180 to 360 counted from -180.

    PROJ passes the coordinates of a geographic system through, also where they are metres.

    Raises: RasterioError: one is not finite, or not on earth.
    """
    lons, lats = np.abs(lonlat).T
    if not ((lons <= 360) & (lats <= 90 + ROUNDING)).all():  # written so that NaN does not pass
        raise RasterioError("a position is not on earth")
    if (lons > 180).any():
        lonlat = lonlat.copy()
        lonlat[:, 0] = np.where(lons > 180, (lonlat[:, 0] + 180) % 360 - 180, lonlat[:, 0])
    return lonlat


def _make_location(points: Float64s, mm_per_px: float) -> GroundLocation:
    """Make the location of a window from its corners and centre, (5, 2), (lon, lat) in degrees."""
    *corners, centre = [(lon, lat) for lon, lat in points.tolist()]
    first, *rest = corners
    if _signed_area(corners) < 0:  # south is up, or the axes are swapped or mirrored
        rest.reverse()
    return GroundLocation((first, *rest), centre, mm_per_px)


def _signed_area(ring: Sequence[Position]) -> float:
    """Return twice the area, square degrees; positive is counter-clockwise, also across the antimeridian."""
    # relative to one corner, so that digits do not cancel in a ring a few millimetres wide
    lon0, lat0 = ring[0]
    local = [((lon - lon0 + 180) % 360 - 180, lat - lat0) for lon, lat in ring]
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(local, local[1:] + local[:1], strict=True))


def _pixel_sizes_mm(lonlat: Float64s, sizes: Float64s) -> Float64s:
    """Return the longer side of pixels in mm, (n,).

    Measured over a window's whole edges: over one pixel, which may be a millimetre, rounding would show.

    Args:
        lonlat: corners and centre of windows, (n, 5, 2), degrees.
        sizes: width and height of the windows, (n, 2), px.
    """
    corners = to_geocentric(lonlat[:, :4])
    across = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=-1) / sizes[:, 0]
    down = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1) / sizes[:, 1]
    longer: Float64s = np.maximum(across, down) * 1000
    return longer


def to_geocentric(lonlat: Float64s) -> Float64s:
    """Convert (lon, lat) in degrees, (..., 2), to x, y, z in metres from the earth's centre, (..., 3).

    EPSG method 9602, at height 0. The straight line between two points equals their distance on the ground
    to 1e-6 up to 30 km, at the poles and across the antimeridian as well.
    """
    lon, lat = np.radians(lonlat[..., 0]), np.radians(lonlat[..., 1])
    normal = SEMI_MAJOR_AXIS_M / np.sqrt(1 - ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    x = normal * np.cos(lat) * np.cos(lon)
    y = normal * np.cos(lat) * np.sin(lon)
    z = normal * (1 - ECCENTRICITY_SQUARED) * np.sin(lat)
    return np.stack([x, y, z], axis=-1)
