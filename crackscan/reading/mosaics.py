"""Survey rasters, however large: read window by window."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Stalled
from crackscan.basics.records import Window
from crackscan.reading import colours
from crackscan.reading.decoding import check_file_type, unreadable_errors
from crackscan.reading.header_limits import check_mosaic
from crackscan.reading.patches import EMPTY_PATCH, Mask, Patch
from crackscan.reading.pixels import grey_to_rgb, to_uint8
from crackscan.reading.tiff_blocks import TiffBlocks
from crackscan.reading.timeouts import call_with_timeout
from crackscan.reading.vrt import VrtParts

if TYPE_CHECKING:
    from rasterio import DatasetReader
    from rasterio.windows import Window as Area

BLOCK_CACHE = "160MB"  # holds the strips of two bands of 100,000 px; GDAL's own is 5 % of the machine


class Mosaic:
    """A raster open for windowed reading; give each worker its own (GDAL's handles are not thread-safe)."""

    def __init__(self, dataset: "DatasetReader", timeout: float | None = None) -> None:
        self.dataset = dataset
        self._timeout = timeout
        self._indexes = colours.colour_indexes(dataset)
        self._bits = colours.bit_depth(dataset)
        self._palette = colours.palette(dataset) if len(self._indexes) == 1 else None
        self._masked = colours.masked(dataset)
        self._held = VrtParts(dataset) if dataset.driver == "VRT" else TiffBlocks(dataset)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.dataset.width, self.dataset.height

    @property
    def in_blocks(self) -> bool:
        """Whether the file lies in blocks narrower than itself, not in strips; a VRT cannot say."""
        return self.dataset.driver != "VRT" and bool(self.dataset.block_shapes[0][1] < self.dataset.width)

    def read_tiles(self, windows: Sequence[Window], *, decimation: int = 1) -> list[Patch]:
        """Return the pixels of neighbouring windows; one read serves all, unless means are wanted.

        Windows of which the file holds nothing are not read: no pixel of theirs is valid.

        Raises:
            Unreadable: as `read`.
        """
        with unreadable_errors(self.dataset.name):
            return call_with_timeout(self._timeout, partial(self._read_tiles, windows, decimation))

    def _read_tiles(self, windows: Sequence[Window], decimation: int) -> list[Patch]:
        held = tuple(window for window in windows if self._held.holds(window))
        if decimation > 1:  # each by itself, lest its means depend on where its neighbours begin
            found = {window: self._read(window, decimation) for window in held}
        elif held:
            area = grid.bounding_window(held)
            patch = self._read(area, 1)
            found = {window: patch.crop(grid.relative_to(window, area)) for window in held}
        else:
            found = {}
        return [found.get(window) or EMPTY_PATCH for window in windows]

    def read(self, window: Window, *, decimation: int = 1) -> Patch:
        """Return a window's pixels, and which are valid by mask, alpha or nodata value: never by colour.

        Args:
            window: to read.
            decimation: pixels of the file, each way, of which one pixel is the mean; overviews serve for it.

        Raises:
            Stalled: it does not answer.
            Unreadable: the file cannot be read there.
        """
        with unreadable_errors(self.dataset.name):
            return call_with_timeout(self._timeout, partial(self._read, window, decimation))

    def _read(self, window: Window, decimation: int) -> Patch:
        from rasterio.enums import Resampling
        from rasterio.env import env_ctx_if_needed
        from rasterio.windows import Window as Area

        area, shape = Area(*window), (-(-window.height // decimation), -(-window.width // decimation))
        how = Resampling.nearest if decimation == 1 or self._palette is not None else Resampling.average
        # pixel by pixel, as most files lie: band by band, and then turned, would take half as long again
        by_pixel = np.empty((*shape, len(self._indexes)), self.dataset.dtypes[0])
        with env_ctx_if_needed():  # each thread needs its own, or GDAL prints what rasterio raises
            self.dataset.read(self._indexes, window=area, out=np.moveaxis(by_pixel, -1, 0), resampling=how)
            valid = self._valid(area, shape)
            if (held := self._held.spread(window, shape)) is not None:
                valid = held if valid is None else valid & held
        return Patch(self._pixels(by_pixel), None if valid is None or valid.all() else valid, decimation)

    def _valid(self, area: "Area", shape: tuple[int, int]) -> Mask | None:
        """Return what mask, alpha and nodata value say of a window; None where the raster has none of them.

        Asked all the same, rasterio would take a third of the time of the pixels to say that all are valid.
        """
        valid = self.dataset.dataset_mask(window=area, out_shape=shape) > 0 if self._masked else None
        if not colours.unnamed_alpha(self.dataset):
            return valid
        seen: Mask = self.dataset.read(4, window=area, out_shape=shape) > 0
        return seen if valid is None else valid & seen

    def _pixels(self, values: NDArray[Any]) -> Pixels:
        if self._palette is not None:
            return self._palette[values[..., 0]]  # type: ignore[no-any-return]
        eight_bit = values if self._bits == 8 else to_uint8(values, bits=self._bits)
        return grey_to_rgb(eight_bit[..., 0]) if eight_bit.shape[-1] == 1 else eight_bit


@contextmanager
def open_mosaic(path: str | Path, *, timeout: float | None = None) -> Iterator[Mosaic]:
    """Open a GeoTIFF, VRT or any raster that GDAL reads.

    Raises:
        Stalled: it does not answer for `timeout` seconds, now or in a read.
        Unreadable: it cannot be opened, or its pixels have no fixed scale.
    """
    with unreadable_errors(path):
        mosaic = call_with_timeout(timeout, partial(_mosaic, path, timeout))
    with ExitStack() as at_end:
        at_end.enter_context(mosaic.dataset)
        try:
            yield mosaic
        except Stalled:
            at_end.pop_all()  # a thread still reads: closing would pull the file from under it
            raise


def _mosaic(path: str | Path, timeout: float | None) -> Mosaic:
    os.environ.setdefault("GDAL_CACHEMAX", BLOCK_CACHE)
    import rasterio  # a second of import that a run over photos does without

    check_file_type(path)
    dataset = rasterio.open(path)
    try:
        check_mosaic(dataset)
        return Mosaic(dataset, timeout)
    except BaseException:
        dataset.close()
        raise
