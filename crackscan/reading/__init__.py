"""The only reader of pixels: photos and windows of mosaics come out as uint8 RGB and a mask of what is valid.

Train, evaluate and scan all read through here, so that the three cannot disagree about a picture.
"""

from crackscan.reading.mosaics import Mosaic, open_mosaic
from crackscan.reading.patches import Mask, Patch, fit, fit_to
from crackscan.reading.photos import (
    Photo,
    is_one_tile,
    read_mask,
    read_metadata,
    read_photo,
    read_photos,
    read_tile,
)

__all__ = [
    "Mask",
    "Mosaic",
    "Patch",
    "Photo",
    "fit",
    "fit_to",
    "is_one_tile",
    "open_mosaic",
    "read_mask",
    "read_metadata",
    "read_photo",
    "read_photos",
    "read_tile",
]
