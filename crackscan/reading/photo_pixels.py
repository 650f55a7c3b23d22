"""Pixels that Pillow decoded: conversion to uint8 RGB and a mask of the valid ones, and turning upright."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.arrays import Bools, Pixels
from crackscan.reading.pixel_values import PixelValues

STRIP_PX = 4_000_000  # converted at once


def convert_to_rgb(image: Image.Image) -> tuple[Pixels, Bools | None]:
    """Convert any mode to RGB and a mask, strip by strip: Pillow would copy a large photo three times.

    Raises:
        Unreadable: its values have no fixed scale.
    """
    values = PixelValues.from_photo(image)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    valid = np.empty((height, width), np.bool_) if image.has_transparency_data else None
    rows = max(STRIP_PX // width, 1)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        if values.bits > 8:
            pixels[top : top + rows] = values.to_rgb(np.asarray(strip)[..., np.newaxis])
        elif valid is None:
            pixels[top : top + rows] = np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))
        else:
            rgba = np.asarray(strip.convert("RGBA"))
            pixels[top : top + rows], valid[top : top + rows] = rgba[..., :3], rgba[..., 3] > 0
    return pixels, valid


def turn_upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image, (height, width, ...), by its EXIF orientation, 1 to 8; returns a view, not a copy."""
    turned = stored.swapaxes(0, 1) if orientation in {5, 6, 7, 8} else stored
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return turned[:, ::-1] if orientation in {2, 3, 6, 7} else turned
