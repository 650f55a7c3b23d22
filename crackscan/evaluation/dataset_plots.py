"""A plot that compares one model's metrics on several datasets, with their intervals."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from crackscan.evaluation.intervals import Estimate
from crackscan.evaluation.metrics import TITLES, Metrics
from crackscan.evaluation.plots import BLUE, GREY
from crackscan.evaluation.ranking import FALSE_ALARM_RATE, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHANCE: dict[Metric, float] = {"roc_auc": 0.5, "recall_at_5pct_false_alarms": FALSE_ALARM_RATE}
ROW, FRAME = 0.55, 1.75  # inches: a dataset's row, and the space around all rows


def draw_datasets(by_data: Mapping[str, Metrics], subtitle: str) -> Figure:
    """Draw ROC AUC and recall at 5 % false alarms of each dataset, with their intervals.

    by_data: name of the dataset: its metrics.
    """
    figure = Figure(figsize=(9.0, FRAME + ROW * len(by_data)))
    figure.suptitle(
        f"By dataset, with 95 % intervals (dotted: chance)\n{subtitle}",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    panels = figure.subplots(1, len(CHANCE), sharey=True)
    for axes, (metric, chance) in zip(panels, CHANCE.items(), strict=True):
        axes.axvline(chance, color=GREY, linewidth=1, linestyle=":")
        for row, metrics in enumerate(by_data.values()):
            _draw_estimate(axes, row, metrics.figures[metric])
        axes.set(title=TITLES[metric], xlim=(-0.02, 1.02))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    names = [
        f"{dataset}\n{metrics.images:,} images, {metrics.cracked:,} cracked"
        for dataset, metrics in by_data.items()
    ]
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.4, -0.6)  # the first dataset on top
    return figure


def _draw_estimate(axes: "Axes", row: int, estimate: Estimate) -> None:
    if estimate.value is None:
        axes.text(
            0.5,
            row,
            estimate.reason or "",
            ha="center",
            va="center",
            color=GREY,
            fontsize=9,
            backgroundcolor="white",
        )
        return
    if estimate.low is not None and estimate.high is not None:
        bounds = [estimate.low, estimate.high]
        axes.plot(bounds, [row, row], color=BLUE, linewidth=2.4, solid_capstyle="round")
    axes.plot(estimate.value, row, "o", color=BLUE, markersize=8)
    # keep the text inside its panel
    side = "right" if estimate.value > 0.8 else "left" if estimate.value < 0.2 else "center"
    x = 1.02 if side == "right" else -0.02 if side == "left" else estimate.value
    axes.annotate(
        estimate.text(2),
        (x, row),
        (0, 9),
        textcoords="offset points",
        ha=side,
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
