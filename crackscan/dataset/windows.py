"""More windows of training photos that have masks: their cracks at other places of a tile, and finer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from crackscan.basics import grid
from crackscan.basics.records import Window
from crackscan.dataset.masks import crack_px
from crackscan.dataset.records import Example
from crackscan.reading import Mask, read_mask

OVERLAP = 0.5  # of the windows of one size
SIDES = (1.0, 1.5, 2.0)  # of windows, in tiles: what is larger is shrunk to one


def training_windows(examples: Iterable[Example], *, tile_px: int, min_crack_px: int) -> tuple[Example, ...]:
    """Return further windows of the photos of the training split that have masks, with their labels.

    The tiles that scans cut show each crack once; these show it again elsewhere, and down to half its size.
    They are for making training samples alone: no figure should count a crack several times.

    Args:
        examples: what was split.
        tile_px: the side of their tiles.
        min_crack_px: so many mask pixels made a tile a crack. In a larger window cracks are as much longer as
            it is wider; windows with fewer pixels, but some, are left out.

    Raises:
        Unreadable: a mask cannot be read, though it could be when the data was found.
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
    """Yield the windows of one photo that are none of its tiles."""
    known, mask = {tile.window for tile in tiles}, read_mask(tiles[0].mask or "")
    for sides in SIDES:
        least = min_crack_px * sides
        for window in _cut(mask, round(tile_px * sides)):
            found = crack_px(mask, window)
            if window not in known and (found == 0 or found >= least):
                yield replace(tiles[0], window=window, label=found > 0)


def _cut(mask: Mask, side: int) -> Iterator[Window]:
    height, width = mask.shape
    if min(height, width) >= side:
        yield from grid.windows(width, height, tile_px=side, overlap=OVERLAP)
