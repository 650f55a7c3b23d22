"""Recognise heatmaps that crackscan has written: a scan ignores them, and a new heatmap may replace them."""

import rasterio
from rasterio.errors import RasterioError

BAND = "probability of a crack"  # name of its only band


def is_heatmap(path: str) -> bool:
    """Return whether a file is a heatmap written by a scan; False if it cannot be opened."""
    try:
        with rasterio.open(path) as dataset:
            return bool(dataset.dtypes == ("float32",) and dataset.descriptions == (BAND,))
    except (RasterioError, ValueError):  # ValueError: the path is not UTF-8
        return False
