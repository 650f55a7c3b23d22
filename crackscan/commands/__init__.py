"""What the commands share: options of one meaning, and how a run that ends early says so."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from crackscan import DEFAULT_MODEL
from crackscan.basics.errors import CrackscanError, Stopped, TooManyFailures
from crackscan.basics.records import Engine

# exit codes; 0: done, cracks or none; 2: wrong usage, by Typer; 128 and more: a signal's number
FAILED, UNREADABLE, TOO_MANY_FAILURES, INTERRUPTED = 1, 3, 4, 130
GRACE_SECONDS = 1.5  # from a signal until what still hangs, such as a stalled drive, is dropped

# the parts of a long --help
SOURCES, JUDGING, PLACES, OUTPUT, RUNNING = "Sources", "Judging", "Places", "Output", "Running"

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Model folder, or the name of a shipped model.",
        show_default=DEFAULT_MODEL,
        rich_help_panel=JUDGING,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="From this probability up it is a crack.",
        show_default="the model's own",
        rich_help_panel=JUDGING,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Workers.",
        show_default="one more than cores; tensorflow: 16 or more",
        rich_help_panel=RUNNING,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=RUNNING)
]
ChosenEngine = Annotated[
    Engine | None,
    typer.Option(
        help="litert runs on CPUs, litert-int8 twice as fast; tensorflow also on GPUs.",
        show_default="the fastest of the model",
        rich_help_panel=JUDGING,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Tiles that tensorflow judges at once.",
        show_default="32",
        rich_help_panel=RUNNING,
    ),
]


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what ends a run early into one sentence on stderr, with the error's notes, and an exit code."""
    from crackscan.commands.console import fail, say

    try:
        yield
    except CrackscanError as error:
        fail(_with_notes(str(error), error))
        code = TOO_MANY_FAILURES if isinstance(error, TooManyFailures) else FAILED
        raise typer.Exit(code) from None
    except MemoryError as error:
        fail(_with_notes("out of memory; try fewer --jobs.", error))
    except KeyboardInterrupt as stop:
        say(_with_notes("Interrupted.", stop))
        raise typer.Exit(stop.code if isinstance(stop, Stopped) else INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        said = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
        fail(_with_notes(said, error))
    else:
        return
    raise typer.Exit(FAILED)


def _with_notes(text: str, error: BaseException) -> str:
    return " ".join([text, *getattr(error, "__notes__", [])])


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Stopped`, and end the process soon after, whatever still hangs.

    A second signal ends it at once.
    """
    told: list[Stopped] = []

    def stop(number: int, _: FrameType | None) -> None:
        for each in earlier:
            signal.signal(each, signal.SIG_DFL)
        watchdog = threading.Timer(GRACE_SECONDS, os._exit, [128 + number])
        watchdog.daemon = True
        watchdog.start()
        told.append(Stopped(128 + number))
        raise told[0]

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except RuntimeError as error:
        if not told:
            raise
        for note in getattr(error, "__notes__", []):
            told[0].add_note(note)
        raise told[0] from None  # it came amid Python's own locks, which then complain
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
