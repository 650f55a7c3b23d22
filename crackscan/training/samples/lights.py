"""Other lights and cameras for whole sets of tiles: fixed casts to measure with, random ones to learn from.

Stronger than the augmentation of training samples: here a tile must stay recognisable as concrete or not, not
as cracked or not. Pixels may be a part of each tile.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Float32s, Float64s, Pixels

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601
SWAPPED, GREY, UNEVEN = 0.3, 0.1, 0.5  # chances
SATURATION, CONTRAST = (0.0, 2.0), (0.4, 1.6)  # factors
CURVE, CHANNEL_CURVE = 0.2, 0.07  # deviations of the logarithm of the exponent: of all channels, of each
EXPOSURE = (-0.8, 0.3)  # of the logarithm of the brightness
# Deviations of logarithms, towards blue or amber and towards green or magenta. Light and cameras vary along
# the first (Planck's locus); the second tells plants from concrete.
TINT, TINT_ACROSS = (0.2, 0.05), (0.15, 0.04)  # of the tile, and from its middle to a side
SHADE = 0.2  # deviation of the logarithmic change of brightness from the middle to a side
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

    Red and blue may be swapped, colours fade or glow, each channel gets its own curve, tint and brightness
    change, also across the tile, and so does contrast.
    """
    levels = np.asarray(pixels / 255, np.float32)
    if rng.random() < SWAPPED:
        levels = levels[..., ::-1]
    curves = np.exp(rng.normal(0, CURVE) + rng.normal(0, CHANNEL_CURVE, 3)).astype(np.float32)
    levels = np.asarray(_saturate(levels, rng) ** curves, np.float32)
    if rng.random() < UNEVEN:
        levels = levels * _uneven_light(levels.shape[-3], levels.shape[-2], rng)
    gains = np.exp(_tint(TINT, rng) + rng.uniform(*EXPOSURE)).astype(np.float32)
    lit, contrast = levels * gains, np.float32(rng.uniform(*CONTRAST))
    return _to_pixels(255 * ((lit - lit.mean()) * contrast + lit.mean()))


def _saturate(levels: Float32s, rng: np.random.Generator) -> Float32s:
    grey = levels.mean(axis=-1, keepdims=True)
    saturation = 0.0 if rng.random() < GREY else rng.uniform(*SATURATION)
    return np.asarray(np.clip(grey + (levels - grey) * np.float32(saturation), 0, 1), np.float32)


def _tint(deviations: tuple[float, float], rng: np.random.Generator) -> Float64s:
    """Return the logarithm of each channel's gain, (3,), whose sum is 0."""
    amber, green = (rng.normal(0, deviation) for deviation in deviations)
    return np.array([amber - green / 2, green, -amber - green / 2])


def _uneven_light(height: int, width: int, rng: np.random.Generator) -> Float32s:
    """Return the factors of each pixel and channel, which change from one side of the tile to the other."""
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * np.linspace(-1, 1, width)
    down = np.sin(angle) * np.linspace(-1, 1, height)
    slopes = rng.normal(0, SHADE) + _tint(TINT_ACROSS, rng)
    return np.asarray(np.exp((across + down[:, np.newaxis])[..., np.newaxis] * slopes), np.float32)


def _to_pixels(levels: _Levels) -> Pixels:
    return np.clip(levels, 0, 255).round().astype(np.uint8)
