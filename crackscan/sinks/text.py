"""Formats that are text, row after row: in a file, or as a stream."""

import sys
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from crackscan.basics.records import Result
from crackscan.sinks.base import STDOUT, FileSink, RowSink


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A text format: what stands before, between and after its rows."""

    row: Callable[[Result], str]
    needs_crs: bool  # whether a mosaic's tile without an outline is worth nothing in it
    header: str = ""
    separator: str = ""
    footer: str = ""


class TextSink(RowSink):
    """Rows as a layout puts them."""

    def __init__(self, layout: TextFormat, target: Path) -> None:
        super().__init__(target)
        self.needs_crs = layout.needs_crs
        self._layout = layout

    def _add(self, result: Result) -> None:
        before = self._layout.separator if self.rows else self._layout.header
        self._append((before + self._layout.row(result)).encode())

    def _end(self) -> None:
        before = "" if self.rows else self._layout.header
        self._append((before + self._layout.footer).encode())

    @abstractmethod
    def _append(self, data: bytes) -> None: ...


class TextFile(TextSink, FileSink):
    """A text file that appears once it is whole."""

    def _append(self, data: bytes) -> None:
        self._file.write(data)


class TextStream(TextSink):
    """Standard output, a named pipe or a device: rows leave as they are made."""

    def __enter__(self) -> Self:
        """Open the stream; a named pipe waits for its reader.

        Raises: CrackscanError: there is no permission to write to it.
        """
        try:
            self._stream: BinaryIO = (
                # the bytes below, for the text layer has the machine's encoding and line ends
                sys.stdout.buffer if self._target == STDOUT else self._target.open("wb", buffering=0)
            )
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the text; after an error leave it open, lest a stream cut short passes for whole."""
        try:
            if kind is None:
                self._end()
        finally:
            if self._target != STDOUT:
                self._stream.close()

    def _append(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
