"""The light across a line: what lies to its left and right, and where it is darkest."""

import numpy as np

from crackscan.basics.arrays import Float32s, Float64s, Points
from crackscan.scanning.lines.paths import Paths

REACH_PX = 20.0  # to each side: twice the half width of the widest crack that is measured
STEP_PX = 0.5
ACROSS = np.arange(-REACH_PX, REACH_PX + STEP_PX / 2, STEP_PX)  # px from the line
PASSES = 6  # of averaging along the line, which takes noise away: about 3 points to each side
SURROUND_PX = 12.0  # the light of the concrete is looked for so far from the line
SURROUND_PERCENTILE = 75  # most of a profile is concrete; brighter pixels are noise
NEAR_PX = 2.0  # standard deviation of the window in which the darkest place is looked for
MAX_SHIFT_PX = 2.5  # a thinned line of half the resolution is not farther from the middle


def profiles(light: Float32s, paths: Paths, *, passes: int = PASSES) -> Float64s:
    """Return the light across the paths at each point, averaged along them, (n, len(ACROSS)), 0..255."""
    from scipy.ndimage import map_coordinates

    across = paths.normals()[:, None, :] * ACROSS[None, :, None]
    cols, rows = np.moveaxis(paths.points[:, None, :] + across - 0.5, 2, 0)
    seen = map_coordinates(light, [rows, cols], order=1, mode="nearest", output=np.float32)
    return paths.blended(seen, passes)


def centred(light: Float32s, paths: Paths) -> Paths:
    """Return the paths moved across themselves to where the light is least; free ends and nodes stay."""
    seen = profiles(light, paths)
    shifts = paths.blended(_darkest(seen)[:, None], 4)
    moved = paths.points + paths.normals() * np.where(paths.is_end[:, None], 0.0, shifts)
    return Paths(moved, paths.first, paths.nodes)


def _darkest(seen: Float64s) -> Points:
    """Return the place of the darkness near the line, px, (n,): its centroid, nearer pixels weigh more."""
    around = np.percentile(seen[:, np.abs(ACROSS) <= SURROUND_PX], SURROUND_PERCENTILE, axis=1)
    dark = np.maximum(around[:, None] - seen, 0) ** 2 * np.exp(-0.5 * (ACROSS / NEAR_PX) ** 2)
    total = dark.sum(axis=1)
    place = (dark @ ACROSS) / np.maximum(total, 1e-9)
    return np.clip(np.where(total > 0, place, 0.0), -MAX_SHIFT_PX, MAX_SHIFT_PX)
