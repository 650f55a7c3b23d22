"""The light across a line: what lies to its left and right, and where it is darkest."""

import numpy as np

from crackscan.basics.arrays import Float32s, Float64s
from crackscan.scanning.lines.paths import Paths

PASSES = 2  # of averaging along the line, which bends
SURROUND_PX = (
    20.0  # the light of the concrete is looked for so far from the line, beyond the edges of wide gaps
)
SURROUND_PERCENTILE = 80  # even of a gap that is 30 px wide; brighter pixels are noise
NEAR_PX = 2.0  # standard deviation of the window in which the darkest place is looked for
MAX_SHIFT_PX = 2.5  # a thinned line of half the resolution is not farther from the middle


def offsets(reach_px: float, step_px: float) -> Float64s:
    """Return the places across a line where its light is taken, px from the line, negative to the left."""
    return np.arange(-reach_px, reach_px + step_px / 2, step_px)


def profiles(light: Float32s, paths: Paths, across: Float64s, *, passes: int) -> Float64s:
    """Return the light across the paths at each point, averaged along them, (n, len(across)), 0..255."""
    from scipy.ndimage import map_coordinates

    places = paths.points[:, None, :] + paths.normals()[:, None, :] * across[None, :, None]
    cols, rows = np.moveaxis(places - 0.5, 2, 0)
    seen = map_coordinates(light, [rows, cols], order=1, mode="nearest", output=np.float32)
    return paths.blended(seen, passes)


ACROSS = offsets(SURROUND_PX, 1.0)


def centred(light: Float32s, paths: Paths) -> Paths:
    """Return the paths moved across themselves to where the light is least; shared ends stay."""
    seen = profiles(light, paths, ACROSS, passes=PASSES)
    shifts = paths.blended(_darkest(seen)[:, None], PASSES)
    moved = paths.points + paths.normals() * np.where(paths.is_shared[:, None], 0.0, shifts)
    return Paths(moved, paths.first, paths.nodes)


def _darkest(seen: Float64s) -> Float64s:
    """Return the place of the darkness near the line, px, (n,): its centroid, nearer pixels weigh more."""
    around = np.percentile(seen, SURROUND_PERCENTILE, axis=1)
    dark = np.maximum(around[:, None] - seen, 0) ** 2 * np.exp(-0.5 * (ACROSS / NEAR_PX) ** 2)
    total = dark.sum(axis=1)
    place = (dark @ ACROSS) / np.maximum(total, 1e-9)
    return np.clip(np.where(total > 0, place, 0.0), -MAX_SHIFT_PX, MAX_SHIFT_PX)
