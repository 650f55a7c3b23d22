"""Judge Work on all cores, in plan order; what is in flight is bounded."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from math import ceil

from crackscan.basics.arrays import Pixels
from crackscan.basics.records import Result, Work
from crackscan.model.predictions import Classifier, Predictions
from crackscan.reading.file_signature import file_signature
from crackscan.scanning.inference import infer_each

IN_FLIGHT = 4  # groups of Work per worker ahead of what is written: bounds memory, and hides uneven Work
GROUP = 16  # small photos that a worker takes at once: they share what handing over and judging cost
SMALL_BYTES = 300_000  # of a photo's file: one tile as a JPEG has 20,000, as a PNG 150,000
BANDS = 7  # of a mosaic that a worker takes at once: a block of 512 px is decoded 1.3 times, one by one 3.3
BANDS_PX = 32_000_000  # pixels of these at most: they are written together, which should not take long

Group = list[Work]  # judged by one worker, one after the other
WorkRows = tuple[Work, list[Result]]


def run_works(
    works: Iterable[Work], load: Callable[[], Classifier], *, jobs: int
) -> Generator[WorkRows, None, None]:
    """Judge Work on `jobs` threads, each with its own classifier, and yield the results in plan order.

    Whoever stops early does not wait for the threads: each gives up its Work at the next batch.
    """
    with closing(run_in_groups(works, load, jobs=jobs)) as judged:
        for together in judged:
            yield from together


def run_in_groups(
    works: Iterable[Work], load: Callable[[], Classifier], *, jobs: int
) -> Generator[list[WorkRows], None, None]:
    """Do what `run_works` does, and yield at once what was judged together.

    Threads serve: decoding and the interpreters run outside Python's lock.
    """
    local, ended = threading.local(), threading.Event()

    def run(group: Group) -> list[WorkRows]:
        if not hasattr(local, "classifier"):
            local.classifier = _Stoppable(load(), ended)
        return list(zip(group, infer_each(group, local.classifier), strict=True))

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="crackscan")
    pending: deque[Future[list[WorkRows]]] = deque()
    try:
        for group in _groups(works, jobs):
            pending.append(pool.submit(run, group))
            if len(pending) >= IN_FLIGHT * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _groups(works: Iterable[Work], jobs: int) -> Iterator[Group]:
    """Put neighbouring bands of a mosaic together, and small photos; all else stays by itself."""
    for mosaic, run in groupby(works, key=lambda work: work.mosaic):
        if mosaic is None:
            yield from _photo_groups(run)
        else:
            yield from _band_groups(run, jobs)


def _band_groups(bands: Iterable[Work], jobs: int) -> Iterator[Group]:
    """Give all workers bands of one mosaic, in shares as even as they can be."""
    taken: Group = []
    pixels = 0
    for band in bands:
        taken.append(band)
        pixels += band.window.width * band.window.height if band.window else 0
        if len(taken) == BANDS * jobs or pixels >= BANDS_PX * jobs:
            yield from _shares(taken, jobs)
            taken, pixels = [], 0
    yield from _shares(taken, jobs)


def _shares(works: Group, jobs: int) -> Iterator[Group]:
    each = ceil(len(works) / jobs)
    return (works[at : at + each] for at in range(0, len(works), each or 1))


def _photo_groups(works: Iterable[Work]) -> Iterator[Group]:
    """Put small photos that follow one another together."""
    group: Group = []
    for work in works:
        small = _is_small(work)
        if group and (len(group) == GROUP or not small):
            yield group
            group = []
        if small:
            group.append(work)
        else:
            yield [work]
    if group:
        yield group


def _is_small(work: Work) -> bool:
    if work.kind != "photo" or work.fault is not None:
        return False
    known = work.signature or file_signature(work.path)  # a journal's plan has looked already
    return known is not None and known.size <= SMALL_BYTES


class _Stoppable:
    """A classifier that judges no more once nobody wants to know."""

    def __init__(self, classifier: Classifier, ended: threading.Event) -> None:
        self.model, self.input_px = classifier.model, classifier.input_px
        self._classifier, self._ended = classifier, ended

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Judge tiles, or larger pictures.

        Raises: CancelledError: the scan has ended.
        """
        if self._ended.is_set():
            raise CancelledError
        return self._classifier.predict(tiles, stride_cells)
