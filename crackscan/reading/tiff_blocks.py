"""Blocks that a GeoTIFF holds: blocks that were never written need not be read."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from crackscan.basics.arrays import Bools, Indices
from crackscan.basics.records import Window

if TYPE_CHECKING:
    from rasterio import DatasetReader


class TiffBlocks:
    """The blocks (tiles or strips) of a raster; the header of a GeoTIFF gives the offset of each one.

    Asking costs 0.7 us a block, so 0.6 ms for a band of a mosaic 100,000 px wide, which takes 60 ms to read.
    """

    def __init__(self, dataset: "DatasetReader") -> None:
        self._dataset = dataset
        self._height, self._width = dataset.block_shapes[0]
        self._blocks_across = -(-dataset.width // self._width)
        # GDAL shows a file of one single strip as strips of one row, and knows the offset of the first only
        self._has_offsets = dataset.driver == "GTiff" and self._height > 1
        by_band = dataset.count > 1 and dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "BAND"
        self._bands = range(1, dataset.count + 1) if by_band else (1,)
        self._written_in_row = cache(self._query_row)

    def has_data(self, window: Window) -> bool:
        """Return whether the file may hold any pixel of a window; also True if its format has no offsets."""
        return bool(self._written(window).any())

    def data_mask(self, window: Window, shape: tuple[int, int]) -> Bools | None:
        """Return which pixels of a window, read as `shape` (height, width), the file holds; None: all."""
        written = self._written(window)
        if written.all():
            return None
        rows = _block_indices(window.row, window.height, shape[0], self._height)
        cols = _block_indices(window.col, window.width, shape[1], self._width)
        mask: Bools = written[rows[:, None], cols]
        return mask

    def _written(self, window: Window) -> Bools:
        """Return for each block that a window touches whether the file holds it, (rows, columns)."""
        first, last = window.row // self._height, (window.row + window.height - 1) // self._height
        left, right = window.col // self._width, (window.col + window.width - 1) // self._width
        return np.stack([self._written_in_row(row)[left : right + 1] for row in range(first, last + 1)])

    def _query_row(self, row: int) -> Bools:
        """Return for each block of one row of blocks whether the file holds it."""
        return np.array([self._is_written(col, row) for col in range(self._blocks_across)])

    def _is_written(self, col: int, row: int) -> bool:
        if not self._has_offsets:
            return True
        name = f"BLOCK_OFFSET_{col}_{row}"
        return any(self._dataset.get_tag_item(name, "TIFF", bidx=band) is not None for band in self._bands)


def _block_indices(start: int, length: int, count: int, block_px: int) -> Indices:
    """Return for each of `count` pixels along a side of a window the index of the block that it is in.

    Args:
        start: of the window, px of the file.
        length: of the window, px of the file.
        count: pixels as which the window is read.
        block_px: side of a block.
    """
    middles = start + (np.arange(count) + 0.5) * (length / count)
    return (middles // block_px - start // block_px).astype(np.int64)
