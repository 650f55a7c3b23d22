"""Tile subsets, and the random training samples that are made of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float32s, Indices, Pixels
from crackscan.training.samples.compose import compose
from crackscan.training.samples.recipe import Recipe

# A dataset is drawn from in proportion to this power of its size: a hundred tiles of another structure teach
# more than a hundred of the same structure, but the network memorises a small dataset soon.
SMALL_DATASET_POWER = 0.25
MAX_SAMPLES, MAX_SAMPLES_PER_TILE = 2000, 25  # of the samples that a network is validated on


@dataclass(frozen=True, slots=True)
class TileSubset:
    """The tiles of one split: their indices in the store, their labels and their datasets."""

    pixels: NDArray[np.uint8]  # the whole store, (n, s, s, 3), on disk
    indices: Indices  # of the tiles in the store
    labels: Bools  # one a tile
    datasets: NDArray[np.int64]  # one a tile: the number of its dataset

    def __len__(self) -> int:
        return len(self.indices)

    def select(self, chosen: Indices) -> "TileSubset":
        """Return some of the tiles, by their positions in this subset."""
        return TileSubset(self.pixels, self.indices[chosen], self.labels[chosen], self.datasets[chosen])

    def tiles(self) -> Iterator[Pixels]:
        """Yield the tiles one by one, uint8 (s, s, 3), in order."""
        return (self.pixels[index] for index in self.indices)

    def batches(self, size: int) -> Iterator[tuple[Pixels, Float32s, Float32s]]:
        """Yield the tiles in order, with labels and weights, each (n, 1); the last batch may be smaller."""
        labels, weights = self.labels[:, np.newaxis].astype(np.float32), self.weights[:, np.newaxis]
        for start in range(0, len(self), size):
            batch = slice(start, start + size)
            yield self.pixels[self.indices[batch]], labels[batch], weights[batch]

    @property
    def weights(self) -> Float32s:
        """The weight of each tile, float32 (n,), 1 on average: each label of each dataset weighs the same.

        Otherwise a large and easy dataset would decide alone which weights are best and how the model is
        calibrated.
        """
        _, kinds, counts = np.unique(2 * self.datasets + self.labels, return_inverse=True, return_counts=True)
        weights: Float32s = (len(self) / len(counts) / counts)[kinds].astype(np.float32)
        return weights


@dataclass(frozen=True, slots=True)
class SampleStream:
    """An endless stream of training batches: each sample is cracked or uncracked with equal probability.

    Batch k is always the same, so a resumed training sees the batches that it would have seen.
    """

    subset: TileSubset  # the tiles that samples are made of
    size: int  # samples in a batch
    seed: int
    recipe: Recipe
    _indices: Mapping[bool, Mapping[int, Indices]] = field(init=False, repr=False)  # label → dataset → tiles

    def __post_init__(self) -> None:
        """Sort the tiles by label and dataset."""
        indices = {label: _indices_by_dataset(self.subset, label=label) for label in (False, True)}
        object.__setattr__(self, "_indices", indices)

    def batch(self, number: int) -> tuple[Pixels, Float32s]:
        """Return one batch: uint8 (size, s, s, 3) and labels (size, 1)."""
        rng = np.random.default_rng((self.seed, number))
        labels = rng.random(self.size) < 1 / 2
        tiles = [compose(self, self.recipe, rng, label=bool(label)) for label in labels]
        return np.stack(tiles), labels[:, np.newaxis].astype(np.float32)

    def samples(self, limit: int = MAX_SAMPLES) -> TileSubset:
        """Return the samples of the first batches, about `limit`, as a subset of one dataset.

        Samples are harder than plain tiles, as tiles of other structures are. Validated on plain tiles, a
        network that memorised its own structures would seem to be the best and the most certain.
        """
        batches = -(-min(limit, MAX_SAMPLES_PER_TILE * len(self.subset)) // self.size)
        tiles, labels = zip(*map(self.batch, range(batches)), strict=True)
        indices = np.arange(batches * self.size)
        return TileSubset(
            np.concatenate(tiles), indices, np.concatenate(labels)[:, 0] > 0, np.zeros_like(indices)
        )

    def tile(self, rng: np.random.Generator, *, label: bool) -> Pixels:
        """Return a random tile of a label."""
        indices = self._indices[label]
        sizes = {dataset: len(tiles) for dataset, tiles in indices.items()}
        return self._pick(rng, indices[_draw_dataset(rng, sizes, SMALL_DATASET_POWER)])

    def same_dataset(self, rng: np.random.Generator, labels: Sequence[bool]) -> list[Pixels]:
        """Return tiles of one dataset, more often of a large one, which has more different tiles."""
        needed = [self._indices[label] for label in set(labels)]
        sizes = {
            dataset: len(tiles)
            for dataset, tiles in needed[0].items()
            if all(dataset in other for other in needed)
        }
        if not sizes:
            return [self.tile(rng, label=label) for label in labels]
        dataset = _draw_dataset(rng, sizes, 1)
        return [self._pick(rng, self._indices[label][dataset]) for label in labels]

    def _pick(self, rng: np.random.Generator, indices: Indices) -> Pixels:
        tile: Pixels = self.subset.pixels[indices[rng.integers(len(indices))]]
        return tile


def _indices_by_dataset(subset: TileSubset, *, label: bool) -> dict[int, Indices]:
    chosen = subset.labels == label
    datasets = np.unique(subset.datasets[chosen]).tolist()
    return {dataset: subset.indices[chosen & (subset.datasets == dataset)] for dataset in datasets}


def _draw_dataset(rng: np.random.Generator, sizes: Mapping[int, int], power: float) -> int:
    """Draw a dataset with a probability proportional to a power of its size."""
    shares = np.array(list(sizes.values()), np.float64) ** power
    return list(sizes)[rng.choice(len(shares), p=shares / shares.sum())]
