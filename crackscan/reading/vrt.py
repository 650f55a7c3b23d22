"""Parts of a VRT mosaic. GDAL shows black where no part lies, and also where the file of a part is gone."""

import os
from functools import lru_cache
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from crackscan.basics.arrays import Bools, Indices
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature, Window
from crackscan.reading.file_signature import file_signature
from crackscan.reading.locations import exists
from crackscan.reading.vrt_sources import MAX_FILES, read_vrt, source_path

SOURCE_TAGS = {"SimpleSource", "ComplexSource", "AveragedSource", "KernelFilteredSource"}


class Rectangle(NamedTuple):
    """A rectangle in pixels, which may have fractions."""

    left: float
    top: float
    width: float
    height: float


class VrtPart(NamedTuple):
    """A file of a VRT, and the rectangle of the VRT that it fills."""

    path: str
    target: Rectangle


class VrtParts:
    """The parts of one VRT."""

    def __init__(self, path: str) -> None:
        self._parts = _read_parts(path, file_signature(path))
        targets = np.array([part.target for part in self._parts]).reshape(-1, 4)
        self._starts, self._ends = targets[:, :2], targets[:, :2] + targets[:, 2:]

    def has_data(self, window: Window) -> bool:
        """Return whether any part touches a window.

        Raises:
            Unreadable: the file of such a part is gone.
        """
        touching = self._touching(window)
        for index in touching:
            path = self._parts[index].path
            if not exists(path):
                raise Unreadable(f"its part {os.path.basename(path)} is gone")  # noqa: PTH119
        return len(touching) > 0

    def data_mask(self, window: Window, shape: tuple[int, int]) -> Bools | None:
        """Return which pixels of a window, read as `shape` (height, width), lie in a part; None: all."""
        scale = np.array([shape[1] / window.width, shape[0] / window.height])
        mask = np.zeros(shape, np.bool_)
        for index in self._touching(window):
            left, top = np.floor((self._starts[index] - window[:2]) * scale).clip(0).astype(int)
            right, bottom = np.ceil((self._ends[index] - window[:2]) * scale).astype(int)
            mask[top:bottom, left:right] = True
        return None if mask.all() else mask

    def _touching(self, window: Window) -> Indices:
        start, end = np.array(window[:2]), np.array(window[:2]) + window[2:]
        return np.flatnonzero((self._starts < end).all(axis=1) & (self._ends > start).all(axis=1))


@lru_cache(maxsize=8)
def _read_parts(path: str, _: FileSignature | None) -> tuple[VrtPart, ...]:
    """Return the parts of a VRT; a part that is a VRT itself is replaced by its own parts.

    Each band of a mosaic opens the VRT again, and 10,000 parts take a while, so the last few are cached. The
    signature is a key of the cache: a changed file is read again.

    Raises: Unreadable: they are too many.
    """
    root = read_vrt(path).root
    whole = Rectangle(0, 0, float(root.attrib["rasterXSize"]), float(root.attrib["rasterYSize"]))
    band = root.find("VRTRasterBand")
    if band is None or "subClass" in band.attrib:  # warped, or computed from its sources
        return (VrtPart(path, whole),)
    parts: list[VrtPart] = []
    for source in band:
        if source.tag in SOURCE_TAGS:
            parts += _source_parts(source, os.path.dirname(path), whole)  # noqa: PTH120 - any bytes
        if len(parts) > MAX_FILES:
            raise Unreadable(f"a VRT of over {MAX_FILES:,} parts, with those of the VRTs in it")
    return tuple(parts)


def _source_parts(source: ET.Element, folder: str, whole: Rectangle) -> list[VrtPart]:
    name = source.find("SourceFilename")
    path = "" if name is None else source_path(name, folder)
    target, shown = _rectangle(source.find("DstRect")) or whole, _rectangle(source.find("SrcRect"))
    if shown is None or not path.lower().endswith(".vrt") or not exists(path):
        return [VrtPart(path, target)]
    return [
        VrtPart(part.path, _map_rectangle(part.target, shown, target))
        for part in _read_parts(path, file_signature(path))
    ]


def _rectangle(element: ET.Element | None) -> Rectangle | None:
    if element is None:
        return None
    return Rectangle(*(float(element.attrib[name]) for name in ("xOff", "yOff", "xSize", "ySize")))


def _map_rectangle(inner: Rectangle, shown: Rectangle, target: Rectangle) -> Rectangle:
    """Return where a rectangle of an image lies if the part `shown` of that image fills `target`."""
    x_scale, y_scale = target.width / shown.width, target.height / shown.height
    left, top = max(inner.left, shown.left), max(inner.top, shown.top)
    right = min(inner.left + inner.width, shown.left + shown.width)
    bottom = min(inner.top + inner.height, shown.top + shown.height)
    return Rectangle(
        target.left + (left - shown.left) * x_scale,
        target.top + (top - shown.top) * y_scale,
        max(right - left, 0) * x_scale,
        max(bottom - top, 0) * y_scale,
    )
