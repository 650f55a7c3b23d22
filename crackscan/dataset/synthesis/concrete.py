"""Plain concrete: tone, mottling, lit relief, speckle, air voids, stains and uneven light.

The strengths follow 400 uncracked tiles of the METU data: mean RGB about (189, 183, 174), deviation
5..13 levels, and about the same contrast in every octave down to 10 px, less below.
"""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import (
    Colour,
    Light,
    brighten,
    dim,
    direction,
    lit_edge,
    soften,
    tint,
    to_pixels,
)
from crackscan.dataset.synthesis.noise import Field, field, log_uniform
from crackscan.dataset.synthesis.strokes import cover_polygons

FULL_CONTRAST_PX = 10.0  # shorter waves fade: lens, demosaicing and JPEG reduce their contrast
RELIEF_PX = (3.0, 5.0, 10.0)  # the bumps that are seen by their lit and shaded sides
VOID_CORNERS = 9
VOID_SCALE = 4  # air voids are drawn this much finer than a pixel
STAINS: tuple[Colour, ...] = ((92, 88, 80), (120, 100, 74), (96, 104, 84), (222, 220, 214))


def concrete(
    rng: Generator, width: int, height: int, *, tone: Colour | None = None, roughness: float | None = None
) -> Pixels:
    """Draw uncracked concrete.

    Args:
        rng: the source of all random numbers.
        width: px.
        height: px.
        tone: mean RGB, 0..255; by default any grey from dark to bright with a slight cast.
        roughness: 0 trowelled .. 1 weathered; by default mostly smooth.

    Returns:
        uint8 RGB, shape (height, width, 3).
    """
    rough = float(rng.beta(2, 3)) if roughness is None else roughness
    light = np.ones((height, width, 3), np.float32) * np.asarray(tone or _tone(rng), np.float32)
    light = brighten(light, (0.008 + 0.016 * rough) * _mottling(rng, width, height))
    light = brighten(light, (0.006 + 0.026 * rough) * _relief(rng, width, height))
    light = _colour_drift(rng, light)
    light = _speckle(rng, light, strength=0.4 + 0.6 * rough)
    light = _stains(rng, light)
    light = draw_voids(rng, light, count=int(rng.poisson((0.3 + 1.5 * rough) * width * height / 100**2)))
    return to_pixels(_uneven_light(rng, _sensor_noise(rng, light)))


def draw_voids(rng: Generator, light: Light, *, count: int, largest_px: float = 7.0) -> Light:
    """Draw air voids (bug holes): small dark pits of uneven outline and depth, with one bright rim."""
    if count == 0:
        return light
    height, width = light.shape[:2]
    pits = _pits(rng, count, width, height, largest_px)
    covered = soften(cover_polygons(pits, width, height, VOID_SCALE), rng.uniform(0.4, 0.9))
    # Multiplied by noise a little larger than a pit, so that each has its own depth, and a shaded side.
    depth = rng.uniform(0.4, 0.85) * (0.8 + 0.3 * field(rng, width, height, wavelength_px=3 * largest_px))
    rim = lit_edge(covered, direction(rng, 1.5)) * rng.uniform(0.05, 0.3)
    return brighten(dim(light, np.clip(depth, 0.15, 0.95) * covered), rim)


def _pits(rng: Generator, count: int, width: int, height: int, largest_px: float) -> NDArray[np.float64]:
    """Return the outlines of the pits, shape (count, corners, 2), in px of the finer drawing."""
    turn = np.linspace(0, 2 * math.pi, VOID_CORNERS, endpoint=False)
    turn = turn + rng.uniform(0, 0.5, (count, VOID_CORNERS))
    size = 0.8 + (largest_px - 0.8) * rng.beta(1, 4, (count, 1))
    reach = size * rng.uniform(0.45, 1.25, (count, VOID_CORNERS))
    x, y = reach * np.cos(turn), reach * np.sin(turn) * rng.uniform(0.35, 1.0, (count, 1))
    lean = rng.normal(0, 0.6, (count, 1)) + rng.uniform(0, math.pi)
    outline = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], axis=2)
    middle = rng.uniform((0, 0), (width, height), (count, 2))
    return np.asarray((outline + middle[:, None]) * VOID_SCALE - 0.5)


