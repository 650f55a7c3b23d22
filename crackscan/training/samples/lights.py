"""Other lights and cameras for whole sets of tiles: fixed casts to measure with, random ones to learn from.

Stronger than the augmentation of training samples: here a tile must stay recognisable as concrete or not, not
as cracked or not. Pixels may be a part of each tile.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Float32s, Pixels

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601
PERMUTED, GREY, UNEVEN = 0.25, 0.1, 0.5  # chances
SATURATION, CONTRAST = (0.0, 2.5), (0.4, 1.6)  # factors
CURVE, GAIN = 0.2, 0.15  # deviations of the logarithms of each channel's exponent and gain
EXPOSURE = (-0.8, 0.3)  # of the logarithm of the brightness
SHADE, SHADE_TINT = 0.2, 0.15  # deviations of the logarithmic change from the middle to a side
_Levels = NDArray[np.floating]  # 0..255
COLOURED = ("red and blue swapped", "warm light", "cool light", "green tint", "magenta tint")


def _gain(*gains: float) -> Callable[[Float32s], _Levels]:
    return lambda levels: levels * np.array(gains, np.float32)


# What cameras and light do to concrete, at its strongest
CASTS: Mapping[str, Callable[[Float32s], _Levels]] = MappingProxyType(
    {
        "red and blue swapped": lambda levels: levels[..., ::-1],
        "warm light": _gain(1.2, 1.0, 0.75),
        "cool light": _gain(0.75, 1.0, 1.2),
        "green tint": _gain(0.95, 1.1, 0.95),
        "magenta tint": _gain(1.05, 0.9, 1.05),
        "grey": lambda levels: np.repeat((levels @ LUMA)[..., np.newaxis], 3, axis=-1),
        "dark": _gain(0.45, 0.45, 0.45),
        "light": lambda levels: 255 - (255 - levels) * np.float32(0.5),
    }
)


def cast(pixels: Pixels, name: str) -> Pixels:
    """Return pixels, uint8 (..., 3), in one of CASTS."""
    return _to_pixels(CASTS[name](pixels.astype(np.float32)))


def regrade(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return one tile, uint8 (..., height, width, 3), in random light, by a random camera and photo filter.

    Channels may be permuted, colours fade or glow, each channel gets its own curve and gain, light and tint
    change across the tile, and so do contrast and brightness.
    """
    levels: Float32s = pixels.astype(np.float32) / 255
    if rng.random() < PERMUTED:
        levels = levels[..., rng.permutation(3)]
    curves: Float32s = np.exp(rng.normal(0, CURVE, 3)).astype(np.float32)
    levels = np.asarray(_saturate(levels, rng) ** curves, np.float32)
    if rng.random() < UNEVEN:
        levels = levels * _uneven_light(levels.shape[-3], levels.shape[-2], rng)
    gains = np.exp(rng.normal(0, GAIN, 3) + rng.uniform(*EXPOSURE)).astype(np.float32)
    lit, contrast = levels * gains, np.float32(rng.uniform(*CONTRAST))
    return _to_pixels(255 * ((lit - lit.mean()) * contrast + lit.mean()))


def _saturate(levels: Float32s, rng: np.random.Generator) -> Float32s:
    grey = levels.mean(axis=-1, keepdims=True)
    saturation = 0.0 if rng.random() < GREY else rng.uniform(*SATURATION)
    return np.asarray(np.clip(grey + (levels - grey) * np.float32(saturation), 0, 1), np.float32)


def _uneven_light(height: int, width: int, rng: np.random.Generator) -> Float32s:
    """Return the factors of each pixel and channel, which change from one side of the tile to the other."""
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * np.linspace(-1, 1, width)
    down = np.sin(angle) * np.linspace(-1, 1, height)
    slopes = rng.normal(0, SHADE) + rng.normal(0, SHADE_TINT, 3)
    return np.asarray(np.exp((across + down[:, np.newaxis])[..., np.newaxis] * slopes), np.float32)


def _to_pixels(levels: _Levels) -> Pixels:
    return np.clip(levels, 0, 255).round().astype(np.uint8)
