"""A page with the most confident errors and their probabilities: what a person looks at first."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

from matplotlib.figure import Figure

from crackscan.evaluation.evaluate import Evaluation, Prediction
from crackscan.evaluation.plots import describe_evaluation
from crackscan.evaluation.sheet import GAP, TILE, TILE_PX, XY, Sheet
from crackscan.reading import read_tile

COLUMNS = 6
MAX_ERRORS = 12  # of each kind, misses and false alarms: two rows; with several datasets one row
NAME_LENGTH = 26  # characters that fit under a tile
HEAD, HEADING, CAPTION = 0.6, 0.35, 0.38  # inches: of the page, above a section, under a tile


class Section(NamedTuple):
    """Errors of one kind, the most confident first."""

    heading: str
    errors: Sequence[Prediction]

    @property
    def height(self) -> float:
        """The height in inches."""
        return HEADING + -(-len(self.errors) // COLUMNS) * (TILE + CAPTION)


def draw_contact_sheet(evaluation: Evaluation) -> Figure:
    """Draw the most confident misses and false alarms; with several datasets, one row of each."""
    sections = list(_sections(evaluation))
    height = HEAD + sum(section.height for section in sections)
    sheet = Sheet(GAP + COLUMNS * (TILE + GAP), height)
    title = f"The most confident errors at threshold {evaluation.overall.threshold:g}"
    sheet.write((GAP, GAP), f"{title}\n{describe_evaluation(evaluation)}", fontsize=10)
    top = HEAD
    for section in sections:
        sheet.write((GAP, top + GAP), section.heading, fontsize=10, fontweight="bold")
        for number, error in enumerate(section.errors):
            row, column = divmod(number, COLUMNS)
            xy = (GAP + column * (TILE + GAP), top + HEADING + row * (TILE + CAPTION))
            _draw_error(sheet, xy, error)
        top += section.height
    return sheet.figure


def _sections(evaluation: Evaluation) -> Iterator[Section]:
    datasets = list(evaluation.by_data)
    most = MAX_ERRORS if len(datasets) == 1 else COLUMNS
    for dataset in datasets:
        for label, kind in ((True, "Missed cracks"), (False, "False alarms")):
            title = kind if len(datasets) == 1 else f"{dataset}: {kind.lower()}"
            errors = [
                error
                for error in evaluation.errors
                if (error.example.data, error.example.label) == (dataset, label)
            ]
            yield Section(_format_heading(title, len(errors), most), errors[:most])


def _format_heading(title: str, errors: int, most: int) -> str:
    if not errors:
        return f"{title}: none"
    return f"{title}: {errors:,}" + (f", the worst {most} shown" if errors > most else "")


def _draw_error(sheet: Sheet, xy: XY, error: Prediction) -> None:
    window = error.example.window or error.result.window
    sheet.show(xy, partial(read_tile, error.example.path, window, input_px=TILE_PX))
    x, y = xy
    sheet.write((x, y + TILE + 0.03), f"{error.result.probability:.3f}\n{_short_name(error)}", fontsize=7)


def _short_name(error: Prediction) -> str:
    source, window = error.example.source, error.example.window
    corner = f" ({window.col}, {window.row})" if window else ""
    name = source if len(source) + len(corner) <= NAME_LENGTH else PurePosixPath(source).name
    return name[-(NAME_LENGTH - len(corner)) :] + corner
