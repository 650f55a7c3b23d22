"""The connection to a Ray cluster that runs already."""

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import Any

from crackscan.basics.errors import CrackscanError, MissingExtra

ADDRESS = re.compile(r"auto|(ray://)?[\w.\-\[\]:]+:[0-9]+")


def check_address(address: str) -> None:
    """Make sure that an address can be one of a cluster.

    Raises: ValueError: it cannot.
    """
    if not ADDRESS.fullmatch(address):
        raise ValueError(f"--cluster {address}: give auto, HOST:6379 or ray://HOST:10001.")


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster, and yield the package `ray`. Signals stay as they were.

    Raises:
        MissingExtra: Ray is not installed.
        CrackscanError: there is no cluster, or it has another version of Ray or Python.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anybody
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtra(
            '--cluster needs ray; install the extra: pip install "crackscan[cluster]".'
        ) from error
    # Ray lets the workers import from the current folder, where there may be files of strangers
    with _signals_kept(), chdir(sys.prefix):
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise CrackscanError(_why(address, error, ray.__version__)) from error
    try:
        yield ray
    finally:
        with _signals_kept():
            ray.shutdown()


def _why(address: str, error: Exception, version: str) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    hint = "start one on this machine with ray start --head, or give ray://HOST:10001"
    if address != "auto":
        hint = f"check that a cluster of Ray {version} runs there"
    return f"--cluster {address}: cannot be reached ({said[:200]}); {hint}."


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep Ray from replacing the handlers of signals, which end a scan so that it can be resumed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
