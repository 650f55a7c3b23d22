"""Files that a VRT reads: none outside of its folder and of those that the user named, and only pictures."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from xml.etree import ElementTree as ET

from crackscan.basics.addresses import is_remote, normal_address
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature
from crackscan.reading.gdal import raster_driver
from crackscan.reading.locations import each_at_once, exists, read_all, remote_signature

FILE_TAGS = {"sourcefilename", "sourcedataset", "x_dataset", "y_dataset", "rpcdem"}
TEXT_TAGS = {"srs", "mdi", "gcplist", "gcpprojection", "sourcesrs", "targetsrs", "wkt"}  # nothing is opened
OVERVIEW = "overview_file"
REACHES_OUT = re.compile(r"/vsi|://|^\s*<", re.IGNORECASE)
NOT_A_PATH = re.compile(r"\s*(/vsi|\w{2,}:|[<{])", re.IGNORECASE)  # an address, an archive, a service, a text
IS_TRUE = re.compile(r"\s*[+-]?0*[1-9]")  # of a number, as GDAL reads it
RESOLVE = (os.path.abspath, os.path.realpath)  # a folder may be named by a link, or hold links to its parts
MAX_BYTES = 32_000_000
MAX_LEVELS = 8
MAX_FILES = 100_000


class VrtFile(NamedTuple):
    """The text of a VRT as a tree, and the files that it names."""

    root: ET.Element
    files: tuple[str, ...]


def check_sources(path: str, folders: tuple[str, ...] = ()) -> None:
    """Make sure that a VRT reads only pictures below its own folder or the given ones.

    Raises:
        Unreadable: it reads something else, or is nested too deep.
    """
    _check_sources(path, folders, _version(path))


@lru_cache(maxsize=8)  # each band of a mosaic opens it again; errors are not kept
def _check_sources(path: str, folders: tuple[str, ...], _: FileSignature) -> None:
    own = os.path.dirname(path)  # noqa: PTH120 - any bytes
    # a VRT in a bucket reads no disk, and one on a disk no bucket
    alike = (folder for folder in folders if is_remote(folder) == is_remote(path))
    roots = {place for folder in (own, *alike) for place in _places(folder)}
    _check_level(path, tuple(os.path.join(root, "") for root in roots), 1, {})  # noqa: PTH118 - any bytes


def source_path(element: ET.Element, folder: str) -> str:
    """Return the path in an element that names a file of a VRT in a folder."""
    relative = IS_TRUE.match(_attribute(element, "relativetovrt"))
    path = os.path.join(folder, element.text or "") if relative else element.text or ""  # noqa: PTH118
    return normal_address(path)


def read_vrt(path: str) -> VrtFile:
    """Return the content of a VRT.

    Raises:
        OSError: it cannot be read.
        Unreadable: it is not whole, or names what is not a file.
    """
    return _read_vrt(path, _version(path))


@lru_cache(maxsize=1)  # its sources are checked, and then its parts are read
def _read_vrt(path: str, version: FileSignature) -> VrtFile:
    if version.size > MAX_BYTES:
        raise Unreadable(f"a VRT of {version.size:,} bytes: cut it into several of at most {MAX_BYTES:,}")
    text = read_all(path)
    if b"<!DOCTYPE" in text.upper() or b"<!ENTITY" in text.upper():
        raise Unreadable("a VRT with a document type, which could hold anything")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without entities
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"a VRT whose XML is damaged: {error}") from error
    return VrtFile(root, tuple(_files(root, os.path.dirname(path))))  # noqa: PTH120 - any bytes


def _check_level(path: str, roots: tuple[str, ...], level: int, seen: dict[str, int]) -> None:
    """Check the files of a VRT and of those that it holds."""
    if seen.get(path, 0) >= level:
        return
    seen[path] = level
    if level > MAX_LEVELS:
        raise Unreadable(f"VRTs inside VRTs, more than {MAX_LEVELS} levels deep")
    files = dict.fromkeys(read_vrt(path).files)
    if len(files) > MAX_FILES:
        raise Unreadable(f"a VRT of {len(files):,} files: make several of at most {MAX_FILES:,}")
    for file in files:
        _check_place(file, roots)
    for file, driver in zip(files, each_at_once(raster_driver, list(files)), strict=True):
        if driver == "VRT":
            _check_level(file, roots, level + 1, seen)
        elif driver is None and exists(file):
            raise Unreadable(f"its part {os.path.basename(file)} is not a picture")  # noqa: PTH119


def _check_place(file: str, roots: tuple[str, ...]) -> None:
    leaves_bucket = is_remote(file) and ".." in file.split("/")  # a normal address has such steps only then
    if leaves_bucket or not any(place.startswith(roots) for place in _places(file)):
        raise Unreadable(f"its part {file} lies outside of its folder: name the folder of the part as well")


def _places(file: str) -> list[str]:
    """Return where a file may lie: an address has no links."""
    return [normal_address(file)] if is_remote(file) else [resolve(file) for resolve in RESOLVE]


def _version(path: str) -> FileSignature:
    """Return the signature of a VRT.

    Raises: FileNotFoundError: it is not there.
    """
    if is_remote(path):
        version = remote_signature(path)
        if version is None:
            raise FileNotFoundError(path)
        return version
    status = os.stat(path)  # noqa: PTH116 - any bytes
    return FileSignature(status.st_size, status.st_mtime_ns)


def _files(root: ET.Element, folder: str) -> Iterator[str]:
    """Yield the files that a VRT names.

    Raises: Unreadable: it names something else.
    """
    for element in root.iter():
        tag, text = element.tag.lower(), element.text or ""
        if "raw" in _attribute(element, "subclass").lower():
            raise Unreadable("a VRT that shows the bytes of a file as pixels (VRTRawRasterBand)")
        if tag in FILE_TAGS or OVERVIEW in (_attribute(element, "key") + _attribute(element, "name")).lower():
            if NOT_A_PATH.match(text):
                raise Unreadable(f"its part {text} is not a file in a folder")
            yield source_path(element, folder)
        elif tag not in TEXT_TAGS and REACHES_OUT.search(text):
            raise Unreadable(f"a VRT that could open other files ({element.tag})")


def _attribute(element: ET.Element, name: str) -> str:
    """Return an attribute whatever its case, as GDAL does."""
    return next((value for key, value in element.attrib.items() if key.lower() == name), "")
