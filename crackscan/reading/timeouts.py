"""Calls that may never return, such as reads from a network drive that is gone, are waited for only so long.

A thread that is stuck in the system cannot be stopped, only left behind; it does not keep the program alive.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from crackscan.basics.errors import Stalled

T = TypeVar("T")
_Jobs = SimpleQueue[tuple[Future[Any], Callable[[], Any]]]
_idle: deque[_Jobs] = deque()  # of the threads that wait for something to do: starting one takes longer


def call_with_timeout(
    seconds: float | None, call: Callable[[], T], *, since: Callable[[], float] | None = None
) -> T:
    """Return what a call returns, or raise what it raises; None waits for ever.

    Args:
        seconds: for the call or, where it does several things, for each of them.
        call: what to do, in another thread.
        since: returns when the call began what it does now, by `time.monotonic`.

    Raises:
        Stalled: it has not returned in time. It may go on: what it uses must be left to it.
    """
    if seconds is None:
        return call()
    answer: Future[T] = Future()
    started = monotonic()
    _some_thread().put((answer, call))
    left = seconds
    while not wait([answer], timeout=left).done:
        left = (started if since is None else since()) + seconds - monotonic()
        if left <= 0:
            raise Stalled(f"no answer within {seconds:g} s (--read-timeout)")
    return answer.result()


def _some_thread() -> _Jobs:
    try:
        return _idle.pop()
    except IndexError:
        jobs: _Jobs = SimpleQueue()
        # a daemon, so that the program ends while it is stuck
        threading.Thread(target=_serve, args=[jobs], name="crackscan-read", daemon=True).start()
        return jobs


def _serve(jobs: _Jobs) -> None:
    while True:
        answer, call = jobs.get()
        try:
            found = call()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            _idle.append(jobs)
            answer.set_exception(error)
        else:
            _idle.append(jobs)
            answer.set_result(found)
            del found  # an idle thread must not hold a photo
        del answer, call
