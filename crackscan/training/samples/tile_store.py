"""Files of decoded tiles and of their features, so that memory does not grow with the data."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Pixels
from crackscan.basics.atomic import whole_file
from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.basics.progress import Progress
from crackscan.basics.records import Window
from crackscan.reading import read_tile

IN_FLIGHT = 64  # tiles decoded ahead, 10 MB at 224 px
Tile = tuple[str, Window | None]  # the path of an image, and the part of it


def store_tiles(path: Path, tiles: Sequence[Tile], *, input_px: int, progress: Progress) -> dict[int, str]:
    """Decode tiles into a .npy file, uint8 (n, input_px, input_px, 3), that appears when it is whole.

    Returns the index of each tile that could not be read, with the reason.

    Raises:
        CrackscanError: the disk has no room for the file.
    """
    shape = (len(tiles), input_px, input_px, 3)
    _check_room(path, int(np.prod(shape)))
    unreadable = {}
    with whole_file(path) as partial:
        pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for index, tile in enumerate(_decoded_tiles(tiles, input_px)):
            if isinstance(tile, Unreadable):
                unreadable[index] = str(tile)
            else:
                pixels[index] = tile
            progress.advance()
        pixels.flush()
    return unreadable


def store_batches(
    path: Path, batches: Iterator[NDArray[np.float32]], *, shape: tuple[int, ...], progress: Progress
) -> None:
    """Write arrays one after the other into a .npy file, float32, that appears when it is whole."""
    with whole_file(path) as partial:
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        start = 0
        for batch in batches:
            array[start : start + len(batch)] = batch
            start += len(batch)
            progress.advance()
        array.flush()


def open_store(path: Path) -> NDArray[Any]:
    """Open a stored array for reading, without loading it into memory."""
    array: NDArray[Any] = np.load(path, mmap_mode="r")
    return array


def _decoded_tiles(tiles: Sequence[Tile], input_px: int) -> Iterator[Pixels | Unreadable]:
    def decode(tile: Tile) -> Pixels | Unreadable:
        try:
            return read_tile(*tile, input_px=input_px)
        except Unreadable as error:
            return error

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(tiles), IN_FLIGHT):
            yield from pool.map(decode, tiles[start : start + IN_FLIGHT])


def _check_room(path: Path, needed: int) -> None:
    # a memory map that outgrows the disk kills the program without a message
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise CrackscanError(
            f"{path.parent}: the decoded tiles need {needed / 1e9:.1f} GB there and {free / 1e9:.1f} GB are "
            "free; free some space, or write the model to another disk."
        )
