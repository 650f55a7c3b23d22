"""Ways to damage a file by a random generator, so that a seed always gives the same file."""

import random
import re
import struct
import zlib
from collections.abc import Callable

from originals import Original

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 60_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# px: 3,000 x 3,000 is decoded, much more is refused
SIZES = (1, 300, 3_000, 65_535, 10**6, 10**8, 2**31 - 1)
# px: an accepted mosaic is scanned tile by tile
TIFF_SIZES = (1, 300, 1_000, 10**7, 10**8, 2**31 - 1, 2**32 - 1)
TIFF_SIZE_TAGS = {
    256: "width",
    257: "height",
    278: "rows of a strip",
    322: "width of a tile",
    323: "its height",
}
Mutation = Callable[[bytearray, random.Random], bytes]


def flip(content: bytearray, rng: random.Random) -> bytes:
    """Change up to 32 bytes, anywhere or near the start, where headers are."""
    end = rng.choice([len(content), min(len(content), 200)])
    for _ in range(rng.choice([1, 2, 8, 32])):
        content[rng.randrange(end)] = rng.randrange(256)
    return bytes(content)


def truncate(content: bytearray, rng: random.Random) -> bytes:
    """Remove the end."""
    return bytes(content[: rng.randrange(len(content))])


def write_extreme(content: bytearray, rng: random.Random) -> bytes:
    """Write the smallest, largest or otherwise worst number into a field of 1, 2 or 4 bytes."""
    for _ in range(rng.choice([1, 1, 4])):
        size = rng.choice([1, 2, 4])
        start = rng.randrange(max(min(len(content), rng.choice([64, 400, 10**9])) - size, 1))
        number = rng.choice(EXTREMES) & (256**size - 1)
        content[start : start + size] = number.to_bytes(size, rng.choice(["big", "little"]))
    return bytes(content)


def move_piece(content: bytearray, rng: random.Random) -> bytes:
    """Remove a piece, copy it, or move it."""
    start, target = (rng.randrange(len(content)) for _ in range(2))
    piece = content[start : start + rng.randrange(1, 400)]
    if rng.random() < 0.5:
        del content[start : start + len(piece)]
    if rng.random() < 0.7:
        content[target:target] = piece
    return bytes(content)


def write_huge_size(content: bytearray, rng: random.Random) -> bytes:
    """Write a gigantic size into the header, as the format stores it."""
    width, height = (rng.choice(SIZES) for _ in range(2))
    if content[:4] == b"\x89PNG":
        content[16:24] = struct.pack(">II", width, height)
    elif content[:4] == b"RIFF" and content[12:16] == b"VP8X":
        content[24:30] = _little(width, 3) + _little(height, 3)
    elif bytes(content[:4]) in {b"II*\0", b"MM\0*", b"II+\0"}:
        _tiff_sizes(content, rng, *(rng.choice(TIFF_SIZES) for _ in range(2)))
    elif frame := re.search(rb"\xff[\xc0-\xc2]..\x08|ispe....", content, re.DOTALL):
        field = ">HH" if frame[0][:1] == b"\xff" else ">II"
        most = 0xFFFF if field == ">HH" else 2**32 - 1
        content[frame.end() : frame.end() + struct.calcsize(field)] = struct.pack(
            field, min(height, most), min(width, most)
        )
    return bytes(content)


def _little(number: int, size: int) -> bytes:
    return min(number, 256**size - 1).to_bytes(size, "little")


def _tiff_sizes(content: bytearray, rng: random.Random, width: int, height: int) -> None:
    """Change sizes in the first directory of a TIFF, in either byte order, classic or big."""
    order = "<" if content[:1] == b"I" else ">"
    big = content[2:3] == b"+"
    directory, count, entry, value = ("Q", "Q", 20, 12) if big else ("I", "H", 12, 8)
    (start,) = struct.unpack_from(order + directory, content, 8 if big else 4)
    (entries,) = struct.unpack_from(order + count, content, start)
    for number in range(entries):
        field = start + struct.calcsize(order + count) + number * entry
        (tag,) = struct.unpack_from(order + "H", content, field)
        if tag in {256, 257} or (tag in TIFF_SIZE_TAGS and rng.random() < 0.3):
            size = width if tag in {256, 322} else height
            struct.pack_into(order + "H", content, field + 2, 4)  # a number of 32 bits
            struct.pack_into(order + "I", content, field + value, size)


MUTATIONS: dict[str, Mutation] = {
    "flipped": flip,
    "truncated": truncate,
    "extreme": write_extreme,
    "moved": move_piece,
    "bomb": write_huge_size,
}


def mutate(files: tuple[Original, ...], seed: int) -> tuple[str, Original]:
    """Return the name of a mutation, and the file damaged by it."""
    rng = random.Random(seed)
    formats = sorted({file.format for file in files})
    file_format = rng.choice(formats)  # each format equally often
    file = rng.choice([file for file in files if file.format == file_format])
    if rng.random() < 0.15:
        return "swapped", _swap(file, files, rng)
    name = rng.choice(sorted(MUTATIONS))
    content = MUTATIONS[name](bytearray(file.content), rng)
    if file.format == "PNG" and rng.random() < 0.7:
        content = _correct_checksums(content)  # else the decoder stops at the first wrong one
    return name, file._replace(content=content)


def _swap(file: Original, files: tuple[Original, ...], rng: random.Random) -> Original:
    """Return a file with the ending, or with the first bytes, of another."""
    other = rng.choice(files)
    if rng.random() < 0.3:
        return file._replace(ending=other.ending)
    size = rng.choice([4, 16, 64, 300])
    return file._replace(content=other.content[:size] + file.content[size:])


def _correct_checksums(content: bytes) -> bytes:
    """Correct the checksum of each chunk of a PNG."""
    corrected, start = bytearray(content), 8
    while start + 12 <= len(corrected):
        (length,) = struct.unpack_from(">I", corrected, start)
        end = start + 8 + length
        if end + 4 > len(corrected):
            break
        struct.pack_into(">I", corrected, end, zlib.crc32(corrected[start + 4 : end]))
        start = end + 4
    return bytes(corrected)
