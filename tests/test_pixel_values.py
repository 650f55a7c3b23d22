"""The meaning of values is asked of the file: bit depth, white end, transparency, page, and what is lost."""

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from makers import labelled_rows, make_mosaic, make_photo, pixels, scan_options
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.reading import open_mosaic, read_mask, read_metadata, read_photo
from crackscan.scanning.plan import Plan

RAMP = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
NEW_SUBFILE_TYPE, REDUCED = 254, 1


def _mosaic_grey(path: Path) -> NDArray[np.int64]:
    with open_mosaic(path) as mosaic:
        return mosaic.read(Window(0, 0, *mosaic.size)).pixels[..., 0].astype(np.int64)


def _photo_grey(path: Path) -> NDArray[np.int64]:
    return read_photo(path).patch.pixels[..., 0].astype(np.int64)


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 10, 12, 16])
def test_bit_depth_and_white_end_are_asked_of_the_file(
    tmp_path: Path, *, bits: int, white_is_zero: bool
) -> None:
    """A picture is as bright in every bit depth, whichever end is white, for both readers."""
    values = (RAMP.astype(np.uint16) << 8 >> (16 - bits)).astype(np.uint8 if bits <= 8 else np.uint16)
    profile: dict[str, Any] = {} if bits in (8, 16) else {"nbits": bits}
    if white_is_zero:
        values, profile["photometric"] = values.dtype.type(2**bits - 1) - values, "MINISWHITE"
    path = make_mosaic(tmp_path / "m.tif", bands=values[np.newaxis], **profile)
    allowed = 256 // 2 ** min(bits, 8)  # one step of the stored values
    assert np.abs(_mosaic_grey(path) - RAMP).max() < allowed
    assert np.array_equal(_photo_grey(path), _mosaic_grey(path))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_vrt_of_a_mosaic_whose_zero_is_white_is_not_a_negative(tmp_path: Path, dtype: type) -> None:
    """GDAL drops the mark in a VRT, and shows a palette instead."""
    import rasterio
    from rasterio.shutil import copy

    values = (255 - RAMP).astype(dtype) * (257 if dtype is np.uint16 else 1)
    make_mosaic(tmp_path / "m.tif", bands=values[np.newaxis].astype(dtype), photometric="MINISWHITE")
    with rasterio.open(tmp_path / "m.tif") as dataset:
        copy(dataset, tmp_path / "m.vrt", driver="VRT")
    assert np.array_equal(_mosaic_grey(tmp_path / "m.vrt"), RAMP)


def _png(path: Path, *, bits: int, colour_type: int, rows: list[bytes], transparent: tuple[int, ...]) -> Path:
    """Write a PNG 8 px wide with one transparent value."""
    header = struct.pack(">IIBBBBB", 8, len(rows), bits, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    value = struct.pack(f">{len(transparent)}H", *transparent)
    chunks = [(b"IHDR", header), (b"tRNS", value), (b"IDAT", data), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )
    )
    return path


@pytest.mark.parametrize(
    ("bits", "colour_type", "rows", "transparent"),
    [
        (1, 0, [b"\xff", b"\0"], (1,)),
        (2, 0, [b"\xaa\xaa", b"\x55\x55"], (2,)),
        (4, 0, [b"\x77" * 4, b"\x11" * 4], (7,)),
        (8, 0, [b"\x77" * 8, b"\x07" * 8], (0x77,)),
        (16, 0, [struct.pack(">H", 40_000) * 8, struct.pack(">H", 7) * 8], (40_000,)),
        (8, 2, [b"\1\2\3" * 8, b"\1\2\4" * 8], (1, 2, 3)),
        (
            16,
            2,
            [struct.pack(">3H", 40_000, 300, 9) * 8, struct.pack(">3H", 300, 300, 9) * 8],
            (40_000, 300, 9),
        ),
    ],
)
def test_transparent_value_of_a_png(
    tmp_path: Path, bits: int, colour_type: int, rows: list[bytes], transparent: tuple[int, ...]
) -> None:
    """Only pixels of the transparent value are not valid, in every bit depth, each time the file is read."""
    path = _png(tmp_path / "p.png", bits=bits, colour_type=colour_type, rows=rows, transparent=transparent)
    for _ in range(3):
        valid = read_photo(path).patch.valid
        assert valid is not None
        assert valid.tolist() == [[False] * 8, [True] * 8]


