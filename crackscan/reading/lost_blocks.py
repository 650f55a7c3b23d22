"""Zeros in place of compressed pixels: what a broken copy or a failing disk leaves of a file.

The decoders of WebP, HEIC, AVIF and JPEG 2000 make up what is lost, and say nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from crackscan.basics.errors import Unreadable

BLOCK_BYTES = 512  # of a disk; compressed pixels of one single colour have less than 64 zeros in a row ...
WEBP_PX = 8192  # ... but those of a lossy WebP one for each 10,000 px
HEADER_BYTES, LONG_HEADER_BYTES = 8, 16  # of a box; the second one where the size has 64 bits
RIFF_BYTES, CHUNK_BYTES = 12, 8  # headers of a WebP and of its parts
WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANMF"}
NO_PIXELS = {b"Exif", b"mime", b"uri "}  # types of a HEIC's items
IN_FILE = 0  # where the data of an item may lie: at an offset of the file
MOST_PARTS = 10_000  # of a file that are looked at


class Span(NamedTuple):
    """A part of a file, from its first byte to the one after its last."""

    start: int
    end: int


def check_for_zeros(path: str | Path, image: Image.Image) -> None:
    """Make sure that no block of zeros stands in place of a picture's compressed pixels.

    image: opened from the file; other formats than those above are not looked at.

    Raises:
        OSError: the file cannot be read.
        Unreadable: a part of the picture is lost.
    """
    spans = _SPANS.get(image.format or "")
    if spans is None:
        return
    flat = image.width * image.height // WEBP_PX if image.format == "WEBP" else 0
    content, zeros = Path(path).read_bytes(), bytes(max(BLOCK_BYTES, flat))
    if zeros in content and any(content.find(zeros, *span) >= 0 for span in spans(content)):
        raise Unreadable("a part of its compressed data is lost: only zeros are there")


def _webp_spans(content: bytes) -> Iterator[Span]:
    at = RIFF_BYTES
    while at + CHUNK_BYTES <= len(content):
        start = at + CHUNK_BYTES
        end = start + int.from_bytes(content[at + 4 : start], "little")
        if content[at : at + 4] in WEBP_PIXELS:
            yield Span(start, end)
        at = end + end % 2


def _jpeg2000_spans(content: bytes) -> Iterator[Span]:
    if content.startswith(b"\xff\x4f"):  # without boxes
        yield Span(0, len(content))
    yield from (span for kind, span in _boxes(content, 0, len(content)) if kind == b"jp2c")


def _heif_spans(content: bytes) -> Iterator[Span]:
    """Yield where the pixels of a HEIC or an AVIF are (ISO 14496-12, 8.11)."""
    for kind, meta in _boxes(content, 0, len(content)):
        if kind == b"meta":
            boxes = dict(_boxes(content, meta.start + 4, meta.end))
            if {b"iinf", b"iloc"} <= boxes.keys():
                types = _item_types(content, boxes[b"iinf"])
                items = _item_spans(content, boxes[b"iloc"])
                yield from (span for item, span in items if types.get(item) not in NO_PIXELS)


def _boxes(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, Span]]:
    """Yield the kinds and contents of the boxes between two places."""
    for _ in range(MOST_PARTS):
        if at + HEADER_BYTES > end:
            return
        size, header = int.from_bytes(content[at : at + 4]), HEADER_BYTES
        if size == 1:
            size, header = int.from_bytes(content[at + 8 : at + 16]), LONG_HEADER_BYTES
        last = at + size if size else end
        yield content[at + 4 : at + 8], Span(at + header, min(last, end))
        if last <= at:
            return
        at = last


def _item_types(content: bytes, iinf: Span) -> dict[int, bytes]:
    """Return the types of the items by their numbers."""
    types, first = {}, iinf.start + (6 if content[iinf.start] == 0 else 8)
    for kind, entry in _boxes(content, first, iinf.end):
        if kind == b"infe":
            fields = _Fields(content, entry)
            wide = fields.number(1) > 2
            fields.number(3)
            item = fields.number(4 if wide else 2)
            fields.number(2)
            types[item] = content[fields.at : fields.at + 4]
    return types


def _item_spans(content: bytes, iloc: Span) -> Iterator[tuple[int, Span]]:
    """Yield the number of an item with each part of its data that lies in the file itself."""
    fields = _Fields(content, iloc)
    version = fields.number(4) >> 24
    sizes = fields.number(2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    items, parts = fields.number(4 if version > 1 else 2), 0
    while items > 0 and parts < MOST_PARTS and not fields.ended:
        item = fields.number(4 if version > 1 else 2)
        place = fields.number(2) & 15 if version else IN_FILE
        fields.number(2)
        base, count = fields.number(base_bytes), fields.number(2)
        for _ in range(count):
            fields.number(index_bytes)
            start = base + fields.number(offset_bytes)
            length = fields.number(length_bytes)
            if place == IN_FILE and not fields.past_end:
                yield item, Span(start, start + length)
        items, parts = items - 1, parts + count


class _Fields:
    """Reads the numbers of a box one after the other; beyond its end they are 0."""

    def __init__(self, content: bytes, span: Span) -> None:
        self._content, self.at, self._end = content, span.start, span.end

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= self._end

    @property
    def past_end(self) -> bool:
        """Whether more was read than is there."""
        return self.at > self._end

    def number(self, size: int) -> int:
        """Return the next number of so many bytes."""
        self.at += size
        return int.from_bytes(self._content[self.at - size : self.at])


_SPANS: dict[str, Callable[[bytes], Iterator[Span]]] = {
    "WEBP": _webp_spans,
    "JPEG2000": _jpeg2000_spans,
    "HEIF": _heif_spans,
    "AVIF": _heif_spans,
}
