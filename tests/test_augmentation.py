"""What changes training tiles leaves their label true, and is the same for the same seed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crackscan.training.augmentation import Recipe, augmented, companions, compressed, mosaic, relit, turned
from crackscan.training.batches import Drawing, Part

SIDE = 32
STILL = Recipe(mosaic=0, contrast=(1, 1), brightness=0, tint=0, blur=0, noise=0, jpeg=0)


def tile(level: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a tile of one level with a little texture."""
    return (np.random.default_rng(seed).integers(0, 20, (SIDE, SIDE, 3)) + level).astype(np.uint8)


def test_all_eight_views_of_a_tile_are_met() -> None:
    """A tile comes in every mirroring and quarter turn, and in nothing else."""
    one = tile(50)
    views = {turned(one, np.random.default_rng(seed)).tobytes() for seed in range(200)}
    expected = {np.rot90(side, turns).tobytes() for side in (one, one[:, ::-1]) for turns in range(4)}
    assert views == expected


def test_recipe_that_changes_nothing_keeps_every_pixel() -> None:
    """With all of its parts at zero, a recipe only turns and mirrors."""
    one = tile(50)
    assert sorted(augmented(one, STILL, np.random.default_rng(1)).ravel()) == sorted(one.ravel())


def test_light_never_wraps_around() -> None:
    """Bright pixels made brighter stay bright: they end at 255, not at 0."""
    recipe = Recipe(contrast=(1.4, 1.4), brightness=0, tint=0)
    assert relit(tile(235), recipe, np.random.default_rng(0)).min() > 235


def test_darker_stays_darker_in_any_light() -> None:
    """A crack is darker than what is around it whatever the light is changed to."""
    one = tile(150)
    one[:, 10:12] = 20
    for seed in range(50):
        lit = relit(one, Recipe(), np.random.default_rng(seed))
        assert lit[:, 10:12].mean() < lit[:, 20:].mean()


def test_same_seed_gives_the_same_tile() -> None:
    """All that is drawn comes from the generator."""
    one, recipe = tile(80), Recipe(blur=1, noise=1, jpeg=1)
    first, again = (augmented(one, recipe, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, augmented(one, recipe, np.random.default_rng(8)))
    assert (first.dtype, first.shape) == (np.uint8, (SIDE, SIDE, 3))


def test_compression_leaves_the_size_as_it_was() -> None:
    """JPEG changes values, not shape."""
    assert compressed(tile(80), 40).shape == (SIDE, SIDE, 3)


def test_mosaic_shows_all_four_tiles_at_one_level() -> None:
    """Each quarter is a whole tile at half its size, and no quarter is told by its brightness."""
    tiles = [tile(level) for level in (40, 90, 140, 190)]
    for one in tiles:
        one[:, 8:16] -= 40
    made = mosaic(tiles)
    quarters = [made[row : row + 16, col : col + 16] for row in (0, 16) for col in (0, 16)]
    means = [quarter.mean() for quarter in quarters]
    assert made.shape == (SIDE, SIDE, 3)
    assert max(means) - min(means) < 8
    assert all(quarter[:, 5:7].mean() < quarter[:, 10:].mean() - 20 for quarter in quarters)


@pytest.mark.parametrize("side", [31, 33])
def test_mosaic_of_an_odd_side_is_whole(side: int) -> None:
    """No row or column is lost where halves are unequal."""
    assert mosaic([np.full((side, side, 3), 9, np.uint8)] * 4).shape == (side, side, 3)


def test_uncracked_mosaic_holds_no_crack() -> None:
    """What stands beside an uncracked tile is uncracked; beside a cracked one it may be either."""
    labels = np.array([True, False] * 10)
    rng = np.random.default_rng(0)
    assert not any(labels[companions(1, labels, rng)].any() for _ in range(50))
    beside_cracked = np.concatenate([labels[companions(0, labels, rng)] for _ in range(50)])
    assert beside_cracked.any()
    assert not beside_cracked.all()


@pytest.fixture
def part() -> Part:
    """Return ten tiles of levels 0 to 90, of which those at even places of the part are cracked."""
    pixels = np.stack([np.full((SIDE, SIDE, 3), 10 * number, np.uint8) for number in range(12)])
    places = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    return Part(pixels, places, places % 2 == 1)


def test_checks_see_each_tile_once_as_it_is(part: Part) -> None:
    """Validation batches hold all tiles of the part with their labels, in order, the last one smaller."""
    batches = list(part.batches(4))
    assert [len(tiles) for tiles, _ in batches] == [4, 4, 2]
    assert np.concatenate([tiles[:, 0, 0, 0] for tiles, _ in batches]).tolist() == list(range(90, -1, -10))
    assert np.concatenate([labels[:, 0] for _, labels in batches]).tolist() == [1, 0] * 5


def test_each_pass_sees_every_tile_in_a_new_order(part: Part) -> None:
    """A pass draws all tiles, each with its own label; the next one draws them in another order."""
    drawing = Drawing(part, size=5, seed=1, recipe=None)
    passes = []
    for first in (0, 2):
        tiles, labels = (
            np.concatenate(both) for both in zip(drawing.batch(first), drawing.batch(first + 1), strict=True)
        )
        assert np.array_equal(tiles[:, 0, 0, 0] // 10 % 2, labels[:, 0])
        passes.append(tiles[:, 0, 0, 0].tolist())
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(0, 100, 10))
    assert passes[0] != passes[1]


def test_batch_is_the_same_wherever_drawing_begins(part: Part) -> None:
    """A resumed training sees the batches that it would have seen."""
    from itertools import islice

    drawing = Drawing(part, size=3, seed=1, recipe=Recipe(mosaic=0.5))
    straight = list(islice(drawing.batches(0), 7))
    resumed = list(islice(drawing.batches(4), 3))
    for (tiles, labels), (tiles_again, labels_again) in zip(straight[4:], resumed, strict=True):
        assert np.array_equal(tiles, tiles_again)
        assert np.array_equal(labels, labels_again)


def test_fewer_tiles_than_a_batch_still_make_one(part: Part) -> None:
    """A small data set is one batch a pass, not none."""
    drawing = Drawing(part, size=64, seed=1, recipe=None)
    assert (drawing.per_epoch, len(drawing.batch(3)[0])) == (1, 10)
