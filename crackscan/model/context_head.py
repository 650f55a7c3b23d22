"""What a tile's surroundings change in its evidence, where one pass judges it together with others.

A tile that is judged alone ends in the zeros with which convolutions pad. In one pass over a larger picture
its features know of what is around it instead, and the head that learned from tiles alone knows none such.
NumPy alone: scanning does without the packages that training needs.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from crackscan.basics.arrays import Float32s
from crackscan.basics.errors import BrokenModel

_WEIGHTS = "weights"  # and, as the last one, the bias


@dataclass(frozen=True, slots=True)
class ContextHead:
    """A second linear head, on top of the first, for tiles that are seen with what is around them."""

    weights: Float32s  # (channels,)
    bias: float

    def corrected(self, probabilities: Float32s, features: Float32s) -> Float32s:
        """Return the probabilities of windows, (n,), by their features, (n, channels), as well."""
        kept = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
        change = np.einsum("nc,c->n", features, self.weights) + self.bias
        corrected: Float32s = (1 / (1 + np.exp(-change) * (1 - kept) / kept)).astype(np.float32)
        return corrected

    def save(self, path: Path) -> None:
        """Write it as an .npz of one float32 array."""
        whole = np.append(self.weights, np.float32(self.bias))
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_WEIGHTS: whole})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; nothing in it is run.

        Raises:
            BrokenModel: it is something else.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                *weights, bias = arrays[_WEIGHTS].astype(np.float32).reshape(-1)
                return cls(np.array(weights, np.float32), float(bias))
        except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise BrokenModel(f"{path}: cannot be read ({error}); get the model folder again.") from error
