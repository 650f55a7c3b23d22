"""Recognise heatmaps that crackscan has written: a scan ignores them, and a new heatmap may replace them."""

from crackscan.basics.errors import Unreadable
from crackscan.reading.decoding import unreadable_errors
from crackscan.reading.gdal import checked_reads, open_raster

BAND = "probability of a crack"  # name of its only band


def is_heatmap(path: str) -> bool:
    """Return whether a file is a heatmap written by a scan; False if it cannot be opened."""
    try:
        with unreadable_errors(path), checked_reads(opening=True), open_raster(path, "GTiff") as dataset:
            return bool(dataset.dtypes == ("float32",) and dataset.descriptions == (BAND,))
    except Unreadable:
        return False
