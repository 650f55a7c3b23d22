"""The limit of a process's memory, told before native libraries end the process without a word."""

from contextlib import suppress

from crackscan.basics.errors import CrackscanError
from crackscan.commands.console import say

MB = 1_000_000
LEAST_BYTES = 384 * MB  # of addresses: with less, NumPy, LiteRT and the model cannot be loaded
ENOUGH_BYTES = 1_000 * MB  # with less, two workers and GDAL may find none
M_ARENA_MAX = -8  # a number of glibc's mallopt


def check_memory_limit() -> None:
    """Say it if the system allows this process little memory (`ulimit -v`), and be sparing with it.

    Where a library finds no memory, it may end the process, and Python cannot tell why.

    Raises: CrackscanError: it is too little for any scan.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or limit >= ENOUGH_BYTES:
        return
    allowed = f"{limit // MB:,} MB of memory are allowed (ulimit -v)"
    if limit < LEAST_BYTES:
        raise CrackscanError(f"Only {allowed}, in which the model cannot be loaded; allow 1,000 MB or more.")
    _share_one_heap()
    say(f"Only {allowed}: libraries may end the scan without a word; allow 1,000 MB or more.")


def _share_one_heap() -> None:
    """Let all threads take memory from one heap: glibc would reserve 128 MB of addresses for each thread."""
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
