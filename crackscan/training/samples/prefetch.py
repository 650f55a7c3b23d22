"""Make training batches ahead of the network, in processes of their own: drawing them holds Python's lock."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.training.samples.sampler import SampleStream
from crackscan.training.samples.tile_store import open_store

AHEAD = 8  # batches in the making or waiting, 40 MB at 224 px and 32 tiles
Batch = tuple[Pixels, Float32s]

_drawing: SampleStream | None = None  # of this process


def prefetch_batches(drawing: SampleStream, store: Path, *, first: int) -> Generator[Batch]:
    """Give the batches from the one numbered `first` on, in order, without end.

    store: the file of the drawing's tiles. The processes end with the generator.
    """
    part = replace(drawing.part, pixels=np.empty(0, np.uint8))  # each process maps the file itself
    pool = ProcessPoolExecutor(
        max(1, (os.cpu_count() or 1) // 2),
        mp_context=multiprocessing.get_context("spawn"),  # TensorFlow's threads do not survive a fork
        initializer=_begin,
        initargs=(replace(drawing, part=part), store),
    )
    waiting: deque[Future[Batch]] = deque()
    try:
        number = first
        while True:
            while len(waiting) < AHEAD:
                waiting.append(pool.submit(_batch, number))
                number += 1
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(drawing: SampleStream, store: Path) -> None:
    global _drawing  # noqa: PLW0603 - a process of the pool has no other place to keep it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training, which then ends the pool
    _drawing = replace(drawing, part=replace(drawing.part, pixels=open_store(store)))


def _batch(number: int) -> Batch:
    assert _drawing is not None, "the pool's initializer sets it"
    return _drawing.batch(number)
