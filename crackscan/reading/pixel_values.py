"""Meaning of the stored values of an image: bit depth, palette, white end. For photos and mosaics alike."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Pixels
from crackscan.basics.errors import Unreadable

if TYPE_CHECKING:
    from PIL import Image
    from rasterio import DatasetReader

Palette = NDArray[np.uint8]  # RGB of each value, shape (values, 3)

UNSCALED_MODES = {"I", "F"}  # Pillow's names for int32 and float32
SCALED_DTYPES = {"uint8", "uint16"}
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # tags of a TIFF
WHITE_IS_ZERO = 0  # a photometric interpretation
PNG_MODES = {"1", "L", "I;16", "RGB"}  # in which one value of a PNG may be transparent
PNG_SCALES = {"L;2": 255 / 3, "L;4": 255 / 15, "RGB;16B": 1 / 256}  # by which Pillow scales what a PNG stores


@dataclass(frozen=True, slots=True)
class PixelValues:
    """How stored values become RGB, and which value is transparent."""

    bits: int = 8  # that the values use
    palette: Palette | None = None  # None: the values are brightness
    inverted: bool = False  # zero is white
    transparent: tuple[int, ...] | None = None  # the value, in each band, of pixels that are not valid

    @classmethod
    def from_photo(cls, image: "Image.Image", *, stored_mode: str | None = None) -> Self:
        """Return the meaning of the values that Pillow decodes.

        Pillow itself applies palettes, and scales and inverts values of up to 8 bits.

        Args:
            image: the decoded photo.
            stored_mode: how its file stores the values, as `stored_mode` returns it.

        Raises:
            Unreadable: they have no fixed scale.
        """
        if image.mode in UNSCALED_MODES:
            raise _unscaled(np.asarray(image).dtype)
        transparent = _transparent_value(image, stored_mode)
        if not image.mode.startswith("I;16"):
            return cls(transparent=transparent)
        tags = getattr(image, "tag_v2", {})
        bits = int(np.max(tags.get(BITS_PER_SAMPLE, 16)))
        return cls(bits, None, tags.get(PHOTOMETRIC) == WHITE_IS_ZERO, transparent)

    @classmethod
    def from_raster(cls, dataset: "DatasetReader", *, band_count: int) -> Self:
        """Return the meaning of the values that GDAL decodes.

        Args:
            dataset: the open raster.
            band_count: how many of its bands are read as colours.

        Raises:
            Unreadable: they have no fixed scale.
        """
        bits = _raster_bits(dataset)
        if dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES":
            return cls(bits, inverted=True)
        palette = _palette(dataset) if band_count == 1 else None
        # a VRT shows a raster whose zero is white with such a palette
        return cls(bits, inverted=True) if _is_inverted_grey(palette, bits) else cls(bits, palette)

    def to_rgb(self, values: NDArray[Any]) -> Pixels:
        """Turn stored values, (height, width, bands) with one or three bands, into RGB."""
        if self.palette is not None:
            return self.palette[values[..., 0]]  # type: ignore[no-any-return]
        eight_bit = values if self.bits == 8 else _to_uint8(values, bits=self.bits)
        if self.inverted:
            eight_bit = 255 - eight_bit
        return _grey_to_rgb(eight_bit[..., 0]) if eight_bit.shape[-1] == 1 else eight_bit

    def opaque(self, values: NDArray[Any]) -> Bools | None:
        """Return which of the stored values, (height, width, bands), are not transparent; None: all."""
        if self.transparent is None:
            return None
        mask: Bools = (values != self.transparent).any(axis=-1)
        return mask


def stored_mode(image: "Image.Image") -> str | None:
    """Return how the file of a photo, not yet decoded, stores its values, such as "L;4"; None: unknown."""
    tiles = getattr(image, "tile", None)
    mode = tiles[0].args if tiles else None
    return mode if isinstance(mode, str) else None


def _transparent_value(image: "Image.Image", stored_mode: str | None) -> tuple[int, ...] | None:
    """Return the transparent value of a PNG as Pillow scales its pixels; it leaves this value as stored."""
    value = image.info.get("transparency")
    if image.format != "PNG" or image.mode not in PNG_MODES or value is None:
        return None
    scale = PNG_SCALES.get(stored_mode or "", 1)
    return tuple(int(band * scale) for band in np.atleast_1d(value))


def _raster_bits(dataset: "DatasetReader") -> int:
    dtype = dataset.dtypes[0]
    if dtype not in SCALED_DTYPES:
        raise _unscaled(dtype)
    # NBITS: 12-bit cameras store their values in 16-bit files, 4-bit scanners in bytes; it is recorded there
    declared = int(dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 0))
    return declared or np.dtype(dtype).itemsize * 8


def _palette(dataset: "DatasetReader") -> Palette | None:
    if dataset.colorinterp[0].name != "palette":
        return None
    colours = np.zeros((np.iinfo(dataset.dtypes[0]).max + 1, 3), np.uint8)
    for value, colour in dataset.colormap(1).items():
        colours[value] = colour[:3]
    return colours


def _is_inverted_grey(palette: Palette | None, bits: int) -> bool:
    """Return whether a palette is GDAL's for a raster whose zero is white."""
    if palette is None:
        return False
    top = 2 ** min(bits, 8) - 1  # GDAL's tables end there, also for values of 16 bits
    grey = 255 - np.arange(top + 1) * 255 // top
    return bool((palette[: top + 1] == grey[:, np.newaxis]).all())


def _unscaled(dtype: Any) -> Unreadable:
    return Unreadable(f"{dtype} pixels have no fixed scale: convert to 8 or 16 bit")


def _to_uint8(values: NDArray[Any], *, bits: int) -> NDArray[np.uint8]:
    """Scale by the range of the type, never by the range of the picture: that turns noise into cracks."""
    if bits < 8:
        values = values.astype(np.uint16) * 255 // (2**bits - 1)
        bits = 8
    return (values >> (bits - 8)).clip(0, 255).astype(np.uint8)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> Pixels:
    """Return grey, shape (height, width), as RGB."""
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)
