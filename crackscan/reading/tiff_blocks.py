"""Which blocks a GeoTIFF holds: what was never written need not be read."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.records import Window

if TYPE_CHECKING:
    from rasterio import DatasetReader

Held = NDArray[np.bool_]


class TiffBlocks:
    """The blocks (tiles or strips) of a raster, of which a GeoTIFF's header says where each one lies.

    Asking costs 0.7 us a block, so 0.6 ms for a band of a mosaic 100,000 px wide; reading it costs 60 ms.
    """

    def __init__(self, dataset: "DatasetReader") -> None:
        self._dataset = dataset
        self._height, self._width = dataset.block_shapes[0]
        self._across = -(-dataset.width // self._width)
        # GDAL shows a file of one single strip as strips of one row, and knows the offset of the first only
        self._can_tell = dataset.driver == "GTiff" and self._height > 1
        by_band = dataset.count > 1 and dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "BAND"
        self._bands = range(1, dataset.count + 1) if by_band else (1,)
        self._row = cache(self._asked)

    def holds(self, window: Window) -> bool:
        """Say whether the file may have any pixel of a window; True also where its format cannot tell."""
        return bool(self._area(window).any())

    def spread(self, window: Window, shape: tuple[int, int]) -> Held | None:
        """Return which pixels of a window, read as `shape` (height, width), the file has; None is all."""
        held = self._area(window)
        if held.all():
            return None
        rows = _blocks_of(window.row, window.height, shape[0], self._height)
        cols = _blocks_of(window.col, window.width, shape[1], self._width)
        spread: Held = held[rows[:, None], cols]
        return spread

    def _area(self, window: Window) -> Held:
        first, last = window.row // self._height, (window.row + window.height - 1) // self._height
        left, right = window.col // self._width, (window.col + window.width - 1) // self._width
        return np.stack([self._row(row)[left : right + 1] for row in range(first, last + 1)])

    def _asked(self, row: int) -> Held:
        """Return for one row of blocks which of them the file holds."""
        return np.array([self._is_held(col, row) for col in range(self._across)])

    def _is_held(self, col: int, row: int) -> bool:
        if not self._can_tell:
            return True
        name = f"BLOCK_OFFSET_{col}_{row}"
        return any(self._dataset.get_tag_item(name, "TIFF", bidx=band) is not None for band in self._bands)


def _blocks_of(start: int, length: int, pixels: int, block_px: int) -> NDArray[np.intp]:
    """Return for each of so many pixels along a side of a window in which of its blocks it lies."""
    middles = start + (np.arange(pixels) + 0.5) * (length / pixels)
    return (middles // block_px - start // block_px).astype(np.intp)
