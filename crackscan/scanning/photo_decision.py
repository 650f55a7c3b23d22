"""When a photo is called cracked: by how much its cracked tiles say together, not by the strongest alone.

A photo has hundreds of tiles, so what one tile in a hundred does wrongly, nearly every photo does. A crack
goes on into the next tile, a false alarm mostly does not. So the evidence of tiles that touch is added up,
and the largest sum counts: the cluster mass of Bullmore et al. 1999 (doi 10.1109/42.750253).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil, log

from crackscan.basics import grid
from crackscan.basics.records import PhotoLimit, Window

Cell = tuple[int, int]  # column and row in the grid of a photo's tiles

CERTAIN = 1e-4  # a probability counts as at most 1 less this: one tile alone must not outweigh a crack


def cluster_mass(
    windows: Sequence[Window],
    probabilities: Sequence[float],
    *,
    threshold: float,
    tile_px: int,
    overlap: float = 0.0,
) -> float:
    """Return the evidence of the strongest cluster of tiles that touch; below 0 where no tile is cracked.

    Each tile from the threshold up counts by how far its log-odds are above those of the threshold, less
    where tiles overlap and a place is seen more than once.

    windows: of the assessed tiles of one photo, as `grid.windows` cut it. probabilities: theirs, 0..1.
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
    """Return the evidence from which a photo of so many tiles is cracked.

    Between the sizes that were measured it goes by the logarithm of the tiles. Without limits,
    any tile from the threshold up makes a photo cracked.
    """
    if not limits:
        return 0.0
    for smaller, larger in pairwise(limits):
        if tiles < larger.tiles:
            part = max(log(tiles / smaller.tiles) / log(larger.tiles / smaller.tiles), 0)
            return smaller.evidence + part * (larger.evidence - smaller.evidence)
    return limits[-1].evidence


def _cell(window: Window, step_px: int) -> Cell:
    # the last tile of a row or column is shifted back inside: it is the next one all the same
    return ceil(window.col / step_px), ceil(window.row / step_px)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, CERTAIN), 1 - CERTAIN)
    return log(kept / (1 - kept))


def _clusters(cells: Mapping[Cell, float]) -> Iterator[list[float]]:
    """Give the values of cells that touch at a side or a corner, cluster by cluster."""
    left = dict(cells)
    while left:
        reached = [next(iter(left))]
        cluster = [left.pop(reached[0])]
        while reached:
            for cell in _around(reached.pop()):
                if cell in left:
                    cluster.append(left.pop(cell))
                    reached.append(cell)
        yield cluster


def _around(cell: Cell) -> Iterator[Cell]:
    column, row = cell
    for right in (-1, 0, 1):
        for down in (-1, 0, 1):
            yield column + right, row + down
