"""JPEG decoding by libjpeg-turbo straight into an array; Pillow, with the same library, copies the result."""

import simplejpeg
from PIL import Image

from crackscan.basics.arrays import Pixels

FORMATS = {"JPEG", "MPO"}
MODES = {"L", "RGB"}  # Pillow knows what others, such as CMYK, mean
MAX_HEADER_BYTES = 16_000_000  # beyond this and three bytes a pixel, a file holds nothing of the picture


def jpeg_pixels(image: Image.Image) -> Pixels | None:
    """Return the pixels of an open, not yet decoded JPEG: bit for bit the same as Pillow's.

    None leaves the image to Pillow: it has another format, or damage, which Pillow may tolerate or explain.
    """
    file = getattr(image, "fp", None)
    if file is None or image.format not in FORMATS or image.mode not in MODES:
        return None
    width, height = image.size
    position = file.tell()
    file.seek(0)
    content = file.read(3 * width * height + MAX_HEADER_BYTES)
    file.seek(position)
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(content, "RGB")
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None
