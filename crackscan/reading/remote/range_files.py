"""Remote files that are read in parts, as mosaics are: GDAL asks for bytes, and only these are fetched.

GDAL itself opens no connection (`basics.gis_environment`). It gets the bytes from here, so that what a mosaic
may reach is decided here: names in its own folder, or in a folder that the user named.
"""

import io
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from crackscan.basics.addresses import as_folder, is_within, normal_address
from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import FileSignature
from crackscan.reading.remote import stores

T = TypeVar("T")
BLOCK_BYTES = 65_536  # fetched at once around small reads, such as those of a header
BLOCKS = 64  # of a file in memory: 4 MB
MOST_BLOCKS = 16  # that are fetched at once
THREADS = 32  # that look up files
SIDE_FILES = (".msk", ".ovr", ".aux.xml")  # behind the whole name of a raster
SIDE_ENDINGS = (".tfw", ".wld")  # instead of its own ending
RASTERS = (".tif", ".tiff", ".vrt", ".jp2", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")

_POOL = ThreadPoolExecutor(THREADS, thread_name_prefix="crackscan-look-up")  # starts them when needed
_local = threading.local()
# what rasterio keeps for each thread; but GDAL may close in one thread what it has opened in another
_SHARED: dict[str, dict[Any, Any]] = {"_OPENER_REGISTRY": {}, "_OPEN_FILE_EXIT_STACKS": {}}


class RangeFile(io.RawIOBase):
    """A remote file, of which only the parts that are asked for are fetched."""

    def __init__(self, name: str, signature: FileSignature | None = None) -> None:
        """Look the file up, unless its signature is given.

        Raises:
            FileNotFoundError: there is no such object.
            Unreadable: it cannot be reached.
        """
        self._name = name
        self._size = (signature or stores.object_signature(name)).size
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._fetched_to, self._run = -1, 1  # block after the last one fetched; blocks fetched at once

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from any byte on."""
        return True

    def tell(self) -> int:
        """Return the number of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises: FileNotFoundError, Unreadable: they cannot be fetched.
        """
        start = min(self._position, self._size)
        end = self._size if size < 0 else min(start + size, self._size)
        content = self._content(start, end)
        self._position = end
        return content

    def get_byte_ranges(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """Return several parts of the file, which are fetched at the same time.

        Raises: FileNotFoundError, Unreadable: they cannot be fetched.
        """
        ranges = [(int(start), int(start) + int(size)) for start, size in zip(offsets, sizes, strict=True)]
        return stores.fetch_ranges(self._name, ranges)

    def _content(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        if end - start > BLOCK_BYTES:
            return stores.fetch_ranges(self._name, [(start, end)])[0]
        numbers = range(start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES + 1)
        missing = [number for number in numbers if number not in self._blocks]
        if missing:  # one or two neighbours
            self._fetch_blocks(missing[0], missing[-1] + 1)
        content = b"".join(self._blocks[number] for number in numbers)
        for number in numbers:
            self._blocks.move_to_end(number)
        while len(self._blocks) > BLOCKS:
            self._blocks.popitem(last=False)
        offset = start - numbers[0] * BLOCK_BYTES
        return content[offset : offset + end - start]

    def _fetch_blocks(self, first: int, last: int) -> None:
        """Fetch blocks; where a file is read on and on, each time twice as many, so that few requests do."""
        self._run = min(2 * self._run, MOST_BLOCKS) if first == self._fetched_to else 1
        last = max(last, first + self._run)
        start, end = first * BLOCK_BYTES, min(last * BLOCK_BYTES, self._size)
        (fetched,) = stores.fetch_ranges(self._name, [(start, end)])
        for place in range(0, len(fetched), BLOCK_BYTES):
            self._blocks[first + place // BLOCK_BYTES] = fetched[place : place + BLOCK_BYTES]
        self._fetched_to = last


class RasterFile(RangeFile):
    """The same for GDAL, which cannot take an exception: `raised_faults` raises it afterwards."""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; none if they cannot be fetched."""
        return _noted(lambda: super(RasterFile, self).read(size), self._name) or b""

    def get_byte_ranges(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """Return several parts of the file, as GDAL asks for tiles; zeros if they cannot be fetched."""
        parts = _noted(lambda: super(RasterFile, self).get_byte_ranges(offsets, sizes), self._name)
        return [bytes(int(size)) for size in sizes] if parts is None else parts


class RasterFiles:
    """The files that GDAL may open for one raster; rasterio takes this as an opener of its own kind."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        """Allow the files in some folders."""
        self._folders = tuple(map(as_folder, folders))
        self._known: dict[str, FileSignature | None] = {}

    def open(self, path: str, mode: str = "r", **_: Any) -> RasterFile:
        """Open a file.

        Raises: OSError: it is not there, cannot be reached, or lies in another folder.
        """
        name = _address(path)
        if not mode.startswith("r") or not is_within(name, self._folders):
            raise PermissionError(f"{name} must not be opened")
        if name not in self._known:
            if name.lower().endswith(".aux"):  # an old kind of side file, for which GDAL always looks
                raise FileNotFoundError(name)
            _noted(lambda: self._look_up(name), name)
        signature = self._known.get(name)
        if signature is None:
            if name.lower().endswith(RASTERS):
                _local.fault = f"its part {name.rpartition('/')[2]} is gone"
            raise FileNotFoundError(name)
        return RasterFile(name, signature)

    def isfile(self, path: str) -> bool:
        """Return whether a file is there, of those that belong to a raster."""
        return self._known.get(_address(path)) is not None

    def isdir(self, _: str) -> bool:
        """Return whether a folder is there: it may be, and GDAL need not know more."""
        return False

    def ls(self, path: str) -> list[str]:
        """Return the names in a folder that belong to a raster that was opened."""
        folder = as_folder(_address(path))
        there = [name for name, signature in self._known.items() if signature is not None]
        return [name.removeprefix(folder) for name in there if name.startswith(folder)]

    def mtime(self, _: str) -> int:
        """Return no time: a store gives none that matters."""
        return 0

    def size(self, path: str) -> int:
        """Return the size of a file, bytes; 0 if it is not there."""
        signature = self._known.get(_address(path))
        return signature.size if signature else 0

    def rm(self, path: str) -> None:
        """Refuse to remove a file."""
        raise PermissionError(f"{path} must not be removed")

    def _look_up(self, name: str) -> None:
        """Find out which of a raster's files are there: itself, and those beside it."""
        stem = name.rpartition(".")[0]
        names = [name, *(name + end for end in SIDE_FILES), *(stem + end for end in SIDE_ENDINGS)]
        self._known |= dict(zip(names, _POOL.map(_signature, names), strict=True))


def gdal_name(name: str) -> str:
    """Return an address as GDAL gets it: without a scheme, for which rasterio would look for credentials."""
    return name.replace("://", "/", 1)


def share_open_files() -> None:
    """Let this thread know the remote files that rasterio has opened in others."""
    module = sys.modules.get("rasterio._vsiopener")
    for name, shared in _SHARED.items():
        variable = getattr(module, name, None)
        own = None if variable is None else variable.get(None)
        if variable is not None and own is not shared:
            shared.update(own or {})  # what a program that uses this library has opened
            variable.set(shared)


def _address(path: str) -> str:
    return normal_address(path.replace("/", "://", 1))


def each_at_once(call: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """Return what a call that waits for a store returns for each name."""
    return list(_POOL.map(call, names))


@contextmanager
def raised_faults(kind: type[Exception]) -> Iterator[None]:
    """Raise, as an error of a kind, why this thread could not read a remote file; GDAL does not say."""
    before, _local.fault = getattr(_local, "fault", None), None
    share_open_files()
    try:
        yield
    except Exception:
        if _local.fault:
            raise _as_error(_local.fault, kind) from None  # whose own text only says that GDAL failed
        raise
    else:
        if _local.fault:
            raise _as_error(_local.fault, kind)
    finally:
        _local.fault = before


def _as_error(fault: str | CrackscanError, kind: type[Exception]) -> Exception:
    return kind(fault) if isinstance(fault, str) else fault


def _signature(name: str) -> FileSignature | None:
    try:
        return stores.object_signature(name)
    except (FileNotFoundError, stores.NotAllowed):  # S3 says so of a missing file if it must not be listed
        return None


def _noted(call: Callable[[], T], name: str) -> T | None:
    """Return what a call returns; if it fails, None, and note why for `raised_faults`."""
    try:
        return call()
    except FileNotFoundError:
        _local.fault = f"{name.rpartition('/')[2]} is gone"
    except CrackscanError as error:  # which ends the scan
        _local.fault = error
    except Exception as error:  # noqa: BLE001 - an error would pass through GDAL
        _local.fault = str(error) or type(error).__name__
    return None
