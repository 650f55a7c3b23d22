"""Meaning of the stored values of an image: bit depth and palette. Used for photos and mosaics alike."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable

if TYPE_CHECKING:
    from PIL import Image
    from rasterio import DatasetReader

Palette = NDArray[np.uint8]  # RGB of each value, shape (256, 3)

UNSCALED_MODES = {"I", "F"}  # Pillow's names for int32 and float32
SCALED_DTYPES = {"uint8", "uint16"}


@dataclass(frozen=True, slots=True)
class PixelValues:
    """How stored values become RGB."""

    bits: int = 8  # that the values use, at least 8
    palette: Palette | None = None  # None: the values are brightness

    @classmethod
    def from_photo(cls, image: "Image.Image") -> Self:
        """Return the meaning of the values that Pillow decodes.

        Raises:
            Unreadable: they have no fixed scale.
        """
        if image.mode in UNSCALED_MODES:
            raise _unscaled(np.asarray(image).dtype)
        # Pillow applies palettes itself
        return cls(16 if image.mode.startswith("I;16") else 8)

    @classmethod
    def from_raster(cls, dataset: "DatasetReader", *, band_count: int) -> Self:
        """Return the meaning of the values that GDAL decodes.

        Args:
            dataset: the open raster.
            band_count: how many of its bands are read as colours.

        Raises:
            Unreadable: they have no fixed scale.
        """
        return cls(_raster_bits(dataset), _palette(dataset) if band_count == 1 else None)

    def to_rgb(self, values: NDArray[Any]) -> Pixels:
        """Turn stored values, (height, width, bands) with one or three bands, into RGB."""
        if self.palette is not None:
            return self.palette[values[..., 0]]  # type: ignore[no-any-return]
        eight_bit = values if self.bits == 8 else _to_uint8(values, bits=self.bits)
        return _grey_to_rgb(eight_bit[..., 0]) if eight_bit.shape[-1] == 1 else eight_bit


def _raster_bits(dataset: "DatasetReader") -> int:
    dtype = dataset.dtypes[0]
    if dtype not in SCALED_DTYPES:
        raise _unscaled(dtype)
    # NBITS: 12-bit cameras store their values in 16-bit files, and record the 12 there
    declared = int(dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 0))
    return max(8, declared or np.dtype(dtype).itemsize * 8)


def _palette(dataset: "DatasetReader") -> Palette | None:
    if dataset.colorinterp[0].name != "palette":
        return None
    colours = np.zeros((256, 3), np.uint8)
    for value, colour in dataset.colormap(1).items():
        colours[value] = colour[:3]
    return colours


def _unscaled(dtype: Any) -> Unreadable:
    return Unreadable(f"{dtype} pixels have no fixed scale: convert to 8 or 16 bit")


def _to_uint8(values: NDArray[Any], *, bits: int) -> NDArray[np.uint8]:
    """Scale by the range of the type, never by the range of the picture: that turns noise into cracks."""
    return (values >> (bits - 8)).clip(0, 255).astype(np.uint8)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> Pixels:
    """Return grey, shape (height, width), as RGB."""
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)
