"""The reader of pixels: an image becomes upright uint8 RGB with a mask, or gives the reason why not."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import make_mosaic, make_photo, pixels
from pictures import blotches
from PIL import Image
from rasterio.enums import ColorInterp

from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.reading import fit, open_mosaic, read_mask, read_photo, read_tile

LEFT_DARK = np.concatenate([np.full((40, 30, 3), 20), np.full((40, 30, 3), 220)], axis=1).astype(np.uint8)


def test_truncated_photo_is_unreadable(tmp_path: Path) -> None:
    """Half a JPEG passes a check of its header; the missing half must not be taken for grey concrete."""
    whole = make_photo(tmp_path / "whole.jpg", width=400, height=400).read_bytes()
    half = tmp_path / "half.jpg"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unreadable, match="truncated"):
        read_photo(half)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0" + b"\0" * 100])
def test_file_without_a_picture_is_unreadable_in_one_line(tmp_path: Path, content: bytes) -> None:
    """An empty file, a text and a header alone give a reason in one line, without the path."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_missing_file_says_so(tmp_path: Path) -> None:
    """A file that was deleted after planning has another reason than a broken one."""
    with pytest.raises(Unreadable, match="the file is gone"):
        read_photo(tmp_path / "gone.jpg")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, ending: str, orientation: int) -> None:
    """A photo is read as people see it, in every format, however the camera was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{ending}"
    Image.fromarray(LEFT_DARK).save(path, exif=exif, **({"lossless": True} if ending == "webp" else {}))
    grey = read_photo(path).patch.pixels.mean(axis=2)
    dark_half = {
        1: grey[:, :30],
        2: grey[:, -30:],
        3: grey[:, -30:],
        4: grey[:, :30],
        5: grey[:30],
        6: grey[:30],
        7: grey[-30:],
        8: grey[-30:],
    }
    assert grey.shape == ((40, 60) if orientation < 5 else (60, 40))
    assert dark_half[orientation].max() < 120


def test_sixteen_bit_grey_is_scaled_by_the_range_of_its_type(tmp_path: Path) -> None:
    """A dark photo stays dark: scaling it by its own range would turn noise into cracks."""
    values = np.array([[0, 257, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "grey.png")
    assert read_photo(tmp_path / "grey.png").patch.pixels[0, :, 0].tolist() == [0, 1, 255]


def test_float_photo_is_unreadable(tmp_path: Path) -> None:
    """Values without a fixed scale are refused, not scaled by a guess."""
    Image.fromarray(np.ones((9, 9), np.float32)).save(tmp_path / "height.tif")
    with pytest.raises(Unreadable, match="float32 pixels have no fixed scale"):
        read_photo(tmp_path / "height.tif")


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_every_colour_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    """Black and white, grey, palette, CMYK and YCbCr photos are read."""
    path = tmp_path / "photo.tif"
    Image.fromarray(LEFT_DARK).convert(mode).save(path)
    patch = read_photo(path).patch
    assert patch.pixels.dtype == np.uint8
    assert np.abs(patch.pixels.astype(int) - LEFT_DARK)[:, 5:-5].mean() < 60
    assert patch.valid is None


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_are_not_valid(tmp_path: Path, mode: str) -> None:
    """Transparent pixels hold no data, whatever their colour."""
    image = Image.fromarray(LEFT_DARK).convert(mode)
    image.putalpha(Image.fromarray((LEFT_DARK[..., 0] < 100).astype(np.uint8) * 255))
    image.save(tmp_path / "cut.png")
    patch = read_photo(tmp_path / "cut.png").patch
    assert patch.valid is not None
    assert patch.valid[:, :30].all()
    assert not patch.valid[:, 30:].any()
    assert patch.filled()[:, 30:].max() <= 20


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("save", [{"subsampling": 0}, {"quality": 30}, {"progressive": True}], ids=str)
def test_jpeg_has_the_same_pixels_as_with_pillow(tmp_path: Path, mode: str, save: dict[str, Any]) -> None:
    """Bit for bit: models were trained on images that Pillow decoded."""
    path = tmp_path / "photo.jpg"
    Image.fromarray(blotches(3, size=101)).convert(mode).save(path, **save)
    with Image.open(path) as image:
        assert np.array_equal(read_photo(path).patch.pixels, np.asarray(image.convert("RGB")))


def test_jpeg_with_stray_bytes_between_its_parts_is_read(tmp_path: Path) -> None:
    """Stray bytes between its segments change no pixel, and other programs show such a photo too."""
    whole = make_photo(tmp_path / "whole.jpg")
    content = whole.read_bytes()
    tables = content.index(b"\xff\xdb")  # of quantisation
    (tmp_path / "stray.jpg").write_bytes(content[:tables] + b"\x00\x01\x02" + content[tables:])
    assert np.array_equal(read_photo(tmp_path / "stray.jpg").patch.pixels, read_photo(whole).patch.pixels)


def test_animation_gives_its_first_frame_and_a_note(tmp_path: Path) -> None:
    """A note says that the other frames were not read."""
    frames = [Image.fromarray(pixels(50, 50, crack=crack)) for crack in (False, True, False)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    photo = read_photo(tmp_path / "moving.gif")
    assert photo.note == "only the first of 3 frames was read"
    assert photo.patch.pixels.mean() > 150


def test_decompression_bomb_is_unreadable(tmp_path: Path) -> None:
    """A file of a few bytes whose header gives a gigantic size must not use up the machine's memory."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")]
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(Unreadable, match="over 179 megapixels: scan it with --as mosaic"):
        read_photo(tmp_path / "bomb.png")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "heic"])