def _tone(rng: Generator) -> Colour:
    grey, warmth = rng.uniform(120, 222), rng.normal(0.05, 0.035)
    return (grey * (1 + warmth / 2), grey, grey * (1 - warmth))


def _waves(longest: float, shortest: float) -> list[float]:
    return [longest / 2**octave for octave in range(int(math.log2(longest / shortest)) + 1)]


def _mottling(rng: Generator, width: int, height: int) -> Field:
    """Return blotches of all sizes, from the whole frame to single pixels, each octave about as strong."""
    lie = (1.0, log_uniform(rng, 1, 2.5)) if rng.random() < 0.5 else (log_uniform(rng, 1, 2.5), 1.0)
    total = np.zeros((height, width), np.float32)
    for wave in _waves(float(max(width, height)), 3.0):
        fade = min(1.0, (wave / FULL_CONTRAST_PX) ** 0.8)
        total += fade * rng.uniform(0.5, 1.3) * field(rng, width, height, wavelength_px=wave, stretch=lie)
    return total


def _relief(rng: Generator, width: int, height: int) -> Field:
    """Return how bumps look in slanting light: the slope of a height field towards the light."""
    bumps = np.zeros((height, width), np.float32)
    for wave in RELIEF_PX:
        bumps += wave * rng.uniform(0.3, 1.0) * field(rng, width, height, wavelength_px=wave)
    down = np.diff(bumps, axis=0, prepend=bumps[:1])
    right = np.diff(bumps, axis=1, prepend=bumps[:, :1])
    angle = rng.uniform(0, 2 * math.pi)
    slope = math.cos(angle) * right + math.sin(angle) * down
    # Trowelled patches between weathered ones.
    patches = 1 + 0.4 * field(rng, width, height, wavelength_px=120)
    return np.asarray(np.clip(slope / max(float(slope.std()), 1e-6), -2, 4) * np.clip(patches, 0.2, 2))


def _colour_drift(rng: Generator, light: Light) -> Light:
    """Vary the colour cast from warm to cold over the surface."""
    height, width = light.shape[:2]
    drift = field(rng, width, height, wavelength_px=rng.uniform(60, 240)) * rng.uniform(0.002, 0.007)
    return np.asarray(light * (1 + drift[..., None] * np.array([1.0, 0.1, -1.2], np.float32)))


def _speckle(rng: Generator, light: Light, *, strength: float) -> Light:
    """Draw single grains of aggregate, some bright, some dark."""
    height, width = light.shape[:2]
    grains = field(rng, width, height, wavelength_px=rng.uniform(3, 6))
    rare = rng.uniform(2.2, 3.0)
    bright, dark = np.clip(grains - rare, 0, 1), np.clip(-grains - rare, 0, 1)
    return brighten(light, strength * (0.35 * bright - 0.5 * dark))


def _stains(rng: Generator, light: Light) -> Light:
    """Draw up to two faint soft-edged blotches of dirt, rust, algae or lime."""
    height, width = light.shape[:2]
    for _ in range(int(rng.integers(0, 3))):
        wave = log_uniform(rng, 80, 500)
        blotch = field(rng, width, height, wavelength_px=wave)
        blotch += 0.4 * field(rng, width, height, wavelength_px=wave / 5)
        amount = np.clip((blotch - rng.uniform(0.3, 1.2)) * rng.uniform(0.5, 2), 0, 1)
        colour = STAINS[int(rng.integers(len(STAINS)))]
        light = tint(light, amount * rng.uniform(0.04, 0.16), colour)
    return light


def _uneven_light(rng: Generator, light: Light) -> Light:
    """Reduce the light across the frame and towards the corners."""
    height, width = light.shape[:2]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slant = rng.normal(0, 0.04) * x + rng.normal(0, 0.04) * y
    corners = rng.uniform(0, 0.06) * (x**2 + y**2) / 2
    return brighten(light, slant - corners)


def _sensor_noise(rng: Generator, light: Light) -> Light:
    height, width = light.shape[:2]
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * rng.uniform(0.2, 1.1)
    return light + grain
