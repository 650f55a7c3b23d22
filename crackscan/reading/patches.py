"""Pieces of images, and how they are brought to the size of the model's input."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Bools, Pixels
from crackscan.basics.records import Window

Mask = Bools  # shape (height, width)


class Patch(NamedTuple):
    """A piece of an image: its pixels, and which of them hold data (None: all of them)."""

    pixels: Pixels
    valid: Mask | None
    decimation: int = 1  # pixels of the file, in each direction, whose mean is one of these

    @property
    def valid_fraction(self) -> float:
        """Fraction of the pixels that hold data, 0..1."""
        return 1.0 if self.valid is None else float(self.valid.mean())

    def crop(self, window: Window) -> "Patch":
        """Return the part inside a window, whose position is relative to this piece's own corner."""
        area = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        return Patch(self.pixels[area], None if self.valid is None else self.valid[area])

    def filled(self) -> Pixels:
        """Return the pixels, with the mean colour of the valid ones in place of the invalid ones.

        Black or white there would put an edge into the tile that looks like a joint.
        """
        if self.valid is None or self.valid.all() or not self.valid.any():
            return self.pixels
        pixels = self.pixels.copy()
        pixels[~self.valid] = self.pixels[self.valid].mean(axis=0).round()
        return pixels


EMPTY_PATCH = Patch(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.bool_))  # stands for any size


def fit(pixels: Pixels, tile_px: int, input_px: int) -> Pixels:
    """Bring a tile to the model's input, uint8 (input_px, input_px, 3), as `fit_to` does."""
    return fit_to(pixels, (tile_px, tile_px), (input_px, input_px))


def fit_to(pixels: Pixels, full_size: tuple[int, int], output_size: tuple[int, int]) -> Pixels:
    """Bring pixels to a height and width, uint8 (height, width, 3).

    Pixels smaller than the full size are mirrored at their edges, at their own scale: stretching would change
    the width of cracks, and a border would look like a crack. Then they are resized, antialiased.

    Args:
        pixels: such as a tile, uint8 RGB.
        full_size: height and width before resizing, px.
        output_size: height and width of the model's input, px.
    """
    height, width = pixels.shape[:2]
    if (height, width) != full_size:
        margin = ((0, full_size[0] - height), (0, full_size[1] - width), (0, 0))
        pixels = np.pad(pixels, margin, mode="symmetric")
    if full_size == output_size:
        return np.ascontiguousarray(pixels)
    return np.asarray(Image.fromarray(pixels).resize(output_size[::-1], Image.Resampling.BILINEAR))
