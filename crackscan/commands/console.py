"""What a person sees, on stderr: progress, summaries, tables. Rich lives here only."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
)
from rich.table import Table
from rich.text import Text

from crackscan.basics.records import Result
from crackscan.scanning.plan import Plan, describe_ignored, describe_outside
from crackscan.scanning.resolution import TOO_COARSE
from crackscan.scanning.summary import Summary
from crackscan.scanning.tiles import UNLIKE

PLAIN_SECONDS = 10.0  # between the lines of progress where stderr is no terminal

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one line for a person."""
    stderr.print(escape(text))


def fail(text: str) -> None:
    """Print why the run ends."""
    stderr.print(f"[bold red]error:[/] {escape(text)}")


class Meter(Protocol):
    """Told what was done; shows it, or not."""

    def advance(self, works: int, tiles: int) -> None:
        """Count Work and tiles that are done."""


@contextmanager
def scan_progress(total: int | None, *, quiet: bool) -> Iterator[Meter]:
    """Show how far a scan is: a bar in a terminal, a line now and then elsewhere, nothing if quiet."""
    if quiet:
        yield _Silent()
    elif stderr.is_terminal:
        with _bar() as progress:
            yield _Bar(progress, total)
    else:
        yield _Lines(total)


class _Silent:
    def advance(self, works: int, tiles: int) -> None:
        pass


class _Bar:
    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task("scanning", total=total, tiles=0)
        self._tiles = 0

    def advance(self, works: int, tiles: int) -> None:
        self._tiles += tiles
        self._progress.update(self._task, advance=works, tiles=self._tiles)


class _Lines:
    def __init__(self, total: int | None) -> None:
        self._total, self._works, self._tiles = total, 0, 0
        self._began = self._said = time.monotonic()

    def advance(self, works: int, tiles: int) -> None:
        self._works += works
        self._tiles += tiles
        now = time.monotonic()
        if now - self._said >= PLAIN_SECONDS:
            self._said = now
            say(progress_line(self._works, self._total, self._tiles, now - self._began))


def progress_line(works: int, total: int | None, tiles: int, seconds: float) -> str:
    """Return how far a scan is, with its rate and the time left where the total is known."""
    rate = f"{tiles / seconds:,.0f} tiles/s"
    if total is None:
        return f"scanning: {works:,} done, {rate}"
    left = seconds / max(works, 1) * max(total - works, 0)
    return f"scanning: {works:,} of {total:,} ({works / total:.0%}), {rate}, about {duration(left)} left"


def duration(seconds: float) -> str:
    """Return a time as a person says it: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the tiles a second since the start, and the time left."""
        elapsed = task.elapsed or 0.0
        rate = f"{task.fields['tiles'] / elapsed:,.0f} tiles/s" if elapsed else ""
        left = f", {duration(task.time_remaining)} left" if task.time_remaining else ""
        return Text(rate + left)


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        console=stderr,
        transient=True,
    )


