"""What a decoder gives becomes uint8 RGB and a mask of what is valid."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.errors import Unreadable

RGB = NDArray[np.uint8]  # shape (height, width, 3), 0..255
STRIP_PX = 4_000_000  # of a photo, brought into form at once


def rgb(image: Image.Image) -> tuple[RGB, NDArray[np.bool_] | None]:
    """Turn any mode into RGB and a mask, strip by strip: Pillow would copy a large photo three times.

    Raises:
        Unreadable: its values have no fixed scale.
    """
    if image.mode in {"I", "F"}:
        raise Unreadable(f"{np.asarray(image).dtype} pixels have no fixed scale: convert to 8 or 16 bit")
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    valid = np.empty((height, width), np.bool_) if image.has_transparency_data else None
    rows = max(STRIP_PX // width, 1)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        if strip.mode.startswith("I;16"):
            pixels[top : top + rows] = grey_to_rgb(to_uint8(np.asarray(strip), bits=16))
        elif valid is None:
            pixels[top : top + rows] = np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))
        else:
            rgba = np.asarray(strip.convert("RGBA"))
            pixels[top : top + rows], valid[top : top + rows] = rgba[..., :3], rgba[..., 3] > 0
    return pixels, valid


def upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return an image, (height, width, ...), as EXIF's orientation 1 to 8 says: a view, nothing is copied."""
    turned = stored.swapaxes(0, 1) if orientation in {5, 6, 7, 8} else stored
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return turned[:, ::-1] if orientation in {2, 3, 6, 7} else turned


def to_uint8(values: NDArray[Any], *, bits: int) -> NDArray[np.uint8]:
    """Scale by what the type can hold, never by what the picture holds: noise would become cracks."""
    return (values >> (bits - 8)).clip(0, 255).astype(np.uint8)


def grey_to_rgb(grey: NDArray[np.uint8]) -> RGB:
    """Return grey, shape (height, width), as RGB."""
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)
