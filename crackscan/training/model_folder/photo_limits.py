"""From which evidence a photo is cracked, found on photos put together from the validation split's tiles.

Labelled photos of hundreds of tiles are rare; their tiles are there. What a photo of so many uncracked tiles
of one DATA would show by chance is drawn from what the model said of such tiles, and the limit is set so that
few of them are called cracked. Tiles of one real photo are more alike than these, so its chance is less even.

What none of n uncracked tiles showed, the next one still may: one in n + 1 counts as sure a false alarm as a
real crack is sure (after Laplace's rule of succession). Else the limit for a photo of many more tiles than
there were would hang on the one or two of them that looked most like a crack.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.records import Window
from crackscan.model.card_records import PhotoLimitRow
from crackscan.scanning.photo_decision import cluster_mass

SIZES = (1, 4, 16, 64, 256, 1024)  # tiles of a photo; 256 is about 12 megapixels at 224 px
CRACK_TILES = (1, 2, 4, 8)  # that a crack goes through
FALSE_ALARMS = 0.05  # of uncracked photos, at most so many are called cracked
PHOTOS = 400  # drawn for each figure
SEED = 1

Floats = NDArray[np.floating]


def photo_rows(
    probabilities: Floats, labels: NDArray[np.bool_], sources: NDArray[np.int64], *, threshold: float
) -> tuple[PhotoLimitRow, ...]:
    """Return for each size of photo the limit, and what it finds of cracks through so many tiles.

    All of shape (n,): of a crack, 0..1; cracked; a number for each DATA. DATA lacking a label are left out.
    """
    rng = np.random.default_rng(SEED)
    pools = [
        (probabilities[of & ~labels], probabilities[of & labels])
        for of in (sources == source for source in np.unique(sources))
        if (of & labels).any() and (of & ~labels).any()
    ]
    unseen = 1 / (1 + sum(len(ground) for ground, _ in pools))
    return tuple(_row(rng, pools, tiles, threshold=threshold, unseen=unseen) for tiles in SIZES)


def _row(
    rng: np.random.Generator,
    pools: Sequence[tuple[Floats, Floats]],
    tiles: int,
    *,
    threshold: float,
    unseen: float,
) -> PhotoLimitRow:
    uncracked = _evidence(rng, pools, tiles, 0, threshold=threshold, unseen=unseen)
    limit = 0.0 if tiles == 1 else max(0.0, float(np.quantile(uncracked, 1 - FALSE_ALARMS, method="higher")))
    above = np.nextafter(limit, np.inf) if limit else 0.0  # the limit itself still is one of the few
    found = {
        str(cracked): float(np.mean(_evidence(rng, pools, tiles, cracked, threshold=threshold) >= above))
        for cracked in CRACK_TILES
        if cracked <= tiles
    }
    alarms = float(np.mean(uncracked >= above))
    return PhotoLimitRow(tiles=tiles, evidence=float(above), false_alarms=alarms, found=found)


def _evidence(
    rng: np.random.Generator,
    pools: Sequence[tuple[Floats, Floats]],
    tiles: int,
    cracked: int,
    *,
    threshold: float,
    unseen: float = 0.0,
) -> Floats:
    """Return the evidence of PHOTOS photos, each of one DATA, with a crack through so many tiles.

    unseen: how often an uncracked tile is as sure a false alarm as a real crack is sure.
    """
    windows = _grid(tiles)
    found = np.empty(PHOTOS)
    for photo in range(PHOTOS):
        ground, cracks = pools[photo % len(pools)]
        drawn = rng.choice(ground, len(windows))
        surprising = rng.random(len(windows)) < unseen
        drawn[surprising] = rng.choice(cracks, np.count_nonzero(surprising))
        drawn[_path(rng, windows, cracked)] = rng.choice(cracks, cracked)
        found[photo] = cluster_mass(windows, drawn.tolist(), threshold=threshold, tile_px=1)
    return found


def _grid(tiles: int) -> list[Window]:
    """Return about 4 by 3 times some tiles, of 1 px: where they lie is all that counts."""
    across = ceil(np.sqrt(tiles * 4 / 3)) if tiles > 4 else ceil(np.sqrt(tiles))
    return [Window(number % across, number // across, 1, 1) for number in range(tiles)]


def _path(rng: np.random.Generator, windows: Sequence[Window], length: int) -> list[int]:
    """Return the tiles that a crack goes through: each touches the one before it, while there is one."""
    path: list[int] = []
    across = max(window.col for window in windows) + 1
    around = [down * across + right for down in (-1, 0, 1) for right in (-1, 0, 1)]
    while len(path) < length:
        near = [path[-1] + offset for offset in around] if path else []
        near = [at for at in near if 0 <= at < len(windows) and _touch(windows[at], windows[path[-1]])]
        near = [at for at in near if at not in path]
        path.append(int(rng.choice(near or [at for at in range(len(windows)) if at not in path])))
    return path


def _touch(one: Window, other: Window) -> bool:
    return abs(one.col - other.col) <= 1 and abs(one.row - other.row) <= 1
