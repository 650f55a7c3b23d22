"""JPEGs, by libjpeg-turbo straight into an array: Pillow has the same library, and copies what it gives."""

import simplejpeg
from PIL import Image

from crackscan.basics.arrays import Pixels

FORMATS = {"JPEG", "MPO"}
MODES = {"L", "RGB"}  # others, such as CMYK, have meanings that Pillow knows
MAX_HEADER_BYTES = 16_000_000  # bytes; what a file holds beyond them and three bytes a pixel is no picture


def jpeg_pixels(image: Image.Image) -> Pixels | None:
    """Return the pixels of a JPEG that is open and not yet decoded, bit for bit those that Pillow gives.

    None leaves them to Pillow: another format, or damage, of which Pillow forgives some and names the rest.
    """
    file = getattr(image, "fp", None)
    if file is None or image.format not in FORMATS or image.mode not in MODES:
        return None
    width, height = image.size
    here = file.tell()
    file.seek(0)
    content = file.read(3 * width * height + MAX_HEADER_BYTES)
    file.seek(here)
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(content, "RGB")
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None
