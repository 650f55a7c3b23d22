"""Look-alikes: things on concrete that are often mistaken for cracks.

Each is drawn by a function (rng, light) -> light; `LOOKALIKES` names them all. Each function chooses a
position inside the frame and a visible contrast; for straight things the caller may give the line.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from crackscan.basics.arrays import Pixels, Points
from crackscan.dataset.synthesis.concrete import draw_voids
from crackscan.dataset.synthesis.dirt import LIME
from crackscan.dataset.synthesis.light import (
    Colour,
    Light,
    brighten,
    cast_shadow,
    dim,
    direction,
    lit_edge,
    soften,
    tint,
    to_light,
    to_pixels,
)
from crackscan.dataset.synthesis.noise import Field, field, log_uniform, octaves
from crackscan.dataset.synthesis.strokes import Coverage, Stroke, cover, straight

LookAlike = Callable[[Generator, Light], Light]

SQUARE = (
    0.8  # share of straight things that are about horizontal or vertical, as in most buildings and photos
)
PAINTS: tuple[Colour, ...] = ((236, 234, 226), (226, 186, 52), (190, 60, 44), (60, 90, 150), (40, 40, 44))
RUST: Colour = (132, 78, 44)
DAMP: Colour = (70, 66, 58)
PLANTS: tuple[Colour, ...] = ((84, 104, 50), (120, 124, 70), (104, 84, 54), (60, 70, 40))


def draw_lookalikes(
    rng: Generator, pixels: Pixels, count: int, *, kinds: Sequence[str] | None = None
) -> Pixels:
    """Draw `count` look-alikes of random kinds, one over the other.

    Args:
        rng: the source of all random numbers.
        pixels: uint8 RGB, shape (h, w, 3); not changed.
        count: at least 0.
        kinds: names in `LOOKALIKES` to choose from; by default all.
    """
    light = to_light(pixels)
    names = tuple(kinds or LOOKALIKES)
    for _ in range(count):
        light = np.clip(LOOKALIKES[names[int(rng.integers(len(names)))]](rng, light), 0, 255)
    return to_pixels(light)


def formwork_joint(rng: Generator, light: Light, *, line: Stroke | None = None) -> Light:
    """Draw the joint of two panels: a thin line, a fin of mortar beside it, panels of different tone."""
    line = line or _line(rng, light, width_px=log_uniform(rng, 0.8, 5))
    covered = soften(_cover(light, line) * _worn(rng, light, 0.3), rng.uniform(0.3, 0.9))
    step = rng.normal(0, 0.03) * np.sign(_signed_distance(light, line))
    fin = lit_edge(covered, direction(rng, rng.uniform(1, 3))) * rng.uniform(0, 0.3)
    return brighten(dim(light, rng.uniform(0.15, 0.6) * covered), fin + step)


def saw_cut(rng: Generator, light: Light, *, line: Stroke | None = None) -> Light:
    """Draw a contraction joint: straight, of even width, dark to the bottom, with sharp edges."""
    covered = _cover(light, line or _line(rng, light, width_px=log_uniform(rng, 1.5, 9)))
    lip = lit_edge(covered, direction(rng, 1)) * rng.uniform(0, 0.2)
    depth = rng.uniform(0.4, 0.9) * soften(covered, rng.uniform(0.3, 0.8))
    return brighten(dim(light, depth * _worn(rng, light, 0.12)), lip)


def board_marks(rng: Generator, light: Light) -> Light:
    """Draw the imprint of rough boards: seams about evenly spaced, each board with its tone and grain."""
    height, width = light.shape[:2]
    upright = rng.random() < 0.5
    across = width if upright else height
    edges = np.cumsum(rng.uniform(0.85, 1.15, 400) * rng.uniform(18, 110)) - rng.uniform(0, 110)
    edges = edges[edges < across]
    board = np.searchsorted(edges, np.arange(across))
    tone = rng.normal(0, rng.uniform(0.01, 0.05), len(edges) + 1).astype(np.float32)[board]
    distance = np.abs(np.arange(across)[:, None] - np.append(edges, -99.0)[None]).min(axis=1)
    seams = np.clip(rng.uniform(0.6, 1.8) - distance, 0, 1).astype(np.float32) * rng.uniform(0.12, 0.4)
    boards = (tone - seams)[None, :] if upright else (tone - seams)[:, None]
    grain = field(rng, width, height, wavelength_px=3, stretch=(1, 14) if upright else (14, 1))
    return brighten(light, boards * _worn(rng, light, 0.4) + rng.uniform(0, 0.02) * grain)


def cable(rng: Generator, light: Light) -> Light:
    """Draw a cable or rope: smooth, of even width, bright along the middle, with a shadow beside it."""
    width_px = log_uniform(rng, 2.5, 18)
    line = _line(rng, light, width_px=width_px, bow=rng.normal(0, 0.12))
    covered = _cover(light, line)
    shade = cast_shadow(covered, direction(rng, rng.uniform(0.3, 1.2) * width_px + 1), rng.uniform(0.8, 4))
    light = dim(light, rng.uniform(0.15, 0.55) * shade)
    back = _cover(light, Stroke(line.points, line.reach_px * [0.5, 0.1]))
    grey = rng.uniform(15, 70) if rng.random() < 0.7 else rng.uniform(120, 235)  # most are black
    light = tint(light, soften(covered, 0.5), (grey, grey, grey * rng.uniform(0.9, 1.1)))
    return tint(light, soften(back, 0.5 + width_px / 8) * rng.uniform(0.1, 0.4), LIME)


def shadow_edge(rng: Generator, light: Light) -> Light:
    """Draw the shadow of something straight outside the frame: one side darker and a little bluer."""
    edge = _signed_distance(light, _line(rng, light, width_px=1))
    side = np.clip(edge / log_uniform(rng, 0.8, 12) + 0.5, 0, 1)
    bluish = rng.uniform(0.15, 0.6) * np.array([1.0, 0.96, 0.88], np.float32)
    return np.asarray(light * (1 - side[..., None] * bluish))


def stain(rng: Generator, light: Light) -> Light:
    """Draw the traces of running water: soft streaks of dirt, rust or lime."""
    height, width = light.shape[:2]
    runs: Field = np.zeros((height, width), np.float32)
    start = rng.uniform(0.1, 0.9) * width
    for _ in range(int(rng.integers(1, 5))):
        top = (start + rng.normal(0, 0.1 * width), rng.uniform(-0.3, 0.4) * height)
        length_px, reach_px = rng.uniform(0.5, 1.3) * height, log_uniform(rng, 2, 20)
        run = _streak(rng, top, length_px=length_px, reach_px=reach_px)
        drying = np.clip((top[1] + length_px - np.arange(height)) / length_px, 0, 1)[:, None] ** 0.5
        wet = soften(_cover(light, run), rng.uniform(0.25, 0.9) * reach_px + 0.5) * drying.astype(np.float32)
        runs = np.maximum(runs, rng.uniform(0.5, 1) * wet)
    streaky = np.clip(0.8 + 0.35 * field(rng, width, height, wavelength_px=7, stretch=(1, 12)), 0, 1.3)
    colour = (RUST, DAMP, DAMP, LIME)[int(rng.integers(4))]
    amount = np.clip(runs * streaky * rng.uniform(0.3, 0.8), 0, 1)
    return tint(light, amount, colour) if colour is not DAMP else dim(light, 0.7 * amount)


def water_line(rng: Generator, light: Light) -> Light:
    """Draw a former water level: darker below a wavy edge, with a line of dirt or lime."""
    height, width = light.shape[:2]
    columns = np.arange(width, dtype=np.float64)
    waves = rng.uniform(0, 2) * octaves(rng, columns, [(300, 8.0), (60, 3.0), (12, 1.0)])
    edge = rng.uniform(0.15, 0.85) * height + waves + rng.normal(0, 0.1) * (columns - width / 2)
    below = np.arange(height)[:, None] - edge[None]
    wet = np.clip(below / log_uniform(rng, 0.6, 8) + 0.5, 0, 1).astype(np.float32)
    mark = np.exp(-((below / log_uniform(rng, 1, 5)) ** 2)).astype(np.float32)
    light = dim(light, rng.uniform(0.08, 0.45) * wet)
    mark = mark * _worn(rng, light, 0.5) * rng.uniform(0.1, 0.5)
    return tint(light, mark, LIME if rng.random() < 0.4 else DAMP)


def bug_holes(rng: Generator, light: Light) -> Light:
    """Draw a swarm of air voids, larger and denser than those of plain concrete."""
    return draw_voids(rng, light, count=int(rng.integers(5, 40)), largest_px=log_uniform(rng, 8, 24))


def vegetation(rng: Generator, light: Light) -> Light:
    """Draw a creeping plant or root: smooth coloured threads that fork, with leaves, above the surface."""
    colour = np.asarray(PLANTS[int(rng.integers(len(PLANTS)))], np.float32)
    threads = _threads(rng, light)
    leaves = _leaves(rng, threads)
    covered = _cover(light, *threads, *leaves)
    light = dim(light, rng.uniform(0.1, 0.35) * cast_shadow(covered, direction(rng, 2), 1.2))
    height, width = light.shape[:2]
    shades = 1 + 0.25 * field(rng, width, height, wavelength_px=9)
    return tint(light, soften(covered, 0.5) * rng.uniform(0.6, 0.95), shades[..., None] * colour)


def painted_line(
    rng: Generator, light: Light, *, line: Stroke | None = None, colour: Colour | None = None
) -> Light:
    """Draw a marking: a bar of worn paint, from the width of a pen to that of a lane line."""
    covered = _cover(light, line or _line(rng, light, width_px=log_uniform(rng, 2, 50)))
    worn = np.clip(_worn(rng, light, 0.8) * rng.uniform(0.7, 1.3), 0.1, 1)
    texture = light / max(float(light.mean()), 1.0)  # the concrete still shows through as relief
    paint = np.asarray(colour or PAINTS[int(rng.integers(len(PAINTS)))], np.float32)
    amount = soften(covered, rng.uniform(0.3, 0.8)) * worn
    return tint(light, amount, paint * (0.5 + 0.5 * texture))


def tile_seams(rng: Generator, light: Light) -> Light:
    """Draw a grid of grout between slabs, dark or light, each slab a little different."""
    height, width = light.shape[:2]
    pitch, gap = min(log_uniform(rng, 60, 240), 0.9 * width), log_uniform(rng, 1, 7)
    lean = rng.normal(0, 0.03)
    x = np.arange(width)[None] + lean * np.arange(height)[:, None] + rng.uniform(0, pitch)
    y = np.arange(height)[:, None] - lean * np.arange(width)[None] + rng.uniform(0, pitch * 0.6)
    slab_x, slab_y = x / pitch, y / (pitch * rng.uniform(0.6, 1.6))
    distance = np.minimum(np.abs(slab_x - np.round(slab_x)), np.abs(slab_y - np.round(slab_y))) * pitch
    grout = np.clip(gap / 2 - distance + 0.5, 0, 1).astype(np.float32) * _worn(rng, light, 0.2)
    tones = rng.normal(0, 0.02, (16, 16)).astype(np.float32)
    light = brighten(light, tones[slab_y.astype(int) % 16, slab_x.astype(int) % 16])
    colour = LIME if rng.random() < 0.3 else DAMP  # most grout is dirty
    return tint(light, grout * rng.uniform(0.35, 0.9), colour)


def _line(rng: Generator, light: Light, *, width_px: float, bow: float = 0.0) -> Stroke:
    """Return a line across the whole frame, through its middle part, mostly horizontal or vertical."""
    height, width = light.shape[:2]
    through = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height)
    level = math.pi / 2 * int(rng.integers(2)) + rng.normal(0, 0.04)
    angle = level if rng.random() < SQUARE else rng.uniform(0, math.pi)
    return straight(through, angle=angle, width_px=width_px, length_px=3.0 * max(width, height), bow=bow)


def _cover(light: Light, *strokes: Stroke) -> Coverage:
    height, width = light.shape[:2]
    return cover(strokes, width, height)


def _worn(rng: Generator, light: Light, amount: float) -> Field:
    """Return 1 with patches down to about 1 - amount, where the drawn thing has worn away."""
    height, width = light.shape[:2]
    patches = field(rng, width, height, wavelength_px=45) + 0.5 * field(rng, width, height, wavelength_px=8)
    return 1 - amount * np.clip(0.4 + 0.5 * patches, 0, 1)


def _signed_distance(light: Light, line: Stroke) -> Field:
    """Return each pixel's distance in px from a straight line, positive on one side of it."""
    height, width = light.shape[:2]
    (x, y), end = line.points[0], line.points[-1]
    along = (end - line.points[0]) / math.dist(end, line.points[0])
    down, right = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    return np.asarray((down - y) * along[0] - (right - x) * along[1], np.float32)