@contextmanager
def counting(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar, in a terminal, that is told how many more of `total` are done."""
    if quiet or not stderr.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=stderr, transient=True
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda more: progress.advance(task, more)


class TrainingProgress:
    """Shows the phases of a training: a bar with loss, accuracy and time left, or a line a tenth."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._name, self._total, self._done, self._began = "", 0, 0, 0.0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def phase(self, name: str, total: int | None) -> None:
        """Begin a phase of `total` steps."""
        self.close()
        total = total or 0
        self._name, self._total, self._done, self._began = name, total, 0, time.monotonic()
        if stderr.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,} of {task.total:,}{task.fields[figures]}"),
                console=stderr,
            )
            self._bar.start()
            self._bar.add_task(name, total=total, figures="")
        else:
            say(f"{name}: {total:,} steps")

    def advance(self, steps: int = 1, **figures_so_far: float) -> None:
        """Count steps of the phase, with their figures so far."""
        self._done += steps
        left = (time.monotonic() - self._began) / max(self._done, 1) * (self._total - self._done)
        figures = "".join(f", {name} {value:.4f}" for name, value in figures_so_far.items())
        figures += f", {duration(left)} left"
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=steps, figures=figures)
        elif self._done % max(self._total // 10, 1) == 0:
            say(f"{self._name}: {self._done:,} of {self._total:,}{figures}")

    def note(self, text: str) -> None:
        """Say something that a person should know."""
        say(text)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def show_summary(
    summary: Summary,
    plan: Plan,
    *,
    seconds: float,
    output: str | Path | None,
    found_from_px: float | None = None,
) -> None:
    """Say what a scan found, and what a person should look at next.

    found_from_px: the width from which on the model finds drawn cracks, px as judged; None is unknown.
    """
    assessed = summary.statuses["ok"]
    say(
        f"{summary.inputs:,} {plural('input', summary.inputs)} in {duration(seconds)}, "
        f"{summary.assessed_tiles:,} tiles judged: of {summary.rows:,} {plural('row', summary.rows)}, "
        f"{assessed:,} assessed ({assessed / max(summary.rows, 1):.0%}), {summary.cracked:,} cracked."
    )
    if summary.strongest:
        stderr.print(_strongest(summary.strongest))
    if summary.doubtful:
        say(
            f"{summary.doubtful:,} {plural('photo', summary.doubtful)} called no-crack in spite of cracked "
            "tiles, too few side by side: see crack_tiles above 0."
        )
    for line in _not_assessed(summary, plan):
        say(line)
    if found_from_px and summary.finest and summary.coarsest:
        say(_narrowest(summary.finest, summary.coarsest, found_from_px))
    say(
        f"Rows are in {output}."
        if output
        else "No rows were written; add -o cracks.geojson or -o cracks.csv."
    )


def _narrowest(finest: float, coarsest: float, px: float) -> str:
    return (
        f"At {_range(finest, coarsest)} mm per px the narrowest crack that could have been seen is "
        f"{_range(px * finest, px * coarsest)} mm wide: of drawn cracks of {px:.2g} px the model found "
        "9 of 10, of real ones it finds fewer."
    )


def _range(low: float, high: float) -> str:
    ends = f"{low:.2g}", f"{high:.2g}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _strongest(results: Sequence[Result]) -> Table:
    table = Table(title="The surest cracks", title_justify="left", box=None, pad_edge=False)
    for heading in ("probability", "source", "at col, row", "lon, lat"):
        table.add_column(heading, justify="right" if heading == "probability" else "left", overflow="fold")
    for result in results:
        position = f"{result.lon:.6f}, {result.lat:.6f}" if result.lon is not None else ""
        table.add_row(f"{result.probability:.3f}", escape(result.source), _where(result), position)
    return table


def _where(result: Result) -> str:
    return f"{result.peak_col}, {result.peak_row}" if result.peak_col is not None else ""


def _not_assessed(summary: Summary, plan: Plan) -> Iterator[str]:
    if summary.statuses["nodata"]:
        count = summary.statuses["nodata"]
        yield f"{count:,} {plural('row', count)} not assessed: less than half of it is valid."
    if count := summary.statuses["too_coarse"]:
        yield f"{count:,} {plural('row', count)} not assessed: {TOO_COARSE}; --judge-too-coarse judges them."
    if count := summary.statuses["unfamiliar"]:
        yield f"{count:,} {plural('row', count)} not assessed: {UNLIKE}; --judge-unfamiliar judges them."
    if summary.unreadable_inputs:
        count = summary.unreadable_inputs
        yield f"{count:,} {plural('input', count)} could not be read, so nothing is known of their cracks:"
        yield from (f"  {source}: {reason}" for source, reason in summary.unreadable.items())
        if count > len(summary.unreadable):
            yield f"  and {count - len(summary.unreadable):,} more: see the rows with status unreadable."
    if plan.poses and (count := plan.poses.unused):
        yield f"{plan.poses.name}: {count:,} of its {plan.poses.lines:,} lines name no photo of this scan."
    if plan.areas and plan.outside:
        yield (
            f"Outside of the areas of {plan.areas.name}, so without a row: {describe_outside(plan.outside)}."
        )
    if plan.ignored:
        yield f"Ignored {describe_ignored(plan.ignored)}."


def plural(noun: str, count: int) -> str:
    """Return a noun as its number asks."""
    return noun if count == 1 else f"{noun}s"


def show_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of texts; the first column is left-aligned, the others are figures."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    stderr.print(table)