def test_metadata_is_available_after_the_file_is_closed(tmp_path: Path, ending: str) -> None:
    """Position and time are read with the photo, in every format."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 15.0, 0.0)})
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 10:20:30"})
    photo = read_photo(make_photo(tmp_path / f"p.{ending}", exif=exif.tobytes()))
    assert photo.exif is not None
    assert photo.exif.get_ifd(0x8825)[1] == "N"
    assert photo.exif.get_ifd(0x8769)[0x9003] == "2026:05:01 10:20:30"


def test_photo_with_broken_exif_is_read(tmp_path: Path) -> None:
    """Metadata that cannot be read does not prevent reading the pixels."""
    path = make_photo(tmp_path / "photo.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert read_photo(path).size == (224, 224)


def test_heic_of_a_phone_is_read(tmp_path: Path) -> None:
    """Many phones write HEIC."""
    buffer = io.BytesIO()
    Image.fromarray(LEFT_DARK).save(buffer, format="HEIF")
    (tmp_path / "phone.heic").write_bytes(buffer.getvalue())
    assert read_photo(tmp_path / "phone.heic").size == (60, 40)


def test_fit_keeps_a_tile_of_the_right_size() -> None:
    """A tile of the model's input size is not changed."""
    tile = pixels(224, 224)
    assert (fit(tile, 224, 224) == tile).all()


def test_fit_mirrors_what_is_smaller_than_a_tile() -> None:
    """A narrow strip keeps its scale, and gets no border, which would look like a crack."""
    fitted = fit(pixels(224, 50), 224, 224)
    assert (fitted[50:100] == fitted[:50][::-1]).all()


@pytest.mark.parametrize("side", [1, 2, 500])
def test_fit_gives_the_input_size_from_any_size(side: int) -> None:
    """Tiles from one pixel to 500 are resized to the model's input."""
    fitted = fit(pixels(side, side), side, 224)
    assert fitted.shape == (224, 224, 3)
    assert abs(fitted.mean() - pixels(side, side).mean()) < 3


def test_read_tile_refuses_to_shrink_a_large_photo(tmp_path: Path) -> None:
    """A large photo shrunk to 224 px would lose its cracks."""
    make_photo(tmp_path / "largest.jpg", width=504, height=100)
    assert read_tile(tmp_path / "largest.jpg", None, input_px=224).shape == (224, 224, 3)
    make_photo(tmp_path / "large.jpg", width=505, height=100)
    with pytest.raises(Unreadable, match="505 x 100 px is too large for one tile"):
        read_tile(tmp_path / "large.jpg", None, input_px=224)
    assert read_tile(tmp_path / "large.jpg", Window(100, 0, 100, 100), input_px=224).shape == (224, 224, 3)


def test_mask_of_one_bit_is_read(tmp_path: Path) -> None:
    """A mask of one bit and a mask of eight bits give the same result."""
    Image.fromarray(LEFT_DARK[..., 0] > 100).save(tmp_path / "one.png")
    Image.fromarray((LEFT_DARK[..., 0] > 100).astype(np.uint8)).save(tmp_path / "eight.png")
    for name in ("one.png", "eight.png"):
        mask = read_mask(tmp_path / name)
        assert mask.dtype == bool
        assert (mask == (LEFT_DARK[..., 0] > 100)).all()


