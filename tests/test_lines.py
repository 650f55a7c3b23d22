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
from crackscan.scanning.lines.joining import join_traces, multilinestring

pytest.importorskip("skimage")
from crackscan.scanning.lines.tracing import trace_lines

SIDE = 448
WHOLE = Window(0, 0, SIDE, SIDE)
AROUND_PX = 16  # surroundings of a core
Map = NDArray[np.float32]


def drawn(*strokes: Stroke, seed: int = 0, depth: float = 0.7) -> tuple[Map, Map]:
    """Return the light of grainy concrete with cracks, and probabilities such as a network gives."""
    rng = np.random.default_rng(seed)
    plain = rng.integers(150, 160, (SIDE, SIDE, 1)).repeat(3, axis=2).astype(np.uint8)
    covered = cover(strokes, SIDE, SIDE).astype(np.float32)
    light = shade_crack(rng, plain, covered, Appearance(depth=depth)).mean(axis=2).astype(np.float32)
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


def test_turned_picture_gives_the_same_length() -> None:
    """A crack is as long and as wide in a picture that is turned by a quarter."""
    probabilities, light = drawn(*wavy().strokes)
    (upright,) = cracks_of(probabilities, light)
    (turned,) = cracks_of(np.rot90(probabilities), np.ascontiguousarray(np.rot90(light)))
    assert turned.length_px == pytest.approx(upright.length_px, rel=0.02)
    assert turned.width_px == pytest.approx(upright.width_px, rel=0.05)


@pytest.mark.parametrize("angle", [0, 20, 45, 70])
def test_straight_crack_is_as_long_and_wide_as_drawn(angle: float) -> None:
    """A line of pixels is a staircase; the trace is not."""
    way = 150 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    start, end = 224 - way, 224 + way
    (found,) = cracks_of(*drawn(line(tuple(start), tuple(end), width_px=5.0)))
    assert found.length_px == pytest.approx(300, rel=0.03)
    assert found.width_px == pytest.approx(5.0, rel=0.05)
    points = np.concatenate([trace.points for trace in found.traces])
    across = (points - 224) @ [-way[1] / 150, way[0] / 150]
    assert np.abs(across).max() < 1.0


@pytest.mark.parametrize("width_px", [3.0, 6.0, 12.0])
def test_width_comes_from_the_light_not_from_the_map(width_px: float) -> None:
    """The map of a network is wider than a hairline and thinner than a gap; the light tells the width."""
    probabilities, _ = drawn(line((60, 60), (380, 300), width_px=6.0))
    _, light = drawn(line((60, 60), (380, 300), width_px=width_px))
    (found,) = cracks_of(probabilities, light)
    assert found.width_px == pytest.approx(width_px, rel=0.15)


@pytest.mark.parametrize("depth", [0.6, 0.9])
@pytest.mark.parametrize("width_px", [1.5, 2.0, 2.5])
def test_width_of_a_narrow_crack_is_right_to_half_a_pixel(width_px: float, depth: float) -> None:
    """The blur of a lens makes a narrow crack look wide; the light that it takes away does not change."""
    probabilities, light = drawn(line((60, 60), (380, 300), width_px=width_px), depth=depth)
    (found,) = cracks_of(probabilities, light)
    assert found.width_px == pytest.approx(width_px, abs=0.5)


def test_width_of_a_hairline_or_an_edge_is_unknown() -> None:
    """Below 1.25 px blur decides what is seen, and an edge between two tones has no width."""
    probabilities, light = drawn(line((60, 60), (380, 300), width_px=0.8))
    (hairline,) = cracks_of(drawn(line((60, 60), (380, 300)))[0], light)
    assert (hairline.width_px, hairline.max_width_px) == (None, None)
    light[:] = 180
    light[:, 224:] = 90
    edge = probabilities_of(cover([line((224, 20), (224, 420))], SIDE, SIDE).astype(np.float32))
    assert [crack.width_px for crack in cracks_of(edge, light)] == [None]
    assert probabilities.shape == edge.shape


