"""The only place where rasters are opened: the formats that GDAL may open, and what it reports of reads.

GDAL tells of some reads that failed only by a message, and continues without what it could not read. So each
call that opens or reads runs in `checked_reads`, which looks at the messages.
"""

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import Unreadable
from crackscan.basics.gis_environment import restrict_gdal
from crackscan.reading.decoding import check_file_type
from crackscan.reading.locations import raster_files, read_start
from crackscan.reading.remote.range_files import SIDE_FILES, raised_faults, share_open_files

if TYPE_CHECKING:
    from rasterio import DatasetReader

FORMATS = {  # the drivers that may be used, and how their files begin; HEIC and AVIF are read as photos
    "GTiff": rb"II[*+]\0|MM\0[*+]",
    "VRT": rb"(\s|<\?xml[^>]*>|<!--.*?-->)*<VRTDataset",
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n",
    "WEBP": rb"RIFF....WEBP",
    "JP2OpenJPEG": rb"\0\0\0\x0cjP  |\xffO\xffQ",
    "BMP": rb"BM",
    "GIF": rb"GIF8",
}
HEAD_BYTES = 1024
BLOCK_CACHE = "160MB"  # the strips of two bands of 100,000 px; GDAL's default is 5 % of the machine's memory
LOST = re.compile(
    r"\bIO error\b|\bI/O error\b|can ?not read|failed to read|failed to seek|read error|seek error|\bfread\b"
    r"|out of memory|premature end|unexpected end|corrupt JPEG|bad data|"
    r"decod\w+ error|not enough data|invalid code|zlib error|inconsistent data",
    re.IGNORECASE,
)  # messages about data that were not read, whatever GDAL did then

os.environ.setdefault("GDAL_CACHEMAX", BLOCK_CACHE)
os.environ.setdefault("GDAL_ERROR_ON_LIBJPEG_WARNING", "YES")  # libjpeg makes up what is lost of a JPEG
restrict_gdal()

# rasterio's own; the second one gets the warnings of reads, whose errors rasterio raises
LOGGERS = tuple(map(logging.getLogger, ("rasterio._env", "rasterio._err")))


class ReadError(Exception):
    """A read of which GDAL has reported that it failed."""


class _Reports(logging.Filter):
    """The messages of GDAL, kept for the thread that gets them; rasterio passes them on to its loggers."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()
        for logger in LOGGERS:
            logger.addFilter(self)
            logger.setLevel(logging.INFO)  # rasterio's level for errors, which it may also raise

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a record, or let it through where no call is checked."""
        records: list[logging.LogRecord] | None = getattr(self._local, "records", None)
        if records is not None:
            records.append(record)
            return False
        parent = LOGGERS[0].parent
        return parent is None or parent.isEnabledFor(record.levelno)

    @contextmanager
    def kept(self) -> Iterator[list[logging.LogRecord]]:
        """Give the list to which this thread's records are added."""
        before = getattr(self._local, "records", None)
        self._local.records = records = list[logging.LogRecord]()
        try:
            yield records
        finally:
            self._local.records = before


_reports = _Reports()


@contextmanager
def checked_reads(*, opening: bool = False) -> Iterator[None]:
    """Run calls of GDAL in an environment of this thread, and raise what GDAL only reports.

    opening: then errors about odd tags, without which a file can be read, do not matter.

    Raises: ReadError: data were not read.
    """
    with raised_faults(ReadError), _reports.kept() as records, _environment():
        yield
    for record in records:
        text = _text(record)
        if LOST.search(text) or (not opening and record.levelno != logging.WARNING):
            raise ReadError(text)


def raster_driver(path: str | Path) -> str | None:
    """Return the driver that may open a file; None if there is none, or the file is not there.

    Raises:
        OSError: it cannot be read.
        Unreadable: it is not a regular file.
    """
    check_file_type(path)
    try:
        head = read_start(path, HEAD_BYTES)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # opening it gives the reason
        return None
    matches = (name for name, start in FORMATS.items() if re.match(start, head, re.DOTALL | re.IGNORECASE))
    return next(matches, None)


def open_raster(path: str | Path, driver: str | None, folders: tuple[str, ...] = ()) -> "DatasetReader":
    """Open a raster by one driver; call it within `checked_reads`, and for a VRT after `check_sources`.

    folders: in which, besides its own, the parts of a raster in a bucket may lie.

    Raises:
        Unreadable: a file beside it is not a regular file.
    """
    import rasterio  # takes a second, which a scan of photos saves

    if is_remote(path):
        name, opener = raster_files(str(path), folders)
        return rasterio.open(name, driver=driver or "GTiff", opener=opener)
    _check_side_files(path)
    return rasterio.open(path, driver=driver or "GTiff")  # which says what is wrong


def _check_side_files(path: str | Path) -> None:
    """Refuse a pipe or a device beside a raster: all threads would wait for it, as rasterio locks Python."""
    for ending in SIDE_FILES:
        try:
            check_file_type(f"{path}{ending}")
        except Unreadable as error:
            raise Unreadable(f"its side file with the ending {ending} is {error}") from error


def close_raster(dataset: "DatasetReader") -> None:
    """Close a raster, in whichever thread it was opened."""
    share_open_files()
    with ExitStack() as stack:
        stack.push(dataset)  # its `close` would leave the opener of a remote file registered


def _environment() -> AbstractContextManager[Any]:
    """Return rasterio's environment; its own would look for credentials, which GDAL must not have."""
    from rasterio.env import Env, hasenv
    from rasterio.session import DummySession

    return nullcontext() if hasenv() else Env.from_defaults(session=DummySession())


def _text(record: logging.LogRecord) -> str:
    arguments = record.args
    text = arguments[-1] if isinstance(arguments, tuple) and arguments else None
    return text if isinstance(text, str) else record.getMessage()
