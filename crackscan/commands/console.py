"""The console: sentences, progress and tables for a person, on stderr. Only this room uses Rich."""

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

OF_THE_MOMENT = {"tiles", "nodes"}  # figures that are not worth keeping when a phase ends
LINE_SECONDS = 10.0  # between lines of progress where stderr is not a terminal

# Control characters, line ends, and those that turn the direction of writing.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Stderr:
    """Python's stderr, whichever it is at the moment; what it cannot take is lost, and nothing fails."""

    def write(self, text: str) -> int:
        """Write a text."""
        try:
            if sys.stderr is not None:
                sys.stderr.write(text)
        except (OSError, ValueError):  # full, or closed
            discard_stderr()
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
        except (OSError, ValueError):
            discard_stderr()

    def __getattr__(self, name: str) -> object:
        """Return another attribute of Python's stderr, such as its encoding."""
        return getattr(sys.stderr, name)


def discard_stderr() -> None:
    """Send to nowhere what stderr holds and gets; else Python itself would fail at its end."""
    with suppress(OSError, ValueError, AttributeError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
        sys.stderr.flush()


stderr = Console(file=cast("IO[str]", Stderr()), stderr=True, highlight=False, soft_wrap=True)


def visible(text: str) -> str:
    """Return a text whose control characters, e.g. of a file's name, are shown as escapes."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def say(text: str) -> None:
    """Print one line for a person."""
    stderr.print(escape(visible(text)))


def fail(text: str) -> None:
    """Print why the run ends."""
    try:
        stderr.print(f"[bold red]error:[/] {escape(visible(text))}")
    except (MemoryError, ImportError):  # Rich loads modules to print
        Stderr().write(f"error: {visible(text)}\n")


class ConsoleProgress:
    """A `basics.progress.Progress` on stderr: a bar in a terminal, elsewhere a line every 10 seconds.

    Use it in `with`, so that it leaves the terminal as it was. `quiet` prints nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Progress | None = None
        self._name, self._steps = "", 0
        self._total: int | None = None
        self._figures: dict[str, float] = {}
        self._began = self._printed = 0.0

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the phase."""
        self.close()

    def phase(self, name: str, total: int | None) -> None:
        """Begin a phase of `total` steps; None is unknown."""
        self.close()
        self._name, self._total, self._steps = name, total, 0
        self._figures = {}
        self._began = self._printed = time.monotonic()
        if not self.quiet and stderr.is_terminal:
            self._bar = _bar()
            self._bar.start()
            self._bar.add_task(escape(visible(name)), total=total, figures="")

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count finished steps, and show the figures so far: of `tiles` the rate, others as they are."""
        self._steps += steps
        self._figures |= figures
        now = time.monotonic()
        if self._bar is not None:
            text = ", ".join(self._details(now - self._began))
            self._bar.update(self._bar.task_ids[0], advance=steps, figures=text)
        elif not self.quiet and now - self._printed >= LINE_SECONDS:
            self._printed = now
            say(progress_line(self._name, self._steps, self._total, self._figures, now - self._began))

    def note(self, text: str) -> None:
        """Print one sentence for a person."""
        if not self.quiet:
            say(text)

    def close(self) -> None:
        """End the phase: remove its bar, and print figures that are worth keeping, such as the loss."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if not self.quiet and self._figures.keys() - OF_THE_MOMENT:
            seconds = time.monotonic() - self._began
            results = figures_text(self._figures, seconds)
            say(f"{self._name}: {self._steps:,} steps in {duration(seconds)}, {', '.join(results)}")
        self._figures = {}

    def _details(self, seconds: float) -> list[str]:
        left = time_left(self._steps, self._total, seconds)
        return [*figures_text(self._figures, seconds), *([f"{left} left"] if left else [])]


def progress_line(
    name: str, steps: int, total: int | None, figures: Mapping[str, float], seconds: float
) -> str:
    """Return how far a phase is, with its figures, and with the time left if the total is known."""
    counts = f"{steps:,} done" if total is None else f"{steps:,} of {total:,} ({steps / max(total, 1):.0%})"
    left = time_left(steps, total, seconds)
    return ", ".join(
        [f"{name}: {counts}", *figures_text(figures, seconds), *([f"about {left} left"] if left else [])]
    )


def figures_text(figures: Mapping[str, float], seconds: float) -> list[str]:
    """Return figures as words: of tiles how many a second, of others their value."""
    texts = [f"{figures['tiles'] / max(seconds, 0.001):,.0f} tiles/s"] if "tiles" in figures else []
    if nodes := figures.get("nodes"):
        texts.append(f"{nodes:.0f} {plural('node', round(nodes))}")
    return texts + [f"{name} {value:.4f}" for name, value in figures.items() if name not in OF_THE_MOMENT]


def time_left(steps: int, total: int | None, seconds: float) -> str:
    """Return the time until a phase ends, if its total is known."""
    return duration(seconds / max(steps, 1) * max(total - steps, 0)) if total is not None else ""


def duration(seconds: float) -> str:
    """Return a time as a person says it: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def plural(noun: str, count: int) -> str:
    """Return a noun in the form that its number needs."""
    return noun if count == 1 else f"{noun}s"


def show_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of texts; the first column is left-aligned, the others are figures."""
    lines = "\n".join(map(visible, title.split("\n")))  # our own line breaks stay
    table = Table(title=escape(lines), title_justify="left", box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(visible(cell)) for cell in row))
    stderr.print(table)


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        console=stderr,
        transient=True,
    )
