"""The pictures of an evaluation, as PNG: the same evaluation gives the same bytes."""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crackscan.basics.errors import MissingExtra
from crackscan.evaluation.evaluate import Evaluation, Prediction, answers
from crackscan.evaluation.metrics import CalibrationBin, Curve, Metrics, calibration_bins, curve
from crackscan.evaluation.ranking import CALIBRATION_BINS, FALSE_ALARM_RATE

try:
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter
except ImportError:
    raise MissingExtra('The pictures need matplotlib; install "crackscan[evaluate]".') from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#1f5fa8", "#d9622b", "#8a8f98"  # told apart by colour-blind readers and in print
SOURCE_COLOURS = ("#2a9d8f", "#8e5ea2", "#c79a00", "#6b4f3a", "#4fa3d1", "#a33b5c")
STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "figure.figsize": (6.4, 6.0),
        "figure.dpi": 150,
        "savefig.dpi": 150,
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.grid": True,
        "grid.color": "#e4e6ea",
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.8,
        "text.parse_math": False,  # a $ in a name is a $
    }
)
NEARLY_PERFECT = 0.98  # a curve with a larger area hugs the corner, and needs an enlargement


class Line(NamedTuple):
    """The curve of one source, or of all of them."""

    name: str
    colour: str
    curve: Curve
    metrics: Metrics


def draw(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the PNG of each plot."""
    yield "confusion.png", png(lambda: confusion(evaluation))
    yield "roc.png", png(lambda: roc(evaluation))
    yield "precision_recall.png", png(lambda: precision_recall(evaluation))
    yield "reliability.png", png(lambda: reliability(evaluation))


def png(make: Callable[[], Figure]) -> bytes:
    """Draw a figure in the project's style, without a date or a version in the file."""
    with style.context(["default", dict(STYLE)]), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; predictions.csv has it whole.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        stream = io.BytesIO()
        make().savefig(stream, format="png", metadata={"Software": None})
        return stream.getvalue()


def subtitle(evaluation: Evaluation) -> str:
    """Say of which model and of how many images a picture is."""
    overall = evaluation.overall
    of_split = f", split {evaluation.split}" if evaluation.split else ""
    return f"{evaluation.model}{of_split}, n = {overall.images:,} ({overall.cracked:,} cracked)"


def confusion(evaluation: Evaluation) -> Figure:
    """Draw what was called what, as counts and as fractions of each label."""
    figure, axes = _titled(f"Confusion matrix at threshold {evaluation.overall.threshold:g}", evaluation)
    found = evaluation.overall.confusion
    counts = np.array(
        [[found.true_positives, found.false_negatives], [found.false_positives, found.true_negatives]]
    )
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1.25)
    for (row, col), count in np.ndenumerate(counts):
        text = f"{count:,}\n{fractions[row, col] * 100:.2f} % of {counts[row].sum():,}"
        dark = fractions[row, col] > 0.6
        axes.text(col, row, text, ha="center", va="center", fontsize=14, color="white" if dark else "black")
    axes.set_xticks([0, 1], ["crack", "no-crack"])
    axes.set_yticks([0, 1], ["crack", "no-crack"], rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="label")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def roc(evaluation: Evaluation) -> Figure:
    """Draw recall against false alarms, for each source and for all; enlarged where it hugs the corner."""
    figure, axes = _titled("ROC curve", evaluation)
    lines = _lines(evaluation)
    if not lines:
        return _no_curve(figure, axes)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    _draw_roc(axes, lines)
    axes.set(xlabel="false alarms among uncracked images", ylabel="recall among cracked images")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right")
    if (lines[-1].metrics.figures["roc_auc"].value or 0) > NEARLY_PERFECT:
        corner = axes.inset_axes((0.4, 0.42, 0.56, 0.42), xlim=(-0.002, 0.07), ylim=(0.85, 1.005))
        _draw_roc(corner, lines)
        corner.set_title("the corner, enlarged", fontsize=9)
        corner.tick_params(labelsize=8)
        axes.indicate_inset_zoom(corner, edgecolor=GREY)
    return figure


