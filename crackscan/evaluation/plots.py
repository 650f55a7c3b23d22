"""Plots of an evaluation as PNG files; the same evaluation gives the same bytes."""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crackscan.basics.errors import MissingExtra
from crackscan.evaluation.evaluate import Evaluation, Prediction, labels_and_probabilities
from crackscan.evaluation.metrics import CalibrationBin, Curve, Metrics, calibration_bins, trace_curve
from crackscan.evaluation.ranking import CALIBRATION_BINS, FALSE_ALARM_RATE

try:
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter
except ImportError:
    raise MissingExtra('The pictures need matplotlib; install "crackscan[evaluate]".') from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#1f5fa8", "#d9622b", "#8a8f98"  # distinct for colour-blind readers and in print
DATASET_COLOURS = ("#2a9d8f", "#8e5ea2", "#c79a00", "#6b4f3a", "#4fa3d1", "#a33b5c")
STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "figure.figsize": (6.4, 6.0),
        "figure.dpi": 150,
        "savefig.dpi": 150,
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",  # part of matplotlib, so that plots are the same on every machine
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
        "text.parse_math": False,  # a $ in a name is not a formula
    }
)
NEARLY_PERFECT = 0.98  # a ROC curve with a larger area is only visible in an enlargement


class Line(NamedTuple):
    """The curve of one dataset, or of all images."""

    name: str
    colour: str
    curve: Curve
    metrics: Metrics


