"""Augmentation keeps the label of a tile, and is the same for the same seed."""

import numpy as np
from numpy.typing import NDArray

from crackscan.training.samples.augmentation import augment, compress, relight, turn
from crackscan.training.samples.recipe import PLAIN, Recipe

SIDE = 32


def tile(level: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a tile of one level with a little texture."""
    return (np.random.default_rng(seed).integers(0, 20, (SIDE, SIDE, 3)) + level).astype(np.uint8)


def test_all_eight_views_of_a_tile_are_met() -> None:
    """A tile comes in every mirroring and quarter turn, and in nothing else."""
    one = tile(50)
    views = {turn(one, np.random.default_rng(seed)).tobytes() for seed in range(200)}
    expected = {np.rot90(side, turns).tobytes() for side in (one, one[:, ::-1]) for turns in range(4)}
    assert views == expected


def test_recipe_that_changes_nothing_keeps_every_pixel() -> None:
    """With all of its parts at zero, a recipe only turns and mirrors."""
    one = tile(50)
    assert sorted(augment(one, PLAIN, np.random.default_rng(1)).ravel()) == sorted(one.ravel())


def test_light_never_wraps_around() -> None:
    """Bright pixels made brighter stay bright: they end at 255, not at 0."""
    recipe = Recipe(contrast=(1.0, 1.0), brightness=60, tint=0, shade=0)
    lit = [relight(tile(235), recipe, np.random.default_rng(seed)) for seed in range(20)]
    assert max(one.max() for one in lit) == 255
    assert min(one.min() for one in lit) >= 235 - 60 - 20


def test_darker_stays_darker_in_any_light() -> None:
    """A crack is darker than what is around it whatever the light is changed to."""
    one = tile(150)
    one[:, 10:12] = 20
    for seed in range(50):
        lit = relight(one, Recipe(), np.random.default_rng(seed))
        assert lit[:, 10:12].mean() < lit[:, 20:].mean()


def test_same_seed_gives_the_same_tile() -> None:
    """All that is drawn comes from the generator."""
    one, recipe = tile(80), Recipe(blur=1, noise=1, jpeg=1)
    first, again = (augment(one, recipe, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, augment(one, recipe, np.random.default_rng(8)))
    assert (first.dtype, first.shape) == (np.uint8, (SIDE, SIDE, 3))


def test_compression_leaves_the_size_as_it_was() -> None:
    """JPEG changes values, not shape."""
    assert compress(tile(80), 40).shape == (SIDE, SIDE, 3)
