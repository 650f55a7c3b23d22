"""Runs of a scan: straight into a stream, or through a journal into files."""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from crackscan.basics.errors import BrokenJournal, TooManyFailures
from crackscan.basics.progress import Progress, Silent
from crackscan.basics.records import Result, ScanOptions, Work
from crackscan.scanning.executor import Runner, Threads, WorkRows
from crackscan.scanning.failures import MaxFailures
from crackscan.scanning.journal import Journal
from crackscan.scanning.parts import Part
from crackscan.scanning.plan import Plan
from crackscan.scanning.rows import rows_per
from crackscan.scanning.run_settings import RunSettings
from crackscan.scanning.summary import Summary
from crackscan.scanning.writing import Targets, labelled_rows, open_sinks, write_rows, write_targets
from crackscan.scanning.written_files import WrittenFiles
from crackscan.sinks import no_mosaic_error, several_mosaics_error

if TYPE_CHECKING:
    from crackscan.model.loading import Model


@dataclass(frozen=True, slots=True)
class ScanRun:
    """The model, options and threads of a scan, and who listens to its progress."""

    model: "Model"
    options: ScanOptions
    jobs: int
    max_failures: MaxFailures | None = None
    progress: Progress = field(default_factory=Silent)
    part: Part | None = None  # of a scan that is shared out
    runner: Runner | None = None  # None is `jobs` threads of this process

    @property
    def settings(self) -> RunSettings:
        """The settings that the rows of this run are made with."""
        card = self.model.card
        return RunSettings(card.model_id, self.model.engine, self.options, card.figures, self.part)

    def failure_limit(self, total: int | None) -> float:
        """Return how much Work may be unreadable; total: of the whole plan, None is unknown.

        Raises: CrackscanError: the limit is a percentage, and the total is unknown.
        """
        return self.max_failures.limit(total) if self.max_failures else math.inf

    def infer_groups(
        self, works: Iterable[Work], total: int | None, failure_limit: float
    ) -> Generator[list[WorkRows], None, None]:
        """Yield the rows of Work in its order, without labels, some Work at a time; report the progress.

        total: how much Work there is; None is unknown.

        Raises: TooManyFailures: more Work was unreadable than the limit; its rows are yielded before.
        """
        failures = tiles = 0
        self.progress.phase("scanning", total)
        runner = self.runner or Threads(self.model.classifier, self.jobs)
        with closing(runner.run_in_groups(works, self.options.rows)) as groups:
            for group in groups:
                yield group
                for work, rows in group:
                    shown = rows_per(rows, "photo")
                    tiles += sum(row.tiles or 1 for row in shown if row.probability is not None)
                    self.progress.advance(1, tiles=tiles, **runner.figures)
                    fault = next((row.reason for row in rows if row.status == "unreadable"), None)
                    failures += fault is not None
                    if failures > failure_limit:
                        raise _too_many_failures(work, fault, failures)


def stream_rows(
    plan: Plan, run: ScanRun, total: int | None, summary: Summary, failure_limit: float = math.inf
) -> Generator[Result, None, None]:
    """Yield the rows of a plan in its order, with labels.

    Args:
        plan: what to scan.
        run: how.
        total: how much Work the plan has; None is unknown.
        summary: counts the rows.
        failure_limit: how much Work may be unreadable.

    Raises:
        MissingCRS: as `Plan`.
        TooManyFailures: as `ScanRun.infer_groups`.
    """
    with closing(run.infer_groups(plan, total, failure_limit)) as groups:
        yield from labelled_rows(chain.from_iterable(groups), run.options, summary)


def scan_to_stream(plan: Plan, run: ScanRun, targets: Targets) -> Summary:
    """Write the rows of a plan to a stream, or only count them; return their summary.

    Raises:
        CrackscanError: the limit of failures is a percentage, and the number of inputs is unknown.
        NoInputs: there is nothing to scan.
        MissingCRS, TooManyFailures: as `stream_rows`.
    """
    total = plan.count() if plan.sources.repeatable else None
    limit = run.failure_limit(total)
    summary = Summary(per_crack=run.options.tiles.per == "crack")
    with open_sinks(targets) as sinks, closing(run.infer_groups(plan, total, limit)) as groups:
        write_rows(chain.from_iterable(groups), run.options, sinks, summary)
    if not summary.rows:
        raise plan.no_inputs()
    return summary


def scan_to_files(plan: Plan, run: ScanRun, journal: Journal, targets: Targets) -> Summary | None:
    """Scan what the journal does not have yet, then write the outputs; return the summary.

    A part of a scan leaves its rows in the journal, and writes no output. Returns None if nothing was left
    to do.

    Raises:
        CrackscanError: a target is a heatmap, and the plan has no mosaic or more than one.
        OutputConflict: a target is a file of the plan.
        NoInputs: there is nothing to scan.
        TooManyFailures: as `ScanRun.infer_groups`.
    """
    written = WrittenFiles(targets)  # the journal has shown already that it is one
    journal.plan(written.watch(_check_heatmap_targets(plan, targets)))
    planned, pending = journal.planned, journal.pending
    if journal.is_empty:
        raise plan.no_inputs()
    if run.part:
        targets = {}
    if not pending and journal.has_written(targets):
        return None
    if pending < planned:
        run.progress.note(
            f"Resuming from {journal.path}: {pending:,} of {planned:,} photos and mosaic bands are left "
            "to judge."
        )
    with _add_resume_hint(journal):
        limit = run.failure_limit(planned)  # not of what is left: a few failures are tried again each time
        with closing(run.infer_groups(journal.works(), pending, limit)) as groups:
            for group in groups:
                journal.record(group)
        summary = write_targets(journal, targets, run.options, progress=run.progress)
        journal.mark_written(targets)
    return summary


def _check_heatmap_targets(works: Iterable[Work], targets: Targets) -> Iterator[Work]:
    """Yield the Work of a plan unchanged.

    Raises: CrackscanError: a target is a heatmap, and the plan has no mosaic or more than one.
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


def _too_many_failures(work: Work, fault: str | None, failures: int) -> TooManyFailures:
    return TooManyFailures(
        f"{work.source}: {fault}; the scan was stopped, because {failures:,} of the photos and mosaic bands "
        "could not be read, more than --max-failures allows."
    )


@contextmanager
def _add_resume_hint(journal: Journal) -> Iterator[None]:
    """Add a note to any error that ends a run early: what is saved, and how to resume."""
    try:
        yield
    except BrokenJournal:  # from which nothing can be resumed
        raise
    except BaseException as error:
        if not journal.path.exists():
            raise
        error.add_note(
            f"{journal.done:,} of {journal.planned:,} photos and mosaic bands are saved in {journal.path}: "
            "run the same command again to resume, or write the rows so far with crackscan convert."
        )
        raise
