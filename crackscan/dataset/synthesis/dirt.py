"""What weather and dirt make of old concrete: blotches of all sizes, and patches of lime or soot over them.

The concrete that is easy to come by in labelled data is clean; that of old structures is as rough to the
eye as a faint crack is dark.
"""

import numpy as np
from numpy.random import Generator

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import Colour, Light, tint, to_light, to_pixels
from crackscan.dataset.synthesis.noise import field, log_uniform

BLOTCHES_PX = (160.0, 80.0, 40.0, 20.0, 10.0, 6.0)  # from hill to hill
STRENGTH = (0.04, 0.2)  # of the blotches: natural logarithm of the light, one deviation
PATCHED = 0.35  # of dirty concrete has patches, too
LIME: Colour = (228, 226, 220)
SOOT: Colour = (60, 56, 48)


def draw_dirt(rng: Generator, pixels: Pixels) -> Pixels:
    """Draw dirt over the whole picture; what lies below stays to be seen.

    Args:
        rng: where all chance comes from.
        pixels: uint8 RGB, shape (h, w, 3); left as they are.
    """
    light = _blotched(rng, to_light(pixels))
    return to_pixels(_patched(rng, light) if rng.random() < PATCHED else light)


def _blotched(rng: Generator, light: Light) -> Light:
    """Darken it in blotches, in each colour about as much; only the cleanest get a little brighter."""
    height, width = light.shape[:2]
    waves = [rng.uniform(0.3, 1) * field(rng, width, height, wavelength_px=wave) for wave in BLOTCHES_PX]
    blotches = np.sum(waves, axis=0)
    dirt = 1 - blotches / max(float(blotches.std()), 1e-6)
    strength = log_uniform(rng, *STRENGTH) * (1 + rng.normal(0, 0.12, 3))
    return np.asarray(light * np.exp(-dirt[..., None] * strength.astype(np.float32)))


def _patched(rng: Generator, light: Light) -> Light:
    """Lay patches of one colour over it, with hard edges or soft ones."""
    height, width = light.shape[:2]
    where = field(rng, width, height, wavelength_px=log_uniform(rng, 20, 120))
    where = where + 0.6 * field(rng, width, height, wavelength_px=log_uniform(rng, 5, 20))
    amount = np.clip((where - rng.uniform(0.5, 1.6)) * rng.uniform(0.5, 3), 0, 1)
    colour = LIME if rng.random() < 0.6 else SOOT
    return tint(light, amount * rng.uniform(0.1, 0.6), colour)
