"""Sinks that write text, row after row: to a file that appears once it is whole, or to a stream."""

import os
import secrets
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    """A file that takes its target's name once it is whole; until then what stands there is left alone."""

    def __init__(self, layout: Layout, target: Path) -> None:
        super().__init__(layout, target)
        self._target = target

    def check(self) -> None:
        """Make sure, before the work, that the file can be written.

        Raises: CrackscanError: as opening it.
        """
        with self._sentences():
            self._resolve_target()
            self._open().close()
            self._temporary.unlink()

    def __enter__(self) -> Self:
        """Create the file beside its target, and remove what killed runs left there.

        Raises: CrackscanError: the target is a folder or write-protected; its folder is missing or closed.
        """
        with self._sentences():
            self._resolve_target()
            self._remove_leftovers()
            self._file = self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the file in its place; after an error remove it.

        Raises: CrackscanError: the disk is full, or another program holds the target (on Windows).
        """
        try:
            if kind is None:
                self._finish()
        except OSError as failure:
            raise self._unwritable(failure) from failure
        finally:
            with suppress(OSError):  # an error that ends the run is the one to tell
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        self._end()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._target)

    def _open(self) -> BinaryIO:
        self._temporary = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.tmp")
        return self._temporary.open("xb")

    def _remove_leftovers(self) -> None:
        with os.scandir(self._target.parent) as listing:
            for entry in listing:
                if entry.name.startswith(f".{self._target.name}.") and entry.name.endswith(".tmp"):
                    Path(entry.path).unlink(missing_ok=True)

    def _resolve_target(self) -> None:
        if self._target.is_symlink():
            self._target = self._target.resolve()  # the link stays a link
        if self._target.is_dir():
            raise CrackscanError(f"{self._name}: is a folder; name a file in it.")
        if self._target.exists() and not os.access(self._target, os.W_OK):
            raise CrackscanError(f"{self._name}: is write-protected; choose another name with -o.")

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            folder = self._target.parent
            raise CrackscanError(f"{self._name}: there is no folder {folder}; create it first.") from error
        except OSError as error:
            raise self._unwritable(error) from error

    def _append(self, data: bytes) -> None:
        self._file.write(data)


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
