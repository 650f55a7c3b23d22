"""Labels that a person corrected: a CSV of data, source and label, given beside the datasets it corrects.

A copy of `predictions.csv` of `crackscan evaluate`, with corrected labels, has the right columns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import BadData
from crackscan.dataset.class_names import label_of
from crackscan.dataset.csv_files import Row, read_columns, read_csv
from crackscan.dataset.records import Example, Problem, UngroupedExample, problems

COLUMNS = ("data", "source", "label")  # and col and row, for one tile of an image with a mask
LEAVE_OUT = "leave-out"  # stands in the column label for an image whose label is doubtful

_Image = tuple[str, str]  # dataset and source
_Corner = tuple[str, str]  # of a tile: col and row as text


class _Label(NamedTuple):
    location: str  # file and line
    cracked: bool | None  # None leaves the image out


class Corrections:
    """Labels that replace those of the datasets."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read the corrections of all files.

        Raises:
            BadData: a label is not understood, or two rows contradict each other; names the line.
            NoInputs: a file cannot be opened.
        """
        self._labels: dict[_Image, dict[_Corner, _Label]] = {}
        self._used_locations: set[str] = set()
        self._changed_names: list[str] = []
        self._left_out_names: dict[str, None] = {}  # a set that keeps the order
        self._files = ", ".join(path.name for path in paths)
        for path in paths:
            for row in read_csv(path)[1]:
                self._add(f"{path.name}, line {row.line}", row)

    def correct(self, examples: Sequence[UngroupedExample]) -> list[UngroupedExample]:
        """Return the examples of one dataset with their labels corrected."""
        return [
            replace(ungrouped, example=self._correct_example(ungrouped.example)) for ungrouped in examples
        ]

    def leave_out(self, examples: Iterable[Example]) -> list[Example]:
        """Return corrected examples without those whose label is doubtful.

        It is a step after the grouping, so that blocks of images stay as they are without corrections.
        """
        return [example for example in examples if example.name not in self._left_out_names]

    def problems(self, datasets: Sequence[str]) -> tuple[Problem, ...]:
        """Return which labels were corrected, and which corrections belong to no given dataset.

        Raises:
            BadData: a given dataset lacks the image of a correction, or no correction is for a given dataset.
        """
        unused = [
            (image, corner, label)
            for image, labels in self._labels.items()
            for corner, label in labels.items()
            if label.location not in self._used_locations
        ]
        for (dataset, source), corner, label in unused:
            if dataset in datasets:
                raise BadData(f"{label.location}: {_describe_missing(dataset, source, corner)}")
        if unused and not self._used_locations:
            named = ", ".join(dict.fromkeys(dataset for (dataset, _), *_ in unused))
            raise BadData(f"{self._files}: it has labels of {named}, but no given dataset has this name.")
        ignored = ["/".join(image) for image, *_ in unused]
        return (
            *problems(f"labels corrected by {self._files}", self._changed_names),
            *problems(f"images left out by {self._files}", list(self._left_out_names)),
            *problems(f"labels in {self._files} of datasets that are not given, ignored", ignored),
        )

    def _add(self, location: str, row: Row) -> None:
        text = row.values["label"]
        cracked = label_of(text)
        if cracked is None and text.strip().casefold() != LEAVE_OUT:
            raise BadData(f"{location}: label {text!r}; use crack, no-crack or {LEAVE_OUT}.")
        label, corner = _Label(location, cracked), (row.values.get("col", ""), row.values.get("row", ""))
        labels = self._labels.setdefault((row.values["data"], row.values["source"]), {})
        _check_equal(labels.setdefault(corner, label), label)

    def _correct_example(self, example: Example) -> Example:
        labels = self._labels.get((example.data, example.source), {})
        if example.window:
            corner = str(example.window.col), str(example.window.row)
            labels = {corner: labels[corner]} if corner in labels else {}
        if not labels:
            return example
        # a whole image may have several rows: predictions.csv has the tile that gave the probability
        first, *others = labels.values()
        for other in others:
            _check_equal(first, other)
        self._used_locations.update(label.location for label in labels.values())
        if first.cracked is None:
            self._left_out_names[example.name] = None
            return example
        if first.cracked == example.label:
            return example
        self._changed_names.append(example.name)
        return replace(example, label=first.cracked, relabelled=True)


def is_corrections(path: Path) -> bool:
    """Tell whether a path is a CSV of corrected labels, not a dataset.

    Raises:
        BadData, NoInputs: as `read_csv`.
    """
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    columns = read_columns(path)
    return set(COLUMNS) <= set(columns) and "path" not in columns


def _check_equal(first: _Label, second: _Label) -> None:
    if first.cracked != second.cracked:
        raise BadData(f"{second.location}: another label than in {first.location}; remove one of them.")


def _describe_missing(dataset: str, source: str, corner: _Corner) -> str:
    if any(corner):
        return f"{dataset} has no tile of {source} at {','.join(corner)}."
    return (
        f"{dataset} has no image {source}, or has it as tiles; "
        "name a tile by the columns col and row as well."
    )
