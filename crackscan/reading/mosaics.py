"""Mosaics: survey rasters of any size, read window by window."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crackscan.basics import grid
from crackscan.basics.errors import Stalled
from crackscan.basics.records import Window
from crackscan.reading.decoding import check_file_type, unreadable_errors
from crackscan.reading.header_limits import check_mosaic
from crackscan.reading.patches import EMPTY_PATCH, Mask, Patch
from crackscan.reading.pixel_values import PixelValues
from crackscan.reading.raster_bands import colour_bands, has_mask, has_unnamed_alpha
from crackscan.reading.tiff_blocks import TiffBlocks
from crackscan.reading.timeouts import call_with_timeout
from crackscan.reading.vrt import VrtParts

if TYPE_CHECKING:
    from rasterio import DatasetReader
    from rasterio.windows import Window as Area

BLOCK_CACHE = "160MB"  # the strips of two bands of 100,000 px; GDAL's default is 5 % of the machine's memory


class Mosaic:
    """A raster open for windowed reading; give each worker its own (GDAL's handles are not thread-safe)."""

    def __init__(self, dataset: "DatasetReader", timeout: float | None = None) -> None:
        self.dataset = dataset
        self._timeout = timeout
        self._bands = colour_bands(dataset)
        self._values = PixelValues.from_raster(dataset, band_count=len(self._bands))
        self._has_mask = has_mask(dataset)
        self._coverage = VrtParts(dataset) if dataset.driver == "VRT" else TiffBlocks(dataset)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.dataset.width, self.dataset.height

    @property
    def in_blocks(self) -> bool:
        """Whether the file has blocks narrower than itself instead of strips; a VRT cannot say: False."""
        return self.dataset.driver != "VRT" and bool(self.dataset.block_shapes[0][1] < self.dataset.width)

    def read_tiles(self, windows: Sequence[Window], *, decimation: int = 1) -> list[Patch]:
        """Return the pixels of neighbouring windows, by one read for all if `decimation` is 1.

        Windows for which the file has no data are not read: none of their pixels is valid.

        Raises:
            Stalled, Unreadable: as `read`.
        """
        with unreadable_errors(self.dataset.name):
            return call_with_timeout(self._timeout, partial(self._read_tiles, windows, decimation))

    def _read_tiles(self, windows: Sequence[Window], decimation: int) -> list[Patch]:
        covered = tuple(window for window in windows if self._coverage.has_data(window))
        if decimation > 1:  # one by one: in a common read, means would depend on where the neighbours begin
            patches = {window: self._read(window, decimation) for window in covered}
        elif covered:
            area = grid.bounding_window(covered)
            patch = self._read(area, 1)
            patches = {window: patch.crop(grid.relative_to(window, area)) for window in covered}
        else:
            patches = {}
        return [patches.get(window) or EMPTY_PATCH for window in windows]

    def read(self, window: Window, *, decimation: int = 1) -> Patch:
        """Return a window's pixels, and which are valid by mask, alpha or nodata value: never by colour.

        Args:
            window: the part to read.
            decimation: pixels of the file, in each direction, whose mean is one pixel of the result; GDAL may
                use overviews for it.

        Raises:
            Stalled: the file does not answer.
            Unreadable: the file cannot be read there.
        """
        with unreadable_errors(self.dataset.name):
            return call_with_timeout(self._timeout, partial(self._read, window, decimation))

    def _read(self, window: Window, decimation: int) -> Patch:
        from rasterio.enums import Resampling
        from rasterio.env import env_ctx_if_needed
        from rasterio.windows import Window as Area

        area, shape = Area(*window), (-(-window.height // decimation), -(-window.width // decimation))
        exact = decimation == 1 or self._values.palette is not None  # entries of a palette have no mean
        resampling = Resampling.nearest if exact else Resampling.average
        # pixel by pixel, as most files are stored: by band, and then transposed, takes 1.5 times as long
        values = np.empty((*shape, len(self._bands)), self.dataset.dtypes[0])
        with env_ctx_if_needed():  # each thread needs its own, or GDAL prints what rasterio raises
            out = np.moveaxis(values, -1, 0)
            self.dataset.read(self._bands, window=area, out=out, resampling=resampling)
            valid = self._valid(area, shape)
            if (covered := self._coverage.data_mask(window, shape)) is not None:
                valid = covered if valid is None else valid & covered
        pixels = self._values.to_rgb(values)
        return Patch(pixels, None if valid is None or valid.all() else valid, decimation)

    def _valid(self, area: "Area", shape: tuple[int, int]) -> Mask | None:
        """Return which pixels are valid by mask, alpha and nodata value; None if the raster has none of them.

        Reading a mask that says that all pixels are valid would take a third of the time of the pixels.
        """
        valid = self.dataset.dataset_mask(window=area, out_shape=shape) > 0 if self._has_mask else None
        if not has_unnamed_alpha(self.dataset):
            return valid
        opaque: Mask = self.dataset.read(4, window=area, out_shape=shape) > 0
        return opaque if valid is None else valid & opaque


@contextmanager
def open_mosaic(path: str | Path, *, timeout: float | None = None) -> Iterator[Mosaic]:
    """Open a GeoTIFF, VRT or any other raster that GDAL reads.

    Raises:
        Stalled: it does not answer for `timeout` seconds, now or in a read.
        Unreadable: it cannot be opened, or its pixels have no fixed scale.
    """
    with unreadable_errors(path):
        mosaic = call_with_timeout(timeout, partial(_open_mosaic, path, timeout))
    with ExitStack() as at_end:
        at_end.enter_context(mosaic.dataset)
        try:
            yield mosaic
        except Stalled:
            at_end.pop_all()  # a thread still reads: closing would pull the file from under it
            raise


def _open_mosaic(path: str | Path, timeout: float | None) -> Mosaic:
    os.environ.setdefault("GDAL_CACHEMAX", BLOCK_CACHE)
    os.environ.setdefault("GDAL_ERROR_ON_LIBJPEG_WARNING", "YES")  # libjpeg makes up what is lost of a JPEG
    import rasterio  # takes a second, which a scan of photos saves

    check_file_type(path)
    dataset = rasterio.open(path)
    try:
        check_mosaic(dataset)
        return Mosaic(dataset, timeout)
    except BaseException:
        dataset.close()
        raise
