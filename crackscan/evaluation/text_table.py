"""A table for the console."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; the first column names the row, the others have numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
