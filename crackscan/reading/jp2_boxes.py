"""Boxes of a JPEG 2000 file: whether one of them places the picture on a map."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from crackscan.basics.errors import Unreadable
from crackscan.reading.decoding import check_file_type
from crackscan.reading.locations import open_binary

SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
GEOTIFF = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")  # id of the box that GeoJP2 1.0.3 defines
GML = b"gml.data"  # label of an association box, as OGC 08-085 (GMLJP2) defines it
HEADER_BYTES, LONG_HEADER_BYTES = 8, 16  # the second one where the size has 64 bits
MOST_BOXES = 1000


class Box(NamedTuple):
    """A box of the file itself, not of another box."""

    kind: bytes  # four letters
    start: bytes  # of its content, 32 bytes


def has_georeference(path: str | Path) -> bool:
    """Return whether a file is a JPEG 2000 with a box that gives it a position; no pixel is read.

    A file that cannot be read has none: opening it gives the reason.
    """
    try:
        check_file_type(path)
        with open_binary(path) as file:
            return any(map(_places_picture, _boxes(file)))
    except (OSError, ValueError, Unreadable):
        return False


def _places_picture(box: Box) -> bool:
    if box.kind == b"uuid":
        return box.start.startswith(GEOTIFF)
    return box.kind == b"asoc" and GML in box.start  # its first box is the label


def _boxes(file: BinaryIO) -> Iterator[Box]:
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return
    at = len(SIGNATURE)
    for _ in range(MOST_BOXES):
        file.seek(at)
        header = file.read(HEADER_BYTES)
        size, content = int.from_bytes(header[:4]), HEADER_BYTES
        if size == 1:
            size, content = int.from_bytes(file.read(8)), LONG_HEADER_BYTES
        if len(header) < HEADER_BYTES:
            return
        yield Box(header[4:], file.read(32))
        if size < content:  # 0: up to the end of the file; others mean nothing
            return
        at += size
