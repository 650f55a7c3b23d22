"""Pixels that Pillow decoded: conversion to uint8 RGB and a mask of the valid ones, and turning upright."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.arrays import Bools, Pixels
from crackscan.reading.jpeg import load_undamaged
from crackscan.reading.pixel_values import PixelValues, stored_mode

STRIP_PX = 4_000_000  # converted at once


def decode_to_rgb(image: Image.Image) -> tuple[Pixels, Bools | None]:
    """Decode any mode to RGB and a mask, strip by strip: Pillow would copy a large photo three times.

    Raises:
        Unreadable: its values have no fixed scale, or a part of it is lost.
    """
    stored = stored_mode(image)
    load_undamaged(image)
    values = PixelValues.from_photo(image, stored_mode=stored)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    valid = np.ones((height, width), np.bool_) if image.has_transparency_data else None
    rows = max(STRIP_PX // width, 1)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        pixels[top : top + rows], opaque = _strip_to_rgb(strip, values)
        if valid is not None and opaque is not None:
            valid[top : top + rows] = opaque
    return pixels, valid


def _strip_to_rgb(strip: Image.Image, values: PixelValues) -> tuple[Pixels, Bools | None]:
    """Return the pixels of a strip and which are opaque; None: all."""
    if values.bits > 8:
        stored = np.asarray(strip)[..., np.newaxis]
        return values.to_rgb(stored), values.opaque(stored)
    if values.transparent is not None:
        stored = np.atleast_3d(np.asarray(strip if strip.mode == "RGB" else strip.convert("L")))
        return values.to_rgb(stored), values.opaque(stored)
    if not strip.has_transparency_data:
        return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB")), None
    straight = strip.convert("LA") if strip.mode == "La" else strip  # Pillow cannot go from La to RGBA
    rgba = np.asarray(straight.convert("RGBA"))
    return rgba[..., :3], rgba[..., 3] > 0


def turn_upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image, (height, width, ...), by its EXIF orientation, 1 to 8; returns a view, not a copy."""
    turned = stored.swapaxes(0, 1) if orientation in {5, 6, 7, 8} else stored
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return turned[:, ::-1] if orientation in {2, 3, 6, 7} else turned
