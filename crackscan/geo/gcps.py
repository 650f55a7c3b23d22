"""Ground control points (GCPs): the affine transform fitted to them, and how well it fits."""

import math
from collections.abc import Sequence

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint

MIN_POINTS = 4  # three points fit some transform exactly, right or wrong; a fourth shows errors
MAX_RESIDUAL_PX = 1.0


def fit_affine(points: Sequence[GroundControlPoint]) -> Affine | None:
    """Return the least-squares transform from (col, row) in px to (x, y) in map units.

    rasterio's `from_gcps` returns uninitialised memory where the points lie on a line, so it is not used.

    Returns: None where there are fewer than MIN_POINTS, where they lie on a line, or where a point is off by
        more than MAX_RESIDUAL_PX.
    """
    affine = _fit(points)
    return affine if affine is not None and max_residual_px(affine, points) <= MAX_RESIDUAL_PX else None


def describe_misfit(points: Sequence[GroundControlPoint]) -> str:
    """Return in words why `fit_affine` returned None."""
    affine = _fit(points)
    if affine is None:
        return f"{len(points)} ground control points, which do not determine a transform"
    residual_px = max_residual_px(affine, points)
    return f"ground control points that are off from any affine transform by {residual_px:.3g} px"


def max_residual_px(affine: Affine, points: Sequence[GroundControlPoint]) -> float:
    """Return the largest distance in px between a point's pixel and where the transform puts it."""
    pixels = [(~affine * (point.x, point.y), (point.col, point.row)) for point in points]
    return max(math.dist(fitted, given) for fitted, given in pixels)


def _fit(points: Sequence[GroundControlPoint]) -> Affine | None:
    if len(points) < MIN_POINTS:
        return None
    pixels = np.array([(point.col, point.row, 1.0) for point in points])
    xy = np.array([(point.x, point.y) for point in points])
    origin = xy.mean(axis=0)  # so that coordinates of millions of metres cost no digits
    solution, _, rank, _ = np.linalg.lstsq(pixels, xy - origin, rcond=None)
    (a, d), (b, e), (c, f) = solution.tolist()
    affine = Affine(a, b, c + origin[0], d, e, f + origin[1])
    return None if rank < 3 or affine.is_degenerate else affine
