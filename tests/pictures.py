"""Pictures that differ as photos of concrete do: smooth blotches, another for each seed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def blotches(seed: int, *, size: int = 96) -> NDArray[np.uint8]:
    """Return uint8 RGB, shape (size, size, 3)."""
    coarse = np.random.default_rng(seed).integers(60, 200, (12, 12, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def save_picture(path: Path, seed: int, *, size: int = 96) -> Path:
    """Write a picture without loss, unless the ending says JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blotches(seed, size=size)).save(path)
    return path
