"""Batches for GPUs: workers share them, each gets its own answers, and too little memory loses no tile."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pytest
from commands import run

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import CrackscanError
from crackscan.model.batching import Outputs, SharedBatches
from crackscan.model.classifier import Model, find_model
from crackscan.model.engines import TensorFlow

WORKERS, EACH, BATCH = 8, 3, 8  # 24 tiles


def tiles(count: int) -> Pixels:
    """Return tiles of 4 px, each of a tone of its own."""
    tones = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return np.broadcast_to(tones, (count, 4, 4, 3)).copy()


class Device:
    """Answers with each tile's tone; its memory holds so many tiles, and it counts its batches."""

    def __init__(self, holds: int = 1000) -> None:
        self.holds, self.batches = holds, list[int]()
        self.busy, self.free = Event(), Event()
        self.free.set()

    def compiled(self, size: int) -> Any:
        """Return what judges batches of so many tiles, and of no other number."""

        def predict(batch: Pixels) -> Outputs:
            self.busy.set()
            self.free.wait()
            assert len(batch) == size
            if size > self.holds:
                raise MemoryError
            self.batches.append(size)
            return {"tone": batch.mean(axis=(1, 2, 3), dtype=np.float32)}

        return predict


def asked_at_once(device: Device, batches: SharedBatches) -> Iterator[tuple[Pixels, Outputs]]:
    """Yield the tiles and the answers of one worker, and of those that ask while that is judged."""
    seen = np.split(tiles(WORKERS * EACH), WORKERS)
    device.free.clear()
    with ThreadPoolExecutor(WORKERS) as pool:
        asked = [pool.submit(batches.predict, seen[0])]
        device.busy.wait()
        asked += [pool.submit(batches.predict, some) for some in seen[1:]]
        while len(batches._waiting) < WORKERS - 1:
            time.sleep(0.001)
        device.free.set()
        yield from zip(seen, (one.result() for one in asked), strict=True)


def test_workers_share_batches_and_each_gets_its_own_answers() -> None:
    """Tiles of many photos fill a batch together: 24 tiles of 8 workers take 4 batches, not 8."""
    device = Device()
    for seen, found in asked_at_once(device, SharedBatches(device.compiled, BATCH)):
        assert (found["tone"] == seen[:, 0, 0, 0]).all()
    assert device.batches == [BATCH] * 4


@pytest.mark.parametrize("count", [1, 8, 13, 40])
def test_any_number_of_tiles_is_judged_in_batches_of_one_shape(count: int) -> None:
    """The last batch is padded, and what it is padded with has no say."""
    device = Device()
    found = SharedBatches(device.compiled, BATCH).predict(tiles(count))
    assert (found["tone"] == np.arange(count)).all()
    assert device.batches == [BATCH] * -(-count // BATCH)


def test_too_little_memory_halves_the_batch_and_loses_no_tile() -> None:
    """Each halving is said once, with what to do, whoever's tiles were in the batch."""
    device, notes = Device(holds=2), list[str]()
    for seen, found in asked_at_once(device, SharedBatches(device.compiled, BATCH, note=notes.append)):
        assert (found["tone"] == seen[:, 0, 0, 0]).all()
    assert device.batches == [2] * 13  # 3 tiles before the others came, and 21
    assert notes == [
        "The device is out of memory for 8 tiles at once: going on with 4. --batch 4 starts with that.",
        "The device is out of memory for 4 tiles at once: going on with 2. --batch 2 starts with that.",
    ]


def test_too_little_memory_for_one_tile_ends_the_run_for_every_worker() -> None:
    """Nobody waits for ever for answers that will not come."""
    device = Device(holds=0)
    with pytest.raises(CrackscanError, match="out of memory for a single tile"):
        list(asked_at_once(device, SharedBatches(device.compiled, BATCH)))


def test_batch_is_for_the_engine_that_has_batches() -> None:
    """--batch without --engine tensorflow is wrong usage, not silently of no effect."""
    done = run("scan", ".", "--batch", 64, "-o", "-", "--format", "csv")
    assert done.exit_code == 2
    assert "--batch needs --engine tensorflow" in done.stderr


@pytest.mark.slow
def test_tensorflow_out_of_memory_goes_on_with_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's own error, of an allocation that no machine can serve, costs no tile."""
    import tensorflow as tf

    seen, notes = np.random.default_rng(0).integers(0, 256, (11, 224, 224, 3), np.uint8), list[str]()
    plain = Model.load(find_model(), engine="tensorflow", batch=2).classifier().predict(seen)
    starved = Model.load(find_model(), engine="tensorflow", batch=8, note=notes.append).classifier()
    assert isinstance(starved, TensorFlow)
    network = starved._network

    def greedy(batch: Any, *, training: bool) -> Any:
        answers = network(batch, training=training)
        if batch.shape[0] <= 2:
            return answers
        pebibytes = tf.fill([tf.size(batch, tf.int64) * 2**30], answers["probability"][0, 0, 0, 0])
        return {**answers, "probability": answers["probability"] + tf.reduce_sum(pebibytes)}

    monkeypatch.setattr(starved, "_network", greedy)
    assert starved.predict(seen).probabilities == pytest.approx(plain.probabilities, abs=1e-6)
    assert [note.split(":")[0][-15:] for note in notes] == ["8 tiles at once", "4 tiles at once"]
