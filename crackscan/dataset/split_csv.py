"""The file split.csv: the split and fingerprint of each image, to check, repeat and respect a split."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import BadData, NotText
from crackscan.basics.records import Window
from crackscan.basics.text_files import open_lines
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
_LEARNED_FROM: tuple[Split, ...] = ("train", "validation")  # validation sets calibration and threshold


class Overlap(NamedTuple):
    """An image that a model was trained or tuned on, maybe under another name."""

    example: Example
    known: Example  # the example in split.csv
    exact: bool  # equal pixels; otherwise a near duplicate


def write_split_csv(path: Path, rows: Iterable[Fingerprinted]) -> None:
    """Write the rows in their order; the same rows give the same bytes on every machine."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row_cells(row) for row in rows)


def read_split_csv(path: Path) -> list[Fingerprinted]:
    """Read the file of `write_split_csv`; the `path` of the examples is empty, as the file does not have it.

    Raises:
        BadData: the file is not a split.csv; names the line.
    """
    try:
        with open_lines(path) as lines:
            return list(_parsed_rows(path, csv.DictReader(lines)))
    except (NotText, csv.Error) as error:
        raise BadData(f"{path}: not a split.csv ({error}); it belongs to the model.") from error
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror}); it belongs to the model.") from error


def find_overlap(
    rows: Sequence[Fingerprinted],
    known: Iterable[Fingerprinted],
    *,
    splits: Collection[Split] = _LEARNED_FROM,
) -> list[Overlap]:
    """Return the images that are exact or near duplicates of images that a model has learned from.

    Args:
        rows: the images to evaluate.
        known: the rows of the model's split.csv.
        splits: the splits of `known` to compare with.
    """
    learned = [row for row in known if row.example.split in splits]
    indices = matches([row.fingerprint for row in rows], [row.fingerprint for row in learned])
    return [
        Overlap(row.example, twin.example, row.fingerprint.sha256 == twin.fingerprint.sha256)
        for row, index in zip(rows, indices, strict=True)
        if index is not None
        for twin in [learned[index]]
    ]


def _row_cells(row: Fingerprinted) -> tuple[str | int, ...]:
    example = row.example
    window = example.window or ("", "", "", "")
    split = example.split or ""
    return (
        example.data, example.source, *window, example.class_name, example.group, split, *row.fingerprint,
    )  # fmt: skip


def _parsed_rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[Fingerprinted]:
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise BadData(f"{path}, line 1: no column {', '.join(missing)}; not a split.csv of this version.")
    for cells in reader:
        try:
            yield _parse_row(cells)
        except (ValueError, TypeError) as error:
            raise BadData(f"{path}, line {reader.line_num}: {error}; the file is damaged.") from error


def _parse_row(cells: dict[str, str]) -> Fingerprinted:
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
