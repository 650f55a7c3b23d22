"""Names of sources looked up: folder or file, and of addresses many at the same time."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from crackscan.basics.addresses import fault_of_address, is_remote, without_secrets
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature
from crackscan.reading.locations import find_remote

VIRTUAL = "/vsi"  # how a path that only GDAL can open begins
GONE = "there is no such file"
THREADS = 32  # addresses that are looked up at once
AHEAD = 256  # names that are read from a list before the first of them is known


class Named(NamedTuple):
    """What a name that the user gave stands for."""

    path: str
    is_folder: bool
    fault: str | None = None  # why it cannot be read, where that is known already
    signature: FileSignature | None = None  # of an object in a bucket


def look_up(names: Iterable[str]) -> Iterator[Named]:
    """Yield what each name stands for, in order; addresses are asked for ahead."""
    waiting: deque[Named | Future[Named]] = deque()
    pool: ThreadPoolExecutor | None = None
    try:
        for name in names:
            if is_remote(name):
                pool = pool or ThreadPoolExecutor(THREADS, thread_name_prefix="crackscan-look-up")
                waiting.append(pool.submit(_remote, name))
            else:
                waiting.append(_local(name))
            if pool is None or len(waiting) == AHEAD:
                yield _known(waiting.popleft())
        while waiting:
            yield _known(waiting.popleft())
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _known(named: Named | Future[Named]) -> Named:
    return named.result() if isinstance(named, Future) else named


def _local(name: str) -> Named:
    if os.path.isdir(name):  # noqa: PTH112 - a path may hold bytes that pathlib would not print
        return Named(name, is_folder=True)
    # later a file that is not there is gone
    there = os.path.lexists(name) or name.startswith(VIRTUAL)
    return Named(name, is_folder=False, fault=None if there else GONE)


def _remote(name: str) -> Named:
    if fault := fault_of_address(name):
        return Named(without_secrets(name), is_folder=False, fault=fault)
    try:
        found = find_remote(name)
    except FileNotFoundError:
        return Named(name, is_folder=False, fault=GONE)
    except Unreadable as error:
        return Named(name, is_folder=False, fault=str(error))
    return Named(name, found.is_folder, None, found.signature)
