"""Roles of a raster's bands: which ones are its colours, and what says which pixels are valid."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rasterio import DatasetReader


def colour_bands(dataset: "DatasetReader") -> list[int]:
    """Return the numbers of the bands that are red, green and blue, or of the grey one."""
    names = [colour.name for colour in dataset.colorinterp]
    if {"red", "green", "blue"} <= set(names):
        return [names.index(colour) + 1 for colour in ("red", "green", "blue")]
    return [1, 2, 3] if dataset.count >= 3 else [1]


def has_mask(dataset: "DatasetReader") -> bool:
    """Return whether the raster has a mask, an alpha band or a nodata value."""
    from rasterio.enums import MaskFlags

    return not all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums)


def has_unnamed_alpha(dataset: "DatasetReader") -> bool:
    """Return whether band 4 has no declared meaning: some programs write alpha without its name.

    If it is an infrared band instead, reading it as alpha does no harm: it is above zero nearly everywhere.
    """
    return bool(dataset.count == 4 and dataset.colorinterp[3].name == "undefined")
