"""Activation maps: where in a tile a crack is most likely, in the pixels of the image."""

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.records import Window

ActivationMaps = NDArray[np.float32]  # of n tiles, (n, rows, cols): larger means more likely a crack
CellPosition = tuple[float, float]  # of a cell's centre in a tile, from its left and from its top, 0..1

# Side of the square of cells whose mean counts. Of the cracked tiles of uav-crack that a model trained on
# METU found, the strongest 3 x 3 cells lay within 32 px of the crack in 94 %, a single cell in 88 %.
NEIGHBOURHOOD = 3


def strongest_cells(activation_maps: ActivationMaps) -> list[CellPosition]:
    """Return the centre of each tile's strongest cell; a cell is 32 px of the model's input wide."""
    near, (_, rows, cols) = NEIGHBOURHOOD // 2, activation_maps.shape
    across, down = (np.clip(np.arange(-near, length + near), 0, length - 1) for length in (cols, rows))
    padded = activation_maps.astype(np.float64)[:, down[:, None], across]
    # sums of whole arrays, so that a tile's sums do not depend on how many other tiles there are
    wide = np.sum([padded[:, :, shift : shift + cols] for shift in range(NEIGHBOURHOOD)], axis=0)
    sums = np.sum([wide[:, shift : shift + rows] for shift in range(NEIGHBOURHOOD)], axis=0)
    strongest = sums.reshape(len(activation_maps), -1).argmax(axis=1).tolist()
    return [((cell % cols + 0.5) / cols, (cell // cols + 0.5) / rows) for cell in strongest]


def peak_pixel(cell: CellPosition, window: Window, tile_px: int) -> tuple[int, int]:
    """Return the pixel (col, row) of the image at a position in a tile.

    Args:
        cell: the position in the tile, 0..1 each way.
        window: the part of the image that the tile shows.
        tile_px: the side of the square that the window was filled up to before it was resized.
    """
    across, down = cell
    return (
        window.col + _unmirrored(across * tile_px, window.width),
        window.row + _unmirrored(down * tile_px, window.height),
    )


def _unmirrored(position: float, length: int) -> int:
    """Return the pixel of the image that a pixel of a tile shows, where `reading.fit` mirrored the edge."""
    pixel = int(position) % (2 * length)
    return min(pixel, 2 * length - 1 - pixel)
