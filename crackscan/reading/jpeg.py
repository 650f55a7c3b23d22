"""JPEG decoding by libjpeg-turbo straight into an array; Pillow, with the same library, copies the result.

The library decodes damaged data, too: it makes up what is lost, and only warns. Pillow drops its warnings.
"""

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

import simplejpeg
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable

FORMATS = {"JPEG", "MPO"}
MODES = {"L", "RGB"}  # Pillow knows what others, such as CMYK, mean
MAX_HEADER_BYTES = 16_000_000  # beyond this and three bytes a pixel, a file holds nothing of the picture

COMPRESSION, JPEG_IN_TIFF, JPEG_TABLES = 259, 7, 347  # a tag of a TIFF, a value of it, and another tag
ORIENTATION, LAST_NOT_ON_ITS_SIDE = 274, 4  # a tag of a TIFF; 5 to 8 lie on their side
BLOCK_TAGS = (324, 273), (325, 279)  # offsets and sizes of a TIFF's tiles or strips

MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)  # of a segment: no escaped byte, no restart
START_OF_SCAN, START, END = 0xDA, b"\xff\xd8", b"\xff\xd9"
# warnings of a header whose picture is whole
PADDED = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
MAX_PADDING_BYTES = 8  # zeros before the end marker, as some cameras write them; more are a lost part
HARMLESS = re.compile(r"Unknown Adobe color|Warning: unknown JFIF|Invalid SOS parameters|.*ICC")


def jpeg_pixels(image: Image.Image) -> Pixels | None:
    """Return the pixels of an open, not yet decoded JPEG: bit for bit the same as Pillow's.

    None leaves the image to Pillow: it has another format, or damage, which Pillow may tolerate or explain.
    """
    if image.format not in FORMATS or image.mode not in MODES:
        return None
    width, height = image.size
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(_content(image), "RGB")
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None


def load_undamaged(image: Image.Image) -> None:
    """Let Pillow decode an image, and refuse a JPEG with damage in its compressed data.

    Stray bytes between its segments change no pixel, and do not count.

    Raises:
        Unreadable: a part of the picture is lost.
    """
    damage = next(filter(None, (_damage(content, image.mode) for content in _jpegs(image))), None)
    if image.format == "TIFF" and image.tag_v2.get(ORIENTATION, 1) > LAST_NOT_ON_ITS_SIDE:  # type: ignore[attr-defined]
        image.filename = ""  # type: ignore[attr-defined] # else Pillow maps the file, with width and height mixed up
    try:
        image.load()  # whose own error says more
    except OSError as error:
        if _is_jpeg_tiff(image):  # GDAL would only warn
            raise Unreadable(damage or str(error)) from error
        raise
    if damage:
        raise Unreadable(damage)


def _jpegs(image: Image.Image) -> Iterator[bytes]:
    """Yield the JPEG that an open image is, or those that are the strips or tiles of a TIFF."""
    if image.format in FORMATS:
        yield _content(image)
    elif _is_jpeg_tiff(image):
        yield from _tiff_jpegs(image.fp, image.tag_v2)  # type: ignore[attr-defined]


def _is_jpeg_tiff(image: Image.Image) -> bool:
    return image.format == "TIFF" and image.tag_v2.get(COMPRESSION) == JPEG_IN_TIFF  # type: ignore[attr-defined]


def _tiff_jpegs(file: IO[bytes], tags: Mapping[int, Any]) -> Iterator[bytes]:
    tables, position = tags.get(JPEG_TABLES, START + END), file.tell()
    offsets, sizes = (tags.get(tile) or tags.get(strip, ()) for tile, strip in BLOCK_TAGS)
    for offset, size in zip(offsets, sizes, strict=False):
        file.seek(offset)
        yield tables[: -len(END)] + file.read(size)[len(START) :]
    file.seek(position)


def _damage(content: bytes, mode: str) -> str | None:
    """Return in the decoder's words how the compressed data of a JPEG are damaged; None: they are whole."""
    segments, colours = _without_stray_bytes(content), "CMYK" if mode == "CMYK" else "RGB"
    try:
        simplejpeg.decode_jpeg(segments, colours)
    except ValueError as error:
        warning = str(error)
    else:
        return None
    try:
        simplejpeg.decode_jpeg(segments, colours, strict=False)
    except ValueError:  # no warning, but an error: Pillow has it too, or knows better
        return None
    return None if HARMLESS.match(warning) or _is_padding(warning, segments) else warning


def _is_padding(warning: str, segments: bytes) -> bool:
    """Return whether a warning is about a few zeros between the compressed data and the end marker."""
    padded = PADDED.match(warning)
    count = int(padded[1]) if padded else 0
    return 0 < count <= MAX_PADDING_BYTES and not segments[-len(END) - count : -len(END)].strip(b"\0")


def _content(image: Image.Image) -> bytes:
    """Return the bytes of an open image's file, as far as they may hold its picture."""
    file, (width, height) = image.fp, image.size  # type: ignore[attr-defined]
    position = file.tell()
    file.seek(0)
    content: bytes = file.read(3 * width * height + MAX_HEADER_BYTES)
    file.seek(position)
    return content


def _without_stray_bytes(content: bytes) -> bytes:
    """Return the segments of a JPEG alone; compressed data belong to the scan that they follow."""
    parts, end = [START], len(START)
    while (marker := MARKER.search(content, end)) and marker[1] != END[1:]:
        length = int.from_bytes(content[marker.end() : marker.end() + 2])
        end = marker.end() + length
        if marker[1][0] == START_OF_SCAN:
            following = MARKER.search(content, end)
            end = following.start() if following else len(content)
        parts.append(content[marker.start() : end])
    return b"".join(parts) + END
