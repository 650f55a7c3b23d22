"""Decision about a photo: it is cracked by its strongest cluster of cracked tiles, not by a single tile.

A photo has hundreds of tiles. If one tile in a hundred is a false alarm, nearly every photo has one. A crack
continues into the next tile; a false alarm mostly does not. So the log-odds of tiles that touch are added,
and the largest sum counts: the cluster mass of Bullmore et al. 1999 (doi 10.1109/42.750253).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil, log

from crackscan.basics import grid
from crackscan.basics.records import PhotoLimit, Window

Cell = tuple[int, int]  # column and row in the grid of a photo's tiles

CERTAIN = 1e-4  # probabilities are clipped to this distance from 0 and 1: one tile must not outweigh a crack


def cluster_mass(
    windows: Sequence[Window],
    probabilities: Sequence[float],
    *,
    threshold: float,
    tile_px: int,
    overlap: float = 0.0,
) -> float:
    """Return the mass of the strongest cluster of tiles that touch; below 0 where no tile is cracked.

    Each cracked tile counts by how far its log-odds are above those of the threshold. It counts less where
    tiles overlap, because they show the same ground several times.

    Args:
        windows: of the assessed tiles of one photo, as `grid.windows` cut it.
        probabilities: of these tiles, 0..1.
        threshold: a tile of this probability or more is cracked.
        tile_px: the side of a tile.
        overlap: the fraction of a tile that it shares with the next, 0 <= overlap < 1.
    """
    step = grid.step_px(tile_px, overlap)
    share = (step / tile_px) ** 2
    cracked = {
        _cell(window, step): share * (_log_odds(probability) - _log_odds(threshold))
        for window, probability in zip(windows, probabilities, strict=True)
        if probability >= threshold
    }
    return max((sum(cluster) for cluster in _clusters(cracked)), default=-1.0)


def mass_limit(limits: Sequence[PhotoLimit], tiles: int) -> float:
    """Return the cluster mass from which a photo with this number of tiles is cracked.

    It is interpolated by the logarithm of the number of tiles. Without limits a single cracked tile makes a
    photo cracked.
    """
    if not limits:
        return 0.0
    for smaller, larger in pairwise(limits):
        if tiles < larger.tiles:
            part = max(log(tiles / smaller.tiles) / log(larger.tiles / smaller.tiles), 0)
            return smaller.cluster_mass + part * (larger.cluster_mass - smaller.cluster_mass)
    return limits[-1].cluster_mass


def _cell(window: Window, step_px: int) -> Cell:
    # the last tile of a row or column is shifted back inside; it still is the next cell
    return ceil(window.col / step_px), ceil(window.row / step_px)


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, CERTAIN), 1 - CERTAIN)
    return log(clipped / (1 - clipped))


def _clusters(cells: Mapping[Cell, float]) -> Iterator[list[float]]:
    """Yield the values of cells that touch at a side or a corner, cluster by cluster."""
    remaining = dict(cells)
    while remaining:
        border = [next(iter(remaining))]
        cluster = [remaining.pop(border[0])]
        while border:
            for cell in _neighbours(border.pop()):
                if cell in remaining:
                    cluster.append(remaining.pop(cell))
                    border.append(cell)
        yield cluster


def _neighbours(cell: Cell) -> Iterator[Cell]:
    column, row = cell
    for right in (-1, 0, 1):
        for down in (-1, 0, 1):
            yield column + right, row + down
