"""Reading CSVs as spreadsheets save them: separated by commas, semicolons or tabs, names in any case."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import BadData, NoInputs, NotText
from crackscan.basics.text_files import Table, open_lines, open_table


class Row(NamedTuple):
    """A row with at least one value."""

    line: int  # of the file, for messages
    values: dict[str, str]  # by column name in lower case; "" where the row is too short


def read_columns(path: Path) -> list[str]:
    """Return the column names; an empty file has none.

    Raises: as `read_csv`.
    """
    with _open_csv(path) as table:
        return table.columns


def read_csv(path: Path) -> tuple[list[str], list[Row]]:
    """Return the column names (an empty file has none) and the rows.

    Raises:
        BadData: the file is not text, or not a CSV.
        NoInputs: the file cannot be opened.
    """
    with _open_csv(path) as table:
        columns = table.columns
        rows = [
            Row(table.line, dict(zip(columns, _pad(cells, len(columns)), strict=False)))
            for cells in table.reader
            if any(cell.strip() for cell in cells)
        ]
        return columns, rows


@contextmanager
def _open_csv(path: Path) -> Iterator[Table]:
    """Open a table at its first row, with the column names in lower case."""
    table = None
    try:
        with open_lines(path) as lines:
            table = open_table(lines)
            yield table._replace(columns=[name.strip().lower() for name in table.columns])
    except NotText as error:
        raise BadData(f"{error}") from error
    except csv.Error as error:
        line = table.line if table else 1
        raise BadData(f"{path.name}, line {line}: not a valid CSV ({error}).") from error
    except OSError as error:
        raise NoInputs(f"{path}: the CSV cannot be opened ({error.strerror}).") from error


def _pad(cells: list[str], count: int) -> list[str]:
    return [cell.strip() for cell in cells] + [""] * (count - len(cells))
