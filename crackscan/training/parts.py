"""The tiles of labelled examples, decoded once, and which of them each split has."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.labelled import SPLITS, Split
from crackscan.dataset.splitting import SplitData
from crackscan.errors import BadData
from crackscan.training.agreement import CALIBRATING
from crackscan.training.batches import Part
from crackscan.training.options import Progress
from crackscan.training.tile_store import open_store, store_tiles


def read_parts(data: SplitData, store: Path, *, input_px: int, progress: Progress) -> dict[Split, Part]:
    """Decode all tiles into a file, unless they are there, and give each split its part of them.

    Raises:
        BadData: some cannot be read, though they could be when the data was split.
    """
    if not store.is_file():
        progress.phase("reading tiles", len(data.rows))
        tiles = [(row.example.path, row.example.window) for row in data.rows]
        _refuse(store_tiles(store, tiles, input_px=input_px, step=progress.step), data)
    pixels = open_store(store)
    labels = np.array([row.example.label for row in data.rows])
    splits = np.array([row.example.split for row in data.rows])
    _, sources = np.unique([row.example.data for row in data.rows], return_inverse=True)
    places = {split: np.flatnonzero(splits == split) for split in SPLITS}
    return {split: Part(pixels, rows, labels[rows], sources[rows]) for split, rows in places.items()}


def names_of(data: SplitData) -> list[str]:
    """Return the names of the DATA by the numbers that their parts have."""
    return sorted({row.example.data for row in data.rows})


def spread_out(rows: Iterable[Fingerprinted]) -> SplitData:
    """Leave out most training examples of each class of each DATA; what stays is enough to calibrate with."""
    kept: list[Fingerprinted] = []
    kinds: dict[tuple[str, bool], list[Fingerprinted]] = {}
    for row in rows:
        if row.example.split == "train":
            kinds.setdefault((row.example.data, row.example.label), []).append(row)
        else:
            kept.append(row)
    some = [
        of[place]
        for of in kinds.values()
        for place in np.unique(np.linspace(0, len(of) - 1, min(CALIBRATING, len(of))).round().astype(int))
    ]
    return SplitData((*some, *kept), ())


def _refuse(unreadable: Mapping[int, str], data: SplitData) -> None:
    """Stop where images that could be read for the split cannot be read now."""
    if unreadable:
        place, reason = next(iter(unreadable.items()))
        raise BadData(
            f"{len(unreadable):,} images changed since they were split, such as "
            f"{data.rows[place].example.name} ({reason}); start again."
        )
