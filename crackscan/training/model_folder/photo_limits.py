"""Limits of the cluster mass for photos, found on simulated photos of validation tiles.

Labelled photos of hundreds of tiles are rare, but labelled tiles are not. A simulated photo takes the
probabilities of random uncracked tiles of one dataset, and the limit is chosen so that few simulated photos
are called cracked. The tiles of a real photo resemble each other more, so real photos vary more.

A false alarm that none of n uncracked tiles gave may still come from the next tile: one in n + 1 tiles counts
as a false alarm as certain as a real crack (Laplace's rule of succession). Otherwise the limit for a photo of
many more tiles would depend on the one or two tiles that looked most like a crack.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.records import Window
from crackscan.model.card_records import PhotoLimitRow
from crackscan.scanning.photo_decision import cluster_mass

SIZES = (1, 4, 16, 64, 256, 1024)  # tiles of a photo; 256 is about 12 megapixels at 224 px
CRACK_TILES = (1, 2, 4, 8)  # lengths of cracks, tiles
MIN_ALONE = 30  # uncracked tiles of a dataset; fewer are put together with other datasets'
FALSE_ALARMS = 0.05  # largest share of uncracked photos that are called cracked
PHOTOS = 400  # simulated for each figure
SEED = 1

Floats = NDArray[np.floating]


def simulate_photos(
    probabilities: Floats, labels: NDArray[np.bool_], datasets: NDArray[np.int64], *, threshold: float
) -> tuple[PhotoLimitRow, ...]:
    """Return for each size of photo the limit, and the share of cracks of each length that it finds.

    probabilities, labels, datasets: of n tiles. Datasets that lack a label are left out, and those with few
    uncracked tiles count as one: three tiles do not show how many false alarms a photo of 256 has.
    """
    rng = np.random.default_rng(SEED)
    pools = [
        (probabilities[chosen & ~labels], probabilities[chosen & labels])
        for chosen in _pooled(labels, datasets)
    ]
    surprise = 1 / (1 + sum(len(uncracked) for uncracked, _ in pools))
    return tuple(_row(rng, pools, tiles, threshold=threshold, surprise=surprise) for tiles in SIZES)


def _pooled(labels: NDArray[np.bool_], datasets: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Return the tiles of each dataset that has both labels, and those of all small ones together.

    If these are still few, they are left out, unless there are no others.
    """
    each = [datasets == dataset for dataset in np.unique(datasets)]
    both = [chosen for chosen in each if (chosen & labels).any() and (chosen & ~labels).any()]
    large = [chosen for chosen in both if _is_large(chosen & ~labels)]
    small = [chosen for chosen in both if not _is_large(chosen & ~labels)]
    together = np.logical_or.reduce(small) if small else np.zeros_like(labels)
    return [*large, together] if _is_large(together & ~labels) or not large else large


def _is_large(uncracked: NDArray[np.bool_]) -> bool:
    return int(np.count_nonzero(uncracked)) >= MIN_ALONE


def _row(
    rng: np.random.Generator,
    pools: Sequence[tuple[Floats, Floats]],
    tiles: int,
    *,
    threshold: float,
    surprise: float,
) -> PhotoLimitRow:
    uncracked = _cluster_masses(rng, pools, tiles, 0, threshold=threshold, surprise=surprise)
    limit = 0.0 if tiles == 1 else max(0.0, float(np.quantile(uncracked, 1 - FALSE_ALARMS, method="higher")))
    above = np.nextafter(limit, np.inf) if limit else 0.0  # the limit itself is one of the false alarms
    recall = {
        str(cracked): float(
            np.mean(_cluster_masses(rng, pools, tiles, cracked, threshold=threshold) >= above)
        )
        for cracked in CRACK_TILES
        if cracked <= tiles
    }
    alarms = float(np.mean(uncracked >= above))
    return PhotoLimitRow(tiles=tiles, evidence=float(above), false_alarms=alarms, found=recall)


def _cluster_masses(
    rng: np.random.Generator,
    pools: Sequence[tuple[Floats, Floats]],
    tiles: int,
    cracked: int,
    *,
    threshold: float,
    surprise: float = 0.0,
) -> Floats:
    """Return the cluster mass of PHOTOS photos, each of one dataset, with a crack through `cracked` tiles.

    surprise: probability that an uncracked tile is a false alarm as certain as a real crack.
    """
    windows = _grid(tiles)
    masses = np.empty(PHOTOS)
    for photo in range(PHOTOS):
        uncracked, cracks = pools[photo % len(pools)]
        drawn = rng.choice(uncracked, len(windows))
        surprising = rng.random(len(windows)) < surprise
        drawn[surprising] = rng.choice(cracks, np.count_nonzero(surprising))
        drawn[_crack_path(rng, windows, cracked)] = rng.choice(cracks, cracked)
        masses[photo] = cluster_mass(windows, drawn.tolist(), threshold=threshold, tile_px=1)
    return masses


def _grid(tiles: int) -> list[Window]:
    """Return the windows of a photo in the ratio of about 4 : 3; a tile is 1 px, as only positions count."""
    across = ceil(np.sqrt(tiles * 4 / 3)) if tiles > 4 else ceil(np.sqrt(tiles))
    return [Window(number % across, number // across, 1, 1) for number in range(tiles)]


def _crack_path(rng: np.random.Generator, windows: Sequence[Window], length: int) -> list[int]:
    """Return the tiles of a crack: each touches the tile before it, if a free one is left there."""
    path: list[int] = []
    across = max(window.col for window in windows) + 1
    around = [down * across + right for down in (-1, 0, 1) for right in (-1, 0, 1)]
    while len(path) < length:
        near = [path[-1] + offset for offset in around] if path else []
        near = [
            tile for tile in near if 0 <= tile < len(windows) and _touch(windows[tile], windows[path[-1]])
        ]
        near = [tile for tile in near if tile not in path]
        path.append(int(rng.choice(near or [tile for tile in range(len(windows)) if tile not in path])))
    return path


def _touch(one: Window, other: Window) -> bool:
    return abs(one.col - other.col) <= 1 and abs(one.row - other.row) <= 1
