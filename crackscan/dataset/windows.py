"""Additional windows of training photos that have masks: cracks at other positions in a tile, and finer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from crackscan.basics import grid
from crackscan.basics.records import Window
from crackscan.dataset.masks import count_crack_px
from crackscan.dataset.records import Example
from crackscan.reading import Mask, read_mask

OVERLAP = 0.5  # of the windows of one size, fraction
SIDES = (1.0, 1.5, 2.0)  # of the windows, in tiles; larger windows are shrunk to one tile


def training_windows(examples: Iterable[Example], *, tile_px: int, min_crack_px: int) -> tuple[Example, ...]:
    """Return additional labelled windows of the training photos that have masks.

    The tiles of a scan show each crack once; these windows show it again at other positions, and down to half
    its size. Use them for training samples only: a metric should not count a crack several times.

    Args:
        examples: all examples, with their splits.
        tile_px: the side of their tiles.
        min_crack_px: the mask pixels that made a tile a crack. A larger window needs proportionally more,
            because cracks in it are longer; windows with fewer pixels, but some, are left out.

    Raises:
        Unreadable: a mask could be read when the data was loaded, but not now.
    """
    photos: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.mask is not None and example.split == "train":
            photos[example.path].append(example)
    return tuple(
        window
        for tiles in photos.values()
        for window in _windows(tiles, tile_px=tile_px, min_crack_px=min_crack_px)
    )


def _windows(tiles: Sequence[Example], *, tile_px: int, min_crack_px: int) -> Iterator[Example]:
    """Yield the windows of one photo, without its tiles."""
    tile_windows, mask = {tile.window for tile in tiles}, read_mask(tiles[0].mask or "")
    for sides in SIDES:
        least = min_crack_px * sides
        for window in _grid_windows(mask, round(tile_px * sides)):
            pixels = count_crack_px(mask, window)
            if window not in tile_windows and (pixels == 0 or pixels >= least):
                yield replace(tiles[0], window=window, label=pixels > 0)


def _grid_windows(mask: Mask, side_px: int) -> Iterator[Window]:
    height, width = mask.shape
    if min(height, width) >= side_px:
        yield from grid.windows(width, height, tile_px=side_px, overlap=OVERLAP)
