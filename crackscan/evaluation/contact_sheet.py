"""The worst errors side by side, with what the model made of them: what a person looks at first."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from crackscan.errors import Unreadable
from crackscan.evaluation.judging import Evaluation, Prediction
from crackscan.evaluation.plots import GREY, subtitle
from crackscan.reading import read_tile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 6
EACH = 12  # misses, and as many false alarms: two rows of either
TILE_PX = 224  # as the model sees them, or nearly
NAME_LENGTH = 30  # characters that fit under a tile
CELL = (1.9, 2.2)  # inches, with the words


def contact_sheet(evaluation: Evaluation) -> Figure:
    """Draw the most confident misses and false alarms."""
    errors = evaluation.errors
    misses = [error for error in errors if error.example.label]
    alarms = [error for error in errors if not error.example.label]
    sections = [("Missed cracks", misses), ("False alarms", alarms)]
    rows = [max(1, -(-len(shown[:EACH]) // COLUMNS)) for _, shown in sections]
    figure = Figure(figsize=(COLUMNS * CELL[0], sum(rows) * CELL[1] + 1.4), layout="constrained")
    figure.suptitle(
        f"The most confident errors at threshold {evaluation.overall.threshold:g}\n{subtitle(evaluation)}"
    )
    grid = figure.add_gridspec(len(sections), 1, height_ratios=rows)
    for place, ((name, shown), height) in enumerate(zip(sections, rows, strict=True)):
        part = figure.add_subfigure(grid[place])
        part.suptitle(_heading(name, shown), x=0.01, ha="left", fontweight="bold", fontsize=11)
        cells = part.subplots(height, COLUMNS, squeeze=False).ravel()
        for cell in cells:
            cell.set_axis_off()
        for cell, error in zip(cells, shown[:EACH], strict=False):
            _draw_tile(cell, error)
    return figure


def _heading(name: str, errors: Sequence[Prediction]) -> str:
    if not errors:
        return f"{name}: none"
    return f"{name}: {len(errors):,}" + (f", the worst {EACH}" if len(errors) > EACH else "")


def _draw_tile(cell: "Axes", error: Prediction) -> None:
    window = error.example.window or error.result.window
    try:
        cell.imshow(read_tile(error.example.path, window, input_px=TILE_PX), interpolation="none")
    except Unreadable as fault:  # it could be read a minute ago
        cell.text(0.5, 0.5, str(fault), ha="center", va="center", color=GREY, fontsize=7, wrap=True)
    words = f"{error.result.probability:.3f}\n{_name(error)}"
    cell.text(0.5, -0.03, words, ha="center", va="top", fontsize=7, transform=cell.transAxes)


def _name(error: Prediction) -> str:
    source, window = error.example.source, error.example.window
    place = f" ({window.col}, {window.row})" if window else ""
    name = source if len(source) + len(place) <= NAME_LENGTH else PurePosixPath(source).name
    return name[-(NAME_LENGTH - len(place)) :] + place
