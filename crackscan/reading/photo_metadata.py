"""Metadata that Pillow leaves out: of several XMP packets all but the last, and those of a JPEG 2000."""

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from PIL import Image

APP1 = "APP1"
STANDARD = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
EXTENSION_HEADER = struct.Struct(">32sII")  # digest of all of it, its length, the offset of this part
MAX_EXTENDED_BYTES = 16 << 20  # more is not about the camera
JPEG2000_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
JPEG2000_EXIF = b"JpgTiffExif->JP2"
BOX = struct.Struct(">I4s")
MAX_BOX_BYTES = 4 << 20
MAX_BOXES = 16  # that an identifier names


def complete_metadata(image: Image.Image) -> None:
    """Add to a photo that was just opened the EXIF and XMP that Pillow leaves out.

    Several packets of XMP become one text, one after the other.
    """
    if image.format == "JPEG2000":
        _read_jpeg2000(image)
    segments: Sequence[tuple[str, bytes]] = getattr(image, "applist", ())
    packets = [data[len(STANDARD) :] for name, data in segments if name == APP1 and data.startswith(STANDARD)]
    packets += _extended_packets(segments)
    if len(packets) > 1:
        image.info["xmp"] = b"\n".join(packets)


def _extended_packets(segments: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield extended XMP, whose parts lie in several segments (XMP Specification Part 3, 1.1.3.1)."""
    parts: dict[bytes, dict[int, bytes]] = defaultdict(dict)
    start = len(EXTENSION) + EXTENSION_HEADER.size
    for name, data in segments:
        if name == APP1 and data.startswith(EXTENSION) and len(data) > start:
            digest, _, offset = EXTENSION_HEADER.unpack_from(data, len(EXTENSION))
            parts[digest][offset] = data[start:]
    for by_offset in parts.values():
        if sum(map(len, by_offset.values())) <= MAX_EXTENDED_BYTES:
            yield b"".join(by_offset[offset] for offset in sorted(by_offset))


def _read_jpeg2000(image: Image.Image) -> None:
    file: BinaryIO = getattr(image, "fp")  # noqa: B009 - the stubs do not have it
    position = file.tell()
    boxes = _read_boxes(file)
    file.seek(position)
    for name, identifier in (("exif", JPEG2000_EXIF), ("xmp", JPEG2000_XMP)):
        if identifier in boxes:
            image.info.setdefault(name, boxes[identifier])


def _read_boxes(file: BinaryIO) -> dict[bytes, bytes]:
    """Return the boxes of a JPEG 2000 that an identifier names (ISO 15444-1, I.7.2)."""
    contents = dict[bytes, bytes]()
    end = 0
    while len(contents) < MAX_BOXES:
        file.seek(end)
        length, kind = BOX.unpack(file.read(BOX.size).ljust(BOX.size, b"\0"))
        header = BOX.size
        if length == 1:  # a longer one follows
            length, header = int.from_bytes(file.read(8), "big"), 16
        if length < header:  # 0: the last box, which holds the picture; or the end of the file
            break
        if kind == b"uuid" and length <= MAX_BOX_BYTES:
            identifier = file.read(16)
            contents.setdefault(identifier, file.read(max(length - header - 16, 0)))
        end += length
    return contents