def precision_recall(evaluation: Evaluation) -> Figure:
    """Draw precision against recall, for each source and for all."""
    figure, axes = _titled("Precision and recall", evaluation)
    lines = _lines(evaluation)
    if not lines:
        return _no_curve(figure, axes)
    for name, colour, line, metrics in lines:
        label = f"{name}: average {metrics.figures['average_precision'].text(3)}"
        axes.step(line.recall, line.precision, where="pre", color=colour, label=label)
    _mark_threshold(axes, lines[-1], x="recall", y="precision")
    base = evaluation.overall.cracked / evaluation.overall.images
    axes.axhline(base, color=GREY, linewidth=1, linestyle=":", label=f"chance: {base:.3f}")
    axes.set(xlabel="recall among cracked images", ylabel="precision among images called cracked")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.legend(loc="lower left")
    return figure


def reliability(evaluation: Evaluation) -> Figure:
    """Draw what was foretold against what was so, and how many images stand behind each point."""
    bins = calibration_bins(*answers(evaluation.assessed))
    figure = Figure()
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    error = evaluation.overall.figures["calibration_error"].text(4)
    axes.set_title(f"Reliability: calibration error {error}\n{subtitle(evaluation)}")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="perfectly calibrated")
    _draw_bins(axes, bins)
    axes.set(ylabel="fraction that is cracked", xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right")
    probabilities = answers(evaluation.assessed)[1]
    counts.hist(probabilities, bins=CALIBRATION_BINS, range=(0, 1), color=BLUE, rwidth=0.92, log=True)
    counts.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    counts.yaxis.set_minor_formatter(NullFormatter())
    counts.set(xlabel="probability of a crack", ylabel="images", ylim=(0.5, None))
    return figure


def _titled(what: str, evaluation: Evaluation) -> tuple[Figure, "Axes"]:
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_title(f"{what}\n{subtitle(evaluation)}")
    return figure, axes


def _lines(evaluation: Evaluation) -> list[Line]:
    """Return a curve for each source that has both labels, and last the one of all images."""
    lines = []
    if len(evaluation.by_data) > 1:
        for number, (data, metrics) in enumerate(evaluation.by_data.items()):
            of_data = [prediction for prediction in evaluation.assessed if prediction.example.data == data]
            lines += _line(data, SOURCE_COLOURS[number % len(SOURCE_COLOURS)], of_data, metrics)
    return lines + _line("all", BLUE, evaluation.assessed, evaluation.overall)


def _line(name: str, colour: str, assessed: Sequence[Prediction], metrics: Metrics) -> list[Line]:
    if not 0 < metrics.cracked < metrics.images:
        return []
    return [Line(name, colour, curve(*answers(assessed)), metrics)]


def _draw_roc(axes: "Axes", lines: Sequence[Line]) -> None:
    axes.axvline(FALSE_ALARM_RATE, color=GREY, linewidth=1, linestyle="--", label="5 % false alarms")
    for name, colour, line, metrics in lines:
        label = f"{name}: area {metrics.figures['roc_auc'].text(3)}"
        axes.step(line.false_alarm_rate, line.recall, where="post", color=colour, label=label)
    _mark_threshold(axes, lines[-1], x="false_alarm_rate", y="recall")


def _mark_threshold(axes: "Axes", line: Line, *, x: str, y: str) -> None:
    threshold = line.metrics.threshold
    at = int(np.flatnonzero(line.curve.thresholds >= threshold)[-1])
    point = getattr(line.curve, x)[at], getattr(line.curve, y)[at]
    axes.plot(*point, "o", color=ORANGE, label=f"threshold {threshold:g}", zorder=3)


def _draw_bins(axes: "Axes", bins: Sequence[CalibrationBin]) -> None:
    foretold = np.array([held.probability for held in bins])
    cracked = np.array([held.cracked for held in bins])
    low, high = np.array([held.low for held in bins]), np.array([held.high for held in bins])
    axes.errorbar(
        foretold,
        cracked,
        yerr=np.maximum(0, (cracked - low, high - cracked)),
        fmt="o",
        color=BLUE,
        ecolor=BLUE,
        elinewidth=1,
        capsize=2,
        label=f"images in {CALIBRATION_BINS} bins of equal width, 95 % (Wilson)",
    )


def _no_curve(figure: Figure, axes: "Axes") -> Figure:
    axes.text(
        0.5, 0.5, "All images have the same label:\nthere is no curve.", ha="center", va="center", fontsize=13
    )
    axes.set_axis_off()
    return figure
