"""The judged tiles of photos on disk, row after row, for the heat that people look at: memory stays flat."""

import tempfile
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from crackscan.basics.row_columns import JudgedTiles

if TYPE_CHECKING:
    from crackscan.basics.arrays import Indices

_TILE = np.dtype([("window", "<i4", 4), ("probability", "<f4")])
_DECIMALS = 6  # of a probability, as rows have them


class TileFile:
    """Takes the tiles of rows in plan order, and gives back those of one row."""

    def __init__(self) -> None:
        self._ends: list[Indices] = [np.zeros(1, np.int64)]
        self._starts: Indices | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Open the temporary file, which has no name and vanishes with the process."""
        self._file = self._stack.enter_context(tempfile.TemporaryFile())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, tiles: JudgedTiles) -> None:
        """Append the tiles of further rows.

        Raises: OSError: the temporary file cannot be written.
        """
        self._ends.append(self._ends[-1][-1] + tiles.counts.cumsum())
        packed = np.empty(len(tiles.windows), _TILE)
        packed["window"], packed["probability"] = tiles.windows, tiles.probabilities
        self._file.seek(0, 2)
        self._file.write(packed.tobytes())

    def __getitem__(self, number: int) -> list[list[float]]:
        """Return col, row, width and height, px, and probability of each judged tile of a row."""
        if self._starts is None:
            self._starts = np.concatenate(self._ends)
        start, end = (int(place) for place in self._starts[number : number + 2])
        self._file.seek(start * _TILE.itemsize)
        tiles = np.frombuffer(self._file.read((end - start) * _TILE.itemsize), _TILE)
        probabilities = tiles["probability"].astype(np.float64).round(_DECIMALS).tolist()
        windows = tiles["window"].tolist()
        return [[*window, each] for window, each in zip(windows, probabilities, strict=True)]
