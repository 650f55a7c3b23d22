"""The tile grid: windows cover each pixel of an image at least once, and stay inside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackscan.basics import grid
from crackscan.basics.records import Window

SIDES = st.integers(1, 700)
TILES = st.integers(1, 300)
SEVENTHS = st.sampled_from([1 - cells / 7 for cells in range(1, 7)])
OVERLAPS = st.one_of(st.floats(0, 0.9), SEVENTHS)


@given(
    width=SIDES, height=SIDES, tile_px=TILES, overlap=st.one_of(SEVENTHS, st.sampled_from([0.0, 0.25, 0.5]))
)
def test_windows_cover_every_pixel_and_stay_inside(
    width: int, height: int, tile_px: int, overlap: float
) -> None:
    """Windows cover all pixels of an image of any size, and none outside."""
    tile_px = max(tile_px, max(width, height) // 20)
    seen = np.zeros((height, width), bool)
    for col, row, across, down in grid.windows(width, height, tile_px=tile_px, overlap=overlap):
        assert 0 <= col <= col + across <= width
        assert 0 <= row <= row + down <= height
        assert (across, down) == (min(tile_px, width), min(tile_px, height))
        seen[row : row + down, col : col + across] = True
    assert seen.all()


@given(length=st.integers(1, 10_000), tile_px=TILES, overlap=OVERLAPS)
def test_neighbours_share_at_least_the_overlap(length: int, tile_px: int, overlap: float) -> None:
    """A crack on a seam lies well inside one of two overlapping tiles."""
    cells = list(grid.starts(length, tile_px=tile_px, overlap=overlap))
    steps = np.diff(cells)
    assert (steps > 0).all()
    assert (steps <= max(1, round(tile_px * (1 - overlap)))).all()
    assert cells[-1] == max(length - tile_px, 0)


@pytest.mark.parametrize(("side", "starts"), [(1, [0]), (223, [0]), (224, [0]), (225, [0, 1])])
def test_images_about_the_size_of_a_tile(side: int, starts: list[int]) -> None:
    """An image smaller than a tile gives one window; one pixel more than a tile gives a second."""
    found = list(grid.windows(side, side, tile_px=224))
    assert found == [Window(col, row, min(side, 224), min(side, 224)) for row in starts for col in starts]


@given(
    width=st.integers(1, 9000), height=st.integers(1, 999), tile_px=st.integers(100, 300), overlap=SEVENTHS
)
def test_bands_cut_again_give_the_tiles_of_the_image(
    width: int, height: int, tile_px: int, overlap: float
) -> None:
    """Bands and blocks give the same tiles as the whole image, each once."""
    whole = list(grid.windows(width, height, tile_px=tile_px, overlap=overlap))
    bands = list(grid.bands(width, height, tile_px=tile_px, overlap=overlap))
    again = [tile for band in bands for tile in grid.tiles(band, tile_px=tile_px, overlap=overlap)]
    assert sorted(again) == sorted(whole)
    blocks = [block for band in bands for block in grid.blocks(band, tile_px=tile_px, overlap=overlap)]
    assert sorted(tile for block in blocks for tile in block) == sorted(whole)
    step = grid.step_px(tile_px, overlap)
    for block in blocks:
        rows, cols = ({tile[axis] for tile in block} for axis in (1, 0))
        assert len(block) == len(rows) * len(cols) <= grid.tiles_per_pass(overlap) ** 2
        assert all((np.diff(sorted(cells)) == step).all() for cells in (rows, cols))
        assert grid.bounding_window(block).width <= 3.1 * tile_px


@pytest.mark.parametrize(
    ("asked", "cells", "side"),
    [(0.0, 0, 1), (0.1, 6, 3), (0.5, 3, 5), (4 / 7, 3, 5), (0.95, 1, 15)],
)
def test_overlap_is_rounded_up_to_a_seventh(asked: float, cells: int, side: int) -> None:
    """A network's feature map has seven cells along a tile, and other tiles can only begin at a cell."""
    overlap = grid.snap_overlap_to_grid(asked)
    assert overlap >= min(asked, 6 / 7)
    assert (grid.stride_cells(overlap), grid.tiles_per_pass(overlap)) == (cells, side)


def test_windows_are_made_one_by_one() -> None:
    """The windows of a mosaic of ten billion tiles are not kept in a list."""
    endless = grid.windows(10**8, 10**8, tile_px=224)
    assert next(endless) == Window(0, 0, 224, 224)


def test_bounding_window_holds_its_parts() -> None:
    """The bounding window of several tiles holds all of them, and is the smallest that does."""
    assert grid.bounding_window((Window(0, 10, 5, 5), Window(7, 8, 3, 3))) == Window(0, 8, 10, 7)
