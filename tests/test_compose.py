"""Training samples hold a crack where their label says so, and are the same for the same seed."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from crackscan.training.samples.compose import collage, compose, zoom
from crackscan.training.samples.recipe import PLAIN, Ingredient, Recipe

SIDE = 64
DARK = 130  # a crack's pixels are below, however fine and faint; those of the background, 150 to 170, never


class Grey:
    """Grey tiles, across which a dark line goes where they are cracked."""

    def tile(self, rng: np.random.Generator, *, label: bool) -> NDArray[np.uint8]:
        """Return a tile of one tone."""
        tile = np.full((SIDE, SIDE, 3), rng.integers(150, 170), np.uint8)
        if label:
            tile[:, int(rng.integers(20, 40)) :][:, :8] = 10
        return tile

    def same_dataset(self, rng: np.random.Generator, labels: Sequence[bool]) -> list[NDArray[np.uint8]]:
        """Return tiles of these labels."""
        return [self.tile(rng, label=label) for label in labels]


TILES = Grey()


def dark(tile: NDArray[np.uint8]) -> bool:
    """Say whether anything in the tile is as dark as a crack."""
    return bool((tile < DARK).any())


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("share", ["mosaic", "drawn"])
def test_crack_is_there_where_the_label_says_so(share: str, *, label: bool) -> None:
    """Photographs, collages, and cracks put onto uncracked tiles: all match their label."""
    recipe = Recipe(
        **{"mosaic": 0.0, "drawn": 0.0, "concrete": 0.0, share: 1.0}, transplanted=0.5, crack_px=(3, 6)
    ).without([Ingredient.LIGHT, Ingredient.CAMERA, Ingredient.LOOKALIKES, Ingredient.DIRT])
    found = [dark(compose(TILES, recipe, np.random.default_rng(seed), label=label)) for seed in range(40)]
    assert np.mean(found) > 0.8 if label else not any(found)


def test_collage_shows_all_its_tiles_at_one_level() -> None:
    """No part of a collage stands out by its brightness: seams mean nothing."""

    class Uneven(Grey):
        def tile(self, rng: np.random.Generator, *, label: bool) -> NDArray[np.uint8]:  # noqa: ARG002
            return np.full((SIDE, SIDE, 3), rng.choice([60, 120, 180]), np.uint8)

    shown = collage(Uneven(), Recipe(mosaic_side=(2, 2)), np.random.default_rng(0), label=False)
    assert shown.shape == (SIDE, SIDE, 3)
    assert np.ptp(shown.astype(int)) <= 2


@pytest.mark.parametrize("side", [2, 3, 4])
def test_cracks_get_finer_in_a_collage(side: int) -> None:
    """A collage of 3 x 3 shows a crack at a third of its width, and at least one is there."""
    rng = np.random.default_rng(1)
    shown = collage(TILES, Recipe(mosaic_side=(side, side), zoom_cracked=1), rng, label=True)
    widths = (shown[..., 0] < DARK).sum() / (SIDE / side)
    assert 0.5 * 8 / side <= widths <= side * 1.5 * 8 / side


def test_zoom_shows_a_square_of_the_tile_at_full_size() -> None:
    """The part comes from the tile, and fills the sample."""
    tile = np.repeat(np.arange(SIDE, dtype=np.uint8)[:, np.newaxis, np.newaxis], SIDE, axis=1).repeat(
        3, axis=2
    )
    shown = [zoom(tile, SIDE, 0.5, np.random.default_rng(seed)) for seed in range(30)]
    spans = [int(one.max()) - int(one.min()) for one in shown]
    assert all(one.shape == (SIDE, SIDE, 3) for one in shown)
    assert min(spans) >= SIDE // 2 - 2
    assert max(spans) > SIDE // 2 + 5


def test_same_seed_makes_the_same_sample() -> None:
    """All chance comes from the generator."""
    samples = [
        compose(TILES, Recipe(), np.random.default_rng(seed), label=True) for seed in (*range(12), *range(12))
    ]
    for first, again in zip(samples[:12], samples[12:], strict=True):
        assert np.array_equal(first, again)
    assert len({sample.tobytes() for sample in samples}) == 12
    assert {(sample.dtype.name, sample.shape) for sample in samples} == {("uint8", (SIDE, SIDE, 3))}


def test_look_alikes_come_on_both_labels() -> None:
    """Look-alikes must not reveal the label: with them, both labels change equally often."""
    with_, without = Recipe(lookalikes_on_photos=1.0, drawn=0.0), Recipe(lookalikes_on_photos=0.0, drawn=0.0)
    still = [Ingredient.LIGHT, Ingredient.CAMERA, Ingredient.MOSAICS, Ingredient.ZOOM]
    plain = [recipe.without(still) for recipe in (with_, without)]
    for label in (True, False):
        changed = [
            not np.array_equal(
                *(
                    np.sort(compose(TILES, one, np.random.default_rng(seed), label=label).ravel())
                    for one in plain
                )
            )
            for seed in range(10)
        ]
        assert np.mean(changed) > 0.8


def even(tile: NDArray[np.uint8]) -> bool:
    """Say whether most of the tile has one tone, as clean grey concrete has."""
    return bool(np.unique(tile, return_counts=True)[1].max() > tile.size / 2)


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("drawn", [0.0, 1.0])
def test_dirt_comes_on_both_labels(drawn: float, *, label: bool) -> None:
    """The right share of photographs and of backgrounds gets dirty, cracked or not."""
    recipe = Recipe(drawn=drawn, concrete=0.0, dirt=0.5).without(
        set(Ingredient) - {Ingredient.DIRT, Ingredient.DRAWN, Ingredient.TRANSPLANTS}
    )
    clean = [even(compose(TILES, recipe, np.random.default_rng(seed), label=label)) for seed in range(80)]
    assert 0.35 < np.mean(clean) < 0.65


@pytest.mark.parametrize("ingredient", Ingredient)
def test_each_ingredient_can_be_left_out(ingredient: Ingredient) -> None:
    """A recipe without an ingredient differs from the whole one, and without all it is plain."""
    assert Recipe().without([ingredient]) != Recipe()
    assert Recipe().without(Ingredient) == PLAIN


def test_plain_recipe_shows_tiles_as_they_are() -> None:
    """Without all ingredients a sample is a tile of its label, turned or mirrored."""
    seen = compose(TILES, PLAIN, np.random.default_rng(3), label=True)
    assert set(np.unique(seen)) - {10} <= set(range(150, 170))
