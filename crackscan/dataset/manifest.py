"""CSV manifests of labelled images: path, label and, optionally, group and split."""

from pathlib import Path, PurePath

from crackscan.basics.errors import BadData, NoInputs
from crackscan.dataset.class_names import ClassNames, label_of
from crackscan.dataset.csv_files import Row, read_csv
from crackscan.dataset.records import SPLITS, Example, Split, UngroupedExample

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
_LINES_NAMED = 3  # by the error for missing files


def read_manifest(path: Path, dataset: str, names: ClassNames) -> list[UngroupedExample]:
    """Read the rows of a manifest; its paths are relative to its folder.

    Raises:
        BadData: a column, a file, a label or a split is missing or not understood; names the line.
        NoInputs: the manifest has no row.
    """
    columns, rows = read_csv(path)
    _check_columns(path, columns)
    if not rows:
        raise NoInputs(f"{path.name}: the manifest has no rows.")
    _check_files(path, rows)
    positive = names.find_positive(row.values["label"] for row in rows)
    return [_parse_row(path, row, dataset, positive) for row in rows]


def _check_columns(path: Path, columns: list[str]) -> None:
    if missing := sorted({"path", "label"} - set(columns)):
        present = ", ".join(columns) or "nothing"
        raise BadData(
            f"{path.name}, line 1: no column {' and '.join(missing)}, found {present}; "
            "a manifest has the columns path,label[,group][,split], corrected labels have data,source,label."
        )


def _check_files(path: Path, rows: list[Row]) -> None:
    missing = [row for row in rows if not (path.parent / row.values["path"]).is_file()]
    if missing:
        named = ", ".join(f"line {row.line} {row.values['path']!r}" for row in missing[:_LINES_NAMED])
        raise BadData(
            f"{path.name}: {len(missing):,} of its {len(rows):,} files do not exist ({named}); "
            "paths are relative to the manifest's folder."
        )


def _parse_row(manifest: Path, row: Row, dataset: str, positive: str | None) -> UngroupedExample:
    location, source = f"{manifest.name}, line {row.line}", PurePath(row.values["path"])
    label = label_of(row.values["label"], positive)
    if label is None:
        raise BadData(
            f"{location}: label {row.values['label']!r}; use crack and no-crack, 1 and 0, true and false or "
            "positive and negative, or name the label of the cracks with --positive."
        )
    split = row.values.get("split", "").lower()
    if split not in _SPLITS:
        raise BadData(f"{location}: split {split!r}; use {', '.join(SPLITS)}, or leave it empty.")
    example = Example(
        str(manifest.parent / source), source.as_posix(), label, split=_SPLITS[split], data=dataset
    )
    return UngroupedExample(example, row.values["label"], source.parts[:-1], tuple(row.values.items()))
