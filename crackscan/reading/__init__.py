"""The only reader of pixels. Photos and windows of mosaics become uint8 RGB and a mask of the valid pixels.

Training, evaluation and scanning all read through this package, so that all three see the same pixels.
"""

from crackscan.basics.gis_environment import set_aside_foreign_variables
from crackscan.reading.mosaics import Mosaic, open_mosaic
from crackscan.reading.patches import Mask, Patch, fit, fit_to
from crackscan.reading.photos import (
    Photo,
    is_labelled_tile,
    is_one_tile,
    read_mask,
    read_metadata,
    read_photo,
    read_photos,
    read_tile,
)

set_aside_foreign_variables()  # before this room imports rasterio or pyogrio

__all__ = [
    "Mask",
    "Mosaic",
    "Patch",
    "Photo",
    "fit",
    "fit_to",
    "is_labelled_tile",
    "is_one_tile",
    "open_mosaic",
    "read_mask",
    "read_metadata",
    "read_photo",
    "read_photos",
    "read_tile",
]
