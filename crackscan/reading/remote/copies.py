"""Local copies of remote photos, which exist while they are read; the next ones are fetched ahead."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory

from crackscan.basics.addresses import split_address
from crackscan.reading.remote import stores

THREADS = 32  # that fetch photos: each waits for one answer at a time
_started: dict[str, Future[str]] = {}  # copies that nobody has taken yet
_numbers = count()  # names of copies
_lock, _folder_lock = threading.Lock(), threading.Lock()


def fetch_ahead(names: Sequence[str]) -> None:
    """Begin to fetch photos that will soon be read; each is then read once."""
    with _lock:
        for name in names:
            if name not in _started:
                _started[name] = _pool().submit(_fetch, name)


def drop_fetched() -> None:
    """Remove the copies of photos that nobody has read; who reads one after all fetches it again."""
    with _lock:
        futures = list(_started.values())
        _started.clear()
    for future in futures:
        if not future.cancel():
            future.add_done_callback(_remove_copy)


@contextmanager
def fetched_copy(name: str) -> Iterator[str]:
    """Give the path of a copy of an object, and remove it afterwards.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: it cannot be fetched.
    """
    with _lock:
        future = _started.pop(name, None)
    path = _fetch(name) if future is None else future.result()
    try:
        yield path
    finally:
        _remove(path)


def _fetch(name: str) -> str:
    suffix = PurePosixPath(split_address(name).key).suffix
    with _folder_lock:  # else two threads would make one each, and Python would remove the one it forgets
        folder = _folder().name
    # not made before it is fetched: some systems write a file to the disk at once if it replaces another
    path = f"{folder}{os.sep}{next(_numbers)}{suffix if suffix.isascii() else ''}"
    try:
        stores.fetch(name, path)
    except BaseException:
        _remove(path)
        raise
    return path


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="crackscan-", ignore_cleanup_errors=True)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="crackscan-fetch")


def _remove_copy(future: Future[str]) -> None:
    if future.exception() is None:
        _remove(future.result())


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - a name of our own
