"""Whether a tile is like anything that a model was trained on; a tile of sky or grass is not concrete.

NumPy alone: scanning does without the packages that training needs.
"""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.errors import BrokenModel

# How much the colour counts. Features learned for cracks see little of it: where 1 % of cracked concrete is
# lost, they alone tell 44 % of the tiles of a park from concrete, together with the colour 87 %.
COLOUR_WEIGHT = 4.0
EVERY = 4  # of a tile's pixels, each way: enough for its mean colour
_PROTOTYPES = "prototypes"


@dataclass(frozen=True, slots=True)
class OODDetector:
    """What a model was trained on, as a few hundred typical tiles."""

    prototypes: Float32s  # (k, channels + 4), as `describe_tiles`
    _squares: Float32s = field(init=False, repr=False)  # (k,), of their lengths: asked for with every tile

    def __post_init__(self) -> None:
        """Compute what does not depend on tiles."""
        object.__setattr__(self, "_squares", (self.prototypes**2).sum(axis=1))

    def distances(self, features: Float32s, tiles: Pixels) -> Float32s:
        """Return how far each tile is from the training tile most like it, (n,), 0 and up.

        Args:
            features: pooled, (n, channels).
            tiles: uint8 (..., height, width, 3), n in all: views of windows will do, little of them is read.
        """
        found = describe_tiles(features, tiles)
        # |a - b|² by its parts: the differences themselves would take k times the memory
        # einsum rather than @: BLAS would start threads of its own, in each worker, for a small product
        products = np.einsum("nc,kc->nk", found, self.prototypes)
        squared = (found**2).sum(axis=1)[:, None] - 2 * products
        nearest: Float32s = (squared + self._squares).min(axis=1)
        return np.sqrt(np.maximum(nearest, 0.0))

    def save(self, path: Path) -> None:
        """Write it as an .npz of one float32 array."""
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_PROTOTYPES: self.prototypes})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; nothing in it is run.

        Raises:
            BrokenModel: it is something else.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return cls(arrays[_PROTOTYPES].astype(np.float32))
        except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise BrokenModel(f"{path}: cannot be read ({error}); get the model folder again.") from error


def describe_tiles(features: Float32s, tiles: Pixels) -> Float32s:
    """Return what tiles are compared by, (n, channels + 4): their features' direction, and their colour.

    Of the colour, mean and spread of red less green and of green less blue: light and dark do not matter.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    thin = tiles[..., ::EVERY, ::EVERY, :]
    sampled = np.moveaxis(thin.reshape(-1, *thin.shape[-3:]), -1, 1).astype(np.float32, order="C") / 255
    tint = (sampled[:, :2] - sampled[:, 1:]).reshape(len(sampled), 2, -1)
    colour = np.concatenate([tint.mean(axis=-1), tint.std(axis=-1)], axis=1)
    return np.concatenate([features / np.maximum(length, 1e-6), COLOUR_WEIGHT * colour], axis=1)
