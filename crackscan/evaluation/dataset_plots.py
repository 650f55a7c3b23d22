"""The sources side by side: how well one model does on each, and how sure that is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from crackscan.evaluation.metrics import TITLES, Metrics
from crackscan.evaluation.plots import BLUE, GREY
from crackscan.evaluation.ranking import FALSE_ALARM_RATE, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHANCE: dict[Metric, float] = {"roc_auc": 0.5, "recall_at_5pct_false_alarms": FALSE_ALARM_RATE}
ROW, FRAME = 0.55, 1.75  # inches: of a source, and of what is around them


def draw_datasets(by_data: Mapping[str, Metrics], of: str) -> Figure:
    """Draw area under the ROC curve and recall at 5 % false alarms of each source, with their intervals.

    of: what was judged by what, for the title.
    """
    figure = Figure(figsize=(9.0, FRAME + ROW * len(by_data)))
    figure.suptitle(
        f"By source, with 95 % intervals; dotted: chance\n{of}",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    panels = figure.subplots(1, len(CHANCE), sharey=True)
    for axes, (metric, chance) in zip(panels, CHANCE.items(), strict=True):
        axes.axvline(chance, color=GREY, linewidth=1, linestyle=":")
        for place, metrics in enumerate(by_data.values()):
            _draw_figure(axes, place, metrics, metric)
        axes.set(title=TITLES[metric], xlim=(-0.02, 1.02))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    names = [f"{data}\n{m.images:,} images, {m.cracked:,} cracked" for data, m in by_data.items()]
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.4, -0.6)  # the first source on top
    return figure


def _draw_figure(axes: "Axes", place: int, metrics: Metrics, metric: Metric) -> None:
    found = metrics.figures[metric]
    if found.value is None:
        axes.text(
            0.5,
            place,
            found.reason or "",
            ha="center",
            va="center",
            color=GREY,
            fontsize=9,
            backgroundcolor="white",
        )
        return
    if found.low is not None and found.high is not None:
        axes.plot([found.low, found.high], [place, place], color=BLUE, linewidth=2.4, solid_capstyle="round")
    axes.plot(found.value, place, "o", color=BLUE, markersize=8)
    side = "right" if found.value > 0.8 else "left" if found.value < 0.2 else "center"  # within its panel
    at = 1.02 if side == "right" else -0.02 if side == "left" else found.value
    axes.annotate(
        found.text(2),
        (at, place),
        (0, 9),
        textcoords="offset points",
        ha=side,
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
