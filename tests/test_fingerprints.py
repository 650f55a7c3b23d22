"""Fingerprints find the same picture in changed files, and do not confuse different pictures."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import blotches, save_picture
from PIL import Image, ImageEnhance

from crackscan.basics.records import Window
from crackscan.dataset.fingerprints import (
    NEAR_BITS,
    Fingerprint,
    duplicate_pairs,
    fingerprint,
    fingerprint_all,
    matches,
)
from crackscan.dataset.records import Example


def of_image(image: Image.Image) -> Fingerprint:
    """Return an image's fingerprint."""
    return fingerprint(np.asarray(image))


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Return an image after it was saved as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def test_fingerprints_depend_on_pixels_and_not_on_name_or_format(tmp_path: Path) -> None:
    """A picture under another name, in another lossless format and with other metadata is equal."""
    original, copy = save_picture(tmp_path / "a.png", 1), tmp_path / "copies" / "b.bmp"
    copy.parent.mkdir()
    Image.open(original).save(copy)
    examples = [Example(str(path), path.name, label=True) for path in (original, copy)]
    (first, second), problems = fingerprint_all(examples, input_px=224)
    assert first.fingerprint == second.fingerprint
    assert not problems


@pytest.mark.parametrize(
    "change",
    [
        lambda image: as_jpeg(image, 75),
        lambda image: as_jpeg(image.resize((48, 48)), 90),
        lambda image: image.resize((200, 200)),
        lambda image: ImageEnhance.Brightness(image).enhance(1.15),
        lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    ],
    ids=["recompressed", "smaller", "larger", "brighter", "flatter"],
)
def test_changed_copies_are_near_duplicates(change: Callable[[Image.Image], Image.Image]) -> None:
    """A recompressed, rescaled, brightened or flattened picture is found as a near duplicate."""
    originals = [Image.fromarray(blotches(seed)) for seed in range(5)]
    marks = [of_image(image) for image in originals] + [of_image(change(image)) for image in originals]
    assert list(duplicate_pairs(marks)) == [(index, index + 5) for index in range(5)]
    assert len({mark.sha256 for mark in marks}) == 10


def test_different_pictures_are_not_duplicates() -> None:
    """300 pictures of the same kind have no duplicates."""
    assert not list(duplicate_pairs([fingerprint(blotches(seed)) for seed in range(300)]))


def test_same_light_on_plain_concrete_does_not_make_duplicates() -> None:
    """Light from one side is not a feature of the picture."""
    ramp = np.linspace(80, 180, 96)[np.newaxis, :, np.newaxis]
    rng = np.random.default_rng(0)
    plain = [(ramp + rng.normal(0, 6, (96, 96, 3))).astype(np.uint8) for _ in range(20)]
    assert not list(duplicate_pairs([fingerprint(pixels) for pixels in plain]))


def test_featureless_pictures_are_the_same_only_if_equal() -> None:
    """Black and white have no features to compare, so only their pixels count."""
    black, white = (np.full((50, 50, 3), level, np.uint8) for level in (0, 255))
    marks = [fingerprint(pixels) for pixels in (black, white, black)]
    assert list(duplicate_pairs(marks)) == [(0, 2)]


def test_each_window_of_a_photo_has_its_own_fingerprint(tmp_path: Path) -> None:
    """The fingerprint of a tile is that of its pixels, as if they were a file."""
    path = save_picture(tmp_path / "a.png", 3)
    window = Window(10, 20, 40, 30)
    (tile,), _ = fingerprint_all([Example(str(path), "a.png", label=True, window=window)], input_px=224)
    assert tile.fingerprint == fingerprint(blotches(3)[20:50, 10:50])


def test_unreadable_and_too_large_images_are_named_and_left_out(tmp_path: Path) -> None:
    """A broken file is left out alone; a photo that cannot be judged whole cannot be learned whole."""
    paths = [save_picture(tmp_path / name, 1, size=size) for name, size in (("a.png", 96), ("b.png", 600))]
    paths.append(tmp_path / "c.jpg")
    paths[-1].write_bytes(paths[0].read_bytes()[:200])
    examples = [Example(str(path), path.name, label=True, data="set") for path in paths]
    counted: list[int] = []
    rows, (problem,) = fingerprint_all(examples, input_px=224, on_done=counted.append)
    assert [row.example.source for row in rows] == ["a.png"]
    assert problem.count == 2
    assert problem.names[0] == "set/b.png (600 x 600 px is too large for one tile: cut it into tiles)"
    assert problem.names[1].startswith("set/c.jpg (")
    assert sum(counted) == 3


def test_matches_prefer_exact_duplicates_and_then_the_nearest() -> None:
    """An image is matched with an exact duplicate, otherwise with the nearest near duplicate, if any."""

    def mark(name: str, *flipped: int) -> Fingerprint:
        bits = np.tile([0, 1, 1, 0], 64)
        bits[list(flipped)] ^= 1
        return Fingerprint(name, np.packbits(bits).tobytes().hex())

    others = [
        mark("far", *range(20)),
        mark("near", *range(5)),
        mark("equal", *range(30)),
        Fingerprint("flat", ""),
    ]
    images = [
        mark("new"),
        mark("equal"),
        mark("edge", *range(100, 100 + NEAR_BITS - 5)),
        Fingerprint("flat", ""),
    ]
    images += [mark("other", *range(128, 128 + NEAR_BITS + 1)), Fingerprint("plain", "")]
    assert list(matches(images, others)) == [1, 2, 1, 3, None, None]
    assert list(matches(images, [])) == [None] * 6
