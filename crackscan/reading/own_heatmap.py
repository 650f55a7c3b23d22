"""What a heatmap of ours is known by: it is no mosaic to scan, and may be written over."""

import rasterio
from rasterio.errors import RasterioError

BAND = "probability of a crack"  # the name of its only band


def is_heatmap(path: str) -> bool:
    """Say whether a file is a heatmap that a scan has written; what cannot be opened is none."""
    try:
        with rasterio.open(path) as dataset:
            return bool(dataset.dtypes == ("float32",) and dataset.descriptions == (BAND,))
    except (RasterioError, ValueError):  # ValueError: the path is no UTF-8
        return False