def _streak(rng: Generator, start: tuple[float, float], *, length_px: float, reach_px: float) -> Stroke:
    """Return a trace of running water: nearly straight down, narrowing."""
    along = np.arange(0, max(length_px, 20.0), 5.0)
    waver = np.cumsum(rng.normal(0, 0.4, len(along)))
    points = np.stack([start[0] + waver, start[1] + along], axis=1)
    sides = [np.exp(octaves(rng, along, [(200, 0.25), (50, 0.15)])) for _ in range(2)]
    return Stroke(points, reach_px * np.stack(sides, axis=1) * np.linspace(1, 0.3, len(along))[:, None])


def _threads(rng: Generator, light: Light) -> list[Stroke]:
    """Return the stem of a creeping plant and its shoots: smooth curves that get thinner at each fork."""
    height, width = light.shape[:2]
    start = rng.uniform((0.2 * width, 0.2 * height), (0.8 * width, 0.8 * height))
    heading, thick = rng.uniform(0, 2 * math.pi), log_uniform(rng, 1.0, 5)
    threads = [_thread(rng, start, heading, thick, rng.uniform(0.5, 1.1) * min(width, height))]
    for _ in range(int(rng.integers(1, 7))):
        stem = threads[int(rng.integers(len(threads)))]
        fork = stem.points[int(rng.integers(len(stem.points)))]
        length_px = rng.uniform(0.2, 0.6) * stem.length_px
        shoot = _thread(rng, fork, heading + rng.normal(0, 0.9), thick * rng.uniform(0.4, 0.8), length_px)
        threads.append(shoot)
    return threads


