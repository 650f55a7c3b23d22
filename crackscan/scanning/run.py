"""How a scan runs: straight into a stream, or through a journal into files."""

import math
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crackscan.basics.errors import MissingCRS, TooManyFailures
from crackscan.basics.records import Engine, Result, ScanOptions, Work
from crackscan.commands import console
from crackscan.scanning.executor import WorkRows, run_in_groups
from crackscan.scanning.failures import MaxFailures
from crackscan.scanning.journal import Journal, RunSettings
from crackscan.scanning.plan import Plan
from crackscan.scanning.row_labels import label_row
from crackscan.scanning.summary import Summary
from crackscan.sinks import Format, RowSink, no_mosaic_error, open_sink, several_mosaics_error

if TYPE_CHECKING:
    from crackscan.model.loading import Model

Targets = Mapping[Path, Format]  # files, and the format of each


@dataclass(frozen=True, slots=True)
class ScanRun:
    """What to judge by and how; `through` does it."""

    model: "Model"
    engine: Engine
    jobs: int
    max_failures: MaxFailures | None = None
    quiet: bool = False

    def terms(self, options: ScanOptions) -> RunSettings:
        """Return what the rows of this run are made by."""
        return RunSettings(self.model.card.model_id, self.engine, options)

    def most_failures(self, total: int | None) -> float:
        """Return how much of so much Work may be unreadable.

        Raises: CrackscanError: that is a percentage of what is not known.
        """
        return self.max_failures.of(total) if self.max_failures else math.inf

    def through(
        self, works: Iterable[Work], total: int | None, most_failures: float
    ) -> Generator[list[WorkRows], None, None]:
        """Yield the results of Work in its order, some at a time, and show how far it is.

        Raises: TooManyFailures: more of it was unreadable than may be; what was is yielded before.
        """
        failed = 0
        with (
            closing(run_in_groups(works, self.model.classifier, jobs=self.jobs)) as judged,
            console.scan_progress(total, quiet=self.quiet) as meter,
        ):
            for together in judged:
                yield together
                for work, results in together:
                    meter.advance(1, sum(row.tiles or 1 for row in results if row.probability is not None))
                    fault = next((row.reason for row in results if row.status == "unreadable"), None)
                    failed += fault is not None
                    if failed > most_failures:
                        raise TooManyFailures(
                            f"{work.source}: {fault}; stopped, as that makes {failed:,} that could not be "
                            "read, more than --max-failures allows."
                        )


def scan_to_stream(plan: Plan, run: ScanRun, targets: Targets) -> Summary:
    """Judge a plan into a stream, or into nothing but its summary, and return that.

    Raises:
        NoInputs: there is nothing to judge.
    """
    total = plan.count() if plan.countable else None
    summary = Summary()
    judging = run.through(plan, total, run.most_failures(total))
    with _opened(targets) as sinks, closing(judging) as judged:
        for together in judged:
            for _, results in together:
                _pass_on(results, summary, sinks)
        if not summary.rows:
            raise plan.nothing()
    return summary


def scan_to_files(plan: Plan, run: ScanRun, journal: Journal, targets: Targets) -> Summary | None:
    """Judge of a plan what its journal lacks, write the targets, return the summary; None: all was there.

    Raises:
        CrackscanError: a target is a heatmap, and the plan has no mosaic or more than one.
        NoInputs: there is nothing to judge.
        TooManyFailures: as `Run.through`.
    """
    journal.plan(_fitting(plan, targets))
    if not journal.planned:
        raise plan.nothing()
    pending = journal.pending
    if not pending and journal.has_written(targets):
        return None
    if pending < journal.planned and not run.quiet:
        console.say(f"Going on from {journal.path}: {pending:,} of {journal.planned:,} are left to judge.")
    with _noting(journal):
        most = run.most_failures(journal.planned)
        with closing(run.through(journal.works(), pending, most)) as judged:
            for together in judged:
                journal.record(together)
        summary = write_targets(journal, targets, journal.terms.options)
        journal.mark_written(targets)
    return summary


def write_targets(journal: Journal, targets: Targets, options: ScanOptions) -> Summary:
    """Write what a journal holds to each target, labelled by `options`, and return its summary.

    Raises: MissingCRS: a target wants a position for each tile, and the journal has none for a mosaic's.
    """
    summary = Summary()
    has_mosaics = "gpkg" not in targets.values() or journal.has_mosaics  # asked only where it matters
    with _opened(targets, overlap=options.overlap, has_mosaics=has_mosaics) as sinks:
        needs_crs = any(sink.needs_crs for sink in sinks)
        for work, results in journal.results(options):
            if needs_crs and work.kind == "mosaic":
                _check_places(results)
            _pass_on([label_row(result, options) for result in results], summary, sinks)
    return summary


@contextmanager
def _opened(targets: Targets, *, overlap: float = 0.0, has_mosaics: bool = True) -> Iterator[list[RowSink]]:
    with ExitStack() as stack:
        sinks = [
            open_sink(target, form, overlap=overlap, has_mosaics=has_mosaics)
            for target, form in targets.items()
        ]
        yield [stack.enter_context(sink) for sink in sinks]


def _fitting(works: Iterable[Work], targets: Targets) -> Iterator[Work]:
    """Yield the works of a plan.

    Raises: CrackscanError: a target is a heatmap, and it is not one mosaic that there is to show.
    """
    heatmap = next((target for target, form in targets.items() if form == "heatmap"), None)
    work = mosaic = None
    for work in works:
        if heatmap and work.kind == "mosaic":
            if mosaic is not None and work.source != mosaic:
                raise several_mosaics_error(heatmap, mosaic, work.source)
            mosaic = work.source
        yield work
    if heatmap and work and mosaic is None:
        raise no_mosaic_error(heatmap)


def _pass_on(results: list[Result], summary: Summary, sinks: list[RowSink]) -> None:
    for row in summary.watch(results):
        for sink in sinks:
            sink.write(row)


def _check_places(tiles: list[Result]) -> None:
    for tile in tiles:
        if tile.outline is None and tile.status != "unreadable":
            raise MissingCRS(
                f"{tile.source}: no CRS; scan it again with --crs EPSG:32633 or write CSV instead."
            )


@contextmanager
def _noting(journal: Journal) -> Iterator[None]:
    """Add to whatever ends a run early what is kept and how to go on."""
    try:
        yield
    except BaseException as end:
        if not journal.path.exists():
            raise
        end.add_note(
            f"{journal.done:,} of {journal.planned:,} photos and mosaic bands are kept in {journal.path}: "
            "the same command goes on from there, and crackscan convert writes the rows so far."
        )
        raise