def test_branches_meet_in_equal_points() -> None:
    """A fork is one crack of three traces that share their branch point."""
    fork = [line((60, 224), (224, 224)), line((224, 224), (380, 120)), line((224, 224), (380, 330))]
    (found,) = cracks_of(*drawn(*fork))
    ends = [point for trace in found.traces for point in (trace.points[0], trace.points[-1])]
    shared = {point for point in ends if ends.count(point) == 3}
    assert len(found.traces) == 3
    assert [np.hypot(col - 224, row - 224) < 8 for col, row in shared] == [True]
    assert found.length_px == pytest.approx(164 + 188 + 188, rel=0.05)


def test_parallel_cracks_stay_two() -> None:
    """Two cracks that run side by side, and across a seam, are two."""
    probabilities, light = drawn(line((20, 200), (430, 200)), line((20, 216), (430, 216)))
    found = list(join_traces(traced_in_parts(probabilities, light, side=224)))
    assert [crack.length_px for crack in found] == pytest.approx([410, 410], rel=0.05)


def test_spur_of_the_map_is_no_branch() -> None:
    """A bump at the side of a line does not become a trace."""
    (found,) = cracks_of(*drawn(line((40, 224), (400, 224)), line((200, 224), (203, 214))))
    assert len(found.traces) == 1
    assert found.length_px == pytest.approx(360, rel=0.03)


def test_ring_is_one_closed_trace() -> None:
    """A crack around a patch has no end, and is found nevertheless."""
    turn = np.linspace(0, 2 * np.pi, 60)
    circle = 224 + 100 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    (found,) = cracks_of(*drawn(Stroke(circle, np.full((60, 2), 2.0))))
    (ring,) = found.traces
    assert ring.points[0] == ring.points[-1]
    assert found.length_px == pytest.approx(2 * np.pi * 100, rel=0.03)


def test_gap_is_bridged_only_where_the_picture_shows_a_crack() -> None:
    """Where the map fails but the light goes on dark, the crack goes on; on plain concrete it ends."""
    whole, seen = drawn(line((40, 224), (400, 250)))
    probabilities = whole.copy()
    probabilities[:, 100:114] = 0  # 28 px of the picture
    (found,) = cracks_of(probabilities, seen)
    assert found.length_px == pytest.approx(361, rel=0.03)
    plain = seen.copy()
    plain[:, 196:232] = plain[:20, 196:232].mean()
    assert len(cracks_of(probabilities, plain)) == 2


def test_wide_gap_has_one_line_in_its_middle() -> None:
    """Where a map follows both edges of a gap of 28 px, one line runs between them."""
    probabilities, _ = drawn(line((40, 211), (400, 211)), line((40, 237), (400, 237)))
    _, light = drawn(line((20, 224), (420, 224), width_px=28.0))
    (found,) = cracks_of(probabilities, light, min_length_px=40)
    (main,) = found.traces
    rows = np.array([row for col, row in main.points if 60 < col < 380])
    assert np.abs(rows - 224).max() < 3
    assert found.length_px == pytest.approx(360, rel=0.05)


def test_threshold_and_least_length_choose_cracks() -> None:
    """Short or improbable cracks are left out when they are joined, so that nothing is judged again."""
    probabilities, light = drawn(line((20, 100), (420, 100)), line((20, 300), (80, 300)))
    assert len(cracks_of(probabilities, light)) == 2
    assert [crack.length_px > 300 for crack in cracks_of(probabilities, light, min_length_px=100)] == [True]
    (weak,) = cracks_of(probabilities * 0.6, light, min_length_px=100)
    assert 0.3 < weak.probability <= 0.6
    assert cracks_of(probabilities * 0.6, light, threshold=weak.probability + 0.01, min_length_px=100) == []


