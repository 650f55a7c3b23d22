"""Pictures of rows and overviews of mosaics, read as the scan read them."""

import io
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Stalled, Unreadable
from crackscan.basics.records import Window
from crackscan.reading import Mosaic, Patch, Photo, open_mosaic, read_photo
from crackscan.reading.file_signature import SignatureCache
from crackscan.sinks.report.row_table import Entry, SourceFile

PICTURE_PX = 384  # longest side: a tile of 224 px with its context, at the file's own resolution
CONTEXT = 0.35  # of the window's longest side, on each side of it
MOST_BYTES = 20_000  # of a picture
QUALITIES = (60, 45, 30, 15)  # of WebP, until the picture is small enough
OVERVIEW_PX = 1200  # longest side of a mosaic's overview
OVERVIEW_BYTES = 250_000
READ_PX = 60_000_000  # of a mosaic without overviews: reading more of it would take too long
GREY = 225  # of pixels without data; the page hatches what was not assessed


class Picture(NamedTuple):
    """A part of a source as a picture."""

    content: bytes  # WebP
    window: Window  # the part, px of the source
    source_size: tuple[int, int]  # width and height of the whole source, px


class PictureReader:
    """Draws pictures of rows; neighbouring rows of one source open it only once."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._file: SourceFile | None = None
        self._opened: Mosaic | Photo | None = None
        self._fault: Unreadable | None = None

    def __enter__(self) -> Self:
        """Return the reader; it opens files when they are needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def draw(self, entry: Entry) -> Picture:
        """Return the picture of a row's window, with what is around it.

        Raises: Unreadable: the source is gone, has changed since the scan, or cannot be read.
        """
        window = entry.window
        if window is None:
            raise Unreadable("no part of it was assessed")
        size = self.size(entry.file)
        margin = round(CONTEXT * max(window.width, window.height))
        area = clip(
            Window(
                window.col - margin,
                window.row - margin,
                window.width + 2 * margin,
                window.height + 2 * margin,
            ),
            size,
        )
        return Picture(encode(self.read(entry.file, area, PICTURE_PX), MOST_BYTES), area, size)

    def overview(self, file: SourceFile, area: Window | None = None) -> Picture | None:
        """Return a small picture of a mosaic, or of an area of it; None where reading it would take long.

        Raises: Unreadable: as `draw`.
        """
        source, size = self._open(file), self.size(file)
        if isinstance(source, Photo) or not _is_quick(source):
            return None
        seen = clip(area or Window(0, 0, *size), size)
        return Picture(encode(self.read(file, seen, OVERVIEW_PX), OVERVIEW_BYTES), seen, size)

    def size(self, file: SourceFile) -> tuple[int, int]:
        """Return the width and height of a source in px.

        Raises: Unreadable: as `draw`.
        """
        return self._open(file).size

    def read(self, file: SourceFile, area: Window, most_px: int) -> Pixels:
        """Return a part of a source, uint8 RGB, shrunk to at most so many px a side.

        Raises: Unreadable: as `draw`.
        """
        source = self._open(file)
        if isinstance(source, Photo):
            patch = source.patch.crop(area)
        else:
            decimation = max(1, max(area.width, area.height) // most_px)
            try:
                patch = source.read(area, decimation=decimation)
            except Stalled as error:
                self._fault = error
                raise
        return shrink(_on_grey(patch), most_px)

    def _open(self, file: SourceFile) -> Mosaic | Photo:
        if file != self._file:
            self._close()
            self._file = file
            try:
                self._opened = self._open_unchanged(file)
            except Unreadable as error:
                self._fault = error
        if self._fault is not None:
            raise self._fault
        assert self._opened is not None
        return self._opened

    def _open_unchanged(self, file: SourceFile) -> Mosaic | Photo:
        if file.signature != _signature(file):
            raise Unreadable("it is gone, or it has changed since the scan")
        if file.kind == "photo":
            return read_photo(file.path, timeout=file.read_timeout)
        opened = open_mosaic(file.path, timeout=file.read_timeout, folders=file.folders)
        mosaic = self._stack.enter_context(opened)
        mosaic.check_identity(file.identity)
        return mosaic

    def _close(self) -> None:
        self._opened = self._fault = self._file = None
        self._stack.close()


def clip(window: Window, size: tuple[int, int]) -> Window:
    """Return the part of a window that lies inside an image of a size."""
    left, top = max(window.col, 0), max(window.row, 0)
    right = min(window.col + window.width, size[0])
    bottom = min(window.row + window.height, size[1])
    return Window(left, top, max(right - left, 1), max(bottom - top, 1))


def shrink(pixels: Pixels, most_px: int) -> Pixels:
    """Return pixels with at most so many px a side, uint8 RGB."""
    longest = max(pixels.shape[:2])
    if longest <= most_px:
        return pixels
    height, width = (max(1, round(side * most_px / longest)) for side in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def encode(pixels: Pixels, most_bytes: int) -> bytes:
    """Return a picture as WebP, as good as the number of bytes allows."""
    content = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=4)
        content = file.getvalue()
        if len(content) <= most_bytes:
            break
    return content


def _on_grey(patch: Patch) -> Pixels:
    if patch.valid is None:
        return patch.pixels
    pixels = patch.pixels.copy()
    pixels[~patch.valid] = GREY
    return pixels


def _is_quick(mosaic: Mosaic) -> bool:
    """Say whether a whole mosaic can be shrunk quickly: it is small, or has overviews that are."""
    width, height = mosaic.size
    return width * height <= READ_PX or any(
        width * height / factor**2 <= READ_PX for factor in mosaic.dataset.overviews(1)
    )


def _signature(file: SourceFile) -> object:
    from crackscan.basics.records import TileOptions, Work

    return SignatureCache().signature(
        Work(file.name, file.path, file.kind, TileOptions(tile_px=1), folders=file.folders)
    )
