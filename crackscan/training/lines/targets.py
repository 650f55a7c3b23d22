"""Targets of the line network: the centre lines of cracks, made of masks."""

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float64s
from crackscan.model.line_head import LINE_CELL_PX

Targets = NDArray[np.uint8]  # (height, width) in spots of LINE_CELL_PX: NONE, LINE or UNSURE

NONE, LINE, UNSURE = 0, 1, 255
LINE_PX = 1.5  # a spot with a pixel this near to the centre line has the line
UNSURE_PX = (
    4.5  # nearer than this, and on the rest of the mask, labels are not exact: such spots do not count
)


def make_targets(mask: Bools) -> Targets:
    """Return the targets of a mask whose sides are even, in px."""
    height, width = mask.shape
    targets = np.full((height // LINE_CELL_PX, width // LINE_CELL_PX), NONE, np.uint8)
    if mask.any():
        distance = _of_spots(distance_from_line(mask)).min(axis=(1, 3))
        targets[(distance <= UNSURE_PX) | _of_spots(mask).any(axis=(1, 3))] = UNSURE
        targets[distance <= LINE_PX] = LINE
    return targets


def distance_from_line(mask: Bools) -> Float64s:
    """Return the distance of each pixel from the centre line of a mask that is not empty, in px."""
    from scipy.ndimage import distance_transform_edt

    distance: Float64s = distance_transform_edt(~centre_line(mask))
    return distance


def centre_line(mask: Bools) -> Bools:
    """Return the centre line, one pixel wide (Zhang and Suen 1984, doi 10.1145/357994.358023)."""
    from skimage.morphology import skeletonize

    line: Bools = skeletonize(mask)
    return line


def _of_spots(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a view of the pixels of each spot, (rows, LINE_CELL_PX, cols, LINE_CELL_PX)."""
    height, width = pixels.shape
    return pixels.reshape(height // LINE_CELL_PX, LINE_CELL_PX, width // LINE_CELL_PX, LINE_CELL_PX)
