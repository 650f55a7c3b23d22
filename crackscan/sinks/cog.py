"""Cloud-Optimised GeoTIFF, written strip by strip: one float32 band, NaN as nodata, overviews by maximum.

GDAL's own overviews are means: a single cracked tile among a hundred would fade as the user zooms out.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.windows import Window

from crackscan.basics.arrays import Float32s

BLOCK = 512  # px: side of the file's blocks, and number of rows held in memory
PLAIN = {
    "driver": "GTiff",
    "count": 1,
    "dtype": "float32",
    "nodata": np.nan,  # a program that ignores the tag would take a number for a probability
    "tiled": True,
    "blockxsize": BLOCK,
    "blockysize": BLOCK,
    "bigtiff": "if_safer",
}
OPTIMISED = {"driver": "COG", "blocksize": BLOCK, "compress": "deflate", "predictor": "floating_point"}


def write_cog(path: Path, strips: Iterable[Float32s], profile: Mapping[str, Any], *, name: str) -> None:
    """Write strips to a file, replacing its content.

    Args:
        path: of the file; temporary files are left beside it, and their names begin with its name.
        strips: from the top, each of BLOCK rows; the last one may have fewer.
        profile: width, height, crs and transform.
        name: of the band.

    Raises:
        OSError: the disk is full.
    """
    levels = [path.with_name(f"{path.name}.0.tif")]
    settings: dict[str, Any] = PLAIN | dict(profile)
    _write(levels[0], strips, settings, name)
    while max(settings["width"], settings["height"]) > BLOCK:
        settings |= {side: -(-settings[side] // 2) for side in ("width", "height")}
        levels.append(path.with_name(f"{path.name}.{len(levels)}.tif"))
        _write(levels[-1], _half_size_strips(levels[-2]), settings, name)
    rasterio.shutil.copy(_join_levels(levels), path, **OPTIMISED)


def _write(path: Path, strips: Iterable[Float32s], settings: Mapping[str, Any], name: str) -> None:
    with rasterio.open(path, "w", **settings) as dataset:
        dataset.set_band_description(1, name)
        top = 0
        for strip in strips:
            height, width = strip.shape
            dataset.write(strip, 1, window=Window(0, top, width, height))
            top += height


def _half_size_strips(path: Path) -> Iterator[Float32s]:
    """Yield strips in which each pixel is the maximum of four; NaN only if all four are NaN."""
    with rasterio.open(path) as dataset:
        for top in range(0, dataset.height, 2 * BLOCK):
            height = min(2 * BLOCK, dataset.height - top)
            strip = dataset.read(1, window=Window(0, top, dataset.width, height))
            even = np.pad(strip, [(0, side % 2) for side in strip.shape], constant_values=np.nan)
            fours = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
            yield np.fmax.reduce(np.fmax.reduce(fours, axis=3), axis=1)


def _join_levels(levels: list[Path]) -> Path:
    """Write a VRT of the full-size file that names the smaller ones as its overviews; return its path."""
    vrt = levels[0].with_suffix(".vrt")
    rasterio.shutil.copy(levels[0], vrt, driver="VRT")
    root = ET.parse(vrt).getroot()  # noqa: S314 - GDAL has just written it
    (band,) = root.iter("VRTRasterBand")
    for level in levels[1:]:
        overview = ET.SubElement(band, "Overview")
        ET.SubElement(overview, "SourceFilename", relativeToVRT="1").text = level.name
        ET.SubElement(overview, "SourceBand").text = "1"
    ET.ElementTree(root).write(vrt)
    return vrt
