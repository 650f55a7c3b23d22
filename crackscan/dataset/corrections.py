"""Labels that a person corrected: a CSV of data, source and label, given beside the DATA that it corrects.

`predictions.csv` of `crackscan evaluate` has these columns: a copy of it, with the labels put right, will do.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import BadData
from crackscan.dataset.class_names import label_of
from crackscan.dataset.csv_files import Row, read_columns, read_csv
from crackscan.dataset.records import Example, FoundImages, Problem, problems

COLUMNS = ("data", "source", "label")  # and col and row, for one tile of an image with a mask

_Image = tuple[str, str]  # DATA and source
_Corner = tuple[str, str]  # of a tile, as the CSV has it


class _Label(NamedTuple):
    where: str  # the file and line that say so
    cracked: bool


class Corrections:
    """Labels that hold in place of those that the DATA give."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read them all.

        Raises:
            BadData: a label is not understood, or two rows contradict each other; says the line.
            NoInputs: a file cannot be opened.
        """
        self._labels: dict[_Image, dict[_Corner, _Label]] = {}
        self._used: set[str] = set()  # which lines
        self._changed: list[str] = []
        self._files = ", ".join(path.name for path in paths)
        for path in paths:
            for row in read_csv(path)[1]:
                self._add(f"{path.name}, line {row.line}", row)

    def correct(self, found: Sequence[FoundImages]) -> list[FoundImages]:
        """Return what was found in one DATA with the labels that hold."""
        return [replace(one, example=self._corrected(one.example)) for one in found]

    def problems(self, given: Sequence[str]) -> tuple[Problem, ...]:
        """Return what was corrected, and what was not as its DATA is not among those given.

        Raises:
            BadData: a DATA that is given has no such image, or none of the DATA is given.
        """
        unused = [
            (image, corner, label)
            for image, labels in self._labels.items()
            for corner, label in labels.items()
            if label.where not in self._used
        ]
        for (data, source), corner, label in unused:
            if data in given:
                raise BadData(f"{label.where}: {_no_such(data, source, corner)}")
        if unused and not self._used:
            named = ", ".join(dict.fromkeys(data for (data, _), *_ in unused))
            raise BadData(f"{self._files}: it has labels of {named}, and none of the DATA is of that name.")
        elsewhere = ["/".join(image) for image, *_ in unused]
        return (
            *problems(f"labels corrected by {self._files}", self._changed),
            *problems(f"labels in {self._files} of data that is not given, ignored", elsewhere),
        )

    def _add(self, where: str, row: Row) -> None:
        cracked = label_of(row.values["label"])
        if cracked is None:
            raise BadData(f"{where}: label {row.values['label']!r}; use crack and no-crack.")
        label, corner = _Label(where, cracked), (row.values.get("col", ""), row.values.get("row", ""))
        labels = self._labels.setdefault((row.values["data"], row.values["source"]), {})
        _check_equal(labels.setdefault(corner, label), label)

    def _corrected(self, example: Example) -> Example:
        labels = self._labels.get((example.data, example.source), {})
        if example.window:
            corner = str(example.window.col), str(example.window.row)
            labels = {corner: labels[corner]} if corner in labels else {}
        if not labels:
            return example
        first, *others = labels.values()  # of a whole image, whose row may show where its crack is
        for other in others:
            _check_equal(first, other)
        self._used.update(label.where for label in labels.values())
        if first.cracked == example.label:
            return example
        self._changed.append(example.name)
        return replace(example, label=first.cracked, relabelled=True)


def is_corrections(path: Path) -> bool:
    """Tell whether a DATA is no images, but labels of others.

    Raises:
        BadData, NoInputs: as `read_csv`.
    """
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    columns = read_columns(path)
    return set(COLUMNS) <= set(columns) and "path" not in columns


def _check_equal(one: _Label, other: _Label) -> None:
    if one.cracked != other.cracked:
        raise BadData(f"{other.where}: another label than in {one.where}; leave one of them out.")


def _no_such(data: str, source: str, corner: _Corner) -> str:
    if any(corner):
        return f"{data} has no tile of {source} at {','.join(corner)}."
    return f"{data} has no image {source}, or has it in tiles: these are named by the columns col and row."
