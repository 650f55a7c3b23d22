"""Lines of mosaics on the ground: their positions, their length in metres, and the size of pixels there."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from crackscan.basics.arrays import Float64s
from crackscan.basics.records import Line, MapGrid, Position, Window
from crackscan.geo.georef import Georeference, to_geocentric, transform_to_wgs84

SHORTEST_MM = 1e-6  # of a line; two of its points may be one
NEAR_PX = 100  # side of the window over which the size of a pixel is measured; over one, rounding would show

Pixel = tuple[float, float]  # (col, row), px


class LinesOnGround(NamedTuple):
    """Lines of a mosaic on the ground."""

    lines: tuple[Line, ...]  # WGS 84
    length_m: float  # of all lines, on the ellipsoid
    width_mm_per_px: float  # across the lines, where a pixel is not a square
    position: Position  # of the pixel that was asked for
    mm_per_px: float  # there, as `georef.GroundLocation`


def locate_lines(grid: MapGrid, lines: Sequence[Sequence[Pixel]], near: Pixel) -> LinesOnGround | None:
    """Locate lines of a mosaic in WGS 84 and measure them, whatever the transform and the projection.

    Args:
        grid: of the mosaic.
        lines: in px.
        near: a pixel where the resolution is measured.

    Returns: None where a point is outside of the area for which the projection is defined.
    """
    georef = georeference(grid)
    side = NEAR_PX
    there = georef.locate(
        Window(math.floor(near[0]) - side // 2, math.floor(near[1]) - side // 2, side, side)
    )
    a, b, c, d, e, f = grid.transform
    pixels = [pixel for line in lines for pixel in line]
    places = transform_to_wgs84(
        georef.crs,
        [a * col + b * row + c for col, row in pixels],
        [d * col + e * row + f for col, row in pixels],
    )
    known = [place for place in places if place is not None]
    if there is None or len(known) < len(pixels):
        return None
    ends = np.cumsum([0, *map(len, lines)])
    points = to_geocentric(np.array(known))
    length_m = sum(_length(points[first:last]) for first, last in pairwise(ends))
    length_px = sum(_length(np.array(line)) for line in lines)
    # a strip along the lines has the same area in px and on the ground, whatever the transform
    width_mm_per_px = _pixel_mm2(there.outline, side) * length_px / max(length_m * 1000, SHORTEST_MM)
    parts = tuple(tuple(known[first:last]) for first, last in pairwise(ends.tolist()))
    return LinesOnGround(parts, length_m, width_mm_per_px, there.centre, there.mm_per_px)


@lru_cache(maxsize=8)
def georeference(grid: MapGrid) -> Georeference:
    """Return the georeference of a mosaic as its rows carry it."""
    return Georeference(Affine(*grid.transform), CRS.from_user_input(grid.crs))


def _pixel_mm2(outline: Sequence[Position], side_px: int) -> float:
    """Return the area of a pixel on the ground, from the corners of a square window."""
    corners = to_geocentric(np.array(outline))
    sides = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    return float(np.linalg.norm(sides)) * 1e6 / side_px**2


def _length(points: Float64s) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
