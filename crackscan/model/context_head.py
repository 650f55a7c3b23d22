"""The head for dense inference: it corrects the probabilities of tiles that are seen with their context.

In a tile that is judged alone, convolutions pad the borders with zeros. In one pass over a larger image a
tile's features depend on what is around it instead, and the head that was trained on tiles alone has never
seen such features. NumPy alone: scanning does without the packages that training needs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from crackscan.basics.arrays import Float32s
from crackscan.model.broken_files import load_array

_WEIGHTS = "weights"  # the array in the file; its last value is the bias


@dataclass(frozen=True, slots=True)
class ContextHead:
    """A second linear head, whose logit is added to the first one's, for tiles with context."""

    weights: Float32s  # (channels,)
    bias: float

    def correct(self, probabilities: Float32s, features: Float32s) -> Float32s:
        """Add this head's logits to those of the network.

        Args:
            probabilities: of the network, float32, (n,), 0..1.
            features: of the same windows, float32, (n, channels).

        Returns: probabilities, float32, (n,), 0..1.
        """
        clipped = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
        logits = np.einsum("nc,c->n", features, self.weights) + self.bias
        corrected: Float32s = (1 / (1 + np.exp(-logits) * (1 - clipped) / clipped)).astype(np.float32)
        return corrected

    def save(self, path: Path) -> None:
        """Write it as an .npz of one float32 array, (channels + 1,).

        Raises: OSError: the file cannot be written.
        """
        array = np.append(self.weights, np.float32(self.bias))
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_WEIGHTS: array})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; nothing in the file is executed.

        Raises: BrokenModel: the file is missing or is something else.
        """
        *weights, bias = load_array(path, _WEIGHTS, dimensions=1)
        return cls(np.array(weights, np.float32), float(bias))
