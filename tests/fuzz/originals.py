"""Undamaged small files of every format that a scan reads, and of many variants."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from makers import make_mosaic, pixels
from PIL import ExifTags, Image
from pillow_heif import register_heif_opener
from rasterio.control import GroundControlPoint

SIDES = (40, 300)  # px: one photo is a single tile, the other one is cut into tiles


class Original(NamedTuple):
    """A file that a scan can read."""

    format: str
    ending: str
    content: bytes


def originals(folder: Path) -> tuple[Original, ...]:
    """Return all files; mosaics are first written to a folder."""
    register_heif_opener()
    return (*_photos(), *_mosaics(folder))


def _photos() -> Iterator[Original]:
    for side in SIDES:
        picture = Image.fromarray(pixels(side, side, crack=side == SIDES[0]))
        grey = picture.convert("L")
        alpha = picture.convert("RGBA")
        yield _photo("JPEG", picture, exif=_exif())
        yield _photo("JPEG", picture, progressive=True, subsampling=0)
        yield _photo("JPEG", picture.convert("CMYK"))
        yield _photo("JPEG", grey, restart_marker_blocks=2)
        yield _photo("PNG", picture, exif=_exif())
        yield _photo("PNG", alpha)
        yield _photo("PNG", grey.convert("I;16"))
        yield _photo("PNG", picture.quantize(16), transparency=3)
        yield _photo("WebP", picture, exif=_exif())
        yield _photo("WebP", alpha, lossless=True)
        yield _photo("WebP", picture, save_all=True, append_images=[picture.rotate(90)])
        yield _photo("TIFF", picture, compression="tiff_lzw", exif=_exif())
        yield _photo("TIFF", picture, compression="jpeg")
        yield _photo("TIFF", alpha, compression="tiff_adobe_deflate")
        yield _photo("TIFF", grey.convert("1"), compression="group4")
        yield _photo("HEIC", picture, exif=_exif())


def _photo(file_format: str, picture: Image.Image, **save: Any) -> Original:
    stream = io.BytesIO()
    picture.save(stream, {"HEIC": "HEIF"}.get(file_format, file_format), **save)
    ending = {"JPEG": ".jpg", "TIFF": ".tif"}.get(file_format, f".{file_format.lower()}")
    return Original(file_format, ending, stream.getvalue())


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 15.0, 0.0)})
    return exif


def _mosaics(folder: Path) -> Iterator[Original]:
    blocks = {"tiled": True, "blockxsize": 128, "blockysize": 128}
    sixteen = np.moveaxis(pixels(300, 250), -1, 0).astype(np.uint16) * 256
    kinds: list[dict[str, Any]] = [
        {"compress": "deflate", **blocks},
        {"compress": "lzw", "predictor": 2, "interleave": "pixel"},
        {"compress": "jpeg", "photometric": "ycbcr", **blocks},
        {"compress": "zstd", "bands": sixteen, "nodata": 0},
        {"compress": "packbits", "bands": np.vstack([sixteen, sixteen])[:4].astype(np.uint8)},
        {"compress": "webp", "bigtiff": "yes", **blocks},
        {"compress": "lerc", **blocks},
        {"driver": "COG", "compress": "deflate", "blocksize": 128},
        {"sparse_ok": True, "bands": np.zeros((3, 300, 300), np.uint8), **blocks},
    ]
    for number, kind in enumerate(kinds):
        yield _mosaic(make_mosaic(folder / f"{number}.tif", **kind))
    yield _mosaic(_with_gcps(make_mosaic(folder / "points.tif", compress="deflate")))


def _with_gcps(path: Path) -> Path:
    corners = [(0, 0), (0, 500), (400, 0), (400, 500)]
    points = [GroundControlPoint(row, col, 15 + col / 1e6, 55 - row / 1e6) for row, col in corners]
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = points, rasterio.CRS.from_epsg(4326)
    return path


def _mosaic(path: Path) -> Original:
    return Original("GeoTIFF", ".tif", path.read_bytes())
