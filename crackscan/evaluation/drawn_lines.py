"""Errors of traced length and width, measured with drawn cracks, whose length and width are known.

Masks cannot tell: they are drawn by hand, and wider than the crack.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from crackscan.basics.arrays import Pixels, evenly_spaced
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import RowOptions, Trace, Window
from crackscan.dataset.records import Example
from crackscan.dataset.synthesis import Crack, choose_appearance, grow_crack, shade_crack
from crackscan.evaluation.line_metrics import TOLERANCE_PX, count_near, near, points_along, total_length
from crackscan.model.predictions import Classifier
from crackscan.reading import read_tile
from crackscan.scanning.lines.joining import crack_of, join_traces

WIDTHS_PX = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
PICTURE_PX = 256
MAX_TILES = 60  # for each width
NAMED_SHARE = 0.5  # of a crack's length, from which it counts as traced, so that its length says something


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """The traced lines of drawn cracks of one mean width; medians."""

    width_px: float
    cracks: int
    found: float  # share of their length that is near a traced line
    length_ratio: float | None  # traced over true, of cracks of which at least half is found
    width_error_px: float | None  # absolute, of cracks whose width is told; the truth is that where traced
    width_bias_px: float | None  # the same with its sign
    told: float  # share of the cracks found whose width is told


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One drawn crack and what was traced of it."""

    found: float
    length_ratio: float
    width_px: float | None
    true_width_px: float  # median where it was traced: a crack gets narrow at its ends, which nobody sees


def measure_drawn(
    plain: Sequence[Example],
    classifier: Classifier,
    options: RowOptions,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[DrawnRow, ...]:
    """Draw a crack of each width on uncracked tiles, and trace it.

    plain: uncracked tiles, of which some are used. advance: called with 1 after each tile.
    """
    chosen = [plain[index] for index in evenly_spaced(len(plain), MAX_TILES)] if plain else []
    drawn: dict[float, list[_Drawn]] = {width: [] for width in WIDTHS_PX}
    for example in chosen:
        advance(1)
        try:
            tile = read_tile(example.path, example.window, input_px=PICTURE_PX)
        except Unreadable:  # the file changed since it was listed
            continue
        for width, cracks in drawn.items():
            cracks.append(_trace_drawn(tile, example.name, width, classifier, options))
    return tuple(_summarise(width, cracks) for width, cracks in drawn.items() if cracks)


def drawn_as_json(rows: Iterable[DrawnRow]) -> list[dict[str, object]]:
    """Return the rows for the card and metrics.json."""
    return [
        {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(row).items()}
        for row in rows
    ]


def _trace_drawn(
    tile: Pixels, name: str, width_px: float, classifier: Classifier, options: RowOptions
) -> _Drawn:
    # the seed depends on the name, so that a crack does not depend on the other tiles or their order
    seed = hashlib.sha256(f"line {name} {width_px:g}".encode()).digest()
    rng = np.random.default_rng(list(seed))
    crack = grow_crack(rng, PICTURE_PX, PICTURE_PX, width_px=width_px)
    crack = Crack(crack.strokes[:1], width_px)  # branches have widths of their own
    covered = crack.coverage(PICTURE_PX, PICTURE_PX)
    picture = shade_crack(rng, tile, covered, choose_appearance(rng, width_px))
    return _compare(crack, trace_picture(picture, classifier, options))


def trace_picture(picture: Pixels, classifier: Classifier, options: RowOptions) -> list[Trace]:
    """Return the lines of the cracks in a picture that a scan with these options would write.

    picture: uint8 RGB, (PICTURE_PX, PICTURE_PX, 3).
    """
    from crackscan.scanning.lines.tracing import trace_lines

    probabilities, whole = classifier.line_probabilities(picture), Window(0, 0, PICTURE_PX, PICTURE_PX)
    if probabilities is None:
        return []
    traces = trace_lines(probabilities, picture.mean(axis=2, dtype=np.float32), whole)
    cracks = join_traces([(whole, traces)], threshold=options.crack_threshold)
    return [trace for crack in cracks for trace in crack.traces]


def _compare(crack: Crack, traces: Sequence[Trace]) -> _Drawn:
    """Compare a drawn crack with the lines near it; other lines are other things of the tile."""
    window = Window(0, 0, PICTURE_PX, PICTURE_PX)
    points, widths = crack.strokes[0].points, crack.strokes[0].reach_px.sum(axis=1)
    inside = np.all((points >= 0) & (points < PICTURE_PX), axis=1)
    true, widths = points[inside], widths[inside]
    traced = [trace for trace in traces if _is_near(trace, true)]
    met = near(true, points_along(traced), TOLERANCE_PX)
    length_ratio = total_length(traced) / max(crack.length_in(window), 1.0)
    return _Drawn(
        float(met.mean()) if len(met) else 0.0,
        length_ratio,
        crack_of(traced).width_px if traced else None,
        float(np.median(widths[met])) if met.any() else 0.0,
    )


def _is_near(trace: Trace, true: np.ndarray) -> bool:
    points = points_along([trace])
    return count_near(points, true, TOLERANCE_PX) >= len(points) / 2


def _summarise(width_px: float, cracks: Sequence[_Drawn]) -> DrawnRow:
    traced = [crack for crack in cracks if crack.found >= NAMED_SHARE]
    errors = [crack.width_px - crack.true_width_px for crack in traced if crack.width_px is not None]
    return DrawnRow(
        width_px=width_px,
        cracks=len(cracks),
        found=float(np.mean([crack.found for crack in cracks])),
        length_ratio=float(np.median([crack.length_ratio for crack in traced])) if traced else None,
        width_error_px=float(np.median(np.abs(errors))) if errors else None,
        width_bias_px=float(np.median(errors)) if errors else None,
        told=len(errors) / len(traced) if traced else 0.0,
    )
