"""The core of each tile: the pixels that belong to it alone, so that none is traced twice."""

from itertools import pairwise

from crackscan.basics import grid
from crackscan.basics.records import Window

Span = tuple[int, int]  # first pixel, and the first one after


class Cores:
    """Divides an image among its tiles: where two overlap, the border is in the middle of what they share."""

    def __init__(self, size: tuple[int, int], *, tile_px: int, overlap: float = 0.0) -> None:
        """Divide an image; size: width and height, px; the rest as for `grid.windows`."""
        self.size = size
        self._cols, self._rows = (_spans(length, tile_px, overlap) for length in size)

    def core(self, tile: Window) -> Window:
        """Return the core of a tile; a window that is none of the grid's tiles has all of its pixels."""
        left, right = self._cols.get(tile.col, (tile.col, tile.col + tile.width))
        top, bottom = self._rows.get(tile.row, (tile.row, tile.row + tile.height))
        return Window(left, top, right - left, bottom - top)


def _spans(length: int, tile_px: int, overlap: float) -> dict[int, Span]:
    """Return the core of each tile along one side by where the tile begins."""
    starts = list(grid.starts(length, tile_px=tile_px, overlap=overlap))
    borders = [0, *((start + tile_px + after) // 2 for start, after in pairwise(starts)), length]
    return dict(zip(starts, pairwise(borders), strict=True))


def merged(cores: list[Window], *, most_px: int, around_px: int) -> list[Window]:
    """Return rectangles that cover cores exactly; what lies around them is then read once for each.

    Args:
        cores: that do not overlap.
        most_px: pixels of a rectangle with its surroundings, at most, if it is not a single core.
        around_px: the width of the surroundings.
    """
    wide = _merged_along(sorted(cores, key=lambda core: (core.row, core.col)), 0, most_px, around_px)
    return _merged_along(sorted(wide, key=lambda core: (core.col, core.row)), 1, most_px, around_px)


def _merged_along(parts: list[Window], axis: int, most_px: int, around_px: int) -> list[Window]:
    """Merge each window with the one before it, if they share a whole side; axis 0: from left to right."""
    done: list[Window] = []
    for part in parts:
        if done and _continues(done[-1], part, axis):
            joined = grid.bounding_window((done[-1], part))
            if (joined.width + 2 * around_px) * (joined.height + 2 * around_px) <= most_px:
                done[-1] = joined
                continue
        done.append(part)
    return done


def _continues(before: Window, after: Window, axis: int) -> bool:
    across = 1 - axis
    touches = before[axis] + before[axis + 2] == after[axis]
    return touches and (before[across], before[across + 2]) == (after[across], after[across + 2])
