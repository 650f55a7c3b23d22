"""Batches for GPUs: workers share them, each gets its own outputs, and too little memory loses no tile."""

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
from crackscan.model.engines import TensorFlow
from crackscan.model.loading import Model, find_model

WORKERS, EACH, BATCH = 8, 3, 8  # 24 tiles


def tiles(count: int) -> Pixels:
    """Return tiles of 4 px, each filled with its own grey value."""
    values = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return np.broadcast_to(values, (count, 4, 4, 3)).copy()


class Device:
    """A GPU whose network returns each tile's grey value; it records the sizes of its batches.

    holds: tiles that fit into its memory.
    """

    def __init__(self, holds: int = 1000) -> None:
        self.holds, self.batches = holds, list[int]()
        self.busy, self.free = Event(), Event()
        self.free.set()

    def compile_network(self, size: int) -> Any:
        """Return a network that accepts batches of exactly `size` tiles."""

        def predict(batch: Pixels) -> Outputs:
            self.busy.set()
            self.free.wait()
            assert len(batch) == size
            if size > self.holds:
                raise MemoryError
            self.batches.append(size)
            return {"tone": batch.mean(axis=(1, 2, 3), dtype=np.float32)}

        return predict


def predict_at_once(device: Device, batches: SharedBatches) -> Iterator[tuple[Pixels, Outputs]]:
    """Yield the tiles and outputs of a worker, and of those that call while its batch is computed."""
    inputs = np.split(tiles(WORKERS * EACH), WORKERS)
    device.free.clear()
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(batches.predict, inputs[0])]
        device.busy.wait()
        futures += [pool.submit(batches.predict, part) for part in inputs[1:]]
        while len(batches._waiting) < WORKERS - 1:
            time.sleep(0.001)
        device.free.set()
        yield from zip(inputs, (future.result() for future in futures), strict=True)


def test_workers_share_batches_and_each_gets_its_own_outputs() -> None:
    """Tiles of many photos fill a batch together: 24 tiles of 8 workers take 4 batches, not 8."""
    device = Device()
    for inputs, outputs in predict_at_once(device, SharedBatches(device.compile_network, BATCH)):
        assert (outputs["tone"] == inputs[:, 0, 0, 0]).all()
    assert device.batches == [BATCH] * 4


@pytest.mark.parametrize("count", [1, 8, 13, 40])
def test_any_number_of_tiles_is_computed_in_batches_of_one_shape(count: int) -> None:
    """The last batch is padded, and the padding does not change the outputs."""
    device = Device()
    outputs = SharedBatches(device.compile_network, BATCH).predict(tiles(count))
    assert (outputs["tone"] == np.arange(count)).all()
    assert device.batches == [BATCH] * -(-count // BATCH)


def test_too_little_memory_halves_the_batch_and_loses_no_tile() -> None:
    """Each halving is noted once, with advice, and no worker loses a tile."""
    device, notes = Device(holds=2), list[str]()
    for inputs, outputs in predict_at_once(
        device, SharedBatches(device.compile_network, BATCH, note=notes.append)
    ):
        assert (outputs["tone"] == inputs[:, 0, 0, 0]).all()
    assert device.batches == [2] * 13  # 3 tiles before the others came, and 21
    assert notes == [
        "The device is out of memory for 8 tiles at once: continuing with 4. --batch 4 starts with that.",
        "The device is out of memory for 4 tiles at once: continuing with 2. --batch 2 starts with that.",
    ]


def test_too_little_memory_for_one_tile_ends_the_run_for_every_worker() -> None:
    """No worker waits forever for outputs that cannot be computed."""
    device = Device(holds=0)
    with pytest.raises(CrackscanError, match="out of memory for a single tile"):
        list(predict_at_once(device, SharedBatches(device.compile_network, BATCH)))


def test_batch_is_for_the_engine_that_has_batches() -> None:
    """--batch without --engine tensorflow is a usage error, not silently ignored."""
    done = run("scan", ".", "--batch", 64, "-o", "-", "--format", "csv")
    assert done.exit_code == 2
    assert "--batch needs --engine tensorflow" in done.stderr


@pytest.mark.slow
def test_tensorflow_out_of_memory_continues_with_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """After TensorFlow's own error, for an allocation that no machine can serve, no tile is lost."""
    import tensorflow as tf

    tiles, notes = np.random.default_rng(0).integers(0, 256, (11, 224, 224, 3), np.uint8), list[str]()
    plain = Model.load(find_model(), engine="tensorflow", batch=2).classifier().predict(tiles)
    short_of_memory = Model.load(find_model(), engine="tensorflow", batch=8, note=notes.append).classifier()
    assert isinstance(short_of_memory, TensorFlow)
    network = short_of_memory._network

    def allocate_too_much(batch: Any, *, training: bool) -> Any:
        outputs = network(batch, training=training)
        if batch.shape[0] <= 2:
            return outputs
        pebibytes = tf.fill([tf.size(batch, tf.int64) * 2**30], outputs["probability"][0, 0, 0, 0])
        return {**outputs, "probability": outputs["probability"] + tf.reduce_sum(pebibytes)}

    monkeypatch.setattr(short_of_memory, "_network", allocate_too_much)
    assert short_of_memory.predict(tiles).probabilities == pytest.approx(plain.probabilities, abs=1e-6)
    assert [note.split(":")[0][-15:] for note in notes] == ["8 tiles at once", "4 tiles at once"]
