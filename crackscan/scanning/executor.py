"""Execution of Work on all cores; results come in plan order, and a bounded number is in flight."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from math import ceil
from typing import Protocol

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.records import Result, RowOptions, Work
from crackscan.model.predictions import Classifier, Predictions
from crackscan.reading.file_signature import file_signature
from crackscan.reading.locations import drop_fetched, fetch_ahead
from crackscan.scanning.inference import infer_each

IN_FLIGHT = 4  # groups of Work per worker that are not written yet: bounds memory, and hides uneven Work
GROUP = 16  # small photos that a worker takes at once: they share the costs of hand-over and inference
SMALL_BYTES = 300_000  # of a photo's file: one tile takes 20,000 as a JPEG, 150,000 as a PNG
BANDS = 7  # of a mosaic that a worker takes at once: a block of 512 px is decoded 1.3 times instead of 3.3
BANDS_PX = 32_000_000  # their pixels at most: they are written together, which should not take long

Group = list[Work]  # for one worker
WorkRows = tuple[Work, list[Result]]


class Runner(Protocol):
    """What judges the Work of a scan: threads of this process, or the machines of a cluster."""

    @property
    def figures(self) -> dict[str, float]:
        """Figures for the progress, such as the number of machines."""

    def run_in_groups(
        self, works: Iterable[Work], options: RowOptions
    ) -> Generator[list[WorkRows], None, None]:
        """Judge Work, and yield the rows without labels, some Work at a time, perhaps in another order.

        How much is judged and not yet yielded is bounded. A caller that stops early does not wait.
        """


class Threads:
    """The runner of one machine: `run_in_groups` on threads, in plan order."""

    def __init__(self, load: Callable[[], Classifier], jobs: int) -> None:
        self._load, self._jobs = load, jobs
        self.figures: dict[str, float] = {}

    def run_in_groups(
        self, works: Iterable[Work], options: RowOptions
    ) -> Generator[list[WorkRows], None, None]:
        """Judge Work as `run_in_groups` of this module does."""
        return run_in_groups(works, self._load, options, jobs=self._jobs)


def run_works(
    works: Iterable[Work], load: Callable[[], Classifier], options: RowOptions, *, jobs: int
) -> Generator[WorkRows, None, None]:
    """Judge Work on `jobs` threads, each with its own classifier, and yield rows in plan order.

    The rows have no labels yet. A caller that stops early does not wait for the threads: each gives up its
    Work at the next batch of tiles.
    """
    with closing(run_in_groups(works, load, options, jobs=jobs)) as groups:
        for group in groups:
            yield from group


def run_in_groups(
    works: Iterable[Work], load: Callable[[], Classifier], options: RowOptions, *, jobs: int
) -> Generator[list[WorkRows], None, None]:
    """Do the same as `run_works`, but yield the Work that was judged together as one list.

    Threads are enough: decoding and the interpreters release Python's lock.
    """
    local, ended = threading.local(), threading.Event()

    def run(group: Group) -> list[WorkRows]:
        if not hasattr(local, "classifier"):
            local.classifier = _StoppableClassifier(load(), ended)
        return list(zip(group, infer_each(group, local.classifier, options), strict=True))

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="crackscan")
    pending: deque[Future[list[WorkRows]]] = deque()
    try:
        for group in groups_of(works, jobs):
            fetch_ahead([work.path for work in group if work.kind == "photo" and work.fault is None])
            pending.append(pool.submit(run, group))
            if len(pending) >= IN_FLIGHT * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)
        drop_fetched()


def groups_of(works: Iterable[Work], jobs: int) -> Iterator[Group]:
    """Yield Work in groups: neighbouring bands of a mosaic, and small photos; other Work stays alone.

    jobs: so many workers share the bands that are grouped at once.
    """
    for mosaic, run in groupby(works, key=lambda work: work.mosaic):
        if mosaic is None:
            yield from _photo_groups(run)
        else:
            yield from _band_groups(run, jobs)


def _band_groups(bands: Iterable[Work], jobs: int) -> Iterator[Group]:
    """Share the bands of one mosaic evenly among the workers."""
    batch: Group = []
    pixels = 0
    for band in bands:
        batch.append(band)
        pixels += band.window.width * band.window.height if band.window else 0
        if len(batch) == BANDS * jobs or pixels >= BANDS_PX * jobs:
            yield from _shares(batch, jobs)
            batch, pixels = [], 0
    yield from _shares(batch, jobs)


def _shares(works: Group, jobs: int) -> Iterator[Group]:
    size = ceil(len(works) / jobs)
    return (works[start : start + size] for start in range(0, len(works), size or 1))


def _photo_groups(works: Iterable[Work]) -> Iterator[Group]:
    """Group small photos that follow one another."""
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
    signature = work.signature or file_signature(work.path)  # a journal's plan has it already
    return signature is not None and signature.size <= SMALL_BYTES


class _StoppableClassifier:
    """Classifier wrapper that stops when the scan is cancelled."""

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

    def line_probabilities(self, image: Pixels) -> Float32s | None:
        """Say where crack lines run.

        Raises: CancelledError: the scan has ended.
        """
        if self._ended.is_set():
            raise CancelledError
        return self._classifier.line_probabilities(image)
