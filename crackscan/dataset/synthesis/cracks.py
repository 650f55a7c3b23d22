"""Synthetic cracks: branching random walks of varying width, and their appearance in concrete.

The geometry (`Crack`) is separate from the appearance (`Appearance`), so that the exact position and
width of a crack is known, whatever its appearance.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from crackscan.basics.arrays import Pixels, Points
from crackscan.basics.records import Window
from crackscan.dataset.synthesis.light import (
    Colour,
    Light,
    brighten,
    dim,
    direction,
    lit_edge,
    soften,
    tint,
    to_light,
    to_pixels,
)
from crackscan.dataset.synthesis.noise import Profile, field, log_uniform, octaves, steps
from crackscan.dataset.synthesis.strokes import Coverage, Stroke, cover

WIDTHS_PX = (0.5, 12.0)  # hairline to wide open; log-uniform where the caller gives no width
BRANCHES_PER_PX = 1 / 350  # of a crack's length
CENTRAL = 0.7  # a crack passes through this central fraction of the frame, so that it is visible
CLOSED = 0.12  # fraction of the width that remains where a crack is bridged
DIRT: tuple[Colour, ...] = ((150, 138, 116), (122, 112, 98), (176, 168, 152), (112, 84, 58))


@dataclass(frozen=True, slots=True, eq=False)
class Crack:
    """The geometry of one crack: the main stroke first, then its branches."""

    strokes: tuple[Stroke, ...]
    width_px: float  # mean over the main stroke; branches are narrower

    def coverage(self, width: int, height: int) -> Coverage:
        """Return the fraction of each pixel of the frame that the crack covers, 0..1."""
        return cover(self.strokes, width, height)

    def length_in(self, window: Window) -> float:
        """Return the length in px of the crack inside the window, branches included."""
        return sum(stroke.length_in(window) for stroke in self.strokes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """The effect of light and dirt on a crack. The defaults are a bare dark slit."""

    depth: float = 0.8  # fraction of the light that the core takes away
    fading: float = 0.0  # reduction of the depth in places along the crack, 0..1
    softness_px: float = 0.5  # sigma of the lens blur
    filled: float = 0.0  # approximate fraction of the length that dirt fills
    dirt: Colour = DIRT[0]
    lip: float = 0.0  # brightening of the edge that faces the light, as a fraction
    lip_px: tuple[int, int] = (1, 1)
    spall: float = 0.0  # amount of the edge that has broken away, 0..1
    spall_px: float = 4.0  # width of the broken edge
    halo: float = 0.0  # fraction of the light that the stain around the crack takes away
    halo_px: float = 6.0


def draw_crack(rng: Generator, pixels: Pixels, *, width_px: float | None = None) -> tuple[Pixels, Coverage]:
    """Draw a crack that passes through the middle part of the frame.

    Args:
        rng: the source of all random numbers.
        pixels: uint8 RGB, shape (h, w, 3); not changed.
        width_px: mean width of the main crack; by default log-uniform over `WIDTHS_PX`.

    Returns:
        The new pixels and the coverage of the crack itself (without lip, spalls and stain),
        float32, shape (h, w), 0..1.
    """
    height, width = pixels.shape[:2]
    crack = grow_crack(rng, width, height, width_px=width_px or log_uniform(rng, *WIDTHS_PX))
    covered = crack.coverage(width, height)
    return shade_crack(rng, pixels, covered, choose_appearance(rng, crack.width_px)), covered


def grow_crack(
    rng: Generator,
    width: int,
    height: int,
    *,
    width_px: float,
    through: tuple[float, float] | None = None,
    heading: float | None = None,
    length_px: float | None = None,
) -> Crack:
    """Grow a crack through a frame of width x height px.

    `through` (x, y) is a point on the crack, by default a random one in the central part; `heading` is its
    general direction in radians, clockwise from the x axis; `length_px` is its approximate end-to-end length.
    """
    point = through or _random_central_point(rng, width, height)
    main = _walk(
        rng,
        width_px=width_px,
        heading=rng.uniform(0, 2 * math.pi) if heading is None else heading,
        length_px=length_px or rng.uniform(0.5, 1.8) * min(width, height) + 12 * width_px,
        features=log_uniform(rng, 0.6, 1.6) * (1 + width_px / 4) ** 0.8,
    )
    anchor = int(rng.uniform(0.3, 0.7) * len(main.points))
    main = Stroke(main.points - main.points[anchor] + point, main.reach_px)
    count = int(rng.poisson(main.length_px * BRANCHES_PER_PX))
    return Crack((main, *(_branch(rng, main, width_px) for _ in range(count))), width_px)


def choose_appearance(rng: Generator, width_px: float) -> Appearance:
    """Choose a random appearance for a width: wide cracks are darker, with broken edges and dirt.

    Thin ones are often hardly visible. When they were not (depth of at least 0.35, without fading), a model
    found 97 % of them on concrete where it found 65 % of the real ones.
    """
    wide = min(1.0, width_px / 8)
    return Appearance(
        depth=rng.uniform(0.15 + 0.45 * wide, 0.75 + 0.2 * wide),
        fading=rng.uniform(0, 0.9) if rng.random() < 0.5 else 0.0,
        softness_px=rng.uniform(0.3, 0.9 + 0.3 * wide),
        filled=rng.uniform(0, 0.6) if rng.random() < 0.2 + 0.4 * wide else 0.0,
        dirt=DIRT[int(rng.integers(len(DIRT)))],
        lip=rng.uniform(0.05, 0.35) if rng.random() < 0.3 + 0.3 * wide else 0.0,
        lip_px=direction(rng, 1 + 2 * wide * rng.random()),
        spall=rng.uniform(0.2, 1.0) if rng.random() < 0.15 + 0.5 * wide else 0.0,
        spall_px=rng.uniform(1.5, 2.5) + 0.6 * width_px,
        halo=rng.uniform(0.05, 0.4) if rng.random() < 0.25 else 0.0,
        halo_px=rng.uniform(3, 10) + width_px,
    )


def shade_crack(rng: Generator, pixels: Pixels, covered: Coverage, appearance: Appearance) -> Pixels:
    """Draw a crack with the given coverage, as uint8 RGB of the same shape."""
    light = to_light(pixels)
    light = _stain(rng, light, covered, appearance)
    light = _spall(rng, light, covered, appearance)
    light = _lip(rng, light, covered, appearance)
    return to_pixels(_core(rng, light, covered, appearance))


def _random_central_point(rng: Generator, width: int, height: int) -> tuple[float, float]:
    margin = (1 - CENTRAL) / 2
    return (rng.uniform(margin, 1 - margin) * width, rng.uniform(margin, 1 - margin) * height)


def _walk(rng: Generator, *, width_px: float, heading: float, length_px: float, features: float) -> Stroke:
    """Return a line that bends and kinks at all scales but keeps its general heading.

    `features` scales the bends: 1 suits a tile of a few hundred px.
    """
    step = min(4.0, max(1.5, width_px / 2))
    along = np.arange(0, max(length_px, 8 * step), step)
    waver = rng.uniform(0.5, 1.3)
    bends = octaves(rng, along, [(240 * features, 0.25), (50 * features, 0.15), (8 * features, 0.2)])
    kinks = 0.35 * steps(rng, along, length_px=30 * features)
    kinks += 0.4 * steps(rng, along, length_px=9 * features)
    angles = heading + waver * (bends + kinks)
    points = np.cumsum(step * np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)
    return Stroke(points, _reach(rng, along, width_px))


def _reach(rng: Generator, along: Profile, width_px: float) -> Points:
    """Return the distances of both edges from the centreline: uneven, and closed where it is bridged."""
    opening = np.exp(octaves(rng, along, [(120, 0.25), (30 + 3 * width_px, 0.2), (8 + 2 * width_px, 0.12)]))
    if rng.random() < 0.3:  # this share of cracks is bridged by mortar in places
        bridge = octaves(rng, along, [(60 + 10 * width_px, 1.0), (14 + 3 * width_px, 0.4)])
        opening = np.where(bridge > rng.uniform(0.8, 1.8), CLOSED, opening)
    for end in (along, along[-1] - along):
        opening = opening * np.clip(end / (rng.uniform(0.05, 0.35) * along[-1]), 0, 1) ** 0.7
    width = width_px * opening / opening.mean()
    edges = [0.5 + 0.12 * octaves(rng, along, [(4 + 3 * width_px, 0.8), (6, 0.5)]) for _ in range(2)]
    reach = np.stack(edges, axis=1).clip(0.1) * width[:, None]
    return np.asarray(reach * (width_px / reach.sum(axis=1).mean()))


def _branch(rng: Generator, main: Stroke, width_px: float) -> Stroke:
    """Return a narrower crack that leaves the main one at an angle and ends in the concrete.

    It is one half of a crack, so that it is widest where it begins.
    """
    index = int(rng.integers(1, len(main.points) - 1))
    ahead = main.points[index + 1] - main.points[index - 1]
    turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.3)
    side = _walk(
        rng,
        width_px=max(0.4, width_px * rng.uniform(0.25, 0.8)),
        heading=math.atan2(ahead[1], ahead[0]) + turn,
        length_px=2 * rng.uniform(0.1, 0.45) * main.length_px,
        features=log_uniform(rng, 0.6, 1.6),
    )
    middle = len(side.points) // 2
    return Stroke(side.points[middle:] - side.points[middle] + main.points[index], side.reach_px[middle:])


def _core(rng: Generator, light: Light, covered: Coverage, appearance: Appearance) -> Light:
    """Darken the crack; where dirt fills it, draw the dirt in the shade of the crack."""
    height, width = covered.shape
    seen = soften(covered, appearance.softness_px)
    if appearance.filled > 0:
        dirt = field(rng, width, height, wavelength_px=30)
        dirt += 0.6 * field(rng, width, height, wavelength_px=7)
        amount = np.clip(dirt * 0.8 + 2.4 * appearance.filled - 1.0, 0, 1)
        dirt_light = np.asarray(appearance.dirt, np.float32) * (float(light.mean()) / 255)
        light = tint(light, seen * amount * 0.8, dirt_light)
        seen = seen * (1 - 0.6 * amount)
    uneven = 1 - 0.1 * np.abs(field(rng, width, height, wavelength_px=9))
    faded = appearance.fading * np.clip(0.5 + 0.6 * field(rng, width, height, wavelength_px=45), 0, 1)
    return dim(light, appearance.depth * seen * np.clip(uneven, 0.6, 1) * (1 - faded))


def _lip(rng: Generator, light: Light, covered: Coverage, appearance: Appearance) -> Light:
    """Brighten the edge that faces the light, unevenly."""
    if appearance.lip == 0:
        return light
    height, width = covered.shape
    worn = np.clip(0.6 + 0.6 * field(rng, width, height, wavelength_px=25), 0, 1.4)
    lip = soften(lit_edge(covered, appearance.lip_px), 0.5) * worn
    return brighten(light, appearance.lip * lip)


def _spall(rng: Generator, light: Light, covered: Coverage, appearance: Appearance) -> Light:
    """Draw shallow chips broken from the edge: rough patches, bright on one side and dark on the other."""
    if appearance.spall == 0:
        return light
    height, width = covered.shape
    near = np.clip(soften(covered, appearance.spall_px) * 4, 0, 1)
    rough = field(rng, width, height, wavelength_px=22) + 0.5 * field(rng, width, height, wavelength_px=6)
    chips = np.clip((near * (1 + 0.5 * rough) - 1.4 + 0.8 * appearance.spall) * 5, 0, 1)
    chips *= np.clip(3 * near, 0, 1)
    grain = field(rng, width, height, wavelength_px=4)
    light = dim(light, chips * (0.16 + 0.08 * grain))
    return brighten(
        light, 0.35 * soften(lit_edge(chips, appearance.lip_px), 0.8) * np.clip(1 + rough, 0, 1.5)
    )


def _stain(rng: Generator, light: Light, covered: Coverage, appearance: Appearance) -> Light:
    """Darken the concrete around the crack, where water keeps it wet and dirty."""
    if appearance.halo == 0:
        return light
    height, width = covered.shape
    around = np.clip(soften(covered, appearance.halo_px) * 3, 0, 1)
    patchy = np.clip(0.7 + 0.5 * field(rng, width, height, wavelength_px=40), 0, 1.2)
    return dim(light, appearance.halo * around * patchy)
