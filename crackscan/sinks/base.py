"""Where rows go, whatever the format: a sink, and one whose file appears once it is whole."""

import os
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Result

STDOUT = Path("-")


class RowSink(ABC):
    """Takes results one by one, between `with` and its end."""

    needs_crs: bool  # whether a mosaic's tile without an outline is worth nothing in it

    def __init__(self, target: Path) -> None:
        self.rows = 0
        self._target = target
        self._name = "standard output" if target == STDOUT else str(target)

    def write(self, result: Result) -> None:
        """Append one row.

        Raises:
            CrackscanError: the disk is full, or gone.
            BrokenPipeError: whoever read the stream has closed it.
        """
        try:
            self._add(result)
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
    def _add(self, result: Result) -> None: ...

    def _unwritable(self, error: OSError) -> CrackscanError:
        return CrackscanError(
            f"{self._name}: cannot be written: {error.strerror or error}; choose another place with -o."
        )


class FileSink(RowSink):
    """A file that takes its target's name once it is whole; until then what stands there is left alone.

    A format writes `_file`; `_end` has put it all there.
    """

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
                self._close()
            with suppress(OSError):
                self._remove_leftovers(self._temporary.name)

    def _finish(self) -> None:
        self._end()
        self._close()
        with self._temporary.open("rb+") as whole:
            os.fsync(whole.fileno())
        self._temporary.replace(self._target)

    @abstractmethod
    def _end(self) -> None:
        """Write what comes after the last row."""

    def _close(self) -> None:
        self._file.close()

    def _open(self) -> BinaryIO:
        # the ending as well: some libraries want theirs
        name = f".{self._target.name}.{secrets.token_hex(4)}.tmp{self._target.suffix}"
        self._temporary = self._target.with_name(name)
        return self._temporary.open("xb")

    def _remove_leftovers(self, own: str | None = None) -> None:
        """Remove what killed runs left; or what belongs to one file, such as SQLite's journal beside it."""
        start = re.escape(own) if own else re.escape(f".{self._target.name}.") + r"[0-9a-f]{8}\.tmp"
        with os.scandir(self._target.parent) as listing:
            for entry in listing:
                if re.match(start, entry.name):
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
