"""Small photos, mosaics and a stand-in classifier, made where a test needs them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

from crackscan.basics.records import Result, RowOptions, ScanOptions, TileOptions, Work
from crackscan.model.network import STRIDE
from crackscan.model.predictions import Predictions
from crackscan.scanning.executor import run_works
from crackscan.scanning.row_labels import label_row

CRACK_LEVEL = 10  # brightness of a tile that DarkMeansCrack calls cracked
PLAIN_LEVEL = 200  # brightness of any other tile


@dataclass
class DarkMeansCrack:
    """A stand-in classifier: the darker a tile, the more probable a crack."""

    model: str = "dark@00000000"
    input_px: int = 224

    def predict(self, tiles: NDArray[np.uint8], stride_cells: int = 1) -> Predictions:
        """Return 1 - mean / 255 of each tile and of each of its 7 x 7 cells; distances of red from blue."""
        tiles = cut_tiles(tiles, self.input_px, STRIDE * stride_cells)
        cells = tiles.reshape(len(tiles), 7, self.input_px // 7, 7, self.input_px // 7, 3)
        return Predictions(
            probabilities=(1 - tiles.mean(axis=(1, 2, 3)) / 255).astype(np.float32),
            activation_maps=(1 - cells.mean(axis=(2, 4, 5)) / 255).astype(np.float32),
            features=tiles.mean(axis=(1, 2)).astype(np.float32),
            distances=np.abs(tiles[..., 0].astype(np.float32) - tiles[..., 2]).mean(axis=(1, 2)),
        )

    def line_probabilities(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return 1 - level / 128, at least 0, of the darkest pixel in each spot of 2 x 2 px."""
        height, width = image.shape[:2]
        spots = image.mean(axis=2).reshape(height // 2, 2, width // 2, 2)
        return np.maximum(1 - spots.min(axis=(1, 3)) / 128, 0).astype(np.float32)


def cut_tiles(pictures: NDArray[np.uint8], side: int, step: int) -> NDArray[np.uint8]:
    """Return the tiles of pictures, row by row; a picture of a tile's size gives one."""
    windows = sliding_window_view(pictures, (side, side), axis=(1, 2))[:, ::step, ::step]
    return np.moveaxis(windows, 3, -1).reshape(-1, side, side, 3)


def scan_options(tile_px: int = 224, threshold: float = 0.5, **more: Any) -> ScanOptions:
    """Return the options of a scan; `more` are fields of `TileOptions`, `RowOptions` or `ScanOptions`."""
    own = {field.name for field in fields(RowOptions)}
    aoi = more.pop("aoi", None)
    rows = {name: value for name, value in more.items() if name in own}
    tiles = {name: value for name, value in more.items() if name not in own}
    return ScanOptions(TileOptions(tile_px, **tiles), RowOptions(threshold, **rows), aoi)


def change(options: ScanOptions, **changes: Any) -> ScanOptions:
    """Return options with changed fields of `TileOptions`, `RowOptions` or `ScanOptions`."""
    current = {**_values(options.tiles), **_values(options.rows), "aoi": options.aoi}
    return scan_options(**current | changes)


def _values(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def labelled_rows(
    works: Iterable[Work],
    options: ScanOptions,
    load: Callable[[], Any] = DarkMeansCrack,
    *,
    jobs: int = 1,
) -> list[Result]:
    """Return the rows of Work as a scan writes them."""
    judged = run_works(works, load, options.rows, jobs=jobs)
    return [label_row(row, options) for _, rows in judged for row in rows]


def pixels(width: int, height: int, *, crack: bool = False) -> NDArray[np.uint8]:
    """Return one tone with a little texture, dark for a crack."""
    texture = np.random.default_rng(width * 10_007 + height).integers(0, 8, (height, width, 3))
    return (texture + (CRACK_LEVEL if crack else PLAIN_LEVEL)).astype(np.uint8)


def make_photo(path: Path, *, width: int = 224, height: int = 224, crack: bool = False, **save: Any) -> Path:
    """Write a photo in the format of its ending; further arguments, such as exif, go to Pillow's `save`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(width, height, crack=crack)).save(path, **save)
    return path


def make_mosaic(
    path: Path,
    *,
    width: int = 500,
    height: int = 400,
    crs: str | None = "EPSG:32633",
    bands: NDArray[Any] | None = None,
    **profile: Any,
) -> Path:
    """Write a GeoTIFF of 5 mm pixels, bright unless `bands` (band, row, col) are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.moveaxis(pixels(width, height), -1, 0) if bands is None else bands
    count, height, width = data.shape
    settings: dict[str, Any] = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": count,
        "dtype": data.dtype.name,
        "crs": crs,
        "transform": from_origin(400_000.0, 5_000_000.0, 0.005, 0.005),
    }
    with rasterio.open(path, "w", **settings | profile) as dataset:
        dataset.write(data)
    return path
