"""Mosaics: survey rasters of any size, read window by window."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from crackscan.basics import grid
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.reading.decoding import unreadable_errors
from crackscan.reading.gdal import checked_reads, close_raster, open_raster, raster_driver
from crackscan.reading.header_limits import check_mosaic
from crackscan.reading.patches import EMPTY_PATCH, Mask, Patch
from crackscan.reading.pixel_values import PixelValues
from crackscan.reading.raster_bands import colour_bands, has_mask, has_unnamed_alpha
from crackscan.reading.tiff_blocks import TiffBlocks
from crackscan.reading.timeouts import call_with_timeout
from crackscan.reading.vrt import VrtParts
from crackscan.reading.vrt_sources import check_sources

if TYPE_CHECKING:
    from rasterio import DatasetReader
    from rasterio.windows import Window as Area

T = TypeVar("T")


class Mosaic:
    """A raster open for windowed reading; give each worker its own (GDAL's handles are not thread-safe)."""

    def __init__(self, path: str | Path, timeout: float | None = None, folders: tuple[str, ...] = ()) -> None:
        self._path, self._timeout, self._folders = os.fspath(path), timeout, folders
        self._failed = False
        self._in_use = Lock()  # while it is read or closed
        self._open()

    def _open(self) -> None:
        driver = raster_driver(self._path)
        if driver == "VRT":
            check_sources(self._path, self._folders)
        with ExitStack() as on_error:
            with checked_reads(opening=True):
                self.dataset = open_raster(self._path, driver, self._folders)
                on_error.callback(close_raster, self.dataset)
                check_mosaic(self.dataset)
                self._bands = colour_bands(self.dataset)
                self._values = PixelValues.from_raster(self.dataset, band_count=len(self._bands))
                self._has_mask = has_mask(self.dataset)
                self.identity = _identity(self.dataset)
            # only now: libtiff aborts the program if it is asked for blocks without having read the header
            self._coverage = VrtParts(self._path) if driver == "VRT" else TiffBlocks(self.dataset)
            on_error.pop_all()

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
        return self._answer(partial(self._read_tiles, windows, decimation))

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
        return self._answer(partial(self._read, window, decimation))

    def check_identity(self, planned: str | None) -> None:
        """Make sure that this is still the mosaic that was planned; None: the plan did not say.

        Raises: Unreadable: its size, position or meaning of the values is another one.
        """
        if planned not in {None, self.identity}:
            raise Unreadable(
                "its size, position or kind of pixels is not as it was when the scan was planned"
            )

    def close(self) -> None:
        """Close the file, unless a thread still reads it, for which nobody waits: the process would crash."""
        if self._in_use.acquire(blocking=False):
            try:
                close_raster(self.dataset)
            finally:
                self._in_use.release()

    def _answer(self, read: Callable[[], T]) -> T:
        with unreadable_errors(self._path):
            return call_with_timeout(self._timeout, partial(self._checked, read))

    def _checked(self, read: Callable[[], T]) -> T:
        """Return what a read returns, from a file that is opened afresh if the last read failed.

        In a dataset that had an error, GDAL gives zeros for what it could not read before.
        """
        with self._in_use:
            if self._failed:
                self._reopen()
            self._failed = True
            try:
                with checked_reads():
                    value = read()
            except Unreadable:  # a part is gone, so GDAL was not asked
                self._failed = False
                raise
            self._failed = False
            return value

    def _reopen(self) -> None:
        planned = self.identity
        close_raster(self.dataset)
        self._open()
        self.check_identity(planned)

    def _read(self, window: Window, decimation: int) -> Patch:
        from rasterio.enums import Resampling
        from rasterio.windows import Window as Area

        area, shape = Area(*window), (-(-window.height // decimation), -(-window.width // decimation))
        exact = decimation == 1 or self._values.palette is not None  # entries of a palette have no mean
        resampling = Resampling.nearest if exact else Resampling.average
        # pixel by pixel, as most files are stored: by band, and then transposed, takes 1.5 times as long
        values = np.empty((*shape, len(self._bands)), self.dataset.dtypes[0])
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
def open_mosaic(
    path: str | Path, *, timeout: float | None = None, folders: tuple[str, ...] = ()
) -> Iterator[Mosaic]:
    """Open a GeoTIFF, a VRT, or a raster of another format that may be opened.

    Args:
        path: of the file.
        timeout: seconds for opening it, and for each read.
        folders: that the user named, in which the parts of a VRT may lie.

    Raises:
        Stalled: it does not answer for `timeout` seconds, now or in a read.
        Unreadable: it cannot be opened, or its pixels have no fixed scale.
    """
    with unreadable_errors(path):
        mosaic = call_with_timeout(timeout, partial(Mosaic, path, timeout, folders))
    try:
        yield mosaic
    finally:
        mosaic.close()


def _identity(dataset: "DatasetReader") -> str:
    """Return a digest of what a plan and the rows of a mosaic depend on, besides its pixels.

    Asking for it reads the whole header.
    """
    points, points_crs = dataset.gcps
    facts = (
        (dataset.width, dataset.height, dataset.count, dataset.dtypes, dataset.nodatavals),
        (tuple(dataset.transform), dataset.crs and dataset.crs.to_wkt(), points_crs and points_crs.to_wkt()),
        [(point.row, point.col, point.x, point.y) for point in points],
        ([colour.name for colour in dataset.colorinterp], dataset.mask_flag_enums, dataset.block_shapes),
        [dataset.overviews(band) for band in dataset.indexes],
        dataset.tags(1, ns="IMAGE_STRUCTURE"),
    )
    return blake2b(repr(facts).encode(), digest_size=8).hexdigest()
