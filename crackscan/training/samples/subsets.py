"""The tiles of labelled examples, decoded once, as one subset for each split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import evenly_spaced
from crackscan.basics.errors import BadData
from crackscan.basics.progress import Progress
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import Example
from crackscan.dataset.splitting import SplitData
from crackscan.training.samples.sampler import TileSubset
from crackscan.training.samples.tile_store import open_store, store_tiles

THINNED_TO = 512  # training tiles of each class of each dataset that recalibration and quantisation need


@dataclass(frozen=True, slots=True)
class Subsets:
    """The tiles of each split, and the examples that they show."""

    train: TileSubset
    validation: TileSubset
    test: TileSubset
    data: SplitData  # the row of each tile stands at the tile's index

    @property
    def names(self) -> list[str]:
        """The names of the datasets, by their numbers."""
        return dataset_names(self.data)

    def examples(self, subset: TileSubset) -> list[Example]:
        """Return the examples that a subset's tiles show, without further windows."""
        return [self.data.rows[index].example for index in subset.indices]

    def training_tiles(self) -> TileSubset:
        """Return the training tiles and the further windows; training samples are made of both."""
        windows, train = self.data.windows, self.train
        if not windows:
            return train
        indices = len(self.data.rows) + np.arange(len(windows))
        labels = np.array([window.label for window in windows])
        return TileSubset(
            train.pixels,
            np.concatenate([train.indices, indices]),
            np.concatenate([train.labels, labels]),
            np.concatenate([train.datasets, self._numbers(windows)]),
        )

    def _numbers(self, examples: Sequence[Example]) -> np.ndarray:
        return np.searchsorted(self.names, [example.data for example in examples])


def read_subsets(data: SplitData, store: Path, *, input_px: int, progress: Progress) -> Subsets:
    """Decode all tiles into a file, unless it exists, and return the tiles of each split.

    The file has the further windows behind the tiles.

    Raises:
        BadData: some images cannot be read, though they could be read when the data was split.
    """
    examples = [row.example for row in data.rows]
    if not store.is_file():
        stored = [*examples, *data.windows]
        progress.phase("reading tiles", len(stored))
        tiles = [(example.path, example.window) for example in stored]
        _refuse(store_tiles(store, tiles, input_px=input_px, progress=progress), stored)
    pixels, labels = open_store(store), np.array([example.label for example in examples])
    splits = np.array([example.split for example in examples])
    datasets = np.searchsorted(dataset_names(data), [example.data for example in examples])

    def subset(split: str) -> TileSubset:
        indices = np.flatnonzero(splits == split)
        return TileSubset(pixels, indices, labels[indices], datasets[indices])

    return Subsets(subset("train"), subset("validation"), subset("test"), data)


def dataset_names(data: SplitData) -> list[str]:
    """Return the names of the datasets; the position of a name is the number of the dataset."""
    return sorted({row.example.data for row in data.rows})


def thin_out(rows: Iterable[Fingerprinted]) -> SplitData:
    """Leave out most training examples of each class of each dataset; few are enough to calibrate with."""
    others: list[Fingerprinted] = []
    kinds: dict[tuple[str, bool], list[Fingerprinted]] = {}
    for row in rows:
        if row.example.split == "train":
            kinds.setdefault((row.example.data, row.example.label), []).append(row)
        else:
            others.append(row)
    chosen = [kind[index] for kind in kinds.values() for index in evenly_spaced(len(kind), THINNED_TO)]
    return SplitData((*chosen, *others), ())


def _refuse(unreadable: Mapping[int, str], stored: Sequence[Example]) -> None:
    """Stop if images that could be read for the split cannot be read now."""
    if unreadable:
        index, reason = next(iter(unreadable.items()))
        raise BadData(
            f"{len(unreadable):,} images changed after they were split, such as "
            f"{stored[index].name} ({reason}); start the training again."
        )
