"""What an image looks like in a few bytes: the same pictures are found whatever they are called."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable
from crackscan.dataset.records import Example, Problem, problems
from crackscan.reading import is_one_tile, read_photo

HASH_BITS = 256
THUMBNAIL_PX = 32

# Two images are near duplicates if at most so many bits of their phash differ. Chosen on the 11,864 different
# tiles among 12,000 of METU (70 million pairs). 365 pairs were taken to show one scene twice, by the
# correlation of their thumbnails and, below 0.99, by looking at each: 356 are within 38 bits, the other 9
# (39 to 91) are missed. The nearest two of different places, cracks that run alike, are 53 apart. Of 1,500
# tiles saved again at half or double size, with 20 % less contrast or at JPEG quality 75 none is missed;
# at quality 40, or 10 % brighter, one each. The customary 64-bit difference hash will not do: with it, plain
# concrete under the same light can be 0 bits apart.
NEAR_BITS = 38

# Below this spread of its thumbnail, in grey levels, a picture has no features; METU's plainest tile has 1.6.
_FLAT = 1.0

_BLOCK = 512  # images compared with all others at a time: 80 MB for 40,000


class Fingerprint(NamedTuple):
    """What tells a picture: equal `sha256` is the same pixels, similar `phash` the same picture."""

    sha256: str  # of width, height and the decoded RGB pixels; hex
    phash: str  # 256 bits in hex; "" for a picture without features


class Fingerprinted(NamedTuple):
    """An example and its fingerprint: a row of split.csv."""

    example: Example
    fingerprint: Fingerprint


def fingerprint(pixels: Pixels) -> Fingerprint:
    """Return the fingerprint of a picture.

    The phash is the signs of the 256 lowest of its cosine coefficients, less the constant and the two
    ramps (light falling in from a side is no feature); after Zauner, pHash (2010), with more bits.

    Args:
        pixels: uint8 RGB, shape (height, width, 3).
    """
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{width} {height} ".encode() + np.ascontiguousarray(pixels).tobytes())
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    thumbnail = np.asarray(
        Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX), np.float64
    )
    if thumbnail.std() < _FLAT:
        return Fingerprint(digest.hexdigest(), "")
    coefficients = (_COSINES @ thumbnail @ _COSINES.T)[_LOWEST]
    # rounded, so that what is 0 but for the machine's rounding has no sign of its own
    return Fingerprint(digest.hexdigest(), np.packbits(coefficients.round(6) > 0).tobytes().hex())


def fingerprint_all(
    examples: Sequence[Example],
    *,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> tuple[list[Fingerprinted], tuple[Problem, ...]]:
    """Decode and fingerprint all examples, in order; each file is read once for all its windows.

    Args:
        examples: those of one file stand together.
        input_px: of the model; a larger photo is not one tile.
        jobs: threads; None is one a core.
        on_done: is told how many more are done.

    Returns:
        The examples that can be read, and the problem that names the others.
    """
    files = [list(of_file) for _, of_file in groupby(examples, key=lambda example: example.path)]
    marked: list[Fingerprinted] = []
    broken: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        for of_file, outcome in zip(files, pool.map(lambda one: _of_file(one, input_px), files), strict=True):
            if isinstance(outcome, str):
                broken.append(f"{of_file[0].data}/{of_file[0].source} ({outcome})")
            else:
                marked += outcome
            on_done(len(of_file))
    return marked, problems("images that cannot be read, left out", broken)


def duplicate_pairs(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Yield the places of images that are the same or nearly, so that the pairs connect all that are.

    Not every pair there is: of images that are equal to the pixel only the first is compared with the rest.
    """
    firsts: dict[str, int] = {}
    for place, one in enumerate(fingerprints):
        first = firsts.setdefault(one.sha256, place)
        if first != place:
            yield first, place
    places = [place for place in firsts.values() if fingerprints[place].phash]
    signs = _signs([fingerprints[place] for place in places])
    for start in range(0, len(places), _BLOCK):
        agreement = signs[start : start + _BLOCK] @ signs[start:].T
        near = np.argwhere(np.triu(agreement >= _NEAR_AGREEMENT, 1))
        for row, column in near.tolist():
            yield places[start + row], places[start + column]


def matches(fingerprints: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Iterator[int | None]:
    """Yield for each image which of the others is the same, or else the nearest near duplicate, or None."""
    exact = {one.sha256: place for place, one in reversed(list(enumerate(others)))}
    places = [place for place, one in enumerate(others) if one.phash]
    signs = _signs([others[place] for place in places])
    for start in range(0, len(fingerprints), _BLOCK):
        block = fingerprints[start : start + _BLOCK]
        agreement = _signs(block) @ signs.T
        for one, row in zip(block, agreement, strict=True):
            if one.sha256 in exact or not places:
                yield exact.get(one.sha256)
            else:
                nearest = int(row.argmax())
                yield places[nearest] if row[nearest] >= _NEAR_AGREEMENT else None


def _signs(fingerprints: Sequence[Fingerprint]) -> NDArray[np.float32]:
    """Return the bits as -1 and 1, so that a product of two counts how many agree; no phash is all 0."""
    packed = np.frombuffer(b"".join(_packed(one.phash) for one in fingerprints), np.uint8)
    bits = np.unpackbits(packed.reshape(-1, HASH_BITS // 8), axis=1)
    signs = bits.astype(np.float32) * 2 - 1
    signs[[not one.phash for one in fingerprints]] = 0
    return signs


def _packed(phash: str) -> bytes:
    return bytes.fromhex(phash) if phash else bytes(HASH_BITS // 8)


def _of_file(examples: Sequence[Example], input_px: int) -> list[Fingerprinted] | str:
    """Fingerprint the examples of one file, or return why they cannot be read."""
    try:
        photo = read_photo(examples[0].path)
    except Unreadable as error:
        return str(error)
    width, height = photo.size
    marked = []
    for example in examples:
        if example.window is None and not is_one_tile(width, height, input_px=input_px):
            return f"{width} x {height} px is too large for one tile: cut it into tiles"
        patch = photo.patch.crop(example.window) if example.window else photo.patch
        marked.append(Fingerprinted(example, fingerprint(patch.filled())))
    return marked


def _cosines() -> NDArray[np.float64]:
    """Return the rows of a discrete cosine transform (type II, unscaled: only signs are looked at)."""
    order, place = np.mgrid[:THUMBNAIL_PX, :THUMBNAIL_PX]
    return np.cos(np.pi * (2 * place + 1) * order / (2 * THUMBNAIL_PX))  # type: ignore[no-any-return]


def _lowest() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the lowest coefficients stand, by the sum of their two orders, from 2 up."""
    row, column = np.divmod(np.arange(THUMBNAIL_PX**2), THUMBNAIL_PX)
    order = np.lexsort((row, row + column))
    order = order[3 : HASH_BITS + 3]  # less the constant and the two ramps
    return row[order], column[order]


_COSINES = _cosines()
_LOWEST = _lowest()
_NEAR_AGREEMENT = HASH_BITS - 2 * NEAR_BITS
