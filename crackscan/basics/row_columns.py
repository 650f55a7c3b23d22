"""Rows as columns: what the rows of some Work hold, without an object for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, Self

import numpy as np

from crackscan.basics.arrays import Float64s, Indices
from crackscan.basics.records import REVIEW_COLUMNS, Result, ReviewedResult, Work

FIELDS = tuple(Result.__dataclass_fields__)
_VALUES = attrgetter(*FIELDS)


class JudgedTiles(NamedTuple):
    """The judged tiles of photos, row after row."""

    counts: Indices  # of each row, shape (rows,)
    windows: Indices  # col, row, width and height, px; shape (tiles, 4)
    probabilities: Float64s  # 0..1, shape (tiles,)


NO_TILES = JudgedTiles(np.zeros(0, np.int64), np.zeros((0, 4), np.int64), np.zeros(0))


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Rows of some Work in plan order; `values` has a column for each field of a (reviewed) Result."""

    works: Sequence[Work]
    counts: Sequence[int]  # rows of each Work
    values: Mapping[str, Sequence[Any]]  # inner tuples may be lists, as JSON has them
    tiles: JudgedTiles

    @classmethod
    def of_results(cls, works: Sequence[Work], rows: Sequence[Result]) -> Self:
        """Return the columns of rows, each with its Work."""
        values: dict[str, Sequence[Any]] = dict(
            zip(FIELDS, zip(*map(_VALUES, rows), strict=True), strict=True)
        )
        if any(isinstance(row, ReviewedResult) for row in rows):
            values |= {name: [getattr(row, name, None) for row in rows] for name in REVIEW_COLUMNS}
        return cls(works, [1] * len(rows), values, judged_tiles(values["judged"]))

    def __len__(self) -> int:
        return len(self.values["source"])

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self.values[name]

    def numbers(self, name: str) -> Float64s:
        """Return a column of numbers, float64, shape (rows,); what is unknown is NaN."""
        values = self.values[name]
        if values.count(None) == len(values):  # many columns are empty
            return np.full(len(values), np.nan)
        return np.array(values, np.float64)

    def windows(self) -> Float64s:
        """Return col, row, width and height of each row, float64, shape (rows, 4); NaN is none."""
        return np.stack([self.numbers(name) for name in ("col", "row", "width", "height")], axis=1)


def judged_tiles(judged: Sequence[Sequence[Any]]) -> JudgedTiles:
    """Return the tiles of rows, given as (window, probability) for each tile.

    Raises: ValueError, TypeError, OverflowError: a window or a probability is damaged.
    """
    counts = np.fromiter(map(len, judged), np.int64, len(judged))
    if not counts.any():
        return JudgedTiles(counts, np.zeros((0, 4), np.int64), np.zeros(0))
    windows, probabilities = list[Indices](), list[Any]()
    known: list[Any] = []
    for tiles in judged:
        here = [window for window, _ in tiles]
        if here and here != known:  # photos of one size have the same windows, which are read once
            known, shared = here, _window_numbers(here)
        if here:
            windows.append(shared)
            probabilities += [probability for _, probability in tiles]
    if not set(map(type, probabilities)) <= {int, float}:
        raise ValueError("a probability is damaged")
    return JudgedTiles(counts, np.concatenate(windows), np.array(probabilities, np.float64))


def _window_numbers(windows: Sequence[Any]) -> Indices:
    numbers = list(chain.from_iterable(windows))
    if set(map(len, windows)) != {4} or set(map(type, numbers)) != {int}:
        raise ValueError("a window is damaged")
    return np.array(numbers, np.int64).reshape(-1, 4)
