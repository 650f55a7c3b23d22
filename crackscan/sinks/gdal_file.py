"""Files that a library writes by their name, instead of bytes of ours into an open file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from crackscan.basics.errors import CrackscanError
from crackscan.sinks.base import FileSink

PROBE_BYTES = 1 << 20  # more than any file system holds back


class LibraryFile(FileSink):
    """A file sink whose format is written by GDAL to `_temporary`."""

    def __enter__(self) -> Self:
        """Make sure that the file can be written, and leave it to the library.

        Raises: CrackscanError: as a FileSink.
        """
        super().__enter__()
        self._file.close()
        self._temporary.unlink()
        return self

    def _resolve_target(self) -> None:
        super()._resolve_target()
        try:
            str(self._target).encode()
        except UnicodeEncodeError as error:
            raise CrackscanError(
                f"{self._name}: the path is no UTF-8, which GDAL needs; choose another place with -o."
            ) from error

    @contextmanager
    def _writing(self, *errors: type[Exception]) -> Iterator[None]:
        """Turn a library's errors into the system's: of a full disk, libraries speak in riddles.

        Raises: OSError: the file cannot be written.
        """
        try:
            yield
        except errors as error:
            with tempfile.TemporaryFile(dir=self._target.parent, buffering=0) as probe:
                if probe.write(bytes(PROBE_BYTES)) < PROBE_BYTES:
                    probe.write(bytes(PROBE_BYTES))  # now it says why
            raise OSError(str(error)) from error
