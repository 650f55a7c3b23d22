"""Cloud-Optimised GeoTIFF, written strip by strip: one float32 band, NaN as nodata, overviews by maximum.

GDAL's own overviews are means: a single cracked tile among a hundred would fade as the user zooms out. All
files on the disk are written by Python, because GDAL does not report each failed write.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.windows import Window

from crackscan.basics.arrays import Float32s
from crackscan.sinks.gdal_file import NotWhole

BLOCK = 512  # px: side of the file's blocks, and number of rows held in memory
LITTLE_ENDIAN = np.dtype("<f4")
OPTIMISED = {"driver": "COG", "blocksize": BLOCK, "compress": "deflate", "predictor": "floating_point"}


@dataclass(frozen=True, slots=True)
class Level:
    """The pixels of one resolution, row by row in a plain file."""

    path: Path
    width: int
    height: int

    def write(self, strips: Iterable[Float32s]) -> None:
        """Write strips from the top.

        Raises: OSError: the disk is full.
        """
        with self.path.open("wb") as file:
            for strip in strips:
                file.write(strip.astype(LITTLE_ENDIAN, copy=False).tobytes())

    def strips(self, rows: int) -> Iterator[Float32s]:
        """Yield strips of so many rows from the top; the last one may have fewer.

        Raises: NotWhole: the file is shorter than it was written.
        """
        with self.path.open("rb") as file:
            for top in range(0, self.height, rows):
                shape = min(rows, self.height - top), self.width
                content = file.read(shape[0] * shape[1] * LITTLE_ENDIAN.itemsize)
                if len(content) < shape[0] * shape[1] * LITTLE_ENDIAN.itemsize:
                    raise NotWhole("a temporary file was cut short")
                yield np.frombuffer(content, LITTLE_ENDIAN).reshape(shape)

    def half_size(self, path: Path) -> "Level":
        """Write a level in which each pixel is the maximum of four; NaN only if all four are NaN."""
        level = Level(path, -(-self.width // 2), -(-self.height // 2))
        level.write(map(_half_size, self.strips(2 * BLOCK)))
        return level


def write_cog(path: Path, strips: Iterable[Float32s], profile: Mapping[str, Any], *, name: str) -> None:
    """Write strips to a file, replacing its content.

    Args:
        path: of the file; temporary files are left beside it, and their names begin with its name.
        strips: from the top, each of BLOCK rows; the last one may have fewer.
        profile: width, height, crs and transform.
        name: of the band.

    Raises:
        OSError: the disk is full.
        NotWhole: the file does not hold what was written.
    """
    levels = [Level(path.with_name(f"{path.name}.0.raw"), profile["width"], profile["height"])]
    levels[0].write(strips)
    while max(levels[-1].width, levels[-1].height) > BLOCK:
        levels.append(levels[-1].half_size(path.with_name(f"{path.name}.{len(levels)}.raw")))
    overviews = [_describe(level, profile, name, []) for level in levels[1:]]
    with MemoryFile(ext=".tif") as file:  # compressed, less than 4 bytes for each tile of the mosaic
        rasterio.shutil.copy(_describe(levels[0], profile, name, overviews), file.name, **OPTIMISED)
        _check(file, levels)
        with path.open("wb") as target:
            shutil.copyfileobj(file, target)


def _half_size(strip: Float32s) -> Float32s:
    even = np.pad(strip, [(0, side % 2) for side in strip.shape], constant_values=np.nan)
    fours = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
    halved: Float32s = np.fmax.reduce(np.fmax.reduce(fours, axis=3), axis=1)
    return halved


def _describe(level: Level, profile: Mapping[str, Any], name: str, overviews: list[Path]) -> Path:
    """Write a VRT that describes a level to GDAL; return its path."""
    root = ET.Element("VRTDataset", rasterXSize=str(level.width), rasterYSize=str(level.height))
    ET.SubElement(root, "SRS").text = CRS.from_user_input(profile["crs"]).to_wkt()
    ET.SubElement(root, "GeoTransform").text = ", ".join(map(repr, profile["transform"].to_gdal()))
    ET.SubElement(ET.SubElement(root, "Metadata"), "MDI", key="AREA_OR_POINT").text = "Area"
    band = ET.SubElement(root, "VRTRasterBand", dataType="Float32", band="1", subClass="VRTRawRasterBand")
    width = LITTLE_ENDIAN.itemsize
    for tag, text in (
        *(("Description", name), ("NoDataValue", "nan"), ("ColorInterp", "Gray"), ("ByteOrder", "LSB")),
        *(("ImageOffset", 0), ("PixelOffset", width), ("LineOffset", width * level.width)),
    ):
        ET.SubElement(band, tag).text = str(text)
    ET.SubElement(band, "SourceFilename", relativeToVRT="1").text = level.path.name
    for overview in overviews:
        element = ET.SubElement(band, "Overview")
        ET.SubElement(element, "SourceFilename", relativeToVRT="1").text = overview.name
        ET.SubElement(element, "SourceBand").text = "1"
    path = level.path.with_suffix(".vrt")
    ET.ElementTree(root).write(path)
    return path


def _check(file: MemoryFile, levels: list[Level]) -> None:
    """Make sure that a file holds all pixels of its levels: GDAL may not tell that it could not read them.

    Raises: NotWhole: it does not.
    """
    for number, level in enumerate(levels):
        with file.open(**({"overview_level": number - 1} if number else {})) as dataset:
            for top, strip in zip(range(0, level.height, BLOCK), level.strips(BLOCK), strict=True):
                written = dataset.read(1, window=Window(0, top, level.width, len(strip)))
                if written.tobytes() != strip.tobytes():
                    raise NotWhole("a temporary file could not be read")