def _jpeg(mode: str = "RGB", **save: Any) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(60, 200, (96, 128, 3)).astype(np.uint8)
    Image.fromarray(noise).convert(mode).save(buffer, "JPEG", **save)
    return buffer.getvalue()


def _ended(jpeg: bytes) -> bytes:
    return jpeg[: len(jpeg) * 2 // 3] + b"\xff\xd9"


def _zeroed(jpeg: bytes) -> bytes:
    cut = len(jpeg) * 2 // 3
    return jpeg[:cut] + b"\0" * (len(jpeg) - cut - 2) + b"\xff\xd9"


def _wrong_restart(jpeg: bytes) -> bytes:
    return jpeg.replace(b"\xff\xd2", b"\xff\xd6", 1)


def _lost_restart(jpeg: bytes) -> bytes:
    return jpeg.replace(b"\xff\xd2", b"", 1)


@pytest.mark.parametrize(
    ("mode", "save"), [("RGB", {}), ("L", {}), ("CMYK", {}), ("RGB", {"progressive": True})], ids=str
)
@pytest.mark.parametrize("damage", [_ended, _zeroed])
def test_jpeg_damaged_inside_is_unreadable(
    tmp_path: Path, mode: str, save: dict[str, Any], damage: Any
) -> None:
    """What the decoder makes up for lost data is grey, and would be judged as concrete without a crack."""
    path, whole = tmp_path / "photo.jpg", _jpeg(mode, **save)
    path.write_bytes(whole)
    assert read_photo(path).size == (128, 96)
    path.write_bytes(damage(whole))
    with pytest.raises(Unreadable, match="Corrupt JPEG data"):
        read_photo(path)
    with pytest.raises(Unreadable, match="Corrupt JPEG data"):
        read_mask(path)


@pytest.mark.parametrize("count", [1, 5])
def test_jpeg_with_zeros_before_its_end_is_read(tmp_path: Path, count: int) -> None:
    """Some cameras pad the compressed data; no pixel is lost. Many zeros may be a part that a disk lost."""
    path = make_photo(tmp_path / "a.jpg")
    whole, expected = path.read_bytes(), read_photo(path).patch.pixels
    path.write_bytes(whole[:-2] + bytes(count) + whole[-2:])
    assert (read_photo(path).patch.pixels == expected).all()
    path.write_bytes(whole[:-2] + bytes(1000) + whole[-2:])
    with pytest.raises(Unreadable, match="extraneous bytes"):
        read_photo(path)


@pytest.mark.parametrize("damage", [_wrong_restart, _lost_restart])
def test_jpeg_with_wrong_restart_markers_is_unreadable(tmp_path: Path, damage: Any) -> None:
    """A restart marker that is wrong or lost shows that data are lost."""
    whole = _jpeg(restart_marker_blocks=4)
    (tmp_path / "photo.jpg").write_bytes(damage(whole))
    with pytest.raises(Unreadable, match="Corrupt JPEG data"):
        read_photo(tmp_path / "photo.jpg")


@pytest.mark.parametrize("strip_rows", [64, 128])
def test_tiff_with_a_damaged_jpeg_inside_is_unreadable(tmp_path: Path, strip_rows: int) -> None:
    """Strips of a TIFF may be JPEGs; if the start of one is damaged, it is not even a JPEG."""
    noise = np.random.default_rng(0).integers(60, 200, (3, 128, 128)).astype(np.uint8)
    profile = {"compress": "JPEG", "photometric": "YCBCR", "blockysize": strip_rows}
    path = make_mosaic(tmp_path / "m.tif", bands=noise, **profile)
    content = bytearray(path.read_bytes())
    assert read_photo(path).size == (128, 128)
    content[len(content) // 2 : len(content) // 2 + 500] = bytes(500)
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=r"Corrupt JPEG data|decoder error"):
        read_photo(path)


def test_mosaic_in_a_damaged_jpeg_is_unreadable(tmp_path: Path) -> None:
    """GDAL, too, only warns of lost data unless it is told otherwise."""
    (tmp_path / "m.jpg").write_bytes(_ended(_jpeg()))
    with open_mosaic(tmp_path / "m.jpg") as mosaic, pytest.raises(Unreadable, match="Corrupt JPEG data"):
        mosaic.read(Window(0, 0, 128, 96))


@pytest.mark.parametrize("profile", [{"photometric": "YCBCR"}, {"interleave": "band"}], ids=str)
def test_blocks_of_a_mosaic_that_are_damaged_jpegs_are_unreadable(
    tmp_path: Path, profile: dict[str, Any]
) -> None:
    """GDAL only warns of data that a JPEG in a TIFF has lost; the tiles beside it are judged."""
    noise = np.random.default_rng(0).integers(60, 200, (3, 448, 448)).astype(np.uint8)
    blocks = {"tiled": True, "blockxsize": 224, "blockysize": 224, "compress": "JPEG"}
    path = make_mosaic(tmp_path / "m.tif", bands=noise, **blocks, **profile)
    with rasterio.open(path) as dataset:
        begin, size = (
            int(dataset.get_tag_item(f"BLOCK_{fact}_1_0", "TIFF", bidx=1)) for fact in ("OFFSET", "SIZE")
        )
    content = bytearray(path.read_bytes())
    content[begin + size // 2 : begin + size // 2 + 2] = b"\xff\xd9"  # the end of a JPEG
    path.write_bytes(content)
    options = scan_options(tile_px=224)
    rows = labelled_rows(Plan((str(path),), options.tiles), options)
    assert [row.status for row in rows] == ["ok", "unreadable", "ok", "ok"]
    assert "Corrupt JPEG data" in (rows[1].reason or "")


def _pages(path: Path, *pages: tuple[int, int]) -> Path:
    """Write a TIFF of pages, given by side and NewSubfileType, each as bright as its side."""
    frames = [Image.new("L", (side, side), side) for side, _ in pages]
    for frame, (_, kind) in zip(frames, pages, strict=True):
        frame.encoderinfo = {"tiffinfo": {NEW_SUBFILE_TYPE: kind}}  # type: ignore[attr-defined]
    frames[0].save(path, save_all=True, append_images=frames[1:], tiffinfo={NEW_SUBFILE_TYPE: pages[0][1]})
    return path


@pytest.mark.parametrize("first_kind", [REDUCED, 4])
def test_thumbnail_page_is_not_the_photo(tmp_path: Path, first_kind: int) -> None:
    """A page that calls itself a smaller copy, or a mask, is neither judged nor counted."""
    photo = read_photo(_pages(tmp_path / "p.tif", (20, first_kind), (90, 0), (30, REDUCED)))
    assert photo.size == (90, 90)
    assert (photo.patch.pixels == 90).all()
    assert photo.note is None


def test_pages_that_are_pictures_are_counted(tmp_path: Path) -> None:
    """Of several pictures the first is judged, and a note says so."""
    photo = read_photo(_pages(tmp_path / "p.tif", (20, REDUCED), (90, 0), (80, 0)))
    assert photo.size == (90, 90)
    assert photo.note == "only the first of 2 frames was read"


def test_tiff_that_is_only_a_thumbnail_is_read(tmp_path: Path) -> None:
    """Without any other page, it is the picture."""
    assert read_photo(_pages(tmp_path / "p.tif", (20, REDUCED))).size == (20, 20)


def test_grey_photo_on_its_side_is_turned(tmp_path: Path) -> None:
    """An uncompressed grey TIFF is mapped into memory by Pillow, with width and height mixed up."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.arange(8 * 20, dtype=np.uint8).reshape(8, 20)
    Image.fromarray(stored).save(tmp_path / "side.tif", exif=exif)
    assert np.array_equal(_photo_grey(tmp_path / "side.tif"), np.rot90(stored, -1))


def test_tiff_that_only_gdal_reads_is_a_photo(tmp_path: Path) -> None:
    """Colours of 12 bits are unknown to Pillow."""
    bands = np.stack([RAMP.astype(np.uint16) * 16] * 3)
    path = make_mosaic(tmp_path / "p.tif", bands=bands, nbits=12, photometric="RGB")
    assert np.array_equal(_photo_grey(path), RAMP)
    assert read_photo(path).patch.valid is None


def test_reason_of_a_tiff_of_floats_is_its_type(tmp_path: Path) -> None:
    """The reason is what is wrong with its values, not that Pillow does not know them."""
    for dtype in ("float64", "int16", "complex64"):
        path = make_mosaic(tmp_path / f"{dtype}.tif", bands=np.zeros((3, 8, 8), dtype))
        with pytest.raises(Unreadable, match=f"{dtype} pixels have no fixed scale"):
            read_photo(path)


def test_large_heic_is_not_told_to_be_a_mosaic(tmp_path: Path) -> None:
    """GDAL cannot open a HEIC, so another way is advised."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "HEIF")
    content = bytearray(buffer.getvalue())
    size = content.index(b"ispe") + 8
    content[size : size + 8] = struct.pack(">II", 16_320, 12_240)
    (tmp_path / "large.heic").write_bytes(content)
    with pytest.raises(Unreadable, match=r"^over 179 megapixels: convert it to TIFF$"):
        read_photo(tmp_path / "large.heic")


@pytest.mark.parametrize("read", [read_photo, read_mask, read_metadata])
def test_no_program_is_started_for_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    """An EPS that is called a JPEG would make Pillow start Ghostscript."""
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent) + os.pathsep + os.environ["PATH"])
    lines = ["%!PS-Adobe-3.0 EPSF-3.0", "%%BoundingBox: 0 0 30 30", "%%EndComments", "showpage", "%%EOF", ""]
    (tmp_path / "photo.jpg").write_text("\n".join(lines))
    with pytest.raises(Unreadable, match="cannot identify"):
        read(tmp_path / "photo.jpg")
    assert not (tmp_path / "started").exists()


