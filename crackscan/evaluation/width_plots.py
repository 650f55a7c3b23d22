"""Plots of recall against crack width, and samples of the synthetic cracks, found and missed."""

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
from crackscan.evaluation.plots import DATASET_COLOURS, GREY, ORANGE
from crackscan.evaluation.ranking import Metric
from crackscan.evaluation.sheet import GAP, TILE, TILE_PX, XY, Sheet
from crackscan.evaluation.widths import DETECTABLE_RECALL, WIDTHS_PX, DatasetWidths, SyntheticCrack

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLES = 6  # cracks of each width
CELL = (TILE + GAP, TILE + 0.26)  # inches, with the probability under the tile
HEAD, LABEL = 0.7, 1.1  # inches above the tiles, and to the left of them
REAL = 20.0  # position on the axis for the real cracks, whose width is unknown
DODGE = 1.03  # factor between the datasets, so that their intervals do not overlap
SAMPLES_TITLE = (
    "synthetic cracks on uncracked tiles, by mean width\n"
    "Evenly sampled from the lowest to the highest probability of a crack, which is below each tile; "
    "framed: missed at threshold {:g}"
)


def draw_width_curves(datasets: Sequence[DatasetWidths], real: Mapping[str, Metrics], title: str) -> Figure:
    """Draw recall against width, a line per dataset, at the model's threshold and at 5 % false alarms.

    real: name of the dataset: its metrics. The recall of its real cracks is on the right of each panel,
    because synthetic cracks are easier to find.
    """
    figure = Figure(figsize=(10.4, 5.0))
    suptitle = f"{title}: recall of synthetic cracks on uncracked tiles"
    figure.suptitle(suptitle, x=0.01, ha="left", fontsize=12)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_panel(left, datasets, real, "recall")
    _draw_panel(right, datasets, real, "recall_at_5pct_false_alarms")
    thresholds = ", ".join(sorted({f"{metrics.threshold:g}" for metrics in real.values()}))
    left.set(title=f"at the model's threshold ({thresholds})")
    left.set_ylabel("recall (dotted: false alarms)")
    right.set(title="at 5 % false alarms on the same dataset")
    for axes in (left, right):  # below the panel, because curves may cover any part of it
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13))
    return figure


def draw_width_samples(evaluation: Evaluation) -> Figure:
    """Draw some cracks of each width, from the lowest to the highest probability.

    Tiles that are called cracked without a synthetic crack are left out: nothing can be found on them.
    """
    threshold = evaluation.options.rows.threshold
    cracks = [
        crack
        for widths in evaluation.widths
        for crack in widths.cracks
        if crack.plain_probability < threshold
    ]
    sheet = Sheet(LABEL + SAMPLES * CELL[0], HEAD + len(WIDTHS_PX) * CELL[1])
    sheet.write((GAP, GAP), f"{evaluation.model}: {SAMPLES_TITLE.format(threshold)}", fontsize=10)
    for row, width in enumerate(WIDTHS_PX):
        same_width = [crack for crack in cracks if crack.width_px == width]
        same_width.sort(key=lambda crack: crack.probability)
        top = HEAD + row * CELL[1]
        found = sum(crack.probability >= threshold for crack in same_width)
        sheet.write((GAP, top + 0.45), f"{width:g} px", fontsize=15)
        sheet.write((GAP, top + 0.8), f"{found:,} of {len(same_width):,}\nfound", color="0.3", fontsize=9)
        for column, index in enumerate(evenly_spaced(len(same_width), SAMPLES)):
            xy, crack = (LABEL + column * CELL[0], top), same_width[index]
            _draw_crack(sheet, xy, crack, missed=crack.probability < threshold)
    return sheet.figure


def _draw_panel(
    axes: "Axes", datasets: Sequence[DatasetWidths], real: Mapping[str, Metrics], metric: Metric
) -> None:
    axes.axhline(DETECTABLE_RECALL, color=GREY, linewidth=1, linestyle="--")
    for number, widths in enumerate(datasets):
        colour, shift = DATASET_COLOURS[number % len(DATASET_COLOURS)], DODGE**number
        _draw_curve(axes, widths, metric, colour=colour, shift=shift)
        _draw_real(axes, real[widths.data], metric, colour=colour, shift=shift)
    axes.set(xscale="log", xlabel="mean crack width, px of the model's input")
    axes.set_xticks([*WIDTHS_PX, REAL], [*(f"{width:g}" for width in WIDTHS_PX), "real"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvspan((WIDTHS_PX[-1] * REAL) ** 0.5, 26, color="#f3f4f6", zorder=0)
    axes.set(xlim=(0.44, 26), ylim=(0, 1.03))
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _draw_curve(axes: "Axes", widths: DatasetWidths, metric: Metric, *, colour: str, shift: float) -> None:
    xs = np.array([row.width_px * shift for row in widths.rows])
    values = np.array([row.figures[metric].value for row in widths.rows], dtype=np.float64)
    axes.plot(xs, values, "o-", color=colour, label=f"{widths.data}: {widths.describe_detectable(metric)}")
    for x, row in zip(xs, widths.rows, strict=True):
        _draw_interval(axes, x, row.figures[metric], colour)
    if metric == "recall":
        axes.axhline(widths.false_alarms, color=colour, linewidth=1, linestyle=":")


def _draw_real(axes: "Axes", metrics: Metrics, metric: Metric, *, colour: str, shift: float) -> None:
    estimate = metrics.figures[metric]
    if estimate.value is not None:
        axes.plot(REAL * shift, estimate.value, "D", color=colour)
        _draw_interval(axes, REAL * shift, estimate, colour)


def _draw_interval(axes: "Axes", x: float, estimate: Estimate, colour: str) -> None:
    if estimate.low is not None and estimate.high is not None:
        axes.plot([x, x], [estimate.low, estimate.high], color=colour, linewidth=1.2, alpha=0.7)


def _draw_crack(sheet: Sheet, xy: XY, crack: SyntheticCrack, *, missed: bool) -> None:
    sheet.show(xy, partial(crack.pixels, TILE_PX), frame=ORANGE if missed else None)
    x, y = xy
    text, colour = f"{crack.probability:.3f}", ORANGE if missed else "0.2"
    sheet.write((x, y + TILE + 0.03), text, fontsize=8, color=colour)
