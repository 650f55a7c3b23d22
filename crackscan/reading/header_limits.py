"""Limits for the sizes in a file's header: a file of a few bytes must not use up the machine's memory."""

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import Unreadable
from crackscan.reading.locations import raster_name, remote_signature

if TYPE_CHECKING:
    from rasterio import DatasetReader

LARGEST_PIECE_PX = 179_000_000  # Pillow's limit for a photo; GDAL decodes a block in one piece
LONGEST_SIDE_PX = 1_000_000  # 1 km at 1 mm; all tiles of one row are held at once
LONGEST_BLOCK_PX = 65_536  # each row of tiles decodes again the blocks that it touches
BYTES_PER_BLOCK = 4  # a TIFF stores offset and length of each block, in at least two bytes each


def check_photo(size: tuple[int, int]) -> None:
    """Make sure that a photo can be decoded in bounded memory; Pillow has already counted its pixels.

    Raises:
        Unreadable: it is too long: Pillow holds a pointer for each row, however short.
    """
    if max(size) > LONGEST_SIDE_PX:
        raise Unreadable(
            f"{size[0]:,} x {size[1]:,} px is too long for a photo: "
            f"cut it into parts below {LONGEST_SIDE_PX:,}"
        )


def check_mosaic(dataset: "DatasetReader") -> None:
    """Make sure that a raster can have the size that its header gives, and be read in bounded memory.

    Raises:
        Unreadable: it is damaged, or made to do harm.
    """
    width, height = dataset.width, dataset.height
    block_height, block_width = dataset.block_shapes[0]
    if max(width, height) > LONGEST_SIDE_PX:
        raise Unreadable(
            f"its header says {width:,} x {height:,} px: cut it into parts below {LONGEST_SIDE_PX:,}"
        )
    if block_width * block_height > LARGEST_PIECE_PX or block_height > LONGEST_BLOCK_PX:
        raise Unreadable(
            f"blocks of {block_width:,} x {block_height:,} px are decoded in one piece: "
            "rewrite it with gdal_translate -co TILED=YES"
        )
    blocks = ceil(width / block_width) * ceil(height / block_height)
    if dataset.driver == "GTiff" and blocks * BYTES_PER_BLOCK > _file_bytes(dataset.name):
        raise Unreadable(
            f"its header says {width:,} x {height:,} px, but the file is too short to list so many blocks"
        )


def _file_bytes(name: str) -> float:
    path = raster_name(name)
    if is_remote(path):
        signature = remote_signature(path)
        return signature.size if signature else 0
    file = Path(path)
    # only GDAL can open some paths, such as /vsizip/
    return file.stat().st_size if file.is_file() else float("inf")
