"""split.csv: which image went where, so that it can be checked, repeated and kept out of a test."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import BadData
from crackscan.basics.records import Window
from crackscan.dataset.fingerprints import Fingerprint, Fingerprinted, matches
from crackscan.dataset.records import SPLITS, Example, Split

SPLIT_CSV = "split.csv"  # in every model folder
COLUMNS = (
    "data",
    "source",
    "col",
    "row",
    "width",
    "height",
    "label",
    "group",
    "split",
    "sha256",
    "phash",
)
_LEARNED_FROM: tuple[Split, ...] = ("train", "validation")  # calibration and threshold come from validation


class Overlap(NamedTuple):
    """An image that a model was trained or tuned on, under whatever name."""

    example: Example
    known: Example  # as split.csv has it
    exact: bool  # equal to the pixel; else nearly


def write_split_csv(path: Path, rows: Iterable[Fingerprinted]) -> None:
    """Write the rows, in their order; the same rows are the same bytes on every machine."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(row) for row in rows)


def read_split_csv(path: Path) -> list[Fingerprinted]:
    """Read what `write_split_csv` wrote; the examples' `path` is empty, as it is known only where they lie.

    Raises:
        BadData: it is no split.csv; says the line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(_rows(path, csv.DictReader(file)))
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror}); it belongs to the model.") from error


def find_overlap(
    marked: Sequence[Fingerprinted],
    known: Iterable[Fingerprinted],
    *,
    splits: Collection[Split] = _LEARNED_FROM,
) -> list[Overlap]:
    """Return which images are the same, exactly or nearly, as some that a model has learned from.

    Args:
        marked: the images to evaluate.
        known: the rows of the model's split.csv.
        splits: those of its splits that count.
    """
    learned = [row for row in known if row.example.split in splits]
    places = matches([row.fingerprint for row in marked], [row.fingerprint for row in learned])
    return [
        Overlap(row.example, twin.example, row.fingerprint.sha256 == twin.fingerprint.sha256)
        for row, place in zip(marked, places, strict=True)
        if place is not None
        for twin in [learned[place]]
    ]


def _cells(row: Fingerprinted) -> tuple[str | int, ...]:
    example = row.example
    window = example.window or ("", "", "", "")
    split = example.split or ""
    return (
        example.data, example.source, *window, example.class_name, example.group, split, *row.fingerprint,
    )  # fmt: skip


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[Fingerprinted]:
    if lacking := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise BadData(f"{path}, line 1: no column {', '.join(lacking)}; it is no split.csv of this version.")
    for cells in reader:
        try:
            yield _row(cells)
        except (ValueError, TypeError) as error:
            raise BadData(f"{path}, line {reader.line_num}: {error}; the file is damaged.") from error


def _row(cells: dict[str, str]) -> Fingerprinted:
    if cells["label"] not in {"crack", "no-crack"} or cells["split"] not in {"", *SPLITS}:
        raise ValueError(f"label {cells['label']!r}, split {cells['split']!r}")
    corner = [cells[name] for name in ("col", "row", "width", "height")]
    example = Example(
        path="",
        source=cells["source"],
        label=cells["label"] == "crack",
        window=Window(*map(int, corner)) if any(corner) else None,
        group=cells["group"],
        split=next((split for split in SPLITS if split == cells["split"]), None),
        data=cells["data"],
    )
    return Fingerprinted(example, Fingerprint(cells["sha256"], str(bytes.fromhex(cells["phash"]).hex())))
