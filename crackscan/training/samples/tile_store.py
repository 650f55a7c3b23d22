"""Decoded tiles and what was computed from them, in files: memory does not grow with the data."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.basics.records import Window
from crackscan.reading import read_tile

IN_FLIGHT = 64  # tiles decoded ahead, 10 MB at 224 px
Tile = tuple[str, Window | None]  # a path, and the part of it


def store_tiles(
    path: Path, tiles: Sequence[Tile], *, input_px: int, step: Callable[[], None]
) -> dict[int, str]:
    """Decode tiles into a .npy file, uint8 (n, input_px, input_px, 3); return why some could not be read.

    The file appears under its name only when it is whole.

    Raises:
        CrackscanError: the disk has no room for it.
    """
    shape = (len(tiles), input_px, input_px, 3)
    _check_room(path, int(np.prod(shape)))
    partial = path.with_suffix(".partial")
    pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    unreadable = {}
    for at, tile in enumerate(_decoded(tiles, input_px)):
        if isinstance(tile, Unreadable):
            unreadable[at] = str(tile)
        else:
            pixels[at] = tile
        step()
    pixels.flush()
    partial.replace(path)
    return unreadable


def store_batches(
    path: Path, batches: Iterator[NDArray[np.float32]], *, shape: tuple[int, ...], step: Callable[[], None]
) -> None:
    """Write arrays one after the other into a .npy file, float32, that appears only when it is whole."""
    partial = path.with_suffix(".partial")
    whole = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
    at = 0
    for batch in batches:
        whole[at : at + len(batch)] = batch
        at += len(batch)
        step()
    whole.flush()
    partial.replace(path)


def open_store(path: Path) -> NDArray[Any]:
    """Open a stored array for reading, without loading it."""
    array: NDArray[Any] = np.load(path, mmap_mode="r")
    return array


def _decoded(tiles: Sequence[Tile], input_px: int) -> Iterator[Pixels | Unreadable]:
    def decode(tile: Tile) -> Pixels | Unreadable:
        try:
            return read_tile(*tile, input_px=input_px)
        except Unreadable as error:
            return error

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(tiles), IN_FLIGHT):
            yield from pool.map(decode, tiles[start : start + IN_FLIGHT])


def _check_room(path: Path, needed: int) -> None:
    # A memory map that outgrows the disk ends the program without a word.
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise CrackscanError(
            f"{path.parent}: the decoded tiles need {needed / 1e9:.1f} GB there and {free / 1e9:.1f} GB are "
            "free; make room or write the model elsewhere."
        )
