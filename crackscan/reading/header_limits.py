"""What a file's header may claim before it is believed: a few bytes must not cost the machine."""

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from crackscan.basics.errors import Unreadable

if TYPE_CHECKING:
    from rasterio import DatasetReader

LARGEST_PIECE_PX = 179_000_000  # what Pillow decodes in one piece; GDAL decodes a block in one
LONGEST_SIDE_PX = 1_000_000  # 1 km at 1 mm; all tiles of one row are held at once
LONGEST_BLOCK_PX = 65_536  # each row of tiles decodes again the blocks that it touches
BYTES_PER_BLOCK = 4  # a TIFF says of each block where it is and how long, in two bytes each or more


def check_photo(size: tuple[int, int]) -> None:
    """Make sure that a photo can be decoded in bounded memory; Pillow has counted its pixels.

    Raises:
        Unreadable: it is too long: Pillow holds a pointer for each row, however short.
    """
    if max(size) > LONGEST_SIDE_PX:
        raise Unreadable(f"{size[0]:,} x {size[1]:,} px are too long for a photo: scan it with --as mosaic")


def check_mosaic(dataset: "DatasetReader") -> None:
    """Make sure that a raster can be what it says, and be read in bounded memory.

    Raises:
        Unreadable: it is damaged, or made to do harm.
    """
    width, height = dataset.width, dataset.height
    block_height, block_width = dataset.block_shapes[0]
    if max(width, height) > LONGEST_SIDE_PX:
        raise Unreadable(
            f"claims to be {width:,} x {height:,} px: cut it into parts below {LONGEST_SIDE_PX:,}"
        )
    if block_width * block_height > LARGEST_PIECE_PX or block_height > LONGEST_BLOCK_PX:
        raise Unreadable(
            f"blocks of {block_width:,} x {block_height:,} px are decoded in one piece: "
            "rewrite it with gdal_translate -co TILED=YES"
        )
    blocks = ceil(width / block_width) * ceil(height / block_height)
    if dataset.driver == "GTiff" and blocks * BYTES_PER_BLOCK > _size(dataset.name):
        raise Unreadable(f"claims to be {width:,} x {height:,} px, and is too short to say where they are")


def _size(path: str) -> float:
    file = Path(path)
    # GDAL alone can open some, such as /vsizip/
    return file.stat().st_size if file.is_file() else float("inf")
