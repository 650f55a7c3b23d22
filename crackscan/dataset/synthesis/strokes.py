"""Lines of varying width as anti-aliased coverage: the geometry of cracks and look-alikes.

Positions are (x, y) in px from the top left corner of the image: pixel (col, row) spans
col..col + 1 and row..row + 1.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crackscan.basics.arrays import Points
from crackscan.basics.records import Window

Coverage = NDArray[np.floating]  # (height, width), float32, the fraction of each pixel that is covered, 0..1

PEN_PX = 0.6  # Pillow draws polygons this much wider, in drawn px (measured over all angles)
BLOCK_PX = 512  # blocks are drawn one at a time, so that a crack through a large photo needs little memory
HAIRLINE_PX = 2.0  # thinner strokes are drawn at twice the resolution


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """A centreline and the distances of the left and right edge from it.

    points: float64, shape (n, 2), n >= 2. reach_px: float64, shape (n, 2); the sum of both is the width.
    """

    points: Points
    reach_px: NDArray[np.float64]

    @property
    def length_px(self) -> float:
        """The length of the centreline."""
        return float(self._segment_lengths().sum())

    def length_in(self, window: Window) -> float:
        """Return the length in px of the centreline inside the window."""
        middles = (self.points[1:] + self.points[:-1]) / 2
        start, size = np.array(window[:2]), np.array(window[2:])
        inside = np.all((middles >= start) & (middles < start + size), axis=1)
        return float(self._segment_lengths()[inside].sum())

    def quads(self, scale: int) -> NDArray[np.float64]:
        """Return each segment as a quadrilateral, in px of a picture `scale` times as fine, (n - 1, 4, 2)."""
        along = np.gradient(self.points, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        across = along[:, ::-1] * [1, -1]
        reach = np.maximum(self.reach_px * scale - PEN_PX / 2, 0)
        centre = self.points * scale - 0.5  # Pillow counts from the middle of the first pixel
        left, right = centre + across * reach[:, :1], centre - across * reach[:, 1:]
        return np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=1)

    def _segment_lengths(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(np.diff(self.points, axis=0), axis=1))


def straight(
    through: tuple[float, float], *, angle: float, width_px: float, length_px: float, bow: float = 0.0
) -> Stroke:
    """Return a stroke of even width with its middle at a point; `bow` bends it into a parabola."""
    positions = np.linspace(-0.5, 0.5, 2 if bow == 0 else 40)
    along, across = positions * length_px, -(positions**2) * bow * length_px
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    points = np.stack([along, across], axis=1) @ turn + through
    return Stroke(points, np.full((len(positions), 2), width_px / 2))


def cover(strokes: Sequence[Stroke], width: int, height: int) -> Coverage:
    """Return the fraction of each pixel that the strokes cover; overlaps count once."""
    finest = min(float(np.median(stroke.reach_px.sum(axis=1))) for stroke in strokes)
    scale = 8 if finest < HAIRLINE_PX else 4
    return cover_polygons(np.concatenate([stroke.quads(scale) for stroke in strokes]), width, height, scale)


def cover_polygons(polygons: NDArray[np.float64], width: int, height: int, scale: int) -> Coverage:
    """Return the coverage of polygons, shape (n, corners, 2), given in px `scale` times as fine."""
    covered = np.zeros((height, width), np.float32)
    low, high = polygons.min(axis=1) / scale - 1, polygons.max(axis=1) / scale + 1
    for col, row, wide, tall in _blocks(_clip_to_frame(low.min(axis=0), high.max(axis=0), width, height)):
        near = np.all((high >= [col, row]) & (low <= [col + wide, row + tall]), axis=1)
        if near.any():
            inside = polygons[near] - np.array([col, row]) * scale
            covered[row : row + tall, col : col + wide] = _fill(inside, wide, tall, scale)
    return covered


def _clip_to_frame(low: Points, high: Points, width: int, height: int) -> Window:
    """Return the window of whole pixels between two corners, clipped to the frame; it may be empty."""
    left, top = (max(0, math.floor(start)) for start in low)
    right, bottom = (min(side, math.ceil(end)) for side, end in zip((width, height), high, strict=True))
    return Window(left, top, max(0, right - left), max(0, bottom - top))


def _blocks(area: Window) -> Iterator[Window]:
    right, bottom = area.col + area.width, area.row + area.height
    for row in range(area.row, bottom, BLOCK_PX):
        for col in range(area.col, right, BLOCK_PX):
            yield Window(col, row, min(BLOCK_PX, right - col), min(BLOCK_PX, bottom - row))


def _fill(polygons: NDArray[np.float64], width: int, height: int, scale: int) -> Coverage:
    canvas = Image.new("L", (width * scale, height * scale))
    pen = ImageDraw.Draw(canvas)
    for polygon in polygons.reshape(len(polygons), -1).tolist():
        pen.polygon(polygon, fill=255)
    return np.asarray(canvas.reduce(scale), np.float32) / 255
