"""What a network learns from and is checked on, in batches read from the store of tiles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float32s, Indices, Pixels
from crackscan.training.samples.compose import compose
from crackscan.training.samples.recipe import Recipe

# DATA are drawn from by this power of their size: a hundred tiles of another structure teach more than as
# many of the same, yet are soon known by heart.
SMALL_DATA = 0.25
SAMPLES, SAMPLES_PER_TILE = 2000, 25  # that a network is judged on: in all, and for each tile, at most


@dataclass(frozen=True, slots=True)
class TileSubset:
    """The tiles of one split: where they lie in the store, their labels, and which DATA they are of."""

    pixels: NDArray[np.uint8]  # the whole store, (n, s, s, 3), on disk
    places: Indices
    labels: Bools  # of the places
    sources: NDArray[np.int64]  # of the places: a number for each DATA

    def __len__(self) -> int:
        return len(self.places)

    def of(self, chosen: Indices) -> "TileSubset":
        """Return some of the tiles, by where they stand among these."""
        return TileSubset(self.pixels, self.places[chosen], self.labels[chosen], self.sources[chosen])

    def batches(self, size: int) -> Iterator[tuple[Pixels, Float32s, Float32s]]:
        """Give the tiles as they are, in order, with labels and weights (n, 1); the last may be short."""
        labels, weights = self.labels[:, np.newaxis].astype(np.float32), self.weights[:, np.newaxis]
        for at in range(0, len(self), size):
            here = slice(at, at + size)
            yield self.pixels[self.places[here]], labels[here], weights[here]

    @property
    def weights(self) -> Float32s:
        """What each tile counts, float32 (n,), 1 on average: each label of each DATA as much as another.

        A large and easy DATA would else decide alone when training is best, and how sure it may be.
        """
        _, kinds, counts = np.unique(2 * self.sources + self.labels, return_inverse=True, return_counts=True)
        weights: Float32s = (len(self) / len(counts) / counts)[kinds].astype(np.float32)
        return weights


@dataclass(frozen=True, slots=True)
class SampleStream:
    """Training batches without end. A coin decides each sample's label, then chance the tiles it is made of.

    Batch k is the same whenever it is asked for, so a resumed training sees what it would have seen.
    """

    part: TileSubset  # what samples are made of
    size: int
    seed: int
    recipe: Recipe
    _places: Mapping[bool, Mapping[int, Indices]] = field(init=False, repr=False)  # label → DATA → its tiles

    def __post_init__(self) -> None:
        """Sort the tiles by label and DATA."""
        places = {label: _by_source(self.part, label=label) for label in (False, True)}
        object.__setattr__(self, "_places", places)

    def batch(self, number: int) -> tuple[Pixels, Float32s]:
        """Return one batch: uint8 (size, s, s, 3) and labels (size, 1)."""
        rng = np.random.default_rng((self.seed, number))
        labels = rng.random(self.size) < 1 / 2
        tiles = [compose(self, self.recipe, rng, label=bool(label)) for label in labels]
        return np.stack(tiles), labels[:, np.newaxis].astype(np.float32)

    def samples(self, most: int = SAMPLES) -> TileSubset:
        """Return the first batches, so many samples in all, as tiles to be judged, of one DATA.

        By default as many as tell a network's state. They are harder than the tiles, as other structures are.
        By the tiles alone the network that knows its own structures by heart would be best, and surest.
        """
        batches = -(-min(most, SAMPLES_PER_TILE * len(self.part)) // self.size)
        tiles, labels = zip(*map(self.batch, range(batches)), strict=True)
        places = np.arange(batches * self.size)
        return TileSubset(
            np.concatenate(tiles), places, np.concatenate(labels)[:, 0] > 0, np.zeros_like(places)
        )

    def one(self, rng: np.random.Generator, *, label: bool) -> Pixels:
        """Return a tile of a label."""
        places = self._places[label]
        return self._tile(rng, places[_drawn(rng, {of: len(its) for of, its in places.items()}, SMALL_DATA)])

    def of_one_data(self, rng: np.random.Generator, labels: Sequence[bool]) -> list[Pixels]:
        """Return tiles of one DATA, a large one mostly: of it there are many different ones."""
        needed = [self._places[label] for label in set(labels)]
        sizes = {of: len(its) for of, its in needed[0].items() if all(of in other for other in needed)}
        if not sizes:
            return [self.one(rng, label=label) for label in labels]
        source = _drawn(rng, sizes, 1)
        return [self._tile(rng, self._places[label][source]) for label in labels]

    def _tile(self, rng: np.random.Generator, places: Indices) -> Pixels:
        tile: Pixels = self.part.pixels[places[rng.integers(len(places))]]
        return tile


def _by_source(part: TileSubset, *, label: bool) -> dict[int, Indices]:
    here = part.labels == label
    sources = np.unique(part.sources[here]).tolist()
    return {source: part.places[here & (part.sources == source)] for source in sources}


def _drawn(rng: np.random.Generator, sizes: Mapping[int, int], power: float) -> int:
    """Draw a DATA in proportion to a power of its size."""
    shares = np.array(list(sizes.values()), np.float64) ** power
    return list(sizes)[rng.choice(len(shares), p=shares / shares.sum())]
