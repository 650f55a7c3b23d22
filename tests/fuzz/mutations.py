"""Ways to damage a file, each by a random generator, so that a seed tells the file."""

import random
import re
import struct
import zlib
from collections.abc import Callable

from originals import Original

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 60_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CLAIMS = (
    1,
    300,
    3_000,
    65_535,
    10**6,
    10**8,
    2**31 - 1,
)  # px; 3,000 x 3,000 is decoded, much more is refused
TIFF_CLAIMS = (
    1,
    300,
    1_000,
    10**7,
    10**8,
    2**31 - 1,
    2**32 - 1,
)  # px; what is believed is judged tile by tile
TIFF_SIZES = {256: "width", 257: "height", 278: "rows of a strip", 322: "width of a tile", 323: "its height"}
Mutation = Callable[[bytearray, random.Random], bytes]


def flipped(content: bytearray, chance: random.Random) -> bytes:
    """Change up to 32 bytes, anywhere or near the beginning, where headers are."""
    reach = chance.choice([len(content), min(len(content), 200)])
    for _ in range(chance.choice([1, 2, 8, 32])):
        content[chance.randrange(reach)] = chance.randrange(256)
    return bytes(content)


def truncated(content: bytearray, chance: random.Random) -> bytes:
    """Cut the end off."""
    return bytes(content[: chance.randrange(len(content))])


def extreme(content: bytearray, chance: random.Random) -> bytes:
    """Write the smallest, largest or otherwise worst number into a field of 1, 2 or 4 bytes."""
    for _ in range(chance.choice([1, 1, 4])):
        size = chance.choice([1, 2, 4])
        at = chance.randrange(max(min(len(content), chance.choice([64, 400, 10**9])) - size, 1))
        number = chance.choice(EXTREMES) & (256**size - 1)
        content[at : at + size] = number.to_bytes(size, chance.choice(["big", "little"]))
    return bytes(content)


def moved(content: bytearray, chance: random.Random) -> bytes:
    """Take a piece out, double it, or put it elsewhere."""
    begin, to = (chance.randrange(len(content)) for _ in range(2))
    piece = content[begin : begin + chance.randrange(1, 400)]
    if chance.random() < 0.5:
        del content[begin : begin + len(piece)]
    if chance.random() < 0.7:
        content[to:to] = piece
    return bytes(content)


def bomb(content: bytearray, chance: random.Random) -> bytes:
    """Claim to be gigantic, as the format says it."""
    width, height = (chance.choice(CLAIMS) for _ in range(2))
    if content[:4] == b"\x89PNG":
        content[16:24] = struct.pack(">II", width, height)
    elif content[:4] == b"RIFF" and content[12:16] == b"VP8X":
        content[24:30] = _little(width, 3) + _little(height, 3)
    elif bytes(content[:4]) in {b"II*\0", b"MM\0*", b"II+\0"}:
        _tiff_sizes(content, chance, *(chance.choice(TIFF_CLAIMS) for _ in range(2)))
    elif frame := re.search(rb"\xff[\xc0-\xc2]..\x08|ispe....", content, re.DOTALL):
        field = ">HH" if frame[0][:1] == b"\xff" else ">II"
        most = 0xFFFF if field == ">HH" else 2**32 - 1
        content[frame.end() : frame.end() + struct.calcsize(field)] = struct.pack(
            field, min(height, most), min(width, most)
        )
    return bytes(content)


def _little(number: int, size: int) -> bytes:
    return min(number, 256**size - 1).to_bytes(size, "little")


def _tiff_sizes(content: bytearray, chance: random.Random, width: int, height: int) -> None:
    """Change sizes in the first directory of a TIFF, in either byte order, classic or big."""
    order = "<" if content[:1] == b"I" else ">"
    big = content[2:3] == b"+"
    directory, count, entry, value = ("Q", "Q", 20, 12) if big else ("I", "H", 12, 8)
    (at,) = struct.unpack_from(order + directory, content, 8 if big else 4)
    (entries,) = struct.unpack_from(order + count, content, at)
    for number in range(entries):
        place = at + struct.calcsize(order + count) + number * entry
        (tag,) = struct.unpack_from(order + "H", content, place)
        if tag in {256, 257} or (tag in TIFF_SIZES and chance.random() < 0.3):
            size = width if tag in {256, 322} else height
            struct.pack_into(order + "H", content, place + 2, 4)  # a number of 32 bits
            struct.pack_into(order + "I", content, place + value, size)


MUTATIONS: dict[str, Mutation] = {
    "flipped": flipped,
    "truncated": truncated,
    "extreme": extreme,
    "moved": moved,
    "bomb": bomb,
}


def mutate(files: tuple[Original, ...], seed: int) -> tuple[str, Original]:
    """Return how a file was damaged, and that file."""
    chance = random.Random(seed)
    formats = sorted({file.format for file in files})
    chosen = chance.choice(formats)  # each format as often as any other
    file = chance.choice([file for file in files if file.format == chosen])
    if chance.random() < 0.15:
        return "swapped", _swapped(file, files, chance)
    how = chance.choice(sorted(MUTATIONS))
    content = MUTATIONS[how](bytearray(file.content), chance)
    if file.format == "PNG" and chance.random() < 0.7:
        content = _with_right_checksums(content)  # else the decoder looks no further
    return how, file._replace(content=content)


def _swapped(file: Original, files: tuple[Original, ...], chance: random.Random) -> Original:
    """Return a file with the ending, or with the first bytes, of another."""
    other = chance.choice(files)
    if chance.random() < 0.3:
        return file._replace(ending=other.ending)
    size = chance.choice([4, 16, 64, 300])
    return file._replace(content=other.content[:size] + file.content[size:])


def _with_right_checksums(content: bytes) -> bytes:
    """Put the checksum of what stands there now behind each chunk of a PNG."""
    mended, at = bytearray(content), 8
    while at + 12 <= len(mended):
        (length,) = struct.unpack_from(">I", mended, at)
        end = at + 8 + length
        if end + 4 > len(mended):
            break
        struct.pack_into(">I", mended, end, zlib.crc32(mended[at + 4 : end]))
        at = end + 4
    return bytes(mended)
