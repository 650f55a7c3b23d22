"""The width of a crack from the light's profile across it; a mask or a network's answer tells none.

A narrow crack is blurred by the lens and the pixels: its width is the light that it takes away, divided by
the share that its darkest place takes away. A wide one has its edges where half of that is reached.
"""

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s
from crackscan.scanning.lines.paths import Paths
from crackscan.scanning.lines.profiles import offsets, profiles

STEP_PX = 1.0
ACROSS = offsets(20.0, STEP_PX)  # px from the line: half of the widest crack and the concrete beside it
PASSES = 6  # of averaging along the line: takes noise away, over about 3 points to each side
NARROWEST_PX = 1.5  # a narrower crack cannot be told from a fainter one
WIDEST_PX = 24.0
WIDE_PX = 4.0  # from here on the half-depth crossing is the width
BLUR_PX = 0.9  # standard deviation of lens, pixel and interpolation, in drawn cracks
FAINTEST = 0.08  # darkness at the centre, as a fraction of the light around, that can be told from texture
CLEAR_OF_EDGE_PX = 1.5  # the concrete begins so far outside the half-depth crossing
BESIDE_PX = 4.0  # and so wide a strip of it is measured
UNEVEN = 0.6  # the strips may differ by this fraction of the depth; more is an edge, not a crack


def measure_widths(light: Float32s, paths: Paths) -> Float64s:
    """Return the width at each point in px, (n,); NaN where it cannot be told."""
    seen = profiles(light, paths, ACROSS, passes=PASSES)
    left, right = _crossings(seen, np.percentile(seen, 75, axis=1))
    for _ in range(2):
        around, _ = _beside(seen, left, right)
        left, right = _crossings(seen, around)
    around, uneven = _beside(seen, left, right)
    lacking = 1 - seen / np.maximum(around, 1.0)[:, None]
    darkest = _darkest(lacking, left, right)
    narrow = _equivalent_width(lacking, darkest, left, right)
    half = right - left
    width = np.where(half >= WIDE_PX, half, narrow)
    told = (width <= WIDEST_PX) & (darkest >= FAINTEST) & (uneven <= UNEVEN * darkest)
    return np.where(told, width, np.nan)


def _crossings(seen: Float64s, around: Float64s) -> tuple[Float64s, Float64s]:
    """Return where the light crosses half of its depth to the left and to the right, px from the line."""
    middle = len(ACROSS) // 2
    lowest = seen[:, middle - 1 : middle + 2].min(axis=1)
    level = ((lowest + around) / 2)[:, None]
    right = _first_above(seen[:, middle:], level)
    left = _first_above(seen[:, middle::-1], level)
    return -left, right


def _first_above(seen: Float64s, level: Float64s) -> Float64s:
    """Return the distance at which the profile first rises to the level, interpolated, px."""
    above = seen >= level
    above[:, -1] = True
    index = np.maximum(above.argmax(axis=1), 1)
    rows = np.arange(len(seen))
    before, after = seen[rows, index - 1], seen[rows, index]
    share = np.clip((level[:, 0] - before) / np.maximum(after - before, 1e-6), 0, 1)
    return np.asarray((index - 1 + share) * STEP_PX)


def _beside(seen: Float64s, left: Float64s, right: Float64s) -> tuple[Float64s, Float64s]:
    """Return the light of the concrete beside the crack, and by which fraction of it the sides differ."""
    far = CLEAR_OF_EDGE_PX + BESIDE_PX
    on_left = _mean(seen, left - far, left - CLEAR_OF_EDGE_PX)
    on_right = _mean(seen, right + CLEAR_OF_EDGE_PX, right + far)
    around = (on_left + on_right) / 2
    return around, np.abs(on_left - on_right) / np.maximum(around, 1.0)


def _mean(values: Float64s, low: Float64s, high: Float64s) -> Float64s:
    """Return the mean of each profile from `low` to `high`, px from the line."""
    low = np.clip(low, ACROSS[0], ACROSS[-1] - BESIDE_PX)
    high = np.clip(high, ACROSS[0] + BESIDE_PX, ACROSS[-1])
    taken = _between(low, high)
    return np.asarray((values * taken).sum(axis=1) / taken.sum(axis=1))


def _between(low: Float64s, high: Float64s) -> Bools:
    place = ACROSS[None]
    return (place >= low[:, None]) & (place <= high[:, None])


def _darkest(lacking: Float64s, left: Float64s, right: Float64s) -> Float64s:
    """Return the greatest darkness between the crossings, as a fraction of the light around."""
    return np.asarray(np.where(_between(left, right), lacking, -np.inf).max(axis=1))


def _equivalent_width(lacking: Float64s, darkest: Float64s, left: Float64s, right: Float64s) -> Float64s:
    """Return the width of a slit as dark as the darkest place that takes away the same light, deblurred."""
    within = _between(left - CLEAR_OF_EDGE_PX, right + CLEAR_OF_EDGE_PX)
    taken = np.where(within, lacking, 0.0).sum(axis=1) * STEP_PX
    blurred = taken / np.maximum(darkest, 1e-6)
    return np.asarray(np.interp(blurred, _BLURRED_PX, _TRUE_PX))


def _blurred_widths(true_px: Float64s) -> Float64s:
    """Return the equivalent width of slits under a Gaussian blur: w / erf(w / (2 sqrt(2) sigma))."""
    from math import erf, sqrt

    return np.array([width / erf(width / (2 * sqrt(2) * BLUR_PX)) for width in true_px])


_TRUE_PX = np.linspace(0.05, WIDEST_PX, 400)
_BLURRED_PX = _blurred_widths(_TRUE_PX)
