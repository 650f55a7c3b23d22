"""Calls with a time limit, for reads that may never return, such as those from a disconnected network drive.

A thread that is stuck in the system cannot be stopped, only left behind; it does not keep the program alive.
It keeps what it reads, up to 1.4 GB for a photo, so only a few are left behind at any time.
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
MOST_LEFT_BEHIND = 4  # calls that have not ended and that nobody waits for
_left_behind: set[Future[Any]] = set()
_change = threading.Condition()  # of `_left_behind`
_idle: deque[_Jobs] = deque()  # queues of idle threads, which are reused: starting a thread takes longer


def call_with_timeout(
    seconds: float | None, call: Callable[[], T], *, since: Callable[[], float] | None = None
) -> T:
    """Return what a call returns, or raise what it raises.

    Args:
        seconds: limit for the call or, if it has several steps, for each step; None waits for ever.
        call: runs in another thread.
        since: returns when the call began its present step, by `time.monotonic`.

    Raises:
        Stalled: it has not returned in time, or could not begin, because earlier calls have not ended. It may
            still run, so what it uses must not be closed.
    """
    if seconds is None:
        return call()
    _wait_for_others(seconds)
    answer: Future[T] = Future()
    started = monotonic()
    _idle_thread().put((answer, call))
    remaining = seconds
    while not wait([answer], timeout=remaining).done:
        remaining = (started if since is None else since()) + seconds - monotonic()
        if remaining <= 0:
            _leave_behind(answer)
            raise Stalled(f"no answer within {seconds:g} s (--read-timeout)")
    return answer.result()


def _wait_for_others(seconds: float) -> None:
    """Wait until few enough calls are left behind.

    Raises: Stalled: they are still too many after some seconds.
    """
    with _change:
        if not _change.wait_for(lambda: len(_left_behind) < MOST_LEFT_BEHIND, seconds):
            raise Stalled(
                f"not tried: {MOST_LEFT_BEHIND} earlier reads have not ended within {seconds:g} s more "
                "(--read-timeout)"
            )


def _leave_behind(answer: Future[Any]) -> None:
    with _change:
        _left_behind.add(answer)
    answer.add_done_callback(_forget)  # at once, if it has come in the meantime


def _forget(answer: Future[Any]) -> None:
    with _change:
        _left_behind.discard(answer)
        _change.notify_all()


def _idle_thread() -> _Jobs:
    """Return the queue of an idle thread, or of a new one."""
    try:
        return _idle.pop()
    except IndexError:
        jobs: _Jobs = SimpleQueue()
        # a daemon, so that the program can end while it is stuck
        threading.Thread(target=_serve, args=[jobs], name="crackscan-read", daemon=True).start()
        return jobs


def _serve(jobs: _Jobs) -> None:
    while True:
        answer, call = jobs.get()
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - passed on to the caller
            _idle.append(jobs)
            answer.set_exception(error)
        else:
            _idle.append(jobs)
            answer.set_result(value)
            del value  # an idle thread must not hold a photo
        del answer, call
