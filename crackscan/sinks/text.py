"""Text formats, written row by row: to a file, or as a stream."""

import sys
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Result
from crackscan.sinks.base import STDOUT, FileSink, RowSink


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A text format: how it writes a row, and the text before, between and after its rows."""

    format_row: Callable[[Result], str]
    needs_crs: bool  # whether a mosaic's tile without an outline would be useless in it
    header: str = ""
    separator: str = ""
    footer: str = ""


class TextSink(RowSink):
    """Rows in a text format."""

    def __init__(self, text_format: TextFormat, target: Path) -> None:
        super().__init__(target)
        self.needs_crs = text_format.needs_crs
        self._format = text_format

    def _add(self, result: Result) -> None:
        before = self._format.separator if self.rows else self._format.header
        self._append((before + self._format.format_row(result)).encode())

    def _end(self) -> None:
        before = "" if self.rows else self._format.header
        self._append((before + self._format.footer).encode())

    @abstractmethod
    def _append(self, data: bytes) -> None: ...


class TextFile(TextSink, FileSink):
    """A text file that appears when it is whole."""

    def _append(self, data: bytes) -> None:
        self._file.write(data)


class TextStream(TextSink):
    """Standard output, a named pipe or a device: each row is sent as soon as it is made."""

    def __enter__(self) -> Self:
        """Open the stream; a named pipe waits for its reader.

        Raises:
            CrackscanError: there is no permission to write to it, or standard output is closed.
        """
        if self._target == STDOUT and sys.stdout is None:
            raise CrackscanError("standard output is closed; name a file with -o.")
        try:
            self._stream: BinaryIO = (
                # bytes, as the text layer would use the encoding and line ends of the machine
                sys.stdout.buffer if self._target == STDOUT else self._target.open("wb", buffering=0)
            )
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the footer; after an error, omit it so that a truncated stream is not valid."""
        try:
            if kind is None:
                self._end()
        finally:
            if self._target != STDOUT:
                self._stream.close()

    def _append(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
