"""Adding light to a picture and taking it away: so drawn things become part of the concrete.

`Light` is float32 RGB, shape (height, width, 3), about 0..255; it may overshoot until `to_pixels`.
"""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.noise import Field
from crackscan.dataset.synthesis.strokes import Coverage

Light = NDArray[np.floating]
Colour = tuple[float, float, float]  # RGB, 0..255


def to_light(pixels: Pixels) -> Light:
    """Return the pixels as light to work on."""
    return pixels.astype(np.float32)


def to_pixels(light: Light) -> Pixels:
    """Return the light rounded and kept within 0..255."""
    return np.asarray(np.clip(light + 0.5, 0, 255), np.uint8)


def grey(light: Light) -> Field:
    """Return the mean of the colours: bit for bit the result of `mean`, in a tenth of the time."""
    return np.asarray((light[..., 0] + light[..., 1] + light[..., 2]) / 3, np.float32)


def brighten(light: Light, amount: Field) -> Light:
    """Add a fraction of the light (0 none, 1 doubles it), so that the texture below stays visible."""
    return np.asarray(light * (1 + amount)[..., None])


def dim(light: Light, amount: Field) -> Light:
    """Take away a fraction of the light (0 none, 1 all)."""
    return brighten(light, -amount)


def tint(light: Light, amount: Field, colour: Colour | Light) -> Light:
    """Blend towards a colour by `amount` (0..1): paint, rust, plants."""
    return np.asarray(light + amount[..., None] * (np.asarray(colour, np.float32) - light))


def soften(coverage: Coverage, sigma_px: float) -> Coverage:
    """Blur by a Gaussian, as a lens does."""
    image = Image.fromarray((coverage * 255 + 0.5).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(sigma_px))), np.float32) / 255


def shift(coverage: Coverage, dx: int, dy: int) -> Coverage:
    """Move to the right and down; the new border is empty."""
    height, width = coverage.shape
    moved = np.zeros_like(coverage)
    target = (slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0)))
    source = (slice(max(-dy, 0), height + min(-dy, 0)), slice(max(-dx, 0), width + min(-dx, 0)))
    moved[target] = coverage[source]
    return moved


def lit_edge(coverage: Coverage, towards: tuple[int, int]) -> Coverage:
    """Return the strip beside a recess on the side that faces the light, `towards` px wide."""
    return np.maximum(shift(coverage, *towards) - coverage, 0)


def cast_shadow(coverage: Coverage, offset: tuple[int, int], sigma_px: float) -> Coverage:
    """Return the soft shadow of a thing above the surface."""
    return soften(shift(coverage, *offset), sigma_px)


def direction(rng: Generator, length_px: float) -> tuple[int, int]:
    """Draw an offset of about `length_px` in any direction, never (0, 0)."""
    angle = rng.uniform(0, 2 * math.pi)
    dx, dy = round(length_px * math.cos(angle)), round(length_px * math.sin(angle))
    return (dx, dy) if (dx, dy) != (0, 0) else (1, 1)
