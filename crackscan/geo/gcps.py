"""The affine transform of a raster that has ground control points instead: fitted to them, and checked."""

import math
from collections.abc import Sequence

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint

FEWEST = 4  # any three fit some transform, so that nothing would say whether it is the right one
WITHIN_PX = 1.0  # no point may lie farther from where the transform puts it


def fit_affine(points: Sequence[GroundControlPoint]) -> Affine | None:
    """Return the least-squares transform of ground control points.

    rasterio's `from_gcps` would do, but gives whatever the memory holds where the points lie on a line.

    Returns: `None` where they are too few, or `residual_px` more than a pixel.
    """
    fitted = _fitted(points)
    return fitted if fitted is not None and residual_px(fitted, points) <= WITHIN_PX else None


def describe_misfit(points: Sequence[GroundControlPoint]) -> str:
    """Return in words why `fit_affine` found nothing."""
    fitted = _fitted(points)
    if fitted is None:
        return f"{len(points)} ground control points, which fix no transform"
    off = residual_px(fitted, points)
    return f"ground control points that are off from any affine transform by {off:.3g} px"


def residual_px(affine: Affine, points: Sequence[GroundControlPoint]) -> float:
    """Return by how many pixels the worst point lies off."""
    pixels = [(~affine * (point.x, point.y), (point.col, point.row)) for point in points]
    return max(math.dist(found, given) for found, given in pixels)


def _fitted(points: Sequence[GroundControlPoint]) -> Affine | None:
    if len(points) < FEWEST:
        return None
    pixels = np.array([(point.col, point.row, 1.0) for point in points])
    ground = np.array([(point.x, point.y) for point in points])
    origin = ground.mean(axis=0)  # so that no digits are lost to coordinates of millions of metres
    solved, _, rank, _ = np.linalg.lstsq(pixels, ground - origin, rcond=None)
    (a, d), (b, e), (c, f) = solved.tolist()
    affine = Affine(a, b, c + origin[0], d, e, f + origin[1])
    return None if rank < 3 or affine.is_degenerate else affine
