"""What a network learns from and is checked on, in batches read from the store of tiles."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crackscan.reading import Pixels
from crackscan.training.augmentation import Recipe, augmented, companions, mosaic

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """The tiles of one split: where they lie in the store, and their labels."""

    pixels: NDArray[np.uint8]  # the whole store, (n, s, s, 3), on disk
    places: NDArray[np.int64]
    labels: Bools  # of the places

    def __len__(self) -> int:
        return len(self.places)

    def batches(self, size: int) -> Iterator[tuple[Pixels, Floats]]:
        """Give the tiles as they are, in order, with labels (n, 1); the last batch may be smaller."""
        for at in range(0, len(self), size):
            rows = self.places[at : at + size]
            yield self.pixels[rows], self.labels[at : at + size, np.newaxis].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Training batches without end: each pass in another order, each tile changed by the recipe.

    Batch k is the same whenever it is asked for, so a resumed training sees what it would have seen.
    """

    part: Part
    size: int
    seed: int
    recipe: Recipe | None

    @property
    def per_epoch(self) -> int:
        """Batches in one pass; what does not fill the last one is left to the next pass."""
        return max(len(self.part) // self.size, 1)

    def batches(self, first: int) -> Iterator[tuple[Pixels, Floats]]:
        """Give the batches from the one numbered `first` on."""
        number = first
        while True:
            yield self.batch(number)
            number += 1

    def batch(self, number: int) -> tuple[Pixels, Floats]:
        """Return one batch: uint8 (size, s, s, 3) and labels (size, 1)."""
        epoch, at = divmod(number, self.per_epoch)
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.part))
        chosen = order[at * self.size : (at + 1) * self.size]
        rng = np.random.default_rng((self.seed, epoch, at))
        tiles = np.stack([self._tile(int(index), rng) for index in chosen])
        return tiles, self.part.labels[chosen, np.newaxis].astype(np.float32)

    def _tile(self, index: int, rng: np.random.Generator) -> Pixels:
        pixels, places = self.part.pixels, self.part.places
        tile: Pixels = pixels[places[index]]
        if self.recipe is None:
            return tile
        if rng.random() < self.recipe.mosaic:
            tiles = [tile, *pixels[places[companions(index, self.part.labels, rng)]]]
            tile = mosaic([tiles[corner] for corner in rng.permutation(4)])
        return augmented(tile, self.recipe, rng)
