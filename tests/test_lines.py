"""Crack lines: traced from probabilities, measured in the light, and joined where pictures were cut."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from crackscan.basics.records import Trace, Window
from crackscan.dataset.synthesis.cracks import Appearance, Crack, grow_crack, shade_crack
from crackscan.dataset.synthesis.strokes import Stroke, cover
from crackscan.scanning.lines.joining import Crack as Joined
from crackscan.scanning.lines.joining import join_traces

pytest.importorskip("skimage")
from crackscan.scanning.lines.tracing import trace_lines

SIDE = 448
WHOLE = Window(0, 0, SIDE, SIDE)
AROUND_PX = 32  # surroundings of a core
Map = NDArray[np.float32]


def drawn(*strokes: Stroke, seed: int = 0) -> tuple[Map, Map]:
    """Return the light of grainy concrete with cracks, and probabilities such as a network gives."""
    rng = np.random.default_rng(seed)
    plain = rng.integers(150, 160, (SIDE, SIDE, 1)).repeat(3, axis=2).astype(np.uint8)
    covered = cover(strokes, SIDE, SIDE).astype(np.float32)
    light = shade_crack(rng, plain, covered, Appearance(depth=0.7)).mean(axis=2).astype(np.float32)
    return probabilities_of(covered), light


def probabilities_of(covered: Map) -> Map:
    """Return the coverage at half the resolution, blurred a little."""
    half = covered.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    around = np.pad(half, 1, mode="edge")
    blurred = sum(
        around[r : r + SIDE // 2, c : c + SIDE // 2] * (2 - abs(r - 1)) * (2 - abs(c - 1)) / 16
        for r in range(3)
        for c in range(3)
    )
    return np.clip(np.asarray(blurred) * 2, 0, 1).astype(np.float32)


def line(*points: tuple[float, float], width_px: float = 4.0) -> Stroke:
    """Return a stroke of even width along a polyline, with points every few px."""
    corners = np.array(points, np.float64)
    steps = [np.linspace(a, b, 40)[:-1] for a, b in pairwise(corners)]
    way = np.concatenate([*steps, corners[-1:]])
    return Stroke(way, np.full((len(way), 2), width_px / 2))


def wavy(width_px: float = 4.0, seed: int = 3) -> Crack:
    """Return a natural crack that crosses the picture's middle from side to side."""
    rng = np.random.default_rng(seed)
    crack = grow_crack(
        rng, SIDE, SIDE, width_px=width_px, through=(SIDE / 2, SIDE / 2), heading=0.7, length_px=380
    )
    return Crack(crack.strokes[:1], width_px)


def cracks_of(probabilities: Map, light: Map, **limits: float) -> list[Joined]:
    """Return the cracks of a picture that is traced as a whole."""
    return list(join_traces([(WHOLE, trace_lines(probabilities, light, WHOLE))], **limits))


def traced_in_parts(probabilities: Map, light: Map, side: int) -> Iterator[tuple[Window, list[Trace]]]:
    """Yield the traces of square cores, each traced with its surroundings only, row by row."""
    for row in range(0, SIDE, side):
        for col in range(0, SIDE, side):
            left, top = max(col - AROUND_PX, 0), max(row - AROUND_PX, 0)
            right, bottom = min(col + side + AROUND_PX, SIDE), min(row + side + AROUND_PX, SIDE)
            core = Window(col - left, row - top, side, side)
            part = probabilities[top // 2 : bottom // 2, left // 2 : right // 2]
            traces = trace_lines(part, light[top:bottom, left:right], core)
            yield Window(col, row, side, side), [moved(trace, left, top) for trace in traces]


def moved(trace: Trace, col: int, row: int) -> Trace:
    """Return a trace in px of the picture that its part was cut from."""
    return trace._replace(points=tuple((round(x + col, 1), round(y + row, 1)) for x, y in trace.points))


def test_crack_across_tiles_and_bands_is_one_crack_of_its_true_length() -> None:
    """A crack is not cut where tiles and bands are: its length is right to 5 %, its width to 15 %."""
    crack = wavy()
    parts = traced_in_parts(*drawn(*crack.strokes), side=224)
    (found,) = join_traces(parts)
    assert found.length_px == pytest.approx(crack.length_in(WHOLE), rel=0.05)
    assert found.width_px == pytest.approx(crack.width_px, rel=0.15)
    assert len(found.traces) > 1


def test_empty_map_gives_nothing() -> None:
    """Where no line is probable, none is traced."""
    probabilities, light = drawn(line((10, 10), (400, 400)))
    assert trace_lines(probabilities * 0, light, WHOLE) == []
    assert cracks_of(probabilities * 0.05, light) == []
