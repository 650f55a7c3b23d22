"""A CSV manifest of labelled images: path, label and, where it has them, group and split."""

import csv
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from crackscan.dataset.class_names import ClassNames, label_of
from crackscan.dataset.labelled import SPLITS, Example, Found, Split
from crackscan.errors import BadData, NoInputs

_SPLITS: dict[str, Split | None] = {
    "": None,
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_LINES_NAMED = 3  # when files are missing


class _Row(NamedTuple):
    line: int
    values: dict[str, str]


def read_manifest(path: Path, data: str, names: ClassNames) -> list[Found]:
    """Read the rows of a manifest; paths in it are relative to it.

    Raises:
        BadData: a column, a file, a label or a split is missing or not understood; says the line.
        NoInputs: it has no row.
    """
    rows = list(_rows(path))
    if not rows:
        raise NoInputs(f"{path.name}: the manifest has no rows.")
    _check_files(path, rows)
    positive = names.positive_among(row.values["label"] for row in rows)
    return [_found(path, row, data, positive) for row in rows]


def _rows(path: Path) -> Iterator[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            delimiter = ";" if header.count(";") > header.count(",") else ","  # some locales export it so
            reader = csv.reader(file, delimiter=delimiter)
            names = _columns(path, next(reader, []))
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    padded = [cell.strip() for cell in cells] + [""] * len(names)
                    yield _Row(reader.line_num, dict(zip(names, padded, strict=False)))
    except UnicodeDecodeError as error:
        raise BadData(f"{path.name}: it is not UTF-8 text; save it as CSV UTF-8.") from error
    except OSError as error:
        raise NoInputs(f"{path}: the manifest cannot be opened ({error.strerror}).") from error


def _columns(path: Path, header: list[str]) -> list[str]:
    names = [name.strip().lower() for name in header]
    if lacking := sorted({"path", "label"} - set(names)):
        raise BadData(
            f"{path.name}, line 1: no column {' and '.join(lacking)}, found {', '.join(names) or 'nothing'}; "
            "a manifest has the columns path,label[,group][,split]."
        )
    return names


def _check_files(path: Path, rows: list[_Row]) -> None:
    missing = [row for row in rows if not (path.parent / row.values["path"]).is_file()]
    if missing:
        named = ", ".join(f"line {row.line} {row.values['path']!r}" for row in missing[:_LINES_NAMED])
        raise BadData(
            f"{path.name}: {len(missing):,} of its {len(rows):,} files are not there ({named}); "
            "paths are relative to the manifest's folder."
        )


def _found(manifest: Path, row: _Row, data: str, positive: str | None) -> Found:
    where, source = f"{manifest.name}, line {row.line}", PurePath(row.values["path"])
    label = label_of(row.values["label"], positive)
    if label is None:
        raise BadData(
            f"{where}: label {row.values['label']!r}; use crack and no-crack, 1 and 0, true and false or "
            "positive and negative, or say with --positive which label is the crack."
        )
    split = row.values.get("split", "").lower()
    if split not in _SPLITS:
        raise BadData(f"{where}: split {split!r}; use {', '.join(SPLITS)}, or leave it empty.")
    example = Example(
        str(manifest.parent / source), source.as_posix(), label, split=_SPLITS[split], data=data
    )
    return Found(example, row.values["label"], source.parts[:-1], tuple(row.values.items()))
