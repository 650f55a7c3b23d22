"""Tiles as the model saw them, cut again from photos and mosaics for labelled data."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window, Work
from crackscan.reading import Mosaic, Photo, fit, is_one_tile, open_mosaic, read_photo
from crackscan.reading.file_signature import SignatureCache
from crackscan.scanning.resolution import decimation_of

INPUT_PX = 224  # of the models; larger tiles are reduced to it, as they were for the model


class TileCutter:
    """Cuts tiles; tiles of one source that follow each other open it once."""

    def __init__(self) -> None:
        self._stack, self._signatures = ExitStack(), SignatureCache()
        self._path: str | None = None
        self._opened: Mosaic | Photo | Unreadable = Unreadable("nothing is open")

    def __enter__(self) -> Self:
        """Return itself; files are opened when they are needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def tile(self, work: Work, window: Window) -> Pixels:
        """Return a window as the model saw it, before it was brought to the size of its input.

        Returns: uint8 RGB; a small photo as it is, else a square of at most 1.5 times the model's input.

        Raises: Unreadable: the source is gone, has changed since the scan, or cannot be read.
        """
        source = self._open(work)
        if isinstance(source, Photo):
            if is_one_tile(*source.size, input_px=INPUT_PX):
                return source.patch.filled()
            patch, decimation = source.patch.crop(window), 1
        else:
            decimation = decimation_of(work.tile_px, work.options)
            patch = source.read(window, decimation=decimation)
        side = work.tile_px // decimation
        return fit(patch.filled(), side, side if is_one_tile(side, side, input_px=INPUT_PX) else INPUT_PX)

    def _open(self, work: Work) -> Mosaic | Photo:
        if work.path != self._path:
            self._stack.close()
            self._path = work.path
            try:
                self._opened = self._open_unchanged(work)
            except Unreadable as error:
                self._opened = error
        if isinstance(self._opened, Unreadable):
            raise self._opened
        return self._opened

    def _open_unchanged(self, work: Work) -> Mosaic | Photo:
        if self._signatures.signature(work) != work.signature:
            raise Unreadable("it is gone, or it has changed since the scan")
        timeout = work.options.read_timeout
        if work.kind == "photo":
            return read_photo(work.path, timeout=timeout)
        mosaic = self._stack.enter_context(open_mosaic(work.path, timeout=timeout, folders=work.folders))
        mosaic.check_identity(work.identity)
        return mosaic
