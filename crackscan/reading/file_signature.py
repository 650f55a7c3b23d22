"""Detect whether an input file, or a file it depends on, has changed since it was scanned."""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from xml.etree import ElementTree as ET

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature, Work
from crackscan.reading.decoding import check_file_type, unreadable_errors
from crackscan.reading.gdal import checked_reads, open_raster, raster_driver
from crackscan.reading.locations import raster_name, read_all, remote_signature
from crackscan.reading.vrt_sources import check_sources

SIDE_FILE = ".aux.xml"
NOTHING = ""  # signature of a side file that does not matter


def file_signature(path: str | Path) -> FileSignature | None:
    """Return a file's size and time of change; None if there is no such file: reading it gives the reason.

    An object in a bucket has an ETag instead of the time.
    """
    if is_remote(path):
        return remote_signature(str(path))
    try:
        status = os.stat(path)  # noqa: PTH116 - a path may hold bytes that pathlib cannot print
    except (OSError, ValueError):
        return None
    return FileSignature(status.st_size, status.st_mtime_ns)


def mosaic_files(path: str) -> frozenset[str]:
    """Return the files that a mosaic is read from: itself, a VRT's sources, masks and side files."""
    return frozenset({path, *_parts(path, set())})


class SignatureCache:
    """Signatures for a plan's Work. The bands of a mosaic follow each other, so it is looked at only once."""

    def __init__(self) -> None:
        self._mosaic_signature = lru_cache(maxsize=1)(_mosaic_signature)

    def signature(self, work: Work) -> FileSignature | None:
        """Return the signature of a Work's file; for a mosaic, of all files that it depends on."""
        if work.kind == "mosaic":
            return self._mosaic_signature(work.path, work.folders)
        if is_remote(work.path) and (work.signature is not None or work.fault is not None):
            return work.signature  # its listing has it
        return file_signature(work.path)


def _mosaic_signature(path: str, folders: tuple[str, ...]) -> FileSignature | None:
    """Return the signature of a mosaic with its parts: a VRT's sources, masks, overviews and side files.

    10,000 parts take 0.4 s on a local disk, most of it for GDAL to open the VRT.
    """
    own = file_signature(path)
    parts = sorted(set(_parts(path, set(), folders)) - {path})
    # relative, as the survey may be mounted elsewhere when the scan is resumed
    folder = os.path.dirname(path)  # noqa: PTH120 - any bytes, as above
    signatures = [(os.path.relpath(part, folder or "."), _part_signature(part)) for part in parts]
    signatures = [entry for entry in signatures if entry[1] != NOTHING]
    if own is None or not signatures:
        return own
    listed = json.dumps(signatures)
    return own._replace(parts=blake2b(listed.encode(), digest_size=16).hexdigest())


def _part_signature(path: str) -> FileSignature | str | None:
    """Return a part's signature or, of GDAL's side file, the content that can change what is read."""
    if not path.lower().endswith(SIDE_FILE):
        return file_signature(path)
    try:
        check_file_type(path)
        root = ET.fromstring(read_all(path))  # noqa: S314 - expat limits what entities expand to
    except (OSError, Unreadable, ET.ParseError, ValueError, LookupError):
        return file_signature(path)
    _remove_statistics(root)
    return ET.tostring(root, encoding="unicode") if len(root) else NOTHING


def _remove_statistics(element: ET.Element) -> None:
    """Remove what a GIS writes when it shows a raster: statistics, histograms, and elements left empty."""
    for child in list(element):
        had_children = len(child) > 0
        _remove_statistics(child)
        is_statistic = child.tag == "Histograms" or child.get("key", "").startswith("STATISTICS_")
        if is_statistic or (had_children and not len(child)):
            element.remove(child)
        child.tail = None
    if len(element):
        element.text = None


def _parts(path: str, seen: set[str], folders: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the files of a mosaic, and those of a VRT inside a VRT."""
    seen.add(path)
    try:
        files = _files(path, folders)
    except Unreadable:  # reading it gives the reason
        return
    for file in files:
        yield file
        if file.lower().endswith(".vrt") and file not in seen:
            yield from _parts(file, seen, folders)


def _files(path: str, folders: tuple[str, ...]) -> list[str]:
    with unreadable_errors(path):
        driver = raster_driver(path)
        if driver == "VRT":
            check_sources(path, folders)
        with checked_reads(opening=True), open_raster(path, driver, folders) as dataset:
            return list(map(raster_name, dataset.files))