def test_cracks_are_given_as_soon_as_no_later_piece_can_touch_them() -> None:
    """Memory does not grow with the mosaic: a crack is yielded when the plan has passed its ends."""
    asked = []

    def pieces() -> Iterator[tuple[Window, list[Trace]]]:
        for row in range(0, 1000, 100):
            asked.append(row)
            yield Window(0, row, 100, 100), [Trace(((10.0, row + 20.0), (60.0, row + 30.0)), 0.9)]

    cracks = join_traces(pieces())
    next(cracks)
    assert asked == [0, 100]
    assert len(list(cracks)) == 9


def test_crack_through_many_bands_is_one() -> None:
    """A crack that goes down through a whole mosaic, and back in a hairpin, stays one row."""
    down = [Trace(((50.0, row), (50.3, row + 100.0)), 0.8, 3.0, 4.0) for row in np.arange(0.0, 1000.0, 100.0)]
    up = [
        Trace(((80.0, row + 100.0), (80.0, row + 0.0)), 0.6, 5.0, 9.0)
        for row in np.arange(0.0, 1000.0, 100.0)
    ]
    bend = Trace(((50.1, 1000.0), (50.1, 1015.0), (80.0, 1015.0), (80.0, 1000.0)), 0.7)
    bands = [(Window(0, 100 * i, 100, 100), [a, b]) for i, (a, b) in enumerate(zip(down, up, strict=True))]
    (found,) = join_traces([*bands, (Window(0, 1000, 100, 100), [bend])])
    assert len(found.traces) == 21
    assert found.length_px == pytest.approx(2000 + 60, rel=0.01)
    assert found.probability == pytest.approx(0.7, abs=0.01)
    assert (found.width_px, found.max_width_px) == (3.0, 9.0)


def test_lines_that_only_pass_near_each_other_at_a_seam_are_not_joined() -> None:
    """Ends that are near but do not go on in each other belong to two cracks."""
    across = Trace(((0.0, 100.0), (50.0, 100.0)), 0.9)
    beside = Trace(((51.0, 103.0), (51.0, 200.0)), 0.9)
    assert len(list(join_traces([(Window(0, 0, 100, 200), [across, beside])]))) == 2


def test_cracks_as_text_are_pixels() -> None:
    """WKT as GIS programs read it: column, then row."""
    traces = [Trace(((1.0, 2.0), (3.5, 4.0)), 0.9), Trace(((3.5, 4.0), (10.0, 4.0), (11.0, 5.5)), 0.9)]
    assert multilinestring(traces) == "MULTILINESTRING ((1.0 2.0, 3.5 4.0), (3.5 4.0, 10.0 4.0, 11.0 5.5))"


@pytest.mark.parametrize("kind", ["full", "noise", "one pixel", "thin"])
def test_hostile_map_gives_lines_or_none_but_no_error(kind: str) -> None:
    """A map of ones, of noise or of a single pixel neither fails nor gives a line outside its core."""
    rng = np.random.default_rng(5)
    probabilities = np.zeros((64, 64), np.float32)
    if kind == "full":
        probabilities[:] = 1
    elif kind == "noise":
        probabilities[:] = rng.random((64, 64)) ** 2
    else:
        probabilities[32, 32] = 1
    light = rng.integers(0, 255, (128, 128)).astype(np.float32)
    if kind == "thin":
        probabilities, light = probabilities[31:33], light[62:66]
    core = Window(10, 0, light.shape[1] - 20, light.shape[0])
    traces = trace_lines(probabilities, light, core)
    cols = [col for trace in traces for col, _ in trace.points]
    assert all(10 <= col <= light.shape[1] - 10 for col in cols)
    assert all(len(trace.points) > 1 and 0 <= trace.probability <= 1 for trace in traces)


def test_empty_map_gives_nothing() -> None:
    """Where no line is probable, none is traced."""
    probabilities, light = drawn(line((10, 10), (400, 400)))
    assert trace_lines(probabilities * 0, light, WHOLE) == []
    assert cracks_of(probabilities * 0.05, light) == []
