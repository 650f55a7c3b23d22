"""What speed is measured on: drawn concrete as small tiles, photos and mosaics."""

from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import from_origin
from rasterio.windows import Window

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.concrete import concrete
from crackscan.dataset.synthesis.cracks import draw_crack

SMALL_PX = 227  # METU's tiles
PHOTO_PX = (4000, 3000)  # 12 megapixels
MOSAIC_WIDTH, STEP = 10_000, 1_000  # px; a mosaic is written in pieces of so many rows
DIFFERENT = 24  # drawn tiles, every fourth one cracked; the others are copies


def make_tiles(folder: Path, count: int) -> Path:
    """Write small JPEGs below one sub-folder, as Keras wants them."""
    (folder / "all").mkdir(parents=True)
    drawn = _drawn(SMALL_PX)
    for number in range(count):
        Image.fromarray(drawn[number % DIFFERENT]).save(folder / "all" / f"{number:06}.jpg", quality=92)
    return folder


def make_photos(folder: Path, count: int) -> Path:
    """Write JPEGs of 12 megapixels."""
    folder.mkdir()
    photo = Image.fromarray(_surface(*PHOTO_PX))
    for number in range(count):
        photo.save(folder / f"DJI_{number:04}.jpg", quality=90)
    return folder


def make_mosaic(path: Path, megapixels: int, *, tiled: bool) -> Path:
    """Write a deflated GeoTIFF, in tiles of 512 px or in strips of 16 rows."""
    rows = max(megapixels * 1_000_000 // (MOSAIC_WIDTH * STEP), 1)
    piece = np.moveaxis(_surface(MOSAIC_WIDTH, STEP), -1, 0)
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512} if tiled else {"blockysize": 16}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=MOSAIC_WIDTH,
        height=rows * STEP,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(400_000.0, 5_000_000.0, 0.002, 0.002),
        compress="deflate",
        predictor=2,
        photometric="RGB",
        **layout,
    ) as raster:
        for row in range(rows):
            raster.write(piece, window=Window(0, row * STEP, MOSAIC_WIDTH, STEP))
    return path


def _drawn(side: int) -> list[Pixels]:
    rng = np.random.default_rng(0)
    tiles = [concrete(rng, side, side) for _ in range(DIFFERENT)]
    tiles[::4] = [draw_crack(rng, tile, width_px=3.0)[0] for tile in tiles[::4]]
    return tiles


def _surface(width: int, height: int) -> Pixels:
    """Return a surface of any size, put together from drawn tiles."""
    tiles, rng = np.stack(_drawn(250)), np.random.default_rng(1)
    rows = [np.hstack(tiles[rng.integers(0, DIFFERENT, -(-width // 250))]) for _ in range(-(-height // 250))]
    return np.ascontiguousarray(np.vstack(rows)[:height, :width])
