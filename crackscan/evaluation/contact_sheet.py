"""The worst errors side by side, with what the model made of them: what a person looks at first."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

from matplotlib.figure import Figure

from crackscan.evaluation.evaluate import Evaluation, Prediction
from crackscan.evaluation.plots import subtitle
from crackscan.evaluation.sheet import GAP, TILE, TILE_PX, XY, Sheet
from crackscan.reading import read_tile

COLUMNS = 6
EACH = 12  # misses, and as many false alarms: two rows of either; of several sources one row
NAME_LENGTH = 26  # characters that fit under a tile
HEAD, HEADING, CAPTION = 0.6, 0.35, 0.38  # inches: of the page, above a section, under a tile


class Section(NamedTuple):
    """Errors of one kind, the worst first."""

    heading: str
    shown: Sequence[Prediction]

    @property
    def height(self) -> float:
        """Inches that it takes."""
        return HEADING + -(-len(self.shown) // COLUMNS) * (TILE + CAPTION)


def contact_sheet(evaluation: Evaluation) -> Figure:
    """Draw the most confident misses and false alarms; of several sources, a row of each."""
    sections = list(_sections(evaluation))
    height = HEAD + sum(section.height for section in sections)
    sheet = Sheet(GAP + COLUMNS * (TILE + GAP), height)
    title = f"The most confident errors at threshold {evaluation.overall.threshold:g}"
    sheet.write((GAP, GAP), f"{title}\n{subtitle(evaluation)}", fontsize=10)
    top = HEAD
    for section in sections:
        sheet.write((GAP, top + GAP), section.heading, fontsize=10, fontweight="bold")
        for number, error in enumerate(section.shown):
            row, column = divmod(number, COLUMNS)
            place = (GAP + column * (TILE + GAP), top + HEADING + row * (TILE + CAPTION))
            _draw_error(sheet, place, error)
        top += section.height
    return sheet.figure


def _sections(evaluation: Evaluation) -> Iterator[Section]:
    sources = list(evaluation.by_data)
    most = EACH if len(sources) == 1 else COLUMNS
    for data in sources:
        for label, what in ((True, "Missed cracks"), (False, "False alarms")):
            name = what if len(sources) == 1 else f"{data}: {what.lower()}"
            errors = [e for e in evaluation.errors if (e.example.data, e.example.label) == (data, label)]
            yield Section(_heading(name, len(errors), most), errors[:most])


def _heading(name: str, errors: int, most: int) -> str:
    if not errors:
        return f"{name}: none"
    return f"{name}: {errors:,}" + (f", the worst {most}" if errors > most else "")


def _draw_error(sheet: Sheet, place: XY, error: Prediction) -> None:
    window = error.example.window or error.result.window
    sheet.show(place, partial(read_tile, error.example.path, window, input_px=TILE_PX))
    x, y = place
    sheet.write((x, y + TILE + 0.03), f"{error.result.probability:.3f}\n{_name(error)}", fontsize=7)


def _name(error: Prediction) -> str:
    source, window = error.example.source, error.example.window
    place = f" ({window.col}, {window.row})" if window else ""
    name = source if len(source) + len(place) <= NAME_LENGTH else PurePosixPath(source).name
    return name[-(NAME_LENGTH - len(place)) :] + place
