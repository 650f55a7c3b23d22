"""Precision of peaks: how often the peak of a cracked tile lies near the crack in its mask."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from crackscan.basics.arrays import Bools, Float64s, Points
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Result
from crackscan.dataset.records import Example
from crackscan.reading import Mask, read_mask

NEAR_PX = 32  # a cell of MobileNetV2's feature map: the resolution of a peak
STEP_PX = 16  # between the points that sample a tile


@dataclass(frozen=True, slots=True)
class Pointing:
    """Number of peaks of cracked tiles that lie near their crack (pointing game, arXiv:1608.00507)."""

    tiles: int
    near: int  # peaks within NEAR_PX of a crack pixel
    chance: float  # the fraction of the tiles' area that is as near: the result of random peaks, 0..1


class _Peak(NamedTuple):
    called: bool  # whether the tile is called cracked
    near: bool  # whether the peak is near the crack
    near_area: float  # the fraction of the tile that is near the crack


def measure_pointing(predictions: Iterable[tuple[Example, Result]]) -> dict[str, Pointing]:
    """Measure how many peaks of cracked tiles are near the crack: of all tiles, and of those called cracked.

    predictions: examples with their rows; tiles of one image are neighbours. Examples without a mask are
    ignored.
    """
    cracked = ((example, row) for example, row in predictions if example.label and example.mask is not None)
    peaks = [_measure_peak(example, row, mask) for example, row, mask in _with_masks(cracked)]
    subsets = {"all": peaks, "called crack": [peak for peak in peaks if peak.called]}
    return {name: _summarise(subset) for name, subset in subsets.items() if subset}


def _summarise(peaks: Sequence[_Peak]) -> Pointing:
    chance = float(np.mean([peak.near_area for peak in peaks]))
    return Pointing(len(peaks), sum(peak.near for peak in peaks), chance)


def _with_masks(cracked: Iterable[tuple[Example, Result]]) -> Iterator[tuple[Example, Result, Mask]]:
    """Yield the examples whose row has a peak, with the mask; skip those whose mask cannot be read."""
    for path, members in groupby(cracked, key=lambda item: item[0].mask):
        try:
            mask = read_mask(path or "")
        except Unreadable:  # it could be read when the tiles were cut
            continue
        yield from ((example, row, mask) for example, row in members if row.peak_col is not None)


def _measure_peak(example: Example, row: Result, mask: Mask) -> _Peak:
    window = example.window or row.window
    assert window is not None, "a row with a peak has a window"
    area = mask[window.row : window.row + window.height, window.col : window.col + window.width]
    crack = np.argwhere(area)[:, ::-1].astype(np.float64)
    peak = np.array([[(row.peak_col or 0) - window.col, (row.peak_row or 0) - window.row]], np.float64)
    grid = np.stack(
        np.meshgrid(*(_sample_positions(side) for side in (window.width, window.height))), axis=-1
    )
    near_area = float(_are_near(grid.reshape(-1, 2), crack).mean())
    return _Peak(row.label == "crack", bool(_are_near(peak, crack)[0]), near_area)


def _sample_positions(side_px: int) -> Float64s:
    return np.arange(min(STEP_PX, side_px) / 2, side_px, STEP_PX)


def _are_near(points: Points, crack: Points) -> Bools:
    near: Bools = np.array(
        [np.hypot(*(crack - point).T).min() <= NEAR_PX if len(crack) else False for point in points]
    )
    return near
