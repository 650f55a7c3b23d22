"""Inputs by name, wherever they are: a path, or an address such as s3://bucket/2026/a.jpg.

The rooms above do not ask which of them a name is: here, addresses go to `remote/`, and paths to the system.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from crackscan.basics.addresses import as_folder, check_address, is_remote, join
from crackscan.basics.errors import CrackscanError, NoInputs, Unreadable
from crackscan.basics.records import FileSignature
from crackscan.reading.remote import copies, range_files, stores
from crackscan.reading.remote.stores import Found

T = TypeVar("T")
OPENER = re.compile(r"/vsiriopener_[0-9a-f]+/(\w+)/")  # how GDAL's names of remote files begin


class Entry(NamedTuple):
    """A file or folder in a folder."""

    name: str
    is_folder: bool
    signature: FileSignature | None = None  # of a remote file: the listing has it already


def find_remote(name: str) -> Found:
    """Look up what an address names.

    Raises:
        FileNotFoundError: nothing.
        Unreadable: it cannot be reached.
    """
    return stores.find(name)


def is_folder(name: str) -> bool:
    """Return whether a name is that of a folder.

    Raises: Unreadable: an address cannot be reached.
    """
    if not is_remote(name):
        return os.path.isdir(name)  # noqa: PTH112 - a path may hold bytes that pathlib would not print
    try:
        return find_remote(name).is_folder
    except FileNotFoundError:
        return False


def check_exists(name: str) -> None:
    """Make sure that a file or folder which the user names is there.

    Raises:
        NoInputs: it is not.
        CrackscanError: the address cannot be used.
        MissingExtra: the libraries for it are not installed.
    """
    if not is_remote(name):
        if not os.path.lexists(name):
            raise NoInputs(f"{name}: no such file or folder.")
        return
    check_address(name)
    try:
        find_remote(name)
    except FileNotFoundError as error:
        raise NoInputs(f"{name}: no such object, folder or bucket.") from error
    except Unreadable as error:
        raise CrackscanError(f"{name}: cannot be reached: {error}.") from error


@contextmanager
def scan_folder(folder: str) -> Iterator[Iterable[Entry]]:
    """Open a folder, and give its entries in no order, as they come.

    Raises:
        OSError, Unreadable: it cannot be listed.
    """
    if is_remote(folder):
        yield (Entry(*entry) for entry in stores.folder_entries(folder))
        return
    with os.scandir(folder) as scanned:
        yield (Entry(entry.name, _is_folder(entry)) for entry in scanned)


def child(folder: str, entry: Entry) -> str:
    """Return the name of an entry of a folder."""
    if is_remote(folder):
        return join(folder, entry.name, is_folder=entry.is_folder)
    return os.path.join(folder, entry.name)  # noqa: PTH118 - as above


def real_folder(folder: str) -> str:
    """Return a folder's path without symbolic links; a bucket has none."""
    return as_folder(folder) if is_remote(folder) else os.path.realpath(folder)


def remote_signature(name: str) -> FileSignature | None:
    """Return size and ETag of an object; None if there is none: reading it gives the reason."""
    try:
        return stores.object_signature(name)
    except (FileNotFoundError, Unreadable):
        return None


def exists(name: str) -> bool:
    """Return whether there is a file of this name; an address is asked for once.

    Raises: Unreadable: an address cannot be reached.
    """
    return _remote_exists(name) if is_remote(name) else os.path.exists(name)  # noqa: PTH110 - as above


@lru_cache(maxsize=100_000)  # parts of a mosaic
def _remote_exists(name: str) -> bool:
    try:
        stores.object_signature(name)
    except FileNotFoundError:
        return False
    return True


def read_start(name: str | Path, count: int) -> bytes:
    """Return the first bytes of a file.

    Raises: OSError, Unreadable: it cannot be read.
    """
    if is_remote(name):
        return stores.fetch_start(str(name), count)
    with open(name, "rb") as file:  # noqa: PTH123 - as above
        return file.read(count)


def read_all(name: str) -> bytes:
    """Return the content of a small file.

    Raises: OSError, Unreadable: it cannot be read.
    """
    if is_remote(name):
        return stores.fetch_all(name)
    return Path(name).read_bytes()


def open_binary(name: str | Path) -> BinaryIO:
    """Open a file to read some parts of it.

    Raises: OSError, Unreadable: it cannot be read.
    """
    if is_remote(name):
        return cast("BinaryIO", range_files.RangeFile(str(name)))
    return open(name, "rb")  # noqa: PTH123 - as above; the caller closes it


@contextmanager
def local_or_parts(
    name: str | Path, signature: FileSignature | None = None
) -> Iterator[str | Path | BinaryIO]:
    """Give a path as it is, and for an address an open file of which only some parts are fetched.

    signature: of an object, where that is known already.

    Raises: FileNotFoundError, Unreadable: an object cannot be fetched.
    """
    if not is_remote(name):
        yield name
        return
    with range_files.RangeFile(str(name), signature) as file:
        yield cast("BinaryIO", file)


def each_at_once(call: Callable[[str], T], names: Sequence[str]) -> Iterable[T]:
    """Give what a call that reads returns for each name; of addresses many are read at the same time."""
    if not any(map(is_remote, names)):
        return map(call, names)
    return range_files.each_at_once(call, names)


def raster_files(name: str, folders: tuple[str, ...]) -> tuple[str, Any]:
    """Return GDAL's name of a raster in a bucket, and an opener of the files in its folder and in others."""
    from rasterio.abc import MultiByteRangeResourceContainer

    MultiByteRangeResourceContainer.register(range_files.RasterFiles)
    range_files.share_open_files()
    files = range_files.RasterFiles((name.rpartition("/")[0], *filter(is_remote, folders)))
    return range_files.gdal_name(name), files


def raster_name(text: str) -> str:
    """Return a name of GDAL, or a text with some, with addresses as the user knows them."""
    return OPENER.sub(r"\1://", text)


@contextmanager
def local_copy(name: str | Path) -> Iterator[str | Path]:
    """Give the path of a file to read: that of a copy for an address, else the path itself.

    Raises:
        FileNotFoundError, Unreadable: an object cannot be fetched.
    """
    if not is_remote(name):
        yield name
        return
    with copies.fetched_copy(str(name)) as path:
        yield path


@contextmanager
def list_copy(name: str) -> Iterator[str | Path]:
    """Give the path of a list that the user names, as `local_copy` does.

    Raises: CrackscanError: it cannot be fetched.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(local_copy(name))
        except (FileNotFoundError, Unreadable) as error:
            raise CrackscanError(f"{name}: cannot be read: {error}.") from error
        yield path


def fetch_ahead(names: Sequence[str]) -> None:
    """Begin to fetch the addresses among the names of photos that will soon be read."""
    if remote := [name for name in names if is_remote(name)]:
        copies.fetch_ahead(remote)


def drop_fetched() -> None:
    """Forget what was fetched ahead and nobody has read; who reads it after all fetches it again."""
    copies.drop_fetched()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; the other entries are listed
        return False