def curve_pictures(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the PNG of the confusion matrix and of each curve."""
    yield "confusion.png", render_png(lambda: draw_confusion(evaluation))
    yield "roc.png", render_png(lambda: draw_roc(evaluation))
    yield "precision_recall.png", render_png(lambda: draw_precision_recall(evaluation))
    yield "reliability.png", render_png(lambda: draw_reliability(evaluation))


def render_png(draw: Callable[[], Figure]) -> bytes:
    """Render a figure in the project's style, without a date or a version in the file."""
    with style.context(["default", dict(STYLE)]), warnings.catch_warnings():
        # the font lacks some scripts and draws boxes instead; predictions.csv has the complete name
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        stream = io.BytesIO()
        draw().savefig(stream, format="png", metadata={"Software": None})
        return stream.getvalue()


def describe_evaluation(evaluation: Evaluation) -> str:
    """Return the model and the number of images as a subtitle."""
    overall = evaluation.overall
    split = f", split {evaluation.split}" if evaluation.split else ""
    return f"{evaluation.model}{split}, n = {overall.images:,} ({overall.cracked:,} cracked)"


def draw_confusion(evaluation: Evaluation) -> Figure:
    """Draw the confusion matrix, as counts and as fractions of each label."""
    figure, axes = _titled_axes(f"Confusion matrix at threshold {evaluation.overall.threshold:g}", evaluation)
    matrix = evaluation.overall.confusion
    counts = np.array(
        [[matrix.true_positives, matrix.false_negatives], [matrix.false_positives, matrix.true_negatives]]
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


def draw_roc(evaluation: Evaluation) -> Figure:
    """Draw the ROC curves of each dataset and of all images; nearly perfect ones are also enlarged."""
    figure, axes = _titled_axes("ROC curve", evaluation)
    lines = _lines(evaluation)
    if not lines:
        return _write_no_curve(figure, axes)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    _draw_roc(axes, lines)
    axes.set(xlabel="false alarms among uncracked images", ylabel="recall among cracked images")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right")
    if (lines[-1].metrics.figures["roc_auc"].value or 0) > NEARLY_PERFECT:
        corner = axes.inset_axes((0.4, 0.42, 0.56, 0.42), xlim=(-0.002, 0.07), ylim=(0.85, 1.005))
        _draw_roc(corner, lines)
        corner.set_title("corner, enlarged", fontsize=9)
        corner.tick_params(labelsize=8)
        axes.indicate_inset_zoom(corner, edgecolor=GREY)
    return figure


def draw_precision_recall(evaluation: Evaluation) -> Figure:
    """Draw the precision-recall curves of each dataset and of all images."""
    figure, axes = _titled_axes("Precision and recall", evaluation)
    lines = _lines(evaluation)
    if not lines:
        return _write_no_curve(figure, axes)
    for name, colour, line, metrics in lines:
        label = f"{name}: average precision {metrics.figures['average_precision'].text(3)}"
        axes.step(line.recall, line.precision, where="pre", color=colour, label=label)
    _mark_threshold(axes, lines[-1], x="recall", y="precision")
    base = evaluation.overall.cracked / evaluation.overall.images
    axes.axhline(base, color=GREY, linewidth=1, linestyle=":", label=f"chance: {base:.3f}")
    axes.set(xlabel="recall among cracked images", ylabel="precision among images called cracked")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.legend(loc="lower left")
    return figure


def draw_reliability(evaluation: Evaluation) -> Figure:
    """Draw predicted probability against observed frequency, and the number of images in each bin."""
    bins = calibration_bins(*labels_and_probabilities(evaluation.assessed))
    figure = Figure()
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    error = evaluation.overall.figures["calibration_error"].text(4)
    axes.set_title(f"Reliability: calibration error {error}\n{describe_evaluation(evaluation)}")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="perfectly calibrated")
    _draw_bins(axes, bins)
    axes.set(ylabel="fraction of cracked images", xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left")
    probabilities = labels_and_probabilities(evaluation.assessed)[1]
    counts.hist(probabilities, bins=CALIBRATION_BINS, range=(0, 1), color=BLUE, rwidth=0.92, log=True)
    counts.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    counts.yaxis.set_minor_formatter(NullFormatter())
    counts.set(xlabel="probability of a crack", ylabel="images", ylim=(0.5, None))
    return figure


def _titled_axes(title: str, evaluation: Evaluation) -> tuple[Figure, "Axes"]:
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_title(f"{title}\n{describe_evaluation(evaluation)}")
    return figure, axes


def _lines(evaluation: Evaluation) -> list[Line]:
    """Return the curve of each dataset that has both classes, and last the curve of all images."""
    lines = []
    if len(evaluation.by_data) > 1:
        for number, (dataset, metrics) in enumerate(evaluation.by_data.items()):
            colour = DATASET_COLOURS[number % len(DATASET_COLOURS)]
            members = [item for item in evaluation.assessed if item.example.data == dataset]
            lines += _make_line(dataset, colour, members, metrics)
    return lines + _make_line("all", BLUE, evaluation.assessed, evaluation.overall)


def _make_line(name: str, colour: str, assessed: Sequence[Prediction], metrics: Metrics) -> list[Line]:
    if not 0 < metrics.cracked < metrics.images:
        return []
    return [Line(name, colour, trace_curve(*labels_and_probabilities(assessed)), metrics)]


def _draw_roc(axes: "Axes", lines: Sequence[Line]) -> None:
    axes.axvline(FALSE_ALARM_RATE, color=GREY, linewidth=1, linestyle="--", label="5 % false alarms")
    for name, colour, line, metrics in lines:
        label = f"{name}: area {metrics.figures['roc_auc'].text(3)}"
        axes.step(line.false_alarm_rate, line.recall, where="post", color=colour, label=label)
    _mark_threshold(axes, lines[-1], x="false_alarm_rate", y="recall")


def _mark_threshold(axes: "Axes", line: Line, *, x: str, y: str) -> None:
    threshold = line.metrics.threshold
    index = int(np.flatnonzero(line.curve.thresholds >= threshold)[-1])
    point = getattr(line.curve, x)[index], getattr(line.curve, y)[index]
    axes.plot(*point, "o", color=ORANGE, label=f"threshold {threshold:g}", zorder=3)


def _draw_bins(axes: "Axes", bins: Sequence[CalibrationBin]) -> None:
    predicted = np.array([item.probability for item in bins])
    cracked = np.array([item.cracked for item in bins])
    low, high = np.array([item.low for item in bins]), np.array([item.high for item in bins])
    axes.errorbar(
        predicted,
        cracked,
        yerr=np.maximum(0, (cracked - low, high - cracked)),
        fmt="o",
        color=BLUE,
        ecolor=BLUE,
        elinewidth=1,
        capsize=2,
        label=f"{CALIBRATION_BINS} bins of equal width, with 95 % intervals (Wilson)",
    )


def _write_no_curve(figure: Figure, axes: "Axes") -> Figure:
    text = "All images have the same label:\nthere is no curve."
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=13)
    axes.set_axis_off()
    return figure
