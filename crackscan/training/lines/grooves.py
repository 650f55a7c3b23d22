"""Grooves of a tined or broomed concrete surface: hard negatives, because a crack may run among them."""

import math

import numpy as np
from numpy.random import Generator

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import brighten, dim, lit_edge, soften, to_light, to_pixels
from crackscan.dataset.synthesis.noise import field, log_uniform

PITCH_PX = (6.0, 60.0)  # distance between grooves, log-uniform
FILLED = (0.12, 0.45)  # width of a groove, as a share of the pitch
WIDTH_PX = (1.0, 8.0)  # of a groove, at least and at most
SQUARE = 0.7  # share of grooves that are about horizontal or vertical


def draw_grooves(rng: Generator, pixels: Pixels) -> Pixels:
    """Draw parallel grooves over the whole picture, worn in places; the picture below stays visible.

    pixels: uint8 RGB, shape (h, w, 3); not changed.
    """
    height, width = pixels.shape[:2]
    level = math.pi / 2 * int(rng.integers(2)) + rng.normal(0, 0.05)
    angle = level if rng.random() < SQUARE else rng.uniform(0, math.pi)
    down, right = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    waver = rng.uniform(0, 1.5) * field(rng, width, height, wavelength_px=120)
    across = right * math.cos(angle) + down * math.sin(angle) + waver
    pitch = log_uniform(rng, *PITCH_PX)
    half = float(np.clip(pitch * rng.uniform(*FILLED), *WIDTH_PX)) / 2
    distance = np.abs((across + rng.uniform(0, pitch)) % pitch - pitch / 2)
    covered = np.clip(half - distance + 0.5, 0, 1).astype(np.float32)
    worn = (
        0.6
        + 0.5 * field(rng, width, height, wavelength_px=60)
        + 0.2 * field(rng, width, height, wavelength_px=9)
    )
    covered = soften(covered * np.clip(worn, 0, 1), rng.uniform(0.3, 0.9))
    light = dim(to_light(pixels), rng.uniform(0.1, 0.55) * covered)
    return to_pixels(brighten(light, rng.uniform(0, 0.2) * lit_edge(covered, (1, 1))))
