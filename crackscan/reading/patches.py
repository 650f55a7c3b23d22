"""A piece of an image, and how it becomes what the model sees."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.basics.records import Window

Mask = NDArray[np.bool_]  # shape (height, width)


class Patch(NamedTuple):
    """A piece of an image: its pixels, and which of them hold data (None: all of them)."""

    pixels: Pixels
    valid: Mask | None
    decimation: int = 1  # pixels of the file, each way, whose mean is one of these

    @property
    def valid_fraction(self) -> float:
        """How much of the piece holds data, 0..1."""
        return 1.0 if self.valid is None else float(self.valid.mean())

    def crop(self, window: Window) -> "Patch":
        """Return the part inside a window, which counts from this piece's own corner."""
        area = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        return Patch(self.pixels[area], None if self.valid is None else self.valid[area])

    def crops(self, windows: Sequence[Window]) -> list["Patch"]:
        """Return the parts inside of windows."""
        return [self.crop(window) for window in windows]

    def filled(self) -> Pixels:
        """Return the pixels with the mean colour of the valid ones where there is no data.

        Black or white there would put an edge into the tile that looks like a joint.
        """
        if self.valid is None or self.valid.all() or not self.valid.any():
            return self.pixels
        pixels = self.pixels.copy()
        pixels[~self.valid] = self.pixels[self.valid].mean(axis=0).round()
        return pixels


EMPTY_PATCH = Patch(
    np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.bool_)
)  # of any size: none of it is valid


def fit(pixels: Pixels, tile_px: int, input_px: int) -> Pixels:
    """Bring a tile to the model's input, uint8 (input_px, input_px, 3), as `fit_to` does."""
    return fit_to(pixels, (tile_px, tile_px), (input_px, input_px))


def fit_to(pixels: Pixels, whole: tuple[int, int], wanted: tuple[int, int]) -> Pixels:
    """Bring pixels to a height and width, uint8 (height, width, 3).

    What is smaller than the whole that it stands for is mirrored at its edges, at its own scale: stretching
    would change the width of cracks, and a border would look like one. Then it is resized, antialiased.

    Args:
        pixels: such as a tile, uint8 RGB.
        whole: height and width before resizing, px.
        wanted: height and width of what the model sees, px.
    """
    height, width = pixels.shape[:2]
    if (height, width) != whole:
        margin = ((0, whole[0] - height), (0, whole[1] - width), (0, 0))
        pixels = np.pad(pixels, margin, mode="symmetric")
    if whole == wanted:
        return np.ascontiguousarray(pixels)
    return np.asarray(Image.fromarray(pixels).resize(wanted[::-1], Image.Resampling.BILINEAR))