def test_alpha_of_a_mosaic_is_validity_not_colour(tmp_path: Path) -> None:
    """Band 4 of OpenDroneMap's mosaics says which pixels were surveyed."""
    alpha = np.zeros((1, 100, 100), np.uint8)
    alpha[:, :, :60] = 255
    bands = np.concatenate([np.full((3, 100, 100), 90, np.uint8), alpha])
    make_mosaic(tmp_path / "m.tif", bands=bands, photometric="RGB", alpha="YES")
    with open_mosaic(tmp_path / "m.tif") as mosaic:
        patch = mosaic.read(Window(0, 0, 100, 100))
    assert patch.valid_fraction == pytest.approx(0.6)
    assert (patch.pixels == 90).all()


def test_undefined_fourth_band_is_taken_for_alpha(tmp_path: Path) -> None:
    """Some programs do not name their alpha band; its zeros are invalid pixels all the same."""
    bands = np.full((4, 50, 50), 90, np.uint8)
    bands[3, :, 25:] = 0
    path = make_mosaic(tmp_path / "m.tif", bands=bands, photometric="RGB", alpha="UNSPECIFIED")
    with open_mosaic(path) as mosaic:
        assert mosaic.dataset.colorinterp[3] == ColorInterp.undefined
        assert mosaic.read(Window(0, 0, 50, 50)).valid_fraction == 0.5


def test_white_is_valid_unless_it_is_the_nodata_value(tmp_path: Path) -> None:
    """Bright concrete is valid; a pixel is nodata if all its bands have the declared nodata value."""
    bands = np.full((3, 50, 50), 255, np.uint8)
    bands[0, :, :10] = 254
    with open_mosaic(make_mosaic(tmp_path / "white.tif", bands=bands)) as mosaic:
        assert mosaic.read(Window(0, 0, 50, 50)).valid_fraction == 1
    with open_mosaic(make_mosaic(tmp_path / "nodata.tif", bands=bands, nodata=255)) as mosaic:
        assert mosaic.read(Window(0, 0, 50, 50)).valid_fraction == pytest.approx(0.2)


def test_one_band_of_sixteen_bits_becomes_grey(tmp_path: Path) -> None:
    """One band is scaled by its type, or by the bit depth that the file declares."""
    bands = np.full((1, 20, 20), 4095, np.uint16)
    for name, profile, expected in (("16", {}, 15), ("12", {"nbits": 12}, 255)):
        with open_mosaic(make_mosaic(tmp_path / f"{name}.tif", bands=bands, **profile)) as mosaic:
            assert (mosaic.read(Window(0, 0, 20, 20)).pixels == expected).all()


@pytest.mark.parametrize(("dtype", "count"), [(np.uint8, 1), (np.uint8, 3), (np.uint16, 1)])
def test_photo_and_mosaic_of_one_file_have_the_same_pixels(tmp_path: Path, dtype: type, count: int) -> None:
    """The two readers agree about what the values mean."""
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (count, 30, 40), dtype, endpoint=True)
    path = make_mosaic(tmp_path / "m.tif", bands=values)
    with open_mosaic(path) as mosaic:
        patch = mosaic.read(Window(0, 0, 40, 30))
    assert np.array_equal(read_photo(path).patch.pixels, patch.pixels)


def test_elevation_model_is_unreadable(tmp_path: Path) -> None:
    """A raster of heights is refused, not scaled."""
    path = make_mosaic(tmp_path / "dem.tif", bands=np.ones((1, 20, 20), np.float32))
    with pytest.raises(Unreadable, match="float32 pixels"), open_mosaic(path):
        pass


def test_palette_mosaic_shows_its_colours(tmp_path: Path) -> None:
    """The values of a palette are indices of colours, not brightness."""
    import rasterio

    path = make_mosaic(tmp_path / "p.tif", bands=np.full((1, 20, 20), 7, np.uint8), photometric="PALETTE")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {7: (10, 20, 30, 255)})
    with open_mosaic(path) as mosaic:
        assert mosaic.read(Window(0, 0, 5, 5)).pixels[0, 0].tolist() == [10, 20, 30]
