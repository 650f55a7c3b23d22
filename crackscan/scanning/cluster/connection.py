"""The connection to a Ray cluster that runs already."""

import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import Any

from crackscan.basics.errors import CrackscanError, MissingExtra

ADDRESS = re.compile(r"auto|(?:ray://)?(?P<host>[\w.\-]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")
PORTS = range(1, 2**16)
CONNECT_SECONDS = 10.0  # for the way to a cluster that listens


def check_address(address: str) -> None:
    """Make sure that an address can be one of a cluster.

    Raises: ValueError: it cannot.
    """
    match = ADDRESS.fullmatch(address)
    if match is None or int(match["port"] or 1) not in PORTS:
        raise ValueError(f"--cluster {address}: give auto, HOST:6379 or ray://HOST:10001.")


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster, and yield the package `ray`. Signals stay as they were.

    Raises:
        MissingExtra: Ray is not installed.
        CrackscanError: there is no cluster, or it has another version of Ray or Python.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anybody
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # else, under `uv run`, it sends the project's folder
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtra(
            '--cluster needs ray; install the extra: pip install "crackscan[cluster]".'
        ) from error
    # Ray lets the workers import from the current folder, where there may be files of strangers
    with _signals_kept(), chdir(sys.prefix):
        try:
            _check_listening(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise CrackscanError(_why(address, error, ray.__version__)) from error
    try:
        yield ray
    finally:
        # who has interrupted a scan is told at once what is saved; the cluster notices when this process ends
        if not isinstance(sys.exception(), KeyboardInterrupt):
            with _signals_kept():
                ray.shutdown()


def _check_listening(address: str) -> None:
    """Make sure that something listens at an address; Ray itself would try for minutes.

    Raises: OSError: nothing does.
    """
    if (match := ADDRESS.fullmatch(address)) and match["host"]:
        place = match["host"].strip("[]"), int(match["port"])
        socket.create_connection(place, CONNECT_SECONDS).close()


def _why(address: str, error: Exception, version: str) -> str:
    said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    hint = "start one on this machine with ray start --head, or give ray://HOST:10001"
    if address != "auto":
        hint = f"check that a cluster of Ray {version} runs there, as ray://HOST:10001 or HOST:6379"
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
