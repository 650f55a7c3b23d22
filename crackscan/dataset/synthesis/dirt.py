"""Weathering and dirt of old concrete: blotches of all sizes, and patches of lime or soot over them.

The concrete in most labelled data is clean; on old structures, the surface has as much contrast as a faint
crack.
"""

import numpy as np
from numpy.random import Generator

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import Colour, Light, tint, to_light, to_pixels
from crackscan.dataset.synthesis.noise import field, log_uniform

BLOTCHES_PX = (160.0, 80.0, 40.0, 20.0, 10.0, 6.0)  # wavelengths
STRENGTH = (0.04, 0.2)  # of the blotches: standard deviation of the natural logarithm of the light
PATCHED = 0.35  # share of dirty concrete that has patches, too
LIME: Colour = (228, 226, 220)
SOOT: Colour = (60, 56, 48)


def draw_dirt(rng: Generator, pixels: Pixels) -> Pixels:
    """Draw dirt over the whole picture; the picture below stays visible.

    Args:
        rng: the source of all random numbers.
        pixels: uint8 RGB, shape (h, w, 3); not changed.
    """
    light = _draw_blotches(rng, to_light(pixels))
    return to_pixels(_draw_patches(rng, light) if rng.random() < PATCHED else light)


def _draw_blotches(rng: Generator, light: Light) -> Light:
    """Darken the surface in blotches, all colours about equally; only clean spots get a little brighter."""
    height, width = light.shape[:2]
    waves = [rng.uniform(0.3, 1) * field(rng, width, height, wavelength_px=wave) for wave in BLOTCHES_PX]
    blotches = np.sum(waves, axis=0)
    dirt = 1 - blotches / max(float(blotches.std()), 1e-6)
    strength = log_uniform(rng, *STRENGTH) * (1 + rng.normal(0, 0.12, 3))
    return np.asarray(light * np.exp(-dirt[..., None] * strength.astype(np.float32)))


def _draw_patches(rng: Generator, light: Light) -> Light:
    """Draw patches of one colour, with hard or soft edges."""
    height, width = light.shape[:2]
    noise = field(rng, width, height, wavelength_px=log_uniform(rng, 20, 120))
    noise = noise + 0.6 * field(rng, width, height, wavelength_px=log_uniform(rng, 5, 20))
    amount = np.clip((noise - rng.uniform(0.5, 1.6)) * rng.uniform(0.5, 3), 0, 1)
    colour = LIME if rng.random() < 0.6 else SOOT
    return tint(light, amount * rng.uniform(0.1, 0.6), colour)
