"""Pure pixel arithmetic: the windows that cover an image, each pixel at least once and none outside.

Apart from reading, so that a plan can be counted and tested with no image at hand.
"""

from collections.abc import Iterator

from crackscan.records import Window


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
    for band in bands(width, height, tile_px=tile_px, overlap=overlap):
        yield from tiles(band, tile_px=tile_px, overlap=overlap)


def bands(width: int, height: int, *, tile_px: int, overlap: float = 0.0) -> Iterator[Window]:
    """Yield the rows of tiles, each as one window over the whole width."""
    for row in starts(height, tile_px=tile_px, overlap=overlap):
        yield Window(0, row, width, min(tile_px, height))


def tiles(band: Window, *, tile_px: int, overlap: float = 0.0) -> Iterator[Window]:
    """Yield the tiles of one band, left to right."""
    for col in starts(band.width, tile_px=tile_px, overlap=overlap):
        yield Window(band.col + col, band.row, min(tile_px, band.width), band.height)


def starts(length: int, *, tile_px: int, overlap: float = 0.0) -> Iterator[int]:
    """Yield where the tiles along one side begin; the last one ends flush with the image."""
    last = max(length - tile_px, 0)
    yield from range(0, last, step_px(tile_px, overlap))
    yield last


def step_px(tile_px: int, overlap: float) -> int:
    """Return how far a tile lies from the next one, at least one pixel."""
    return max(1, round(tile_px * (1 - overlap)))


def around(parts: tuple[Window, ...]) -> Window:
    """Return the smallest window that holds all the given ones (at least one)."""
    col, row = min(part.col for part in parts), min(part.row for part in parts)
    right = max(part.col + part.width for part in parts)
    bottom = max(part.row + part.height for part in parts)
    return Window(col, row, right - col, bottom - row)


def within(window: Window, area: Window) -> Window:
    """Return a window as it counts from the corner of an area that holds it."""
    return window._replace(col=window.col - area.col, row=window.row - area.row)
