"""The picture of a training: loss and accuracy at each validation."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from crackscan.evaluation.plots import BLUE, ORANGE, render_png

Row = dict[str, Any]


def draw_curves(history: Sequence[Row], *, best: int) -> bytes:
    """Draw the history of a fine-tuning as a PNG.

    best: the validation whose weights the model has.
    """
    return render_png(lambda: _curves(history, best))


def _curves(history: Sequence[Row], best: int) -> Figure:
    figure = Figure(figsize=(9.0, 3.8))
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for column, title, colour in ((name, "training", ORANGE), (f"val_{name}", "validation", BLUE)):
            points = [(row["check"], row[column]) for row in history if row.get(column) is not None]
            axes.plot(*zip(*points, strict=True) if points else ((), ()), "o-", color=colour, label=title)
        axes.axvline(best, color="0.5", linestyle=":", label="kept")
        axes.set(title=name, xlabel="validation (0: the head alone)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    return figure
