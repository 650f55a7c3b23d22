"""Tags of a TIFF that GDAL cannot open: whether it is a survey all the same."""

import struct
from typing import BinaryIO

from crackscan.basics.errors import Unreadable
from crackscan.reading.decoding import check_file_type
from crackscan.reading.locations import open_binary

POSITION_TAGS = {33550, 33922, 34264, 34735}  # pixel scale, tie points, transform and keys of a GeoTIFF
BYTE_ORDERS = {b"II": "<", b"MM": ">"}
BIG = 43  # version of a BigTIFF


def is_damaged_survey(path: str) -> bool:
    """Return whether a TIFF that GDAL cannot open is not a photo: it has a position, or cannot be read."""
    try:
        check_file_type(path)
        with open_binary(path) as file:
            return not POSITION_TAGS.isdisjoint(_read_tags(file))
    except (FileNotFoundError, Unreadable):
        return False
    except OSError:
        return True  # nobody knows what it is
    except (ValueError, struct.error):
        return False


def _read_tags(file: BinaryIO) -> set[int]:
    """Return the numbers of the tags in the first directory, also of tags whose values are not there."""
    header = file.read(16)
    order = BYTE_ORDERS.get(header[:2])
    if order is None:
        return set()
    is_big = struct.unpack_from(order + "H", header, 2) == (BIG,)
    (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), header, 8 if is_big else 4)
    file.seek(start)
    count_bytes, entry_bytes = (8, 20) if is_big else (2, 12)
    (count,) = struct.unpack(order + ("Q" if is_big else "H"), file.read(count_bytes))
    entries = file.read(min(count, 65_535) * entry_bytes)
    return {
        struct.unpack_from(order + "H", entries, at)[0]
        for at in range(0, len(entries) - entry_bytes + 1, entry_bytes)
    }
