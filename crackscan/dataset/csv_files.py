"""Reading CSVs as spreadsheets save them: with commas or semicolons, names in any case, spaces around."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from crackscan.basics.errors import BadData, NoInputs


class Row(NamedTuple):
    """A row with at least one value."""

    line: int  # of the file, for messages
    values: dict[str, str]  # by column name in lower case; "" where the row is too short


def read_columns(path: Path) -> list[str]:
    """Return the column names; an empty file has none.

    Raises: as `read_csv`.
    """
    with _open_csv(path) as (columns, _):
        return columns


def read_csv(path: Path) -> tuple[list[str], list[Row]]:
    """Return the column names (an empty file has none) and the rows.

    Raises:
        BadData: the file is not UTF-8, or not a CSV.
        NoInputs: the file cannot be opened.
    """
    with _open_csv(path) as (columns, reader):
        rows = [
            Row(reader.line_num, dict(zip(columns, _pad(cells, len(columns)), strict=False)))
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
        return columns, rows


@contextmanager
def _open_csv(path: Path) -> Iterator[tuple[list[str], Any]]:
    """Give the column names, and a reader of the csv module at the first row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            delimiter = (
                ";" if header.count(";") > header.count(",") else ","
            )  # some locales export semicolons
            reader = csv.reader(file, delimiter=delimiter)
            yield [name.strip().lower() for name in next(reader, [])], reader
    except UnicodeDecodeError as error:
        raise BadData(f"{path.name}: not UTF-8 text; save it as CSV UTF-8.") from error
    except csv.Error as error:
        raise BadData(f"{path.name}, line {reader.line_num}: not a valid CSV ({error}).") from error
    except OSError as error:
        raise NoInputs(f"{path}: the CSV cannot be opened ({error.strerror}).") from error


def _pad(cells: list[str], count: int) -> list[str]:
    return [cell.strip() for cell in cells] + [""] * (count - len(cells))
