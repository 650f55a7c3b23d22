"""Inputs for measuring speed: drawn concrete as small tiles, photos and mosaics."""

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
MOSAIC_WIDTH, PIECE_ROWS = 10_000, 1_000  # px; a mosaic is written piece by piece
DISTINCT = 24  # drawn tiles, every fourth one cracked; the others are copies


def make_tiles(folder: Path, count: int) -> Path:
    """Write small JPEGs into one sub-folder, as Keras needs them."""
    (folder / "all").mkdir(parents=True)
    tiles = _draw_tiles(SMALL_PX)
    for number in range(count):
        Image.fromarray(tiles[number % DISTINCT]).save(folder / "all" / f"{number:06}.jpg", quality=92)
    return folder


def make_photos(folder: Path, count: int) -> Path:
    """Write JPEGs of 12 megapixels."""
    folder.mkdir()
    photo = Image.fromarray(_draw_surface(*PHOTO_PX))
    for number in range(count):
        photo.save(folder / f"DJI_{number:04}.jpg", quality=90)
    return folder


def make_mosaic(path: Path, megapixels: int, *, tiled: bool) -> Path:
    """Write a deflated GeoTIFF, in tiles of 512 px or in strips of 16 rows."""
    pieces = max(megapixels * 1_000_000 // (MOSAIC_WIDTH * PIECE_ROWS), 1)
    piece = np.moveaxis(_draw_surface(MOSAIC_WIDTH, PIECE_ROWS), -1, 0)
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512} if tiled else {"blockysize": 16}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=MOSAIC_WIDTH,
        height=pieces * PIECE_ROWS,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(400_000.0, 5_000_000.0, 0.002, 0.002),
        compress="deflate",
        predictor=2,
        photometric="RGB",
        **layout,
    ) as raster:
        for number in range(pieces):
            raster.write(piece, window=Window(0, number * PIECE_ROWS, MOSAIC_WIDTH, PIECE_ROWS))
    return path


def _draw_tiles(side: int) -> list[Pixels]:
    rng = np.random.default_rng(0)
    tiles = [concrete(rng, side, side) for _ in range(DISTINCT)]
    tiles[::4] = [draw_crack(rng, tile, width_px=3.0)[0] for tile in tiles[::4]]
    return tiles


def _draw_surface(width: int, height: int) -> Pixels:
    """Return a surface of any size, composed of drawn tiles."""
    tiles, rng = np.stack(_draw_tiles(250)), np.random.default_rng(1)
    rows = [np.hstack(tiles[rng.integers(0, DISTINCT, -(-width // 250))]) for _ in range(-(-height // 250))]
    return np.ascontiguousarray(np.vstack(rows)[:height, :width])