def _thread(rng: Generator, start: Points, heading: float, width_px: float, length_px: float) -> Stroke:
    along = np.arange(0, max(length_px, 16.0), 4.0)
    angles = heading + octaves(rng, along, [(160, 0.7), (50, 0.3)])
    points = start + np.cumsum(4.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)
    reach = np.linspace(width_px, 0.3 * width_px, len(along)) / 2
    return Stroke(points, np.stack([reach, reach], axis=1))


def _leaves(rng: Generator, threads: Sequence[Stroke]) -> list[Stroke]:
    """Return short lens-shaped strokes that stick out from the threads."""
    size = log_uniform(rng, 4, 14)
    leaves = []
    for _ in range(int(rng.integers(0, 40))):
        thread = threads[int(rng.integers(len(threads)))]
        at, angle = thread.points[int(rng.integers(len(thread.points)))], rng.uniform(0, 2 * math.pi)
        along = np.linspace(0, size * rng.uniform(0.6, 1.3), 7)[:, None]
        reach = np.sin(np.linspace(0, math.pi, 7))[:, None] * size * rng.uniform(0.15, 0.35)
        leaves.append(Stroke(at + along * [math.cos(angle), math.sin(angle)], np.repeat(reach, 2, axis=1)))
    return leaves


LOOKALIKES: Mapping[str, LookAlike] = MappingProxyType(
    {
        "formwork joint": formwork_joint,
        "saw cut": saw_cut,
        "board marks": board_marks,
        "cable": cable,
        "shadow edge": shadow_edge,
        "stain": stain,
        "water line": water_line,
        "bug holes": bug_holes,
        "vegetation": vegetation,
        "painted line": painted_line,
        "tile seams": tile_seams,
    }
)
