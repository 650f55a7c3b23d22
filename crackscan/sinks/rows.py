"""Sinks that write text, row after row: to a file that appears once it is whole, or to a stream."""

import os
import secrets
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from crackscan.errors import CrackscanError
from crackscan.records import Result

STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Layout:
    """A text format: what stands before, between and after its rows."""

    row: Callable[[Result], str]
    needs_crs: bool  # whether a mosaic's tile without an outline is worth nothing in it
    header: str = ""
    separator: str = ""
    footer: str = ""


class RowSink(ABC):
    """Takes results one by one, between `with` and its end."""

    def __init__(self, layout: Layout, target: Path) -> None:
        self.needs_crs = layout.needs_crs
        self.rows = 0
        self.partial: Path | None = None  # where the rows of a run that ended early are
        self._layout = layout
        self._name = "standard output" if target == STDOUT else str(target)

    def write(self, result: Result) -> None:
        """Append one row.

        Raises:
            CrackscanError: the disk is full, or gone.
            BrokenPipeError: whoever read the stream has closed it.
        """
        before = self._layout.separator if self.rows else self._layout.header
        try:
            self._append((before + self._layout.row(result)).encode())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error
        self.rows += 1

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def _append(self, data: bytes) -> None: ...

    def _end(self) -> None:
        before = "" if self.rows else self._layout.header
        self._append((before + self._layout.footer).encode())

    def _unwritable(self, error: OSError) -> CrackscanError:
        return CrackscanError(
            f"{self._name}: cannot be written: {error.strerror}; choose another place with -o."
        )


class FileSink(RowSink):
    """A file that takes its target's name once it is whole; until then what stands there is left alone.

    When a run ends early its rows are kept beside the target, validly closed: see `partial`.
    """

    def __init__(self, layout: Layout, target: Path) -> None:
        super().__init__(layout, target)
        self._target = target

    def __enter__(self) -> Self:
        """Create the file, so that an output that cannot be written ends a run before its work.

        Raises: CrackscanError: the target is a folder or write-protected; its folder is missing or closed.
        """
        try:
            self._check_target()
            self._temporary = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.tmp")
            # unbuffered, so that an interrupt never drops rows that were on their way
            self._file = self._temporary.open("xb", buffering=0)
        except FileNotFoundError as error:
            folder = self._target.parent
            raise CrackscanError(f"{self._name}: there is no folder {folder}; create it first.") from error
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the file in its place; after an error set it aside, or remove it where it has no row.

        Raises: CrackscanError: the disk is full, or another program holds the target (on Windows).
        """
        try:
            self._end()
            os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                self._temporary.replace(self._target)
        except OSError as failure:
            if kind is None:  # else the error that ended the run is the one to tell
                raise self._unwritable(failure) from failure
        finally:
            self._set_aside()

    def _check_target(self) -> None:
        if self._target.is_symlink():
            self._target = self._target.resolve()  # the link stays a link
        if self._target.is_dir():
            raise CrackscanError(f"{self._name}: is a folder; name a file in it.")
        if self._target.exists() and not os.access(self._target, os.W_OK):
            raise CrackscanError(f"{self._name}: is write-protected; choose another name with -o.")

    def _append(self, data: bytes) -> None:
        start = self._file.tell()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except BaseException:  # half a row, of a full disk or an interrupt, would spoil the others
            self._file.truncate(start)
            self._file.seek(start)
            raise

    def _set_aside(self) -> None:
        if not self._temporary.exists():  # it has become the target
            return
        with suppress(OSError):
            self._file.close()
            if not self.rows:
                self._temporary.unlink()
                return
            self.partial = self._temporary
            partial = self._target.with_name(f"{self._target.stem}.partial{self._target.suffix}")
            self.partial = self._temporary.replace(partial)


class StreamSink(RowSink):
    """Standard output, a named pipe or a device: rows leave as they are made."""

    def __init__(self, layout: Layout, target: Path) -> None:
        super().__init__(layout, target)
        self._target = target

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
