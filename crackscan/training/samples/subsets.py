"""The tiles of labelled examples, decoded once, and which of them each split has."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import evenly_spaced
from crackscan.basics.errors import BadData
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import SPLITS, Example, Split
from crackscan.dataset.splitting import SplitData
from crackscan.model.card_records import DatasetSummary
from crackscan.training.model_folder.int8_check import CALIBRATING
from crackscan.training.options import Progress
from crackscan.training.samples.sampler import TileSubset
from crackscan.training.samples.tile_store import open_store, store_tiles


def read_subsets(
    data: SplitData, store: Path, *, input_px: int, progress: Progress
) -> dict[Split, TileSubset]:
    """Decode all tiles into a file, unless they are there, and give each split its part of them.

    Behind the tiles the file has the further windows, for `with_windows`.

    Raises:
        BadData: some cannot be read, though they could be when the data was split.
    """
    examples = [row.example for row in data.rows]
    if not store.is_file():
        stored = [*examples, *data.windows]
        progress.phase("reading tiles", len(stored))
        tiles = [(example.path, example.window) for example in stored]
        _refuse(store_tiles(store, tiles, input_px=input_px, step=progress.step), stored)
    pixels, labels = open_store(store), np.array([example.label for example in examples])
    splits = np.array([example.split for example in examples])
    sources = np.searchsorted(names_of(data), [example.data for example in examples])
    places = {split: np.flatnonzero(splits == split) for split in SPLITS}
    return {split: TileSubset(pixels, rows, labels[rows], sources[rows]) for split, rows in places.items()}


def with_windows(part: TileSubset, data: SplitData) -> TileSubset:
    """Return the training tiles together with the further windows, that samples are made of both."""
    if not data.windows:
        return part
    places = len(data.rows) + np.arange(len(data.windows))
    labels = np.array([window.label for window in data.windows])
    sources = np.searchsorted(names_of(data), [window.data for window in data.windows])
    return TileSubset(
        part.pixels,
        np.concatenate([part.places, places]),
        np.concatenate([part.labels, labels]),
        np.concatenate([part.sources, sources]),
    )


def names_of(data: SplitData) -> list[str]:
    """Return the names of the DATA by the numbers that their parts have."""
    return sorted({row.example.data for row in data.rows})


def sources_of(
    rows: Iterable[Fingerprinted], citations: Mapping[str, str | None]
) -> tuple[DatasetSummary, ...]:
    """Count the examples of each DATA. citations: of the DATA by their names, as far as there are."""
    examples = [row.example for row in rows]
    return tuple(
        DatasetSummary(
            name=name,
            images=sum(example.data == name for example in examples),
            cracked=sum(example.label for example in examples if example.data == name),
            relabelled=sum(example.relabelled for example in examples if example.data == name),
            citation=citations.get(name),
        )
        for name in dict.fromkeys(example.data for example in examples)
    )


def spread_out(rows: Iterable[Fingerprinted]) -> SplitData:
    """Leave out most training examples of each class of each DATA; what stays is enough to calibrate with."""
    kept: list[Fingerprinted] = []
    kinds: dict[tuple[str, bool], list[Fingerprinted]] = {}
    for row in rows:
        if row.example.split == "train":
            kinds.setdefault((row.example.data, row.example.label), []).append(row)
        else:
            kept.append(row)
    some = [of[place] for of in kinds.values() for place in evenly_spaced(len(of), CALIBRATING)]
    return SplitData((*some, *kept), ())


def _refuse(unreadable: Mapping[int, str], stored: Sequence[Example]) -> None:
    """Stop where images that could be read for the split cannot be read now."""
    if unreadable:
        place, reason = next(iter(unreadable.items()))
        raise BadData(
            f"{len(unreadable):,} images changed since they were split, such as "
            f"{stored[place].name} ({reason}); start again."
        )
