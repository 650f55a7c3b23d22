"""Counts over all rows of a report, also those that its page has no room for."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from crackscan.basics.arrays import Bools, Float64s, Indices
from crackscan.basics.row_columns import RowColumns

STEPS = 100  # of the threshold, from 0 to 1, for which cracked rows are counted


@dataclass(slots=True)
class Totals:
    """Counts over all rows, also those that the page has no room for."""

    statuses: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    inputs: int = 0
    cracked: int = 0
    assessed_tiles: int = 0
    tile_rows: int = 0  # assessed rows that are tiles
    cracked_at: Indices = field(default_factory=lambda: np.zeros((2, STEPS + 2), np.int64))

    def add(self, rows: RowColumns, cracked_up_to: Float64s, cracked: Bools) -> None:
        """Count rows."""
        for counts, name in ((self.statuses, "status"), (self.kinds, "kind")):
            for value, count in Counter(rows[name]).items():
                counts[value] = counts.get(value, 0) + count
        self.cracked += int(cracked.sum())
        assessed = ~np.isnan(cracked_up_to)
        tiles = rows.numbers("tiles")[assessed]
        self.assessed_tiles += int(np.where(tiles > 0, tiles, 1).sum())
        is_tile = np.array([kind == "tile" for kind in rows["kind"]], bool)[assessed]
        self.tile_rows += int(is_tile.sum())
        steps = np.floor(cracked_up_to[assessed] * STEPS + 1e-6).astype(np.int64)
        np.add.at(self.cracked_at, (is_tile.astype(np.int64), steps), 1)

    def histogram(self, *, tiles_only: bool = False) -> list[int]:
        """Return how many rows each threshold 0, 0.01, ... 1 calls cracked."""
        counts = self.cracked_at[1] if tiles_only else self.cracked_at.sum(axis=0)
        return [int(count) for count in counts[::-1].cumsum()[::-1][: STEPS + 1]]
