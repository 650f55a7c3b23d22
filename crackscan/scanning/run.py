"""Runs of a scan: straight into a stream, or through a journal into files."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crackscan.basics.errors import BrokenJournal, MissingCRS, TooManyFailures
from crackscan.basics.progress import Progress, Silent
from crackscan.basics.records import Result, ReviewedResult, ScanOptions, Work
from crackscan.basics.run_facts import RunFacts
from crackscan.scanning.executor import WorkRows, run_in_groups
from crackscan.scanning.failures import MaxFailures
from crackscan.scanning.journal import Journal
from crackscan.scanning.plan import Plan
from crackscan.scanning.row_labels import cracked_up_to, label_row
from crackscan.scanning.run_settings import RunSettings
from crackscan.scanning.summary import Summary
from crackscan.scanning.written_files import WrittenFiles
from crackscan.sinks import Format, RowSink, no_mosaic_error, open_sink, several_mosaics_error

if TYPE_CHECKING:
    from crackscan.model.loading import Model

Targets = Mapping[Path, Format]  # output files, and the format of each


@dataclass(frozen=True, slots=True)
class ScanRun:
    """The model, options and threads of a scan, and who listens to its progress."""

    model: "Model"
    options: ScanOptions
    jobs: int
    max_failures: MaxFailures | None = None
    progress: Progress = field(default_factory=Silent)

    @property
    def settings(self) -> RunSettings:
        """The settings that the rows of this run are made with."""
        card = self.model.card
        return RunSettings(card.model_id, self.model.engine, self.options, card.figures)

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
        groups = run_in_groups(works, self.model.classifier, self.options.rows, jobs=self.jobs)
        with closing(groups):
            for group in groups:
                yield group
                for work, rows in group:
                    tiles += sum(row.tiles or 1 for row in rows if row.probability is not None)
                    self.progress.advance(1, tiles=tiles)
                    fault = next((row.reason for row in rows if row.status == "unreadable"), None)
                    failures += fault is not None
                    if failures > failure_limit:
                        raise _too_many_failures(work, fault, failures)


def stream_rows(
    plan: Plan, run: ScanRun, total: int | None, failure_limit: float = math.inf
) -> Generator[Result, None, None]:
    """Yield the rows of a plan in its order, with labels; total: how much Work it has, None is unknown.

    Raises:
        MissingCRS: as `Plan`.
        TooManyFailures: as `ScanRun.infer_groups`.
    """
    with closing(run.infer_groups(plan, total, failure_limit)) as groups:
        for group in groups:
            for _, rows in group:
                for row in rows:
                    yield label_row(row, run.options)


def scan_to_stream(plan: Plan, run: ScanRun, targets: Targets) -> Summary:
    """Write the rows of a plan to a stream, or only count them; return their summary.

    Raises:
        CrackscanError: the limit of failures is a percentage, and the number of inputs is unknown.
        NoInputs: there is nothing to scan.
        MissingCRS, TooManyFailures: as `stream_rows`.
    """
    total = plan.count() if plan.sources.repeatable else None
    limit = run.failure_limit(total)
    summary = Summary()
    with _open_sinks(targets) as sinks, closing(stream_rows(plan, run, total, limit)) as rows:
        _write_rows(rows, summary, sinks)
    if not summary.rows:
        raise plan.no_inputs()
    return summary


def scan_to_files(plan: Plan, run: ScanRun, journal: Journal, targets: Targets) -> Summary | None:
    """Scan what the journal does not have yet, then write the outputs; return the summary.

    Returns None if nothing was left to do.

    Raises:
        CrackscanError: a target is a heatmap, and the plan has no mosaic or more than one.
        OutputConflict: a target is a file of the plan.
        NoInputs: there is nothing to scan.
        TooManyFailures: as `ScanRun.infer_groups`.
    """
    written = WrittenFiles(targets)  # the journal has shown already that it is one
    journal.plan(written.watch(_check_heatmap_targets(plan, targets)))
    planned, pending = journal.planned, journal.pending
    if not planned:
        raise plan.no_inputs()
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


def write_targets(
    journal: Journal,
    targets: Targets,
    options: ScanOptions,
    review: Callable[[Result], ReviewedResult] | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write the rows of a journal to each target, labelled by `options`; return their summary.

    Args:
        journal: of a scan, which may still run.
        targets: the files.
        options: that decide the labels.
        review: adds to a labelled row what people said about it.
        progress: listens while a report's pictures are drawn.

    Raises: MissingCRS: a target needs a position for each tile, and the journal has none for a mosaic.
    """
    summary = Summary()
    has_mosaics = "gpkg" not in targets.values() or journal.has_mosaics  # only GeoPackage needs to know
    more = {"overlap": options.tiles.overlap, "has_mosaics": has_mosaics, "reviewed": review is not None}
    facts = run_facts(journal.settings, options)
    with _open_sinks(targets, **more, run=facts, progress=progress) as sinks:
        needs_crs = any(sink.needs_crs for sink in sinks)
        for work, rows in journal.results():
            if needs_crs and work.kind == "mosaic":
                _check_positions(rows)
            for sink in sinks:
                sink.begin(work)
            labelled: Iterable[Result] = (label_row(row, options) for row in rows)
            _write_rows(map(review, labelled) if review else labelled, summary, sinks)
    return summary


def run_facts(settings: RunSettings, options: ScanOptions) -> RunFacts:
    """Return what an output may tell of a run; options: that its rows are labelled by."""
    return RunFacts(
        settings.model,
        settings.engine,
        options,
        settings.figures,
        partial(cracked_up_to, options=options),
    )


@contextmanager
def _open_sinks(targets: Targets, **more: Any) -> Iterator[list[RowSink]]:
    """Open the sink of each target; `more` are arguments of `open_sink`."""
    with ExitStack() as stack:
        sinks = [open_sink(target, form, **more) for target, form in targets.items()]
        yield [stack.enter_context(sink) for sink in sinks]


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


def _write_rows(rows: Iterable[Result], summary: Summary, sinks: list[RowSink]) -> None:
    for row in summary.watch(rows):
        for sink in sinks:
            sink.write(row)


def _check_positions(tiles: list[Result]) -> None:
    for tile in tiles:
        if tile.outline is None and tile.status != "unreadable":
            raise MissingCRS(
                f"{tile.source}: no CRS; scan it again with --crs EPSG:32633 or write CSV instead."
            )


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
