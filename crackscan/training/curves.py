"""The picture of a training: loss and accuracy at each check of each restart."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crackscan.evaluation.plots import BLUE, ORANGE, png

Row = dict[str, Any]


def draw_curves(history: Sequence[Row], *, kept: float) -> bytes:
    """Draw the history of a fine-tuning as a PNG.

    kept: the validation loss of the weights that the model has.
    """
    return png(lambda: _curves(history, kept))


def _curves(history: Sequence[Row], kept: float) -> Figure:
    figure = Figure(figsize=(9.0, 3.8))
    loss, accuracy = figure.subplots(1, 2)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        for column, title, colour in ((name, "training", ORANGE), (f"val_{name}", "validation", BLUE)):
            _lines(axes, history, column, colour, title)
        axes.set(title=name, xlabel="check (0: before fine-tuning)")
        axes.xaxis.get_major_locator().set_params(integer=True)
    loss.axhline(kept, color="0.5", linestyle=":", label="validation, of what is kept")
    for axes in (loss, accuracy):
        axes.legend()
    return figure


def _lines(axes: Axes, history: Sequence[Row], column: str, colour: str, title: str) -> None:
    """Draw one line for each restart; the first stands for all in the legend."""
    for place, restart in enumerate(dict.fromkeys(row["restart"] for row in history)):
        points = [
            (row["check"], row[column])
            for row in history
            if row["restart"] == restart and "check" in row and row.get(column) is not None
        ]
        line = zip(*points, strict=True) if points else ((), ())
        axes.plot(*line, "o-", color=colour, label=None if place else title)
