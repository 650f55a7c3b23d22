"""Smooth random fields and profiles, from which concrete, crack paths and stains are made."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.floating]  # (height, width), float32
Profile = NDArray[np.float64]  # (n,)


def field(
    rng: Generator,
    width: int,
    height: int,
    *,
    wavelength_px: float,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Field:
    """Return noise with mean about 0 and deviation about 1, with hills `wavelength_px` apart.

    `stretch` lengthens the hills along x and y, as in broomed concrete or wood grain.
    """
    cell_x, cell_y = (max(1.0, wavelength_px / 2 * factor) for factor in stretch)
    columns, rows = math.ceil(width / cell_x) + 1, math.ceil(height / cell_y) + 1
    knots = rng.standard_normal((rows, columns), dtype=np.float32)
    # A random offset, so that the knots of several fields do not form a common grid.
    left = float(rng.uniform(0, columns - width / cell_x))
    top = float(rng.uniform(0, rows - height / cell_y))
    box = (left, top, left + width / cell_x, top + height / cell_y)
    smooth = Image.fromarray(knots).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(smooth) * 1.25  # bicubic between knots lowers the deviation


def profile(rng: Generator, positions: Profile, *, wavelength_px: float) -> Profile:
    """Return noise along a line, one value per position (px along it), deviation about 1."""
    cell = wavelength_px / 2
    count = math.ceil(float(positions[-1]) / cell) + 3
    heights = 1.2 * rng.standard_normal(count)
    return np.asarray(np.interp(positions / cell + rng.uniform(), np.arange(count), heights))


def octaves(rng: Generator, positions: Profile, waves: Sequence[tuple[float, float]]) -> Profile:
    """Return the sum of profiles given as (wavelength in px, amplitude)."""
    profiles = [size * profile(rng, positions, wavelength_px=wave) for wave, size in waves]
    return np.asarray(np.sum(profiles, axis=0))


def steps(rng: Generator, positions: Profile, *, length_px: float) -> Profile:
    """Return noise that stays constant for about `length_px` and then jumps, deviation 1."""
    jumps = rng.random(len(positions)) < (positions[1] - positions[0]) / length_px
    pieces = np.cumsum(jumps)
    return np.asarray(rng.standard_normal(int(pieces[-1]) + 1)[pieces])


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniformly distributed."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))
