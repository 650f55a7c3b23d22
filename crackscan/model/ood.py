"""Out-of-distribution (OOD) detection: how far a tile is from all tiles that a model was trained on.

Sky or grass is not concrete, and a probability of a crack means nothing there. NumPy alone: scanning does
without the packages that training needs.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.model.broken_files import load_array

# Weight of the colour beside the features. Features learned for cracks depend little on colour: with a limit
# that loses 1 % of cracked concrete, features alone reject 44 % of the tiles of a park, with colour 87 %.
COLOUR_WEIGHT = 4.0
COLOUR_STEP = 4  # px, each way, from one sampled pixel to the next: enough for a tile's mean colour
_PROTOTYPES = "prototypes"


@dataclass(frozen=True, slots=True)
class OODDetector:
    """Distances to the training tiles, of which a few hundred prototypes are kept."""

    prototypes: Float32s  # (k, channels + 4), as `describe_tiles` returns
    _squared_norms: Float32s = field(init=False, repr=False)  # of the prototypes, (k,)

    def __post_init__(self) -> None:
        """Compute what does not depend on tiles."""
        object.__setattr__(self, "_squared_norms", (self.prototypes**2).sum(axis=1))

    def distances(self, features: Float32s, tiles: Pixels) -> Float32s:
        """Return each tile's Euclidean distance to its nearest prototype, float32, (n,), 0 and up.

        Args:
            features: pooled, float32, (n, channels).
            tiles: uint8 RGB, (..., height, width, 3), n in all. Views of overlapping windows are fine: only
                some of their pixels are read.
        """
        descriptors = describe_tiles(features, tiles)
        # |a - b|² = |a|² - 2ab + |b|²: the differences themselves would take k times the memory
        # einsum rather than @: for a small product BLAS would start threads of its own in each worker
        products = np.einsum("nc,kc->nk", descriptors, self.prototypes)
        squared = (descriptors**2).sum(axis=1)[:, None] - 2 * products
        nearest: Float32s = (squared + self._squared_norms).min(axis=1)
        return np.sqrt(np.maximum(nearest, 0.0))

    def save(self, path: Path) -> None:
        """Write it as an .npz of one float32 array.

        Raises: OSError: the file cannot be written.
        """
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_PROTOTYPES: self.prototypes})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; nothing in the file is executed.

        Raises: BrokenModel: the file is missing or is something else.
        """
        return cls(load_array(path, _PROTOTYPES, dimensions=2))


def describe_tiles(features: Float32s, tiles: Pixels) -> Float32s:
    """Return the descriptors by which tiles are compared, float32, (n, channels + 4).

    These are the features scaled to length 1, and the weighted mean and spread of red minus green and of
    green minus blue, in which brightness plays no part.

    Args:
        features: pooled, float32, (n, channels).
        tiles: uint8 RGB, (..., height, width, 3), n in all.
    """
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    thinned = tiles[..., ::COLOUR_STEP, ::COLOUR_STEP, :]
    rgb = np.moveaxis(thinned.reshape(-1, *thinned.shape[-3:]), -1, 1).astype(np.float32, order="C") / 255
    differences = (rgb[:, :2] - rgb[:, 1:]).reshape(len(rgb), 2, -1)
    colour = np.concatenate([differences.mean(axis=-1), differences.std(axis=-1)], axis=1)
    return np.concatenate([features / np.maximum(norms, 1e-6), COLOUR_WEIGHT * colour], axis=1)
