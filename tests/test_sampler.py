"""Batches: validation tiles are unchanged, training samples are balanced and can be resumed."""

import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from crackscan.training.options import TrainOptions
from crackscan.training.samples.prefetch import prefetch_batches
from crackscan.training.samples.recipe import PLAIN, Recipe
from crackscan.training.samples.sampler import SMALL_DATASET_POWER, SampleStream, TileSubset

SIDE = 32
KILLED_TRAINING = """
import multiprocessing, os, signal, sys
from pathlib import Path
import numpy as np
from crackscan.training.samples.prefetch import prefetch_batches
from crackscan.training.samples.recipe import PLAIN
from crackscan.training.samples.sampler import SampleStream, TileSubset

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    stored, pixels = np.load(folder / "subset.npz"), np.load(folder / "tiles.npy")
    subset = TileSubset(pixels, stored["indices"], stored["labels"], stored["datasets"])
    batches = prefetch_batches(SampleStream(subset, 2, 1, PLAIN), folder / "tiles.npy", first=0)
    next(batches)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def subset() -> TileSubset:
    """Return ten tiles of levels 90 to 0: three of one dataset, seven of another; odd ones cracked."""
    pixels = np.stack([np.full((SIDE, SIDE, 3), 10 * number, np.uint8) for number in range(12)])
    indices = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    return TileSubset(pixels, indices, indices % 2 == 1, np.array([0] * 3 + [1] * 7))


def test_validation_uses_each_tile_once_unchanged(subset: TileSubset) -> None:
    """Validation batches hold all tiles of the subset with their labels, in order, the last one smaller."""
    batches = list(subset.batches(4))
    assert [len(tiles) for tiles, *_ in batches] == [4, 4, 2]
    assert np.concatenate([tiles[:, 0, 0, 0] for tiles, *_ in batches]).tolist() == list(range(90, -1, -10))
    assert np.concatenate([labels[:, 0] for _, labels, _ in batches]).tolist() == [1, 0] * 5


def test_each_label_of_each_dataset_weighs_the_same(subset: TileSubset) -> None:
    """A large dataset decides no more than a small one, and the weights are 1 on average."""
    kinds = 2 * subset.datasets + subset.labels
    sums = [float(subset.weights[kinds == kind].sum()) for kind in range(4)]
    assert sums == pytest.approx([2.5] * 4)
    assert float(np.concatenate([weights for *_, weights in subset.batches(3)]).mean()) == pytest.approx(1)


def test_training_draws_both_labels_alike_and_all_of_the_tiles(subset: TileSubset) -> None:
    """However rare a label is, half of the samples have it; each tile is met."""
    rare = TileSubset(subset.pixels, subset.indices, subset.indices == 1, subset.datasets)
    tiles, labels = SampleStream(rare, size=400, seed=1, recipe=PLAIN).batch(0)
    assert 0.4 < labels.mean() < 0.6
    assert set(tiles[labels[:, 0] == 1][:, 0, 0, 0].tolist()) == {10}
    assert set(tiles[labels[:, 0] == 0][:, 0, 0, 0].tolist()) == {10 * place for place in range(10)} - {10}


def test_small_dataset_is_over_sampled(subset: TileSubset) -> None:
    """Datasets are drawn from in proportion to the fourth root of their size."""
    datasets = np.array([0] + [1] * 9)
    few = TileSubset(
        subset.pixels, subset.indices, np.zeros(10, dtype=bool) | (subset.indices == 5), datasets
    )
    tiles, labels = SampleStream(few, size=1000, seed=2, recipe=PLAIN).batch(0)
    uncracked = tiles[labels[:, 0] == 0][:, 0, 0, 0]
    assert (uncracked == 90).mean() == pytest.approx(1 / (1 + 8**SMALL_DATASET_POWER), abs=0.06)


def test_collage_is_of_one_dataset(subset: TileSubset) -> None:
    """Tiles of a collage come from one dataset, if one has all the labels."""
    stream, rng = SampleStream(subset, size=1, seed=1, recipe=PLAIN), np.random.default_rng(0)
    for _ in range(20):
        levels = [tile[0, 0, 0] for tile in stream.same_dataset(rng, [True, False, True])]
        assert [level // 10 % 2 == 1 for level in levels] == [True, False, True]
        assert len({level >= 70 for level in levels}) == 1


def test_collage_is_of_two_datasets_if_no_dataset_has_both_labels(subset: TileSubset) -> None:
    """If no dataset has both labels, a cracked collage is made of two."""
    apart = TileSubset(subset.pixels, subset.indices, subset.datasets == 0, subset.datasets)
    tiles = SampleStream(apart, size=1, seed=1, recipe=PLAIN).same_dataset(
        np.random.default_rng(0), [True, False]
    )
    assert tiles[0][0, 0, 0] >= 70 > tiles[1][0, 0, 0]


def test_batch_is_the_same_wherever_stream_begins(subset: TileSubset, tmp_path: Path) -> None:
    """A resumed training sees the batches that it would have seen, also from other processes."""
    stream = SampleStream(subset, size=3, seed=1, recipe=Recipe())
    np.save(tmp_path / "tiles.npy", subset.pixels)
    batches = prefetch_batches(stream, tmp_path / "tiles.npy", first=4)
    for number, (tiles, labels) in zip((4, 5, 6), islice(batches, 3), strict=True):
        expected, its_labels = stream.batch(number)
        assert np.array_equal(tiles, expected)
        assert np.array_equal(labels, its_labels)
    batches.close()


def test_fewer_tiles_than_a_batch_still_make_an_epoch(subset: TileSubset) -> None:
    """A small dataset gives one full batch an epoch, not none."""
    stream = SampleStream(subset, size=64, seed=1, recipe=PLAIN)
    options = TrainOptions(weights="none", batch=64, epochs_fine_tune=3, validations=1)
    assert (options.steps(len(subset)), len(stream.batch(3)[0])) == (3, 64)


def test_samples_are_the_first_batches(subset: TileSubset) -> None:
    """Validation samples keep their labels, tile by tile."""
    stream = SampleStream(subset, size=4, seed=1, recipe=PLAIN)
    samples = stream.samples()
    tiles, labels, _ = next(samples.batches(8))
    assert np.array_equal(tiles, np.concatenate([stream.batch(0)[0], stream.batch(1)[0]]))
    assert np.array_equal(labels, np.concatenate([stream.batch(0)[1], stream.batch(1)[1]]))


def test_other_processes_end_when_the_training_is_killed(subset: TileSubset, tmp_path: Path) -> None:
    """A killed training leaves no process behind that waits for ever."""
    np.savez(tmp_path / "subset.npz", indices=subset.indices, labels=subset.labels, datasets=subset.datasets)
    np.save(tmp_path / "tiles.npy", subset.pixels)
    (tmp_path / "killed.py").write_text(KILLED_TRAINING, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "killed.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    children = [Path(f"/proc/{number}") for number in done.stdout.split()]
    assert children
    deadline = time.monotonic() + 20
    while any(child.exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(child.exists() for child in children)
