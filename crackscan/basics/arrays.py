"""Names for the arrays that rooms share, and how a few of many are chosen."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # RGB, (height, width, 3) or (n, height, width, 3), 0..255
Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]
Points = NDArray[np.float64]  # (n, 2)


def evenly_spaced(count: int, most: int) -> Indices:
    """Return the indices of at most `most` of `count` things, spread from the first to the last.

    Returns: int64, (min(count, most),), ascending, none twice.
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
