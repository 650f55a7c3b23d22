"""Whether rows point at the crack: their peaks against the masks, where the data has masks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Points
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Result
from crackscan.dataset.records import Example
from crackscan.reading import Mask, read_mask

NEAR_PX = 32  # a place of MobileNetV2's feature map, so what a peak tells apart
STEP_PX = 16  # between the points that stand for all of a tile


@dataclass(frozen=True, slots=True)
class Pointing:
    """How many peaks of cracked tiles lie near their crack (pointing game, arXiv:1608.00507)."""

    tiles: int
    near: int  # peaks within NEAR_PX of a crack's pixel
    chance: float  # the share of the tiles' area that is as near: what blind guesses reach, 0..1


def pointing(judged: Iterable[tuple[Example, Result]]) -> dict[str, Pointing]:
    """Measure how well the peaks of cracked tiles point: of all of them, and of those that are found.

    judged: examples with their rows, those of one image together. Without masks nothing is measured.
    """
    cracked = ((example, row) for example, row in judged if example.label and example.mask is not None)
    measured = [
        (row.label == "crack", *_measured(example, row, mask)) for example, row, mask in _masked(cracked)
    ]
    called = [one for one in measured if one[0]]
    return {name: _pointing(ones) for name, ones in (("all", measured), ("called crack", called)) if ones}


def _pointing(measured: Sequence[tuple[bool, bool, float]]) -> Pointing:
    near, chance = sum(one[1] for one in measured), float(np.mean([one[2] for one in measured]))
    return Pointing(len(measured), near, chance)


def _masked(cracked: Iterable[tuple[Example, Result]]) -> Iterator[tuple[Example, Result, Mask]]:
    """Read each mask once. One that is gone since the tiles were cut leaves its tiles out."""
    for path, ones in groupby(cracked, key=lambda one: one[0].mask):
        try:
            mask = read_mask(path or "")
        except Unreadable:
            continue
        yield from ((example, row, mask) for example, row in ones if row.peak_col is not None)


def _measured(example: Example, row: Result, mask: Mask) -> tuple[bool, float]:
    """Say whether the peak is near the crack, and how much of the tile is."""
    window = example.window or row.window
    assert window is not None, "a row with a peak has a window"
    area = mask[window.row : window.row + window.height, window.col : window.col + window.width]
    crack = np.argwhere(area)[:, ::-1].astype(np.float64)
    peak = np.array([[(row.peak_col or 0) - window.col, (row.peak_row or 0) - window.row]], np.float64)
    grid = np.stack(np.meshgrid(*(_centres(side) for side in (window.width, window.height))), axis=-1)
    return bool(_near(peak, crack)[0]), float(_near(grid.reshape(-1, 2), crack).mean())


def _centres(side: int) -> NDArray[np.float64]:
    return np.arange(min(STEP_PX, side) / 2, side, STEP_PX)


def _near(points: Points, crack: Points) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.array(
        [np.hypot(*(crack - point).T).min() <= NEAR_PX if len(crack) else False for point in points]
    )
    return near
