"""The highest thresholds at which photos are called cracked, for thousands of photos together.

`row_labels.cracked_up_to` says the same of one row, but takes 0.3 ms for a photo of 20 tiles.
"""

from typing import NamedTuple

import numpy as np

from crackscan.basics import grid
from crackscan.basics.arrays import Bools, Float64s, Indices
from crackscan.basics.records import ScanOptions
from crackscan.basics.row_columns import JudgedTiles, RowColumns
from crackscan.scanning.photo_decision import CERTAIN, mass_limit
from crackscan.scanning.row_labels import STEPS

# rows below and columns to the right: half of the neighbours of a cell, which is in the other half of theirs
_BESIDE = ((0, 1), (1, -1), (1, 0), (1, 1))


class Labelled(NamedTuple):
    """What decides the labels of rows."""

    cracked: Bools  # shape (rows,)
    cracked_up_to: (
        Float64s  # the highest threshold that calls a row cracked, 0..1, shape (rows,); NaN is none
    )
    crack_tiles: Float64s  # of photos, shape (rows,); NaN is unknown


def label_rows(rows: RowColumns, options: ScanOptions) -> Labelled:
    """Return what `label_row` and `cracked_up_to` return of each row."""
    assessed = np.array([status == "ok" for status in rows["status"]])
    is_tile = np.array([kind == "tile" for kind in rows["kind"]])
    up_to = np.where(assessed & is_tile, rows.numbers("probability"), np.nan)
    cracked = up_to >= options.rows.threshold
    crack_tiles = rows.numbers("crack_tiles")
    photos = np.flatnonzero(assessed & ~is_tile)
    if len(photos):
        found = _Photos(_tiles_of(rows.tiles, photos), options)
        cracked[photos] = found.are_cracked(np.full(len(photos), options.rows.threshold))
        up_to[photos] = found.cracked_up_to(cracked[photos], options.rows.threshold)
        crack_tiles[photos] = found.count_tiles(options.rows.threshold)
    return Labelled(cracked, up_to, crack_tiles)


def _tiles_of(tiles: JudgedTiles, rows: Indices) -> JudgedTiles:
    """Return the tiles of some rows alone."""
    chosen = np.zeros(len(tiles.counts), bool)
    chosen[rows] = True
    kept = np.repeat(chosen, tiles.counts)
    return JudgedTiles(tiles.counts[rows], tiles.windows[kept], tiles.probabilities[kept])


class _Photos:
    """The tiles of some photos, and which of them touch; see `photo_decision`."""

    def __init__(self, tiles: JudgedTiles, options: ScanOptions) -> None:
        step = grid.step_px(options.tiles.tile_px, options.tiles.overlap)
        self._share = (step / options.tiles.tile_px) ** 2
        self._probabilities = tiles.probabilities
        self._log_odds = _log_odds(tiles.probabilities)
        self._photos = np.repeat(np.arange(len(tiles.counts)), tiles.counts)
        self._count = len(tiles.counts)
        sizes, kinds = np.unique(tiles.counts, return_inverse=True)
        limits = options.rows.photo_limits
        self._limits = np.array([mass_limit(limits, max(size, 1)) for size in map(int, sizes)])[kinds]
        self._pairs = _touching(-(-tiles.windows[:, :2] // step), self._photos)

    def cracked_up_to(self, cracked: Bools, threshold: float) -> Float64s:
        """Return the highest threshold that calls each photo cracked; cracked: at the threshold."""
        low, high = np.zeros(self._count, np.int64), np.full(self._count, STEPS + 1)
        while (high - low > 1).any():
            middle = (low + high) // 2
            at_middle = self.are_cracked(middle / STEPS)
            open_ = high - low > 1
            low, high = np.where(open_ & at_middle, middle, low), np.where(open_ & ~at_middle, middle, high)
        found = low / STEPS
        at_least, at_most = threshold, max(threshold - 1 / STEPS, 0.0)
        up_to: Float64s = np.where(cracked, found.clip(min=at_least), found.clip(max=at_most))
        return up_to

    def count_tiles(self, threshold: float) -> Indices:
        """Return how many tiles of each photo are cracked."""
        counts: Indices = np.bincount(self._photos[self._probabilities >= threshold], minlength=self._count)
        return counts

    def are_cracked(self, thresholds: Float64s) -> Bools:
        """Say of each photo whether it is cracked at its threshold."""
        active = np.flatnonzero(self._probabilities >= thresholds[self._photos])
        photos = self._photos[active]
        masses = self._share * (self._log_odds[active] - _log_odds(thresholds)[photos])
        clusters = _clusters(active, self._pairs, len(self._probabilities))
        strongest = np.full(self._count, -1.0)
        np.maximum.at(strongest, photos, np.bincount(clusters, masses, minlength=len(active))[clusters])
        cracked: Bools = strongest >= self._limits
        return cracked


def _log_odds(probabilities: Float64s) -> Float64s:
    clipped = probabilities.clip(CERTAIN, 1 - CERTAIN)
    log_odds: Float64s = np.log(clipped / (1 - clipped))
    return log_odds


def _touching(cells: Indices, photos: Indices) -> Indices:
    """Return the pairs of tiles that touch at a side or a corner, shape (2, pairs).

    cells: column and row of each tile in the grid of its photo, shape (tiles, 2).
    """
    if not len(cells):
        return np.zeros((2, 0), np.int64)
    # each photo is a row of numbers; a gap on both sides keeps neighbours apart
    across, down = cells.max(axis=0) + 3
    keys = (photos * down + cells[:, 1] + 1) * across + cells[:, 0] + 1
    order = np.argsort(keys)
    ordered, pairs = keys[order], list[Indices]()
    for below, right in _BESIDE:
        wanted = ordered + below * across + right
        place = np.searchsorted(ordered, wanted)
        place[place == len(ordered)] = 0
        found = ordered[place] == wanted
        pairs.append(np.stack([order[found], order[place[found]]]))
    return np.concatenate(pairs, axis=1)


def _clusters(active: Indices, pairs: Indices, tiles: int) -> Indices:
    """Return the cluster of each active tile: the place of one of its tiles among the active ones."""
    places = np.full(tiles, -1)
    places[active] = np.arange(len(active))
    one, other = places[pairs]
    both = (one >= 0) & (other >= 0)
    one, other = one[both], other[both]
    clusters = np.arange(len(active))
    while (clusters[one] != clusters[other]).any():
        lowest = np.minimum(clusters[one], clusters[other])
        np.minimum.at(clusters, one, lowest)
        np.minimum.at(clusters, other, lowest)
        clusters = clusters[clusters]
    return clusters
