"""Recall against crack width as a curve, and the drawn cracks themselves, found and missed."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from crackscan.basics.arrays import evenly_spaced
from crackscan.evaluation.evaluate import Evaluation
from crackscan.evaluation.intervals import Estimate
from crackscan.evaluation.metrics import Metrics
from crackscan.evaluation.plots import GREY, ORANGE, SOURCE_COLOURS
from crackscan.evaluation.ranking import Metric
from crackscan.evaluation.sheet import GAP, TILE, TILE_PX, XY, Sheet
from crackscan.evaluation.widths import FOUND, WIDTHS_PX, DatasetWidths, SyntheticCracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 6  # cracks of each width
CELL = (TILE + GAP, TILE + 0.26)  # inches, with the probability under the tile
HEAD, LABEL = 0.7, 1.1  # inches above the tiles, and to the left of them
REAL = 20.0  # where among the widths the real cracks stand, whose width nobody knows
DODGE = 1.03  # factor between the sources, so that their intervals stand side by side
SAMPLES_TITLE = (
    "cracks drawn on uncracked tiles, by their mean width\n"
    "From the least to the most certain of all that were drawn, with the probability of a crack; "
    "framed: missed at threshold {:g}"
)


def width_curves(sources: Sequence[DatasetWidths], real: Mapping[str, Metrics], of: str) -> Figure:
    """Draw recall against width, a line a source, at the model's threshold and at 5 % false alarms.

    On the right of each is the recall of the source's own cracks, `real`: drawn ones are easier. of: the
    model, for the title.
    """
    figure = Figure(figsize=(10.4, 5.0))
    figure.suptitle(f"{of}: recall of cracks drawn on uncracked tiles", x=0.01, ha="left", fontsize=12)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_panel(left, sources, real, "recall")
    _draw_panel(right, sources, real, "recall_at_5pct_false_alarms")
    thresholds = ", ".join(sorted({f"{metrics.threshold:g}" for metrics in real.values()}))
    left.set(title=f"at its threshold, {thresholds}")
    left.set_ylabel("cracks found (dotted: false alarms)")
    right.set(title="at 5 % false alarms on the same source")
    for axes in (left, right):  # under the panel, as curves may pass everywhere in it
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13))
    return figure


def samples(evaluation: Evaluation) -> Figure:
    """Draw some cracks of each width, from the one that the model is least sure of to the surest.

    Tiles that alarm without a crack are not shown: nothing is found on them.
    """
    threshold = evaluation.options.rows.threshold
    shown = [crack for widths in evaluation.widths for crack in widths.drawn if crack.plain < threshold]
    sheet = Sheet(LABEL + SHOWN * CELL[0], HEAD + len(WIDTHS_PX) * CELL[1])
    sheet.write((GAP, GAP), f"{evaluation.model}: {SAMPLES_TITLE.format(threshold)}", fontsize=10)
    for row, width in enumerate(WIDTHS_PX):
        cracks = sorted((one for one in shown if one.width_px == width), key=lambda one: one.probability)
        top = HEAD + row * CELL[1]
        found = sum(crack.probability >= threshold for crack in cracks)
        sheet.write((GAP, top + 0.45), f"{width:g} px", fontsize=15)
        sheet.write((GAP, top + 0.8), f"{found:,} of {len(cracks):,}\nfound", color="0.3", fontsize=9)
        for column, crack in enumerate(_spread(cracks)):
            _draw_crack(sheet, (LABEL + column * CELL[0], top), crack, missed=crack.probability < threshold)
    return sheet.figure


def _draw_panel(
    axes: "Axes", sources: Sequence[DatasetWidths], real: Mapping[str, Metrics], metric: Metric
) -> None:
    axes.axhline(FOUND, color=GREY, linewidth=1, linestyle="--")
    for number, widths in enumerate(sources):
        colour, shift = SOURCE_COLOURS[number % len(SOURCE_COLOURS)], DODGE**number
        _draw_curve(axes, widths, metric, colour=colour, shift=shift)
        _draw_real(axes, real[widths.data], metric, colour=colour, shift=shift)
    axes.set(xscale="log", xlabel="mean width of the crack, px of the model's input")
    axes.set_xticks([*WIDTHS_PX, REAL], [*(f"{width:g}" for width in WIDTHS_PX), "real"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvspan((WIDTHS_PX[-1] * REAL) ** 0.5, 26, color="#f3f4f6", zorder=0)
    axes.set(xlim=(0.44, 26), ylim=(0, 1.03))
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _draw_curve(axes: "Axes", widths: DatasetWidths, metric: Metric, *, colour: str, shift: float) -> None:
    places = np.array([row.width_px * shift for row in widths.rows])
    values = np.array([row.figures[metric].value for row in widths.rows], dtype=np.float64)
    axes.plot(places, values, "o-", color=colour, label=f"{widths.data}: {widths.reach(metric)}")
    for place, row in zip(places, widths.rows, strict=True):
        _draw_interval(axes, place, row.figures[metric], colour)
    if metric == "recall":
        axes.axhline(widths.false_alarms, color=colour, linewidth=1, linestyle=":")


def _draw_real(axes: "Axes", metrics: Metrics, metric: Metric, *, colour: str, shift: float) -> None:
    found = metrics.figures[metric]
    if found.value is not None:
        axes.plot(REAL * shift, found.value, "D", color=colour)
        _draw_interval(axes, REAL * shift, found, colour)


def _draw_interval(axes: "Axes", place: float, found: Estimate, colour: str) -> None:
    if found.low is not None and found.high is not None:
        axes.plot([place, place], [found.low, found.high], color=colour, linewidth=1.2, alpha=0.7)


def _spread(cracks: Sequence[SyntheticCracks]) -> list[SyntheticCracks]:
    return [cracks[index] for index in evenly_spaced(len(cracks), SHOWN)]


def _draw_crack(sheet: Sheet, place: XY, crack: SyntheticCracks, *, missed: bool) -> None:
    sheet.show(place, partial(crack.pixels, TILE_PX), frame=ORANGE if missed else None)
    x, y = place
    words, colour = f"{crack.probability:.3f}", ORANGE if missed else "0.2"
    sheet.write((x, y + TILE + 0.03), words, fontsize=8, color=colour)
