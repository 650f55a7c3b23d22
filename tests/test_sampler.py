"""Batches: what is checked comes as it is, what is learnt from is balanced and can be resumed."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from crackscan.training.options import TrainOptions
from crackscan.training.samples.prefetch import prefetch_batches
from crackscan.training.samples.recipe import PLAIN, Recipe
from crackscan.training.samples.sampler import SMALL_DATA, SampleStream, TileSubset

SIDE = 32


@pytest.fixture
def part() -> TileSubset:
    """Return ten tiles of levels 90 to 0: three of the first DATA, seven of the second; odd ones cracked."""
    pixels = np.stack([np.full((SIDE, SIDE, 3), 10 * number, np.uint8) for number in range(12)])
    places = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    return TileSubset(pixels, places, places % 2 == 1, np.array([0] * 3 + [1] * 7))


def test_checks_see_each_tile_once_as_it_is(part: TileSubset) -> None:
    """Validation batches hold all tiles of the part with their labels, in order, the last one smaller."""
    batches = list(part.batches(4))
    assert [len(tiles) for tiles, *_ in batches] == [4, 4, 2]
    assert np.concatenate([tiles[:, 0, 0, 0] for tiles, *_ in batches]).tolist() == list(range(90, -1, -10))
    assert np.concatenate([labels[:, 0] for _, labels, _ in batches]).tolist() == [1, 0] * 5


def test_each_label_of_each_data_weighs_the_same(part: TileSubset) -> None:
    """A large DATA decides no more than a small one, and the weights are 1 on average."""
    kinds = 2 * part.sources + part.labels
    sums = [float(part.weights[kinds == kind].sum()) for kind in range(4)]
    assert sums == pytest.approx([2.5] * 4)
    assert float(np.concatenate([weights for *_, weights in part.batches(3)]).mean()) == pytest.approx(1)


def test_training_draws_both_labels_alike_and_all_of_the_tiles(part: TileSubset) -> None:
    """However rare a label is, half of the samples have it; each tile is met."""
    rare = TileSubset(part.pixels, part.places, part.places == 1, part.sources)
    tiles, labels = SampleStream(rare, size=400, seed=1, recipe=PLAIN).batch(0)
    assert 0.4 < labels.mean() < 0.6
    assert set(tiles[labels[:, 0] == 1][:, 0, 0, 0].tolist()) == {10}
    assert set(tiles[labels[:, 0] == 0][:, 0, 0, 0].tolist()) == {10 * place for place in range(10)} - {10}


def test_small_data_is_drawn_from_more_often_than_its_size(part: TileSubset) -> None:
    """DATA are drawn from by the fourth root of their size."""
    sources = np.array([0] + [1] * 9)
    few = TileSubset(part.pixels, part.places, np.zeros(10, dtype=bool) | (part.places == 5), sources)
    tiles, labels = SampleStream(few, size=1000, seed=2, recipe=PLAIN).batch(0)
    uncracked = tiles[labels[:, 0] == 0][:, 0, 0, 0]
    assert (uncracked == 90).mean() == pytest.approx(1 / (1 + 8**SMALL_DATA), abs=0.06)


def test_mosaic_is_of_one_data(part: TileSubset) -> None:
    """Tiles that are shown together come from one DATA, where one has all the labels asked for."""
    drawing, rng = SampleStream(part, size=1, seed=1, recipe=PLAIN), np.random.default_rng(0)
    for _ in range(20):
        levels = [tile[0, 0, 0] for tile in drawing.of_one_data(rng, [True, False, True])]
        assert [level // 10 % 2 == 1 for level in levels] == [True, False, True]
        assert len({level >= 70 for level in levels}) == 1


def test_mosaic_takes_what_there_is(part: TileSubset) -> None:
    """Where no DATA has both labels, a cracked mosaic is of two."""
    apart = TileSubset(part.pixels, part.places, part.sources == 0, part.sources)
    tiles = SampleStream(apart, size=1, seed=1, recipe=PLAIN).of_one_data(
        np.random.default_rng(0), [True, False]
    )
    assert tiles[0][0, 0, 0] >= 70 > tiles[1][0, 0, 0]


def test_batch_is_the_same_wherever_drawing_begins(part: TileSubset, tmp_path: Path) -> None:
    """A resumed training sees the batches that it would have seen, also from other processes."""
    drawing = SampleStream(part, size=3, seed=1, recipe=Recipe())
    np.save(tmp_path / "tiles.npy", part.pixels)
    ahead = prefetch_batches(drawing, tmp_path / "tiles.npy", first=4)
    for number, (tiles, labels) in zip((4, 5, 6), islice(ahead, 3), strict=True):
        expected, its_labels = drawing.batch(number)
        assert np.array_equal(tiles, expected)
        assert np.array_equal(labels, its_labels)
    ahead.close()


def test_fewer_tiles_than_a_batch_still_make_a_pass(part: TileSubset) -> None:
    """A small data set is one batch a pass, not none, and the batch is full."""
    drawing = SampleStream(part, size=64, seed=1, recipe=PLAIN)
    options = TrainOptions(weights="none", batch=64, epochs_fine_tune=3, checks=1)
    assert (options.steps(len(part)), len(drawing.batch(3)[0])) == (3, 64)


def test_samples_are_the_first_batches(part: TileSubset) -> None:
    """What is drawn to be judged keeps its labels, tile by tile."""
    drawing = SampleStream(part, size=4, seed=1, recipe=PLAIN)
    samples = drawing.samples()
    tiles, labels, _ = next(samples.batches(8))
    assert np.array_equal(tiles, np.concatenate([drawing.batch(0)[0], drawing.batch(1)[0]]))
    assert np.array_equal(labels, np.concatenate([drawing.batch(0)[1], drawing.batch(1)[1]]))
