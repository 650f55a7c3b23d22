"""Windows cover an image, each pixel at least once, and none lies outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackscan import grid
from crackscan.records import Window

SIDES = st.integers(1, 700)
TILES = st.integers(1, 300)
OVERLAPS = st.floats(0, 0.9)


@given(width=SIDES, height=SIDES, tile_px=TILES, overlap=st.sampled_from([0.0, 0.25, 0.5]))
def test_windows_cover_every_pixel_and_stay_inside(
    width: int, height: int, tile_px: int, overlap: float
) -> None:
    """No pixel of an image is left out, none outside is asked for, whatever its size."""
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
    places = list(grid.starts(length, tile_px=tile_px, overlap=overlap))
    steps = np.diff(places)
    assert (steps > 0).all()
    assert (steps <= max(1, round(tile_px * (1 - overlap)))).all()
    assert places[-1] == max(length - tile_px, 0)


@pytest.mark.parametrize(("side", "starts"), [(1, [0]), (223, [0]), (224, [0]), (225, [0, 1])])
def test_images_about_the_size_of_a_tile(side: int, starts: list[int]) -> None:
    """An image smaller than a tile gives one window; one pixel more than a tile gives a second."""
    found = list(grid.windows(side, side, tile_px=224))
    assert found == [Window(col, row, min(side, 224), min(side, 224)) for row in starts for col in starts]


def test_windows_are_made_one_by_one() -> None:
    """A mosaic of ten billion tiles is never listed."""
    endless = grid.windows(10**8, 10**8, tile_px=224)
    assert next(endless) == Window(0, 0, 224, 224)


def test_around_holds_its_parts() -> None:
    """The window that is read for several tiles holds them all and no more."""
    assert grid.around((Window(0, 10, 5, 5), Window(7, 8, 3, 3))) == Window(0, 8, 10, 7)
