"""The width of a crack from the light's profile across it; a mask or a network's answer tells none.

A wide crack has its edges where half of its depth is reached. In a narrow one the lens and the pixels decide
how far these edges lie apart, but not how much light is taken away in all: a hairline takes little.
"""

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s
from crackscan.scanning.lines.paths import Paths
from crackscan.scanning.lines.profiles import offsets, profiles

STEP_PX = 1.0
ACROSS = offsets(20.0, STEP_PX)  # px from the line: half of the widest crack and the concrete beside it
PASSES = 12  # of averaging along the line: takes noise away, over about 5 points to each side
NARROWEST_PX = 1.25  # a narrower crack cannot be told from a fainter one
WIDEST_PX = 24.0
NARROW_PX, WIDE_PX = 3.0, 5.0  # between the edges: below the light taken away counts, above only the edges
# Width of a narrow one, px: FACTOR * (px between the edges) ** EDGES * (px of darkness taken away) ** TAKEN.
# Fitted (Huber) to the logarithms of 800 drawn cracks of 0.8 to 10 px, half of them photographed by another
# camera, on concrete, decks and walls; judged on other structures: models/experiments.md.
FACTOR, EDGES, TAKEN = 0.8, 0.83, 0.43
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
    width = _widths(right - left, _taken(lacking, left, right))
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


def _taken(lacking: Float64s, left: Float64s, right: Float64s) -> Float64s:
    """Return the light that the crack takes away, as the width of a black slit that takes as much, px."""
    within = _between(left - CLEAR_OF_EDGE_PX, right + CLEAR_OF_EDGE_PX)
    return np.asarray(np.where(within, lacking, 0.0).sum(axis=1) * STEP_PX)


def _widths(between: Float64s, taken: Float64s) -> Float64s:
    """Return widths by what lies between the edges and what is taken away, both in px.

    Blur moves the edges of a narrow crack apart, never together.
    """
    narrow = np.minimum(FACTOR * between**EDGES * np.maximum(taken, 0.0) ** TAKEN, between)
    share = np.clip((between - NARROW_PX) / (WIDE_PX - NARROW_PX), 0, 1)
    return np.asarray(narrow + share * (between - narrow))
