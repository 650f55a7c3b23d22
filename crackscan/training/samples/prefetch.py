"""Samples made ahead of the network, in other processes: making them holds Python's lock."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.training.samples.sampler import SampleStream
from crackscan.training.samples.tile_store import open_store

AHEAD = 8  # batches that are being made or waiting, 40 MB at 224 px and 32 tiles
Batch = tuple[Pixels, Float32s]
Made = TypeVar("Made")

_make: Callable[[int], Any] | None = None  # of this process


def prefetch_batches(stream: SampleStream, store: Path, *, first: int) -> Generator[Batch]:
    """Yield the batches of a stream in order, from number `first` on, without end.

    store: the file of the stream's tiles. The processes end with the generator.
    """
    subset = replace(stream.subset, pixels=np.empty(0, np.uint8))  # each process maps the file itself
    return make_ahead(_StoredBatches(replace(stream, subset=subset), store), count(first))


def make_ahead(make: Callable[[int], Made], numbers: Iterable[int]) -> Generator[Made]:
    """Yield what `make` returns for each number, in order; other processes make the next AHEAD of them.

    make: can be pickled. The processes end with the generator.
    """
    pool = ProcessPoolExecutor(
        max(1, (os.cpu_count() or 1) // 2),
        mp_context=multiprocessing.get_context("spawn"),  # TensorFlow's threads do not survive a fork
        initializer=_begin,
        initargs=(make,),
    )
    remaining = iter(numbers)
    waiting: deque[Future[Made]] = deque()
    try:
        while True:
            waiting.extend(pool.submit(_call, number) for number in islice(remaining, AHEAD - len(waiting)))
            if not waiting:
                break
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(slots=True)
class _StoredBatches:
    """The batches of a stream whose tiles are in a file, by number."""

    stream: SampleStream
    store: Path
    _opened: SampleStream | None = None

    def __call__(self, number: int) -> Batch:
        if self._opened is None:
            subset = replace(self.stream.subset, pixels=open_store(self.store))
            self._opened = replace(self.stream, subset=subset)
        return self._opened.batch(number)


def _begin(make: Callable[[int], Any]) -> None:
    global _make  # noqa: PLW0603 - a process of the pool has no other place to keep it
    threading.Thread(target=_exit_after_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops the training, which then ends the pool
    _make = make


def _exit_after_parent() -> None:
    """End this process when the training was killed: the pool's queue would wait for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(0)


def _call(number: int) -> Any:
    assert _make is not None, "the pool's initializer sets it"
    return _make(number)
