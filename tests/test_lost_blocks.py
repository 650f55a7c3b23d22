"""A photo with a block of zeros in its compressed data is unreadable; zeros elsewhere do not matter."""

import re
from pathlib import Path

import numpy as np
import pytest
from makers import make_photo
from pictures import save_picture
from PIL import Image

from crackscan.basics.errors import Unreadable
from crackscan.reading import read_mask, read_photo

ENDINGS = ("webp", "heic", "avif", "jp2")  # of formats whose decoders say nothing
LOST = "a part of its compressed data is lost: only zeros are there"


def zeroed(path: Path, start: int, length: int) -> Path:
    """Replace bytes of a file by zeros, as a copy that was not finished has them."""
    content = path.read_bytes()
    path.write_bytes(
        content[:start] + bytes(len(content[start : start + length])) + content[start + length :]
    )
    return path


@pytest.mark.parametrize("length", [600, 10**6])
@pytest.mark.parametrize("ending", ENDINGS)
def test_photo_with_a_lost_block_is_unreadable(tmp_path: Path, ending: str, length: int) -> None:
    """A single block in the middle, or all that follows: the made-up pixels must not be judged."""
    path = save_picture(tmp_path / f"photo.{ending}", 1, size=600)
    read_photo(path)
    zeroed(path, path.stat().st_size // 2, length)
    with pytest.raises(Unreadable, match=LOST):
        read_photo(path)
    with pytest.raises(Unreadable, match=LOST):
        read_mask(path)


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("ending", ENDINGS)
def test_photo_of_one_colour_is_read(tmp_path: Path, ending: str, colour: int) -> None:
    """A photo in the dark or of the sky compresses to little, but not to zeros."""
    path = tmp_path / f"flat.{ending}"
    Image.new("RGB", (1000, 1000), (colour, colour, colour)).save(path)
    assert np.ptp(read_photo(path).patch.pixels) <= 2


def test_large_webp_that_is_mostly_black_is_read(tmp_path: Path) -> None:
    """Its compressed pixels have more than 512 zeros in a row."""
    picture = Image.new("RGB", (4000, 3000))
    picture.paste(Image.effect_noise((600, 600), 50).convert("RGB"))
    path = tmp_path / "dark.webp"
    picture.save(path)
    assert bytes(512) in path.read_bytes()
    assert read_photo(path).size == (4000, 3000)


@pytest.mark.parametrize("ending", ENDINGS)
def test_zeros_in_metadata_or_behind_the_picture_do_not_matter(tmp_path: Path, ending: str) -> None:
    """Cameras leave room in their notes, and some programs behind the picture."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x927C: bytes(2000)})
    path = make_photo(tmp_path / f"p.{ending}", width=400, height=300, exif=exif.tobytes())
    if ending != "jp2":  # whose last box may be open-ended
        path.write_bytes(path.read_bytes() + bytes(2000))
    assert read_photo(path).size == (400, 300)


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_damage_of_what_says_where_the_pixels_are_gives_a_photo_or_a_reason(
    tmp_path: Path, ending: str
) -> None:
    """Sizes and counts may be any number."""
    path = zeroed(save_picture(tmp_path / f"photo.{ending}", 1, size=300), 4000, 600)
    content = path.read_bytes()
    places = [
        found.start() for found in re.finditer(rb"iloc|iinf|infe|meta|mdat|jp2c|VP8.|RIFF", content[:1000])
    ]
    for place in places:
        for value in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1"):
            for at in (place - 4, place + 4, place + 8, place + 12):
                path.write_bytes(content[: max(at, 0)] + value + content[max(at, 0) + 4 :])
                with pytest.raises(Unreadable):  # noqa: PT012
                    read_photo(path)
                    raise Unreadable("it is read")
