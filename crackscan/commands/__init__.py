"""What the commands share: options of one meaning, and how a run that ends early says so."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from crackscan.errors import CrackscanError
from crackscan.records import Engine

FAILED, UNREADABLE, INTERRUPTED = 1, 3, 130  # exit codes; 0: done, cracks or none; 2: wrong usage, by Typer

ModelName = Annotated[
    str | None,
    typer.Option("--model", help="Model folder, or the name of a shipped model.", show_default="concrete-v1"),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="From this probability up it is a crack.", show_default="the model's own"
    ),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Workers.", show_default="one per core")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
ChosenEngine = Annotated[
    Engine, typer.Option(help="litert runs on CPUs; tensorflow runs the float model, also on GPUs.")
]


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what ends a run early into one sentence on stderr and an exit code."""
    from crackscan.console import fail, say

    try:
        yield
    except CrackscanError as error:
        fail(str(error))
    except MemoryError:
        fail("out of memory; try fewer --jobs.")
    except KeyboardInterrupt:
        say("Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
    else:
        return
    raise typer.Exit(FAILED)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
