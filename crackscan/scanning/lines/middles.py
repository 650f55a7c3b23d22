"""Lines in cracks that are wide open: moved from an edge to the middle between both edges.

A network knows cracks of a few px. In a gap of 20 px it follows an edge, or both.
"""

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s, Indices, Points
from crackscan.scanning.lines.paths import Paths
from crackscan.scanning.lines.profiles import offsets, profiles

ACROSS = offsets(48.0, 2.0)  # px from the line; the widest gap is narrower than this to one side
ALONG_PX = 8.0  # between the places that are looked at
NEAR_PX = 4.0  # the gap is so near to the line
WIDE_PX = 10.0  # in a narrower crack the line is in the middle anyway
DARK = 0.35  # fraction of the light around that a gap takes away, and ...
EVEN = 0.3  # the fraction of that by which its mean may be brighter: a gap is dark from edge to edge
MOVED_PX = 2.5  # a line that lies nearer to the middle stays
MERGED_CELLS = 2  # moved lines are drawn this much wider to each side, so that two of one gap become one


def moved_to_middles(
    skeleton: Bools, paths: Paths, probabilities: Float32s, light: Float32s
) -> tuple[Bools, Float32s] | None:
    """Return a mask in which the lines of wide gaps run in the middle, and probabilities that follow them.

    Args:
        skeleton: bool (h, w).
        paths: its lines, in px of the picture.
        probabilities: float32 (h, w).
        light: of the picture, float32, of the same resolution or a multiple of it.

    Returns: the mask, to be thinned again, and the probabilities; None if no line has to move.
    """
    coarse = paths.resampled(ALONG_PX)
    shifts = _shifts(light, coarse)
    moving = np.bincount(coarse.path_of, np.abs(shifts) > MOVED_PX, len(coarse)) > 0
    if not moving.any():
        return None
    scale = light.shape[0] / skeleton.shape[0]
    points = coarse.points + coarse.normals() * coarse.blended(shifts[:, None], 1)
    moved = Paths(points, coarse.first, coarse.nodes)
    drawn = _drawn(
        moved.select(moving), _means(paths.select(moving), probabilities, scale), skeleton.shape, scale
    )
    mask = skeleton.copy()
    mask[_cells(paths.select(moving).points, skeleton.shape, scale)] = False
    return mask | (drawn > 0), np.maximum(probabilities, drawn)


def _shifts(light: Float32s, paths: Paths) -> Float64s:
    """Return how far across each point the middle of a wide gap is, px, (n,); 0 where there is no gap."""
    seen = profiles(light, paths, ACROSS, passes=1)
    around = np.percentile(seen, 75, axis=1)
    near = np.flatnonzero(np.abs(ACROSS) <= NEAR_PX)
    darkest = near[seen[:, near].argmin(axis=1)][:, None]
    lowest = np.take_along_axis(seen, darkest, axis=1)
    bright = seen >= (lowest + around[:, None]) / 2
    place = np.arange(len(ACROSS))[None]
    left = np.where(bright & (place < darkest), place, -1).max(axis=1)
    right = np.where(bright & (place > darkest), place, len(ACROSS)).min(axis=1)
    inside = (place > left[:, None]) & (place < right[:, None])
    mean = (seen * inside).sum(axis=1) / inside.sum(axis=1)
    depth = around - lowest[:, 0]
    gap = (left >= 0) & (right < len(ACROSS)) & (inside.sum(axis=1) * (ACROSS[1] - ACROSS[0]) >= WIDE_PX)
    gap &= (depth >= DARK * around) & (mean <= lowest[:, 0] + EVEN * depth)
    middle = (ACROSS[np.maximum(left, 0)] + ACROSS[np.minimum(right, len(ACROSS) - 1)]) / 2
    return np.where(gap, middle, 0.0)


def _means(paths: Paths, probabilities: Float32s, scale: float) -> Float64s:
    """Return the mean probability along each path, (k,)."""
    seen = probabilities[_cells(paths.points, probabilities.shape, scale)]
    return np.asarray(np.bincount(paths.path_of, seen) / np.bincount(paths.path_of))


def _cells(points: Points, shape: tuple[int, ...], scale: float) -> tuple[Indices, Indices]:
    """Return the rows and columns of the cells in which points of the picture lie."""
    rows, cols = (points[:, ::-1] / scale).astype(np.int64).T
    return np.clip(rows, 0, shape[0] - 1), np.clip(cols, 0, shape[1] - 1)


def _drawn(paths: Paths, values: Float64s, shape: tuple[int, ...], scale: float) -> Float32s:
    """Return a map with the value of each path in the cells near it, the greater one of two, float32."""
    from scipy.ndimage import maximum_filter

    fine = paths.resampled(scale / 2)
    lines = np.zeros(shape, np.float32)
    np.maximum.at(lines, _cells(fine.points, shape, scale), values[fine.path_of])
    return np.asarray(maximum_filter(lines, 2 * MERGED_CELLS + 1, mode="constant"))
