"""Pictures that differ as photos of concrete do: smooth blotches, or drawn tiles, different for each seed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.dataset.synthesis import concrete, draw_crack

TILE_PX = 224


def blotches(seed: int, *, size: int = 96) -> NDArray[np.uint8]:
    """Return uint8 RGB, shape (size, size, 3)."""
    coarse = np.random.default_rng(seed).integers(60, 200, (12, 12, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def save_picture(path: Path, seed: int, *, size: int = 96) -> Path:
    """Write a picture, lossless unless the ending means JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blotches(seed, size=size)).save(path)
    return path


def save_tiles(folder: Path, count: int, *, seed: int) -> Path:
    """Fill a folder with drawn tiles, one sub-folder for each class; every second tile is cracked."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        tile, label = concrete(rng, TILE_PX, TILE_PX), "no-crack"
        if number % 2:
            (tile, _), label = draw_crack(rng, tile, width_px=6.0), "crack"
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(tile).save(folder / label / f"{number}.png")
    return folder
