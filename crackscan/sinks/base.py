"""Base classes of all output formats: a sink for rows, and a sink whose file appears when it is whole."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from crackscan.basics.atomic import PartialFile
from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Result, Work

STDOUT = Path("-")


class RowSink(ABC):
    """Takes results one by one, inside a `with` statement."""

    needs_crs: bool  # whether a mosaic's tile without an outline would be useless in this format
    shows_lines = False  # whether the cracks of a scan per photo or tile are written as well
    shows_tiles_only = False  # whether tiles are written of a scan per crack, too

    def __init__(self, target: Path) -> None:
        self.rows = 0
        self._target = target
        self._name = "standard output" if target == STDOUT else str(target)

    def begin(self, work: Work) -> None:  # noqa: B027 - most formats need the rows alone
        """Take the Work that the next rows are from; formats that open its file again need it."""

    def write(self, result: Result) -> None:
        """Append one row.

        Raises:
            CrackscanError: the disk is full or gone.
            BrokenPipeError: the reader of the stream has closed it.
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
    """A file that takes its target's name when it is whole; until then the target stays as it is.

    A format writes to `_file`; when `_end` returns, all is written.
    """

    def check(self) -> None:
        """Make sure, before the work, that the file can be written.

        Raises:
            CrackscanError: as opening it.
        """
        with self._user_errors():
            self._check_target()
            self._create().close()
            self._partial.discard()

    def __enter__(self) -> Self:
        """Create the file beside its target, and remove what killed runs left there.

        Raises:
            CrackscanError: the target is a folder or write-protected; its folder is missing or closed.
        """
        with self._user_errors():
            self._check_target()
            PartialFile(self._target).remove_leftovers()
            self._file = self._create()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the file its target's name; after an error remove it.

        Raises:
            CrackscanError: the disk is full, or another program holds the target (on Windows).
        """
        try:
            if kind is None:
                self._end()
                self._close()
                self._partial.publish()
        except OSError as failure:
            raise self._unwritable(failure) from failure
        finally:
            with suppress(OSError):  # report the error that ended the run, not that of closing
                self._close()
            self._partial.discard()

    @abstractmethod
    def _end(self) -> None:
        """Write what comes after the last row."""

    def _close(self) -> None:
        self._file.close()

    def _create(self) -> BinaryIO:
        self._partial = PartialFile(self._target)
        return self._partial.path.open("xb")

    def _check_target(self) -> None:
        if self._target.is_symlink():
            self._target = self._target.resolve()  # replaces the file that the link points to, not the link
        if self._target.is_dir():
            raise CrackscanError(f"{self._name}: is a folder; name a file in it.")
        if self._target.exists() and not os.access(self._target, os.W_OK):
            raise CrackscanError(f"{self._name}: is write-protected; choose another name with -o.")

    @contextmanager
    def _user_errors(self) -> Iterator[None]:
        """Turn errors of the operating system into sentences for the user."""
        try:
            yield
        except FileNotFoundError as error:
            folder = self._target.parent
            raise CrackscanError(f"{self._name}: there is no folder {folder}; create it first.") from error
        except OSError as error:
            raise self._unwritable(error) from error
