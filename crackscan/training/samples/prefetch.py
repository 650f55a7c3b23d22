"""Training batches made ahead of the network, in other processes: making them holds Python's lock."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.training.samples.sampler import SampleStream
from crackscan.training.samples.tile_store import open_store

AHEAD = 8  # batches that are being made or waiting, 40 MB at 224 px and 32 tiles
Batch = tuple[Pixels, Float32s]

_stream: SampleStream | None = None  # of this process


def prefetch_batches(stream: SampleStream, store: Path, *, first: int) -> Generator[Batch]:
    """Yield the batches of a stream in order, from number `first` on, without end.

    store: the file of the stream's tiles. The processes end with the generator.
    """
    subset = replace(stream.subset, pixels=np.empty(0, np.uint8))  # each process maps the file itself
    pool = ProcessPoolExecutor(
        max(1, (os.cpu_count() or 1) // 2),
        mp_context=multiprocessing.get_context("spawn"),  # TensorFlow's threads do not survive a fork
        initializer=_begin,
        initargs=(replace(stream, subset=subset), store),
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


def _begin(stream: SampleStream, store: Path) -> None:
    global _stream  # noqa: PLW0603 - a process of the pool has no other place to keep it
    threading.Thread(target=_exit_after_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops the training, which then ends the pool
    _stream = replace(stream, subset=replace(stream.subset, pixels=open_store(store)))


def _exit_after_parent() -> None:
    """End this process when the training was killed: the pool's queue would wait for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(0)


def _batch(number: int) -> Batch:
    assert _stream is not None, "the pool's initializer sets it"
    return _stream.batch(number)
