"""Calls that wait for a store, made ahead and many at the same time, with answers in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
THREADS = 32  # calls that wait at once
AHEAD = 256  # items that are taken before the answer for the first of them is given


def ahead(
    call: Callable[[T], R], items: Iterable[T], *, waits: Callable[[T], bool]
) -> Generator[R, None, None]:
    """Yield what a call returns for each item, in order.

    waits: says whether the call for an item waits for a store; from the first such item on, up to `AHEAD`
        items are taken ahead.
    """
    waiting: deque[R | Future[R]] = deque()
    pool: ThreadPoolExecutor | None = None
    try:
        for item in items:
            if waits(item):
                pool = pool or ThreadPoolExecutor(THREADS, thread_name_prefix="crackscan-ahead")
                waiting.append(pool.submit(call, item))
            else:
                waiting.append(call(item))
            if pool is None or len(waiting) == AHEAD:
                yield _answer(waiting.popleft())
        while waiting:
            yield _answer(waiting.popleft())
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _answer(given: R | Future[R]) -> R:
    return given.result() if isinstance(given, Future) else given
