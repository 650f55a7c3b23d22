"""Files that GDAL writes by their name; other formats write bytes into a file that is already open."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from crackscan.basics.errors import CrackscanError
from crackscan.sinks.base import FileSink

PROBE_BYTES = 1 << 20  # more than a file system may hold back before it reports a full disk


class NotWhole(Exception):
    """A file that was closed does not hold what was written to it; the text says what is missing."""


class GDALFile(FileSink):
    """A file sink whose format GDAL writes to the path of `_partial`."""

    def __enter__(self) -> Self:
        """Make sure that the file can be written, and leave it to GDAL.

        Raises:
            CrackscanError: as a FileSink.
        """
        super().__enter__()
        self._file.close()
        self._partial.path.unlink()
        return self

    def _check_target(self) -> None:
        super()._check_target()
        try:
            str(self._target).encode()
        except UnicodeEncodeError as error:
            raise CrackscanError(
                f"{self._name}: the path is not UTF-8, which GDAL needs; choose another place with -o."
            ) from error

    @contextmanager
    def _system_errors(self, *libraries: type[Exception]) -> Iterator[None]:
        """Replace a library's error by the operating system's, e.g. 'disk full'.

        Raises:
            OSError: the file cannot be written.
        """
        errors: tuple[type[Exception], ...] = (NotWhole, *libraries)
        try:
            yield
        except errors as error:
            with tempfile.TemporaryFile(dir=self._target.parent, buffering=0) as probe:
                if probe.write(bytes(PROBE_BYTES)) < PROBE_BYTES:
                    probe.write(bytes(PROBE_BYTES))  # raises the error; the first write was only cut short
            raise OSError(str(error)) from error
