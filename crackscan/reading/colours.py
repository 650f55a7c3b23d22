"""Which bands of a raster are its colours, how their values are scaled, and what stands for a mask."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.errors import Unreadable

if TYPE_CHECKING:
    from rasterio import DatasetReader

Colours = NDArray[np.uint8]  # RGB of each value, shape (256, 3)


def colour_indexes(dataset: "DatasetReader") -> list[int]:
    """Return the numbers of the bands that are red, green and blue, or of the one that is grey."""
    names = [colour.name for colour in dataset.colorinterp]
    if {"red", "green", "blue"} <= set(names):
        return [names.index(colour) + 1 for colour in ("red", "green", "blue")]
    return [1, 2, 3] if dataset.count >= 3 else [1]


def masked(dataset: "DatasetReader") -> bool:
    """Say whether a mask, an alpha band or a nodata value tells which pixels are valid."""
    from rasterio.enums import MaskFlags

    return not all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums)


def unnamed_alpha(dataset: "DatasetReader") -> bool:
    """Say whether band 4 has no meaning given: some writers leave their alpha so.

    Read as alpha it is also harmless where it is an infrared band, which is above zero nearly everywhere.
    """
    return bool(dataset.count == 4 and dataset.colorinterp[3].name == "undefined")


def bit_depth(dataset: "DatasetReader") -> int:
    """Return how many bits the values use, from 8 up.

    Raises:
        Unreadable: they have no fixed scale.
    """
    dtype = dataset.dtypes[0]
    if dtype not in {"uint8", "uint16"}:
        raise Unreadable(f"{dtype} pixels have no fixed scale: convert to 8 or 16 bit")
    # NBITS: 12-bit cameras store their values in 16-bit files and say so.
    declared = int(dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 0))
    return max(8, declared or np.dtype(dtype).itemsize * 8)


def palette(dataset: "DatasetReader") -> Colours | None:
    """Return what the values of a palette mean; None where they are brightness."""
    if dataset.colorinterp[0].name != "palette":
        return None
    colours = np.zeros((256, 3), np.uint8)
    for value, colour in dataset.colormap(1).items():
        colours[value] = colour[:3]
    return colours
