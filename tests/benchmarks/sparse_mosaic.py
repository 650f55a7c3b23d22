"""Scan a GeoTIFF of 100,000 x 100,000 px, of which little was ever written, with two workers.

`python tests/benchmarks/sparse_mosaic.py [--side PX]`
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import rasterio
from measuring import crackscan, show
from rasterio.transform import from_origin
from rasterio.windows import Window

from crackscan.dataset.synthesis.concrete import concrete

BLOCK_PX = 512
WRITTEN = 200  # blocks that hold ground, along the diagonal


def make_mosaic(path: Path, side: int) -> Path:
    """Write a GeoTIFF whose blocks are absent but for a diagonal, as at the border of a long site."""
    settings = {
        "driver": "GTiff",
        "width": side,
        "height": side,
        "count": 3,
        "dtype": "uint8",
        "nodata": 0,
        "crs": "EPSG:32633",
        "transform": from_origin(400_000.0, 5_000_000.0, 0.005, 0.005),
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "compress": "deflate",
        "bigtiff": "yes",
        "sparse_ok": True,
    }
    blocks = side // BLOCK_PX
    with rasterio.open(path, "w", **settings) as dataset:
        for block in np.linspace(0, blocks - 1, min(WRITTEN, blocks)).astype(int):
            ground = np.moveaxis(concrete(np.random.default_rng(block), BLOCK_PX, BLOCK_PX), -1, 0)
            dataset.write(ground, window=Window(block * BLOCK_PX, block * BLOCK_PX, BLOCK_PX, BLOCK_PX))
    return path


def main() -> None:
    """Make the mosaic, scan it, and print what it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--side", type=int, default=100_000)
    options.add_argument("--jobs", type=int, default=2)
    chosen = options.parse_args()
    with TemporaryDirectory() as name:
        mosaic, out = make_mosaic(Path(name, "survey.tif"), chosen.side), Path(name, "cracks.csv")
        found = crackscan("scan", mosaic, "-o", out, "--jobs", chosen.jobs)
        with out.open() as file:
            found["rows"] = sum(1 for _ in file) - 1
        found["mosaic_mb"] = round(mosaic.stat().st_size / 1e6, 1)
        found["journal_mb"] = round(Path(f"{out}.journal").stat().st_size / 1e6, 1)
    show({"benchmark": "sparse_mosaic", **vars(chosen), **found})


if __name__ == "__main__":
    main()
