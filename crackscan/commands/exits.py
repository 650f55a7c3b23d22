"""Exit codes and signals: how a command that ends early tells why."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from crackscan.basics.errors import CrackscanError, MissingParts, OutputConflict, Stopped, TooManyFailures

# 0 means done, with or without cracks; Typer uses 2 for wrong usage; a signal gives 128 and its number
FAILED, WRONG_USAGE, UNREADABLE, TOO_MANY_FAILURES, MISSING_PARTS, INTERRUPTED = 1, 2, 3, 4, 5, 130
_CODES: dict[type[Exception], int] = {
    TooManyFailures: TOO_MANY_FAILURES,
    OutputConflict: WRONG_USAGE,
    MissingParts: MISSING_PARTS,
}
NO_MEMORY = {  # texts of an ImportError or a RuntimeError
    "failed to map segment": "its libraries",
    "cannot allocate memory": "its libraries",
    "Cannot allocate memory": "its libraries",
    "can't start new thread": "another thread; try fewer --jobs",
}
GRACE_SECONDS = 1.5  # after a signal; then the process ends even if a thread hangs, as on a stalled drive


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn an error that ends a run into one sentence on stderr, with the error's notes, and an exit code."""
    from crackscan.commands.console import fail, say

    try:
        yield
    except CrackscanError as error:
        _flush_stdout()
        fail(_with_notes(str(error), error))
        raise typer.Exit(_CODES.get(type(error), FAILED)) from None
    except MemoryError as error:
        fail(_with_notes("out of memory; try fewer --jobs.", error))
    except (ImportError, RuntimeError) as error:
        what = next((what for text, what in NO_MEMORY.items() if text in str(error)), None)
        if what is None:
            raise
        fail(_with_notes(f"out of memory for {what}.", error))
    except KeyboardInterrupt as stop:
        say(_with_notes("Interrupted.", stop))
        raise typer.Exit(stop.code if isinstance(stop, Stopped) else INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has closed it
        discard_stdout()
        raise typer.Exit(0) from None
    except OSError as error:
        text = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
        fail(_with_notes(text, error))
    else:
        return
    raise typer.Exit(FAILED)


def _flush_stdout() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        discard_stdout()


def discard_stdout() -> None:
    """Send to nowhere what stdout still holds; else Python itself would fail at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_missing_streams() -> None:
    """Open descriptors 0, 1 and 2 where they are closed, so that no file of a scan gets their number.

    `sys.stdin` and `sys.stdout` stay None; texts for a person go to nowhere.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - as long as the process


@contextmanager
def stdout_errors() -> Iterator[None]:
    """Turn an error of writing help or the version into a sentence; a command has its own `user_errors`."""
    try:
        yield
    except OSError as error:
        from crackscan.commands.console import fail

        discard_stdout()
        fail(f"standard output: cannot be written: {error.strerror}.")
        raise SystemExit(FAILED) from None


class VisibleErrors(TyperGroup):
    """A command group whose messages about wrong usage show control characters instead of sending them."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the command line."""
        with _visible_messages():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _visible_messages():
            return super().invoke(ctx)


@contextmanager
def _visible_messages() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        message = getattr(error, "message", None)  # of Typer's own errors, which it prints
        if isinstance(message, str):
            from crackscan.commands.console import visible

            error.message = visible(message)  # type: ignore[attr-defined]
        raise


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn a ValueError of the library into wrong usage."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise `Stopped`, and end the process soon after, even if a thread hangs.

    A second signal ends it at once. A SIGHUP that is ignored, as `nohup` does, stays ignored.
    """
    stops: list[Stopped] = []

    def stop(number: int, _: FrameType | None) -> None:
        for each in earlier:
            signal.signal(each, signal.SIG_DFL)
        watchdog = threading.Timer(GRACE_SECONDS, os._exit, [128 + number])
        watchdog.daemon = True
        watchdog.start()
        stops.append(Stopped(128 + number))
        raise stops[0]

    earlier = {number: signal.signal(number, stop) for number in _stop_signals()}
    try:
        yield
    except RuntimeError as error:
        if not stops:
            raise
        for note in getattr(error, "__notes__", []):
            stops[0].add_note(note)
        raise stops[0] from None  # the signal came while Python held a lock, which causes this error
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _stop_signals() -> Iterator[signal.Signals]:
    yield from (signal.SIGINT, signal.SIGTERM)
    hang_up = getattr(signal, "SIGHUP", None)  # of a terminal that was closed; Windows has no such signal
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        yield hang_up


def _with_notes(text: str, error: BaseException) -> str:
    return " ".join([text, *getattr(error, "__notes__", [])])
