"""What speed is measured on: drawn concrete, as small tiles, photos and mosaics."""

from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import from_origin
from rasterio.windows import Window

from crackscan.reading import Pixels
from crackscan.synthesis import concrete, draw_crack

DIFFERENT = 24  # drawn tiles; the others are copies of theirs
PHOTO = (4000, 3000)  # px, 12 megapixels


def drawn_tiles(count: int, side: int = 224) -> Pixels:
    """Return drawn tiles, every fourth one cracked, uint8 (count, side, side, 3)."""
    rng = np.random.default_rng(0)
    tiles = [concrete(rng, side, side) for _ in range(min(count, DIFFERENT))]
    tiles[::4] = [draw_crack(rng, tile, width_px=3.0)[0] for tile in tiles[::4]]
    return np.stack([tiles[at % len(tiles)] for at in range(count)])


def make_tiles(folder: Path, count: int) -> Path:
    """Write JPEGs of 227 x 227 px, METU's size, below one sub-folder."""
    (folder / "all").mkdir(parents=True)
    for number, tile in enumerate(drawn_tiles(min(count, DIFFERENT), 227)):
        Image.fromarray(tile).save(folder / "all" / f"{number:06}.jpg", quality=92)
    for number in range(DIFFERENT, count):
        copied = (folder / "all" / f"{number % DIFFERENT:06}.jpg").read_bytes()
        (folder / "all" / f"{number:06}.jpg").write_bytes(copied)
    return folder


def make_photos(folder: Path, count: int) -> Path:
    """Write JPEGs of 12 megapixels."""
    folder.mkdir()
    width, height = PHOTO
    photo = Image.fromarray(_surface(width, height))
    for number in range(count):
        photo.rotate(180 * (number % 2)).save(folder / f"DJI_{number:04}.jpg", quality=90)
    return folder


def make_mosaic(path: Path, megapixels: int, *, tiled: bool) -> Path:
    """Write a GeoTIFF, compressed as survey software does it: tiles of 512 px, or strips."""
    width = 20_000
    height = max(megapixels * 1_000_000 // width // 1_000 * 1_000, 1_000)
    block = np.moveaxis(_surface(2_000, 1_000), -1, 0)
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512} if tiled else {"blockysize": 16}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(400_000.0, 5_000_000.0, 0.002, 0.002),
        compress="deflate",
        predictor=2,
        photometric="RGB",
        **layout,
    ) as raster:
        row = np.tile(block, (1, 1, width // 2_000))
        for top in range(0, height, 1_000):
            raster.write(row, window=Window(0, top, width, 1_000))
    return path


def _surface(width: int, height: int) -> Pixels:
    """Return plain concrete of any size, put together from tiles."""
    tiles = drawn_tiles(40, 250)
    rng = np.random.default_rng(1)
    rows = [np.hstack(tiles[rng.integers(0, 40, -(-width // 250))]) for _ in range(-(-height // 250))]
    return np.ascontiguousarray(np.vstack(rows)[:height, :width])
