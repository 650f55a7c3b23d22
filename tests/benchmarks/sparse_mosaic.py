"""Scan a sparse GeoTIFF of 100,000 x 100,000 px with two workers.

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
WRITTEN_BLOCKS = 200  # along the diagonal


def make_mosaic(path: Path, side: int) -> Path:
    """Write a GeoTIFF that has only blocks on its diagonal, as the survey of a long, narrow site has."""
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
        for block in np.linspace(0, blocks - 1, min(WRITTEN_BLOCKS, blocks)).astype(int):
            surface = np.moveaxis(concrete(np.random.default_rng(block), BLOCK_PX, BLOCK_PX), -1, 0)
            dataset.write(surface, window=Window(block * BLOCK_PX, block * BLOCK_PX, BLOCK_PX, BLOCK_PX))
    return path


def main() -> None:
    """Make the mosaic, scan it, and print the time and memory."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--side", type=int, default=100_000)
    options.add_argument("--jobs", type=int, default=2)
    arguments = options.parse_args()
    with TemporaryDirectory() as name:
        mosaic, out = make_mosaic(Path(name, "survey.tif"), arguments.side), Path(name, "cracks.csv")
        figures = crackscan("scan", mosaic, "-o", out, "--jobs", arguments.jobs)
        with out.open() as file:
            figures["rows"] = sum(1 for _ in file) - 1
        figures["mosaic_mb"] = round(mosaic.stat().st_size / 1e6, 1)
        figures["journal_mb"] = round(Path(f"{out}.journal").stat().st_size / 1e6, 1)
    show({"benchmark": "sparse_mosaic", **vars(arguments), **figures})


if __name__ == "__main__":
    main()
