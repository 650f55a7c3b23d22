"""Pixel arithmetic: windows that cover an image, each pixel at least once, and stay inside it.

It reads no file, so that a plan can be counted and tested without images.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from math import ceil, floor, isclose
from operator import attrgetter

from crackscan.basics.records import Window

CELLS = 7  # of a network's feature map along the side of a tile: MobileNetV2 halves 224 px five times
BLOCK_CELLS = 14  # largest distance between tiles of one pass, in cells: a block is at most three tiles wide
ROUNDING = 1e-9  # cells; what floating-point fractions lose
MAX_BLOCKS = 8  # blocks side by side in one Work, at most


def windows(width: int, height: int, *, tile_px: int, overlap: float = 0.0) -> Iterator[Window]:
    """Yield the tiles that cover an image, row by row.

    The last tile of a row or column is shifted back inside, not padded: black borders look like cracks.
    An image smaller than a tile gives one window of its own size.

    Args:
        width: of the image, px.
        height: of the image, px.
        tile_px: the side of a tile.
        overlap: the fraction of a tile that it shares with the next one, 0 <= overlap < 1.
    """
    yield from tiles(Window(0, 0, width, height), tile_px=tile_px, overlap=overlap)


def bands(width: int, height: int, *, tile_px: int, overlap: float = 0.0) -> Iterator[Window]:
    """Yield the rows of tiles, each as one window over the whole width.

    With dense inference a band has as many rows as a block, and is at most `MAX_BLOCKS` blocks wide.
    """
    most = MAX_BLOCKS if tiles_per_pass(overlap) > 1 else None
    for rows in runs(height, tile_px=tile_px, overlap=overlap):
        along = runs(width, tile_px=tile_px, overlap=overlap)
        while cols := [start for run in islice(along, most) for start in run]:
            yield Window(
                cols[0],
                rows[0],
                cols[-1] - cols[0] + min(tile_px, width),
                rows[-1] - rows[0] + min(tile_px, height),
            )


def tiles(area: Window, *, tile_px: int, overlap: float = 0.0) -> Iterator[Window]:
    """Yield the tiles of a band, or of a whole image, row by row."""
    for row in starts(area.height, tile_px=tile_px, overlap=overlap):
        yield from _row_of_tiles(starts(area.width, tile_px=tile_px, overlap=overlap), row, area, tile_px)


def blocks(area: Window, *, tile_px: int, overlap: float = 0.0) -> Iterator[tuple[Window, ...]]:
    """Yield the same tiles in blocks that are judged in one pass; the tiles of a block come row by row."""
    for rows in runs(area.height, tile_px=tile_px, overlap=overlap):
        for cols in runs(area.width, tile_px=tile_px, overlap=overlap):
            yield tuple(tile for row in rows for tile in _row_of_tiles(cols, row, area, tile_px))


def rows_of_blocks(area: Window, *, tile_px: int, overlap: float) -> Iterator[tuple[Window, ...]]:
    """Yield the rows of each block, block by block; tiles of one row are evenly spaced."""
    for block in blocks(area, tile_px=tile_px, overlap=overlap):
        for _, row in groupby(block, key=attrgetter("row")):
            yield tuple(row)


def starts(length: int, *, tile_px: int, overlap: float = 0.0) -> Iterator[int]:
    """Yield where the tiles along one side begin; the last one ends flush with the image."""
    yield from chain.from_iterable(runs(length, tile_px=tile_px, overlap=overlap))


def runs(length: int, *, tile_px: int, overlap: float = 0.0) -> Iterator[range]:
    """Yield where the tiles along one side begin, in runs of evenly spaced tiles that are judged together.

    The last run is shifted back to end flush with the image. A side that is too short for that gets a last
    tile of its own.
    """
    last, step, most = max(length - tile_px, 0), step_px(tile_px, overlap), tiles_per_pass(overlap)
    start = 0
    while last - start > (most - 1) * step:
        yield range(start, start + most * step, step)
        start += most * step
    begin = last - ceil((last - start) / step) * step
    if begin < 0:
        yield range(0, last, step)
        begin = last
    yield range(begin, last + 1, step)


def tiles_per_pass(overlap: float) -> int:
    """Return how many tiles along a side are judged in one pass: one, unless they overlap by sevenths.

    Then each tile begins at a cell of the network's feature map, and one pass over the block serves all.
    """
    return BLOCK_CELLS // stride_cells(overlap) + 1 if stride_cells(overlap) else 1


def stride_cells(overlap: float) -> int:
    """Return the distance between tiles in cells of the feature map; 0 means each tile is judged alone."""
    cells = CELLS * (1 - overlap)
    return round(cells) if isclose(cells, round(cells)) and 0 < round(cells) < CELLS else 0


def snap_overlap_to_grid(overlap: float) -> float:
    """Return the overlap rounded up to a multiple of 1/7, so that tiles can be judged together."""
    return 1 - max(floor(CELLS * (1 - overlap) + ROUNDING), 1) / CELLS if overlap else 0.0


def step_px(tile_px: int, overlap: float) -> int:
    """Return the distance from one tile to the next in px, at least 1."""
    return max(1, round(tile_px * (1 - overlap)))


def bounding_window(parts: tuple[Window, ...]) -> Window:
    """Return the smallest window that holds all the given windows (at least one)."""
    col, row = min(part.col for part in parts), min(part.row for part in parts)
    right = max(part.col + part.width for part in parts)
    bottom = max(part.row + part.height for part in parts)
    return Window(col, row, right - col, bottom - row)


def relative_to(window: Window, area: Window) -> Window:
    """Return a window in coordinates relative to an area that holds it."""
    return window._replace(col=window.col - area.col, row=window.row - area.row)


def _row_of_tiles(cols: Iterable[int], row: int, area: Window, tile_px: int) -> Iterator[Window]:
    width, height = min(tile_px, area.width), min(tile_px, area.height)
    return (Window(area.col + col, area.row + row, width, height) for col in cols)
