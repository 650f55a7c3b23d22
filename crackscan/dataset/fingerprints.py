"""Fingerprints of images: they find the same picture under another name."""

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
from crackscan.reading import is_labelled_tile, read_photo

HASH_BITS = 256
THUMBNAIL_PX = 32

# Two images are near duplicates if at most this many bits of their phash differ. Chosen on the 11,864
# different tiles among 12,000 of METU (70 million pairs). 365 pairs show one scene twice, judged by the
# correlation of their thumbnails and, below 0.99, by eye: 356 differ in at most 38 bits; the other 9 (39 to
# 91 bits) are missed. The nearest pair of different places, two cracks of similar course, differs in 53 bits.
# Of 1,500 tiles saved again at half or double size, with 20 % less contrast or at JPEG quality 75, none is
# missed; at quality 40, or 10 % brighter, one each. The usual 64-bit difference hash is not enough: plain
# concrete under the same light can be 0 bits apart.
NEAR_BITS = 38

# A picture has no features if the deviation of its thumbnail is below this; METU's plainest tile has 1.6.
_FLAT = 1.0  # grey levels

_BLOCK = 512  # images compared with all others at a time: 80 MB for 40,000


class Fingerprint(NamedTuple):
    """Identity of a picture: equal `sha256` means the same pixels, similar `phash` the same picture."""

    sha256: str  # of width, height and the decoded RGB pixels; hex
    phash: str  # 256 bits in hex; "" for a picture without features


class Fingerprinted(NamedTuple):
    """An example and its fingerprint: a row of split.csv."""

    example: Example
    fingerprint: Fingerprint


def fingerprint(pixels: Pixels) -> Fingerprint:
    """Return the fingerprint of a picture.

    The phash holds the signs of the 256 lowest cosine coefficients, without the constant and the two
    ramps (light from one side is not a feature); after Zauner, pHash (2010), with more bits.

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
    # rounded, so that a coefficient of 0 does not get its sign from the machine's rounding
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
        examples: the examples of one file must be neighbours.
        input_px: input size of the model; larger photos cannot be judged whole.
        jobs: threads; None is one per core.
        on_done: called with the number of examples that were just done.

    Returns:
        The readable examples, and the problem that names the others.
    """
    files = [list(members) for _, members in groupby(examples, key=lambda example: example.path)]
    rows: list[Fingerprinted] = []
    unreadable: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = pool.map(lambda members: _fingerprint_file(members, input_px), files)
        for members, outcome in zip(files, outcomes, strict=True):
            if isinstance(outcome, str):
                unreadable.append(f"{members[0].data}/{members[0].source} ({outcome})")
            else:
                rows += outcome
            on_done(len(members))
    return rows, problems("images that cannot be read, left out", unreadable)


def duplicate_pairs(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Yield the indices of pairs of exact and near duplicates; the pairs connect all duplicates.

    Not every pair is yielded: of images with equal pixels, only the first is compared with the others.
    """
    firsts: dict[str, int] = {}
    for index, fingerprint in enumerate(fingerprints):
        first = firsts.setdefault(fingerprint.sha256, index)
        if first != index:
            yield first, index
    indices = [index for index in firsts.values() if fingerprints[index].phash]
    signs = _signs([fingerprints[index] for index in indices])
    for start in range(0, len(indices), _BLOCK):
        agreement = signs[start : start + _BLOCK] @ signs[start:].T
        near = np.argwhere(np.triu(agreement >= _NEAR_AGREEMENT, 1))
        for row, column in near.tolist():
            yield indices[start + row], indices[start + column]


def matches(fingerprints: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Iterator[int | None]:
    """Yield for each image the index of its exact duplicate among the others, or of the nearest near one.

    None where the image has no duplicate.
    """
    exact = {other.sha256: index for index, other in reversed(list(enumerate(others)))}
    indices = [index for index, other in enumerate(others) if other.phash]
    signs = _signs([others[index] for index in indices])
    for start in range(0, len(fingerprints), _BLOCK):
        block = fingerprints[start : start + _BLOCK]
        for fingerprint, agreement in zip(block, _signs(block) @ signs.T, strict=True):
            if fingerprint.sha256 in exact or not indices:
                yield exact.get(fingerprint.sha256)
            else:
                nearest = int(agreement.argmax())
                yield indices[nearest] if agreement[nearest] >= _NEAR_AGREEMENT else None


def _signs(fingerprints: Sequence[Fingerprint]) -> NDArray[np.float32]:
    """Return the bits as -1 and 1, so that a product counts agreeing bits; an empty phash gives zeros."""
    packed = np.frombuffer(b"".join(_hash_bytes(item.phash) for item in fingerprints), np.uint8)
    bits = np.unpackbits(packed.reshape(-1, HASH_BITS // 8), axis=1)
    signs = bits.astype(np.float32) * 2 - 1
    signs[[not item.phash for item in fingerprints]] = 0
    return signs


def _hash_bytes(phash: str) -> bytes:
    return bytes.fromhex(phash) if phash else bytes(HASH_BITS // 8)


def _fingerprint_file(examples: Sequence[Example], input_px: int) -> list[Fingerprinted] | str:
    """Fingerprint the examples of one file, or return why the file cannot be used."""
    try:
        photo = read_photo(examples[0].path)
    except Unreadable as error:
        return str(error)
    width, height = photo.size
    rows = []
    for example in examples:
        if example.window is None and not is_labelled_tile(width, height, input_px=input_px):
            return f"{width} x {height} px is too large for one tile: cut it into tiles"
        patch = photo.patch.crop(example.window) if example.window else photo.patch
        rows.append(Fingerprinted(example, fingerprint(patch.filled())))
    return rows


def _cosine_matrix() -> NDArray[np.float64]:
    """Return the rows of a discrete cosine transform (type II, unscaled, because only signs are used)."""
    order, position = np.mgrid[:THUMBNAIL_PX, :THUMBNAIL_PX]
    return np.cos(np.pi * (2 * position + 1) * order / (2 * THUMBNAIL_PX))  # type: ignore[no-any-return]


def _lowest_coefficients() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of the lowest coefficients, by the sum of their two orders, from 2 up."""
    row, column = np.divmod(np.arange(THUMBNAIL_PX**2), THUMBNAIL_PX)
    order = np.lexsort((row, row + column))
    order = order[3 : HASH_BITS + 3]  # without the constant and the two ramps
    return row[order], column[order]


_COSINES = _cosine_matrix()
_LOWEST = _lowest_coefficients()
_NEAR_AGREEMENT = HASH_BITS - 2 * NEAR_BITS
