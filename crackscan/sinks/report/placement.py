"""The placement of a mosaic on the map, fitted to the positions of its tiles."""

from dataclasses import dataclass, field

import numpy as np

from crackscan.basics.arrays import Float64s
from crackscan.basics.records import Result

SCALE = 1e-4  # px are large numbers and degrees small ones: scaled, their squares keep their digits
DENSE, SPARSE = 64, 16  # the first tiles count all, then every 16th


@dataclass(slots=True)
class Placement:
    """A least-squares fit of lon, lat to col, row: six numbers, whatever the number of tiles."""

    _tiles: int = 0
    _origin: tuple[float, float] = (0.0, 0.0)
    _left: Float64s = field(default_factory=lambda: np.zeros((3, 3)))
    _right: Float64s = field(default_factory=lambda: np.zeros((3, 2)))

    def add(self, tile: Result) -> None:
        """Take the corners of a tile into account; it has a window and an outline."""
        window, outline = tile.window, tile.outline
        if window is None or outline is None:
            return
        self._origin = self._origin if self._tiles else outline[0]
        if self._tiles < DENSE or self._tiles % SPARSE == 0:
            corners = [(0, 0), (0, 1), (1, 1), (1, 0)]  # counter-clockwise from the top left one
            if tile.grid and _is_mirrored(tile.grid.transform):
                corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
            pixels = [
                (window.col + right * window.width, window.row + down * window.height)
                for right, down in corners
            ]
            known = np.column_stack([np.array(pixels) * SCALE, np.ones(4)])
            self._left += known.T @ known
            self._right += known.T @ (np.array(outline) - self._origin)
        self._tiles += 1

    @property
    def affine(self) -> tuple[float, ...]:
        """a, b, c, d, e, f: lon = a col + b row + c, lat = d col + e row + f."""
        solution = np.linalg.lstsq(self._left, self._right, rcond=None)[0].T
        (a, b, c), (d, e, f) = (tuple(map(float, row)) for row in solution)
        lon, lat = self._origin
        return a * SCALE, b * SCALE, c + lon, d * SCALE, e * SCALE, f + lat


def _is_mirrored(transform: tuple[float, ...]) -> bool:
    a, b, _, d, e, _ = transform
    return a * e - b * d > 0  # rows count downwards
