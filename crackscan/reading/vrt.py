"""What a VRT is put together from. GDAL shows black where no part lies, and also where a part is gone."""

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature, Window
from crackscan.reading.file_signature import file_signature

if TYPE_CHECKING:
    from rasterio import DatasetReader

SOURCES = {"SimpleSource", "ComplexSource", "AveragedSource", "KernelFilteredSource"}
NO_FILE = re.compile(r"/vsi|\w{2,}:")  # an address, an archive or a part of a file: only GDAL finds these


class Rectangle(NamedTuple):
    """A rectangle of pixels, or of fractions of them."""

    left: float
    top: float
    width: float
    height: float


class VrtPart(NamedTuple):
    """A file of a VRT, and where in it that is shown."""

    path: str
    place: Rectangle


class VrtParts:
    """The parts of one VRT."""

    def __init__(self, dataset: "DatasetReader") -> None:
        self._parts = _parts_of(dataset.name, file_signature(dataset.name))
        places = np.array([part.place for part in self._parts]).reshape(-1, 4)
        self._starts, self._ends = places[:, :2], places[:, :2] + places[:, 2:]

    def holds(self, window: Window) -> bool:
        """Say whether any part lies in a window.

        Raises:
            Unreadable: one does that is gone.
        """
        touching = self._touching(window)
        for index in touching:
            path = self._parts[index].path
            if not NO_FILE.match(path) and not os.path.exists(path):  # noqa: PTH110 - any bytes
                raise Unreadable(f"its part {os.path.basename(path)} is gone")  # noqa: PTH119
        return len(touching) > 0

    def spread(self, window: Window, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Return on which pixels of a window, read as `shape` (height, width), a part lies; None is all."""
        scale = np.array([shape[1] / window.width, shape[0] / window.height])
        held = np.zeros(shape, np.bool_)
        for index in self._touching(window):
            left, top = np.floor((self._starts[index] - window[:2]) * scale).clip(0).astype(int)
            right, bottom = np.ceil((self._ends[index] - window[:2]) * scale).astype(int)
            held[top:bottom, left:right] = True
        return None if held.all() else held

    def _touching(self, window: Window) -> NDArray[np.intp]:
        start, end = np.array(window[:2]), np.array(window[:2]) + window[2:]
        return np.flatnonzero((self._starts < end).all(axis=1) & (self._ends > start).all(axis=1))


@lru_cache(maxsize=8)
def _parts_of(path: str, _: FileSignature | None) -> tuple[VrtPart, ...]:
    """Return the parts of a VRT; those of VRTs that it is made of in their stead.

    Each band of a mosaic opens it anew, and 10,000 parts take a while, so the last few stay known.
    """
    import rasterio

    with rasterio.open(path) as dataset:
        whole = Rectangle(0, 0, dataset.width, dataset.height)
        text = dataset.tags(ns="xml:VRT").get("xml:VRT", "")
    band = ET.fromstring(text).find("VRTRasterBand")  # noqa: S314 - GDAL wrote it, without entities
    if band is None or "subClass" in band.attrib:  # warped, or computed from its sources
        return (VrtPart(path, whole),)
    parts = []
    for source in band:
        if source.tag in SOURCES:
            parts += _shown(source, os.path.dirname(path), whole)  # noqa: PTH120 - any bytes
    return tuple(parts)


def _shown(source: ET.Element, folder: str, whole: Rectangle) -> list[VrtPart]:
    name = source.find("SourceFilename")
    path = "" if name is None else name.text or ""
    if name is not None and name.get("relativeToVRT") == "1":
        path = os.path.join(folder, path)  # noqa: PTH118 - any bytes
    place, seen = _rectangle(source.find("DstRect")) or whole, _rectangle(source.find("SrcRect"))
    if seen is None or not path.lower().endswith(".vrt") or not os.path.exists(path):  # noqa: PTH110 - any bytes
        return [VrtPart(path, place)]
    return [
        VrtPart(part.path, _moved(part.place, seen, place)) for part in _parts_of(path, file_signature(path))
    ]


def _rectangle(element: ET.Element | None) -> Rectangle | None:
    if element is None:
        return None
    return Rectangle(*(float(element.attrib[name]) for name in ("xOff", "yOff", "xSize", "ySize")))


def _moved(inner: Rectangle, seen: Rectangle, place: Rectangle) -> Rectangle:
    """Return where a rectangle lies when what is seen of its image is shown at a place."""
    across, down = place.width / seen.width, place.height / seen.height
    left, top = max(inner.left, seen.left), max(inner.top, seen.top)
    right = min(inner.left + inner.width, seen.left + seen.width)
    bottom = min(inner.top + inner.height, seen.top + seen.height)
    return Rectangle(
        place.left + (left - seen.left) * across,
        place.top + (top - seen.top) * down,
        max(right - left, 0) * across,
        max(bottom - top, 0) * down,
    )
