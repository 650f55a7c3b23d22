"""Array types that all rooms share, and evenly spaced indices."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # RGB, (height, width, 3) or (n, height, width, 3), 0..255
Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]
Points = NDArray[np.float64]  # (n, 2)


def evenly_spaced(count: int, most: int) -> Indices:
    """Return the indices of at most `most` of `count` items, evenly spread from the first to the last.

    Returns: int64, shape (min(count, most),), ascending, without duplicates.
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