def test_formats_that_are_not_documented_are_not_opened(tmp_path: Path) -> None:
    """Pillow knows 40 formats; only those of the manual are read."""
    Image.fromarray(pixels(20, 20)).save(tmp_path / "photo.jpg", "PPM")
    with pytest.raises(Unreadable, match="cannot identify"):
        read_photo(tmp_path / "photo.jpg")
    for ending in ("jpg", "png", "tif", "webp", "heic", "avif", "jp2", "bmp", "gif"):
        assert read_photo(make_photo(tmp_path / f"p.{ending}", width=64, height=64)).size == (64, 64)


def _line() -> NDArray[np.uint8]:
    line = np.zeros((100, 100), np.uint8)
    line[:, 50:53] = 255
    return line


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_mask_in_a_jpeg_is_cut_at_half_of_the_range(tmp_path: Path, quality: int) -> None:
    """The faint values that JPEG leaves beside each edge are not crack."""
    Image.fromarray(_line()).save(tmp_path / "m.jpg", quality=quality)
    assert np.array_equal(read_mask(tmp_path / "m.jpg"), _line() > 0)


@pytest.mark.parametrize("value", [1, 2, 100, 255])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_mask_of_two_values_is_exact(tmp_path: Path, mode: str, value: int) -> None:
    """Whatever the other value than zero is, it is crack; alpha says nothing."""
    line = np.where(_line(), value, 0).astype(np.uint16 if mode == "I;16" else np.uint8)
    image = Image.fromarray(line)
    (image if mode == "I;16" else image.convert(mode)).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png"), _line() > 0)


def test_mask_with_several_low_values_is_unreadable(tmp_path: Path) -> None:
    """Which of the values 1 and 2 is crack would be a guess."""
    line = (_line() > 0).astype(np.uint8)
    line[0] = 2
    Image.fromarray(line).save(tmp_path / "m.png")
    with pytest.raises(Unreadable, match="its values go up to 2 of 255"):
        read_mask(tmp_path / "m.png")
