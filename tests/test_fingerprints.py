"""The same picture is found again whatever became of its file, and different ones are not confused."""

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
    """Return what becomes of an image that is saved as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def test_content_counts_and_not_the_name_or_the_format(tmp_path: Path) -> None:
    """A picture under another name, in another lossless format and with other metadata is equal."""
    one, other = save_picture(tmp_path / "a.png", 1), tmp_path / "copies" / "b.bmp"
    other.parent.mkdir()
    Image.open(one).save(other)
    examples = [Example(str(path), path.name, label=True) for path in (one, other)]
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
    """Recompressed, rescaled, brightened or flattened, a picture is still found, though not as equal."""
    originals = [Image.fromarray(blotches(seed)) for seed in range(5)]
    marks = [of_image(image) for image in originals] + [of_image(change(image)) for image in originals]
    assert list(duplicate_pairs(marks)) == [(place, place + 5) for place in range(5)]
    assert len({mark.sha256 for mark in marks}) == 10


def test_different_pictures_are_no_duplicates() -> None:
    """Among 300 pictures of the same kind no two are taken for one."""
    assert not list(duplicate_pairs([fingerprint(blotches(seed)) for seed in range(300)]))


def test_same_light_on_plain_concrete_makes_no_duplicate() -> None:
    """Light that falls in from one side is no feature of the picture."""
    ramp = np.linspace(80, 180, 96)[np.newaxis, :, np.newaxis]
    rng = np.random.default_rng(0)
    plain = [(ramp + rng.normal(0, 6, (96, 96, 3))).astype(np.uint8) for _ in range(20)]
    assert not list(duplicate_pairs([fingerprint(pixels) for pixels in plain]))


def test_featureless_pictures_are_the_same_only_if_equal() -> None:
    """Black and white have no features to compare, so only their pixels count."""
    black, white = (np.full((50, 50, 3), level, np.uint8) for level in (0, 255))
    marks = [fingerprint(pixels) for pixels in (black, white, black)]
    assert list(duplicate_pairs(marks)) == [(0, 2)]


def test_windows_of_a_photo_have_fingerprints_of_their_own(tmp_path: Path) -> None:
    """A tile's fingerprint is that of its pixels, as if it were a file."""
    path = save_picture(tmp_path / "a.png", 3)
    window = Window(10, 20, 40, 30)
    (tile,), _ = fingerprint_all([Example(str(path), "a.png", label=True, window=window)], input_px=224)
    assert tile.fingerprint == fingerprint(blotches(3)[20:50, 10:50])


def test_unreadable_and_too_large_images_are_named_and_left_out(tmp_path: Path) -> None:
    """One broken file costs itself; a photo that cannot be judged whole cannot be learned whole."""
    paths = [save_picture(tmp_path / name, 1, size=size) for name, size in (("a.png", 96), ("b.png", 500))]
    paths.append(tmp_path / "c.jpg")
    paths[-1].write_bytes(paths[0].read_bytes()[:200])
    examples = [Example(str(path), path.name, label=True, data="set") for path in paths]
    counted: list[int] = []
    marked, (problem,) = fingerprint_all(examples, input_px=224, on_done=counted.append)
    assert [row.example.source for row in marked] == ["a.png"]
    assert problem.count == 2
    assert problem.names[0] == "set/b.png (500 x 500 px is too large for one tile: cut it into tiles)"
    assert problem.names[1].startswith("set/c.jpg (")
    assert sum(counted) == 3


def test_matches_prefer_the_equal_and_then_the_nearest() -> None:
    """An image is matched with its equal, else with its nearest near duplicate, else with none."""

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
    asked = [
        mark("new"),
        mark("equal"),
        mark("edge", *range(100, 100 + NEAR_BITS - 5)),
        Fingerprint("flat", ""),
    ]
    asked += [mark("other", *range(128, 128 + NEAR_BITS + 1)), Fingerprint("plain", "")]
    assert list(matches(asked, others)) == [1, 2, 1, 3, None, None]
    assert list(matches(asked, [])) == [None] * 6
