"""Cloud-Optimised GeoTIFF, written strip by strip: a band of float32, NaN for nothing, overviews by maximum.

GDAL's own overviews would average: the one cracked tile of a hundred would fade as one zooms out.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.windows import Window

BLOCK = 512  # px, the side of the file's blocks, and the rows that are held in memory
PLAIN = {
    "driver": "GTiff",
    "count": 1,
    "dtype": "float32",
    "nodata": np.nan,  # a number would pass for a probability in a program that overlooks the tag
    "tiled": True,
    "blockxsize": BLOCK,
    "blockysize": BLOCK,
    "bigtiff": "if_safer",
}
OPTIMISED = {"driver": "COG", "blocksize": BLOCK, "compress": "deflate", "predictor": "floating_point"}

Strip = NDArray[np.float32]


def write_cog(path: Path, strips: Iterable[Strip], profile: Mapping[str, Any], *, name: str) -> None:
    """Write strips over a file.

    Args:
        path: of the file; the names of others, which are left beside it, begin with its name.
        strips: from the top, of BLOCK rows each, but for the last.
        profile: width, height, crs and transform.
        name: of the band.

    Raises: OSError: the disk is full.
    """
    levels = [path.with_name(f"{path.name}.0.tif")]
    settings: dict[str, Any] = PLAIN | dict(profile)
    _write(levels[0], strips, settings, name)
    while max(settings["width"], settings["height"]) > BLOCK:
        settings |= {side: -(-settings[side] // 2) for side in ("width", "height")}
        levels.append(path.with_name(f"{path.name}.{len(levels)}.tif"))
        _write(levels[-1], _halved(levels[-2]), settings, name)
    rasterio.shutil.copy(_joined(levels), path, **OPTIMISED)


def _write(path: Path, strips: Iterable[Strip], settings: Mapping[str, Any], name: str) -> None:
    with rasterio.open(path, "w", **settings) as dataset:
        dataset.set_band_description(1, name)
        top = 0
        for strip in strips:
            height, width = strip.shape
            dataset.write(strip, 1, window=Window(0, top, width, height))
            top += height


def _halved(path: Path) -> Iterator[Strip]:
    """Yield strips in which each pixel is the largest of four; NaN only where all of them are."""
    with rasterio.open(path) as dataset:
        for top in range(0, dataset.height, 2 * BLOCK):
            height = min(2 * BLOCK, dataset.height - top)
            strip = dataset.read(1, window=Window(0, top, dataset.width, height))
            even = np.pad(strip, [(0, side % 2) for side in strip.shape], constant_values=np.nan)
            fours = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
            yield np.fmax.reduce(np.fmax.reduce(fours, axis=3), axis=1)


def _joined(levels: list[Path]) -> Path:
    """Return a file of GDAL's that says which are the overviews of which."""
    joined = levels[0].with_suffix(".vrt")
    rasterio.shutil.copy(levels[0], joined, driver="VRT")
    root = ET.parse(joined).getroot()  # noqa: S314 - GDAL has just written it
    (band,) = root.iter("VRTRasterBand")
    for level in levels[1:]:
        overview = ET.SubElement(band, "Overview")
        ET.SubElement(overview, "SourceFilename", relativeToVRT="1").text = level.name
        ET.SubElement(overview, "SourceBand").text = "1"
    ET.ElementTree(root).write(joined)
    return joined
