"""The placement of a mosaic on the map, fitted to the positions of its tiles."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crackscan.basics.arrays import Float64s, Indices
from crackscan.basics.records import MapGrid

SCALE = 1e-4  # px are large numbers and degrees small ones: scaled, their squares keep their digits
_CORNERS = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])  # to the right and down
DENSE, SPARSE = 64, 16  # the first tiles count all, then every 16th


@dataclass(slots=True)
class Placement:
    """A least-squares fit of lon, lat to col, row: six numbers, whatever the number of tiles."""

    _tiles: int = 0
    _origin: Float64s = field(default_factory=lambda: np.zeros(2))
    _left: Float64s = field(default_factory=lambda: np.zeros((3, 3)))
    _right: Float64s = field(default_factory=lambda: np.zeros((3, 2)))

    def add(
        self, windows: Float64s, own: Indices, outlines: Sequence[Any], grids: Sequence[MapGrid | None]
    ) -> None:
        """Take the corners of further tiles into account.

        Args:
            windows: col, row, width and height of rows, px, shape (rows, 4).
            own: which of the rows are the tiles.
            outlines: lon and lat of the four corners of each row.
            grids: of each row.
        """
        numbers = self._tiles + np.arange(len(own))
        chosen = own[(numbers < DENSE) | (numbers % SPARSE == 0)]
        self._tiles += len(own)
        if not len(chosen):
            return
        known = np.array([outlines[tile] for tile in chosen.tolist()], np.float64)
        mirrored = np.array([_is_mirrored(grids[tile]) for tile in chosen.tolist()])
        if not numbers[0]:
            self._origin = known[0, 0]
        # counter-clockwise from the top left corner
        corners = np.where(mirrored[:, None, None], _CORNERS[:, ::-1], _CORNERS)
        pixels = windows[chosen, None, :2] + corners * windows[chosen, None, 2:]
        left = np.concatenate([pixels * SCALE, np.ones((*pixels.shape[:2], 1))], axis=2).reshape(-1, 3)
        self._left += left.T @ left
        self._right += left.T @ (known - self._origin).reshape(-1, 2)

    @property
    def affine(self) -> tuple[float, ...]:
        """a, b, c, d, e, f: lon = a col + b row + c, lat = d col + e row + f."""
        solution = np.linalg.lstsq(self._left, self._right, rcond=None)[0].T
        (a, b, c), (d, e, f) = (tuple(map(float, row)) for row in solution)
        lon, lat = map(float, self._origin)
        return a * SCALE, b * SCALE, c + lon, d * SCALE, e * SCALE, f + lat


def _is_mirrored(grid: MapGrid | None) -> bool:
    if grid is None:
        return False
    a, b, _, d, e, _ = grid.transform
    return a * e - b * d > 0  # rows count downwards
