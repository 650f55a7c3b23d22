"""Rows of judged Work on their way to the outputs: labelled, per photo, per tile or per crack."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from crackscan.basics.errors import MissingCRS
from crackscan.basics.progress import Progress
from crackscan.basics.records import Result, ReviewedResult, ScanOptions, Work
from crackscan.basics.run_facts import RunFacts
from crackscan.scanning.joining import JoinedJournals
from crackscan.scanning.journal import Journal
from crackscan.scanning.row_labels import cracked_up_to, label_row
from crackscan.scanning.rows import rows_per
from crackscan.scanning.run_settings import RunSettings
from crackscan.scanning.summary import Summary
from crackscan.sinks import Format, RowSink, open_sink

Targets = Mapping[Path, Format]  # output files, and the format of each
Review = Callable[[Result], ReviewedResult]
Judged = Iterable[tuple[Work, list[Result]]]  # Work with all of its rows, in plan order, without labels


def write_targets(
    journal: Journal | JoinedJournals,
    targets: Targets,
    options: ScanOptions,
    review: Review | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write the rows of a journal to each target, labelled by `options`; return their summary.

    Args:
        journal: of a scan, which may still run.
        targets: the files.
        options: that decide the labels, and whether rows are those of photos, tiles or cracks.
        review: adds to a labelled row what people said about it.
        progress: listens while a report's pictures are drawn.

    Raises: MissingCRS: a target needs a position for each tile, and the journal has none for a mosaic.
    """
    has_mosaics = "gpkg" not in targets.values() or journal.has_mosaics  # only GeoPackage needs to know
    more = {"overlap": options.tiles.overlap, "has_mosaics": has_mosaics, "reviewed": review is not None}
    summary = Summary(per_crack=options.tiles.per == "crack")
    facts = run_facts(journal.settings, options)
    with open_sinks(targets, **more, run=facts, progress=progress) as sinks:
        # closed after an error, too: an open query would leave the journal's side files behind
        with closing(journal.all_results()) as judged:
            checked = any(sink.needs_crs for sink in sinks)
            write_rows(map(_with_positions, judged) if checked else judged, options, sinks, summary, review)
        if options.tiles.lines and options.tiles.per != "crack":
            of_lines = [sink for sink in sinks if sink.shows_lines]
            with closing(journal.all_results()) as judged:
                cracks = _watch_cracks(_labelled(judged, options), options, summary)
                _write_all((row for row in cracks if row.kind == "crack"), of_lines, review)
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
def open_sinks(targets: Targets, **more: Any) -> Iterator[list[RowSink]]:
    """Open the sink of each target; `more` are arguments of `open_sink`."""
    with ExitStack() as stack:
        sinks = [open_sink(target, form, **more) for target, form in targets.items()]
        yield [stack.enter_context(sink) for sink in sinks]


def write_rows(
    judged: Judged,
    options: ScanOptions,
    sinks: Sequence[RowSink],
    summary: Summary,
    review: Review | None = None,
) -> None:
    """Write rows to each sink, and count them; those of a scan per crack that show tiles get tiles."""
    per_crack = options.tiles.per == "crack"
    of_tiles = [sink for sink in sinks if sink.shows_tiles_only or not per_crack]
    written = _write_tiles(_labelled(judged, options), options, of_tiles, summary, review)
    if per_crack:
        others = [sink for sink in sinks if not sink.shows_tiles_only]
        _write_all(_watch_cracks(written, options, summary), others, review)
    else:
        deque(written, maxlen=0)


def labelled_rows(judged: Judged, options: ScanOptions, summary: Summary) -> Iterator[Result]:
    """Yield the rows that a scan writes, with labels, and count them.

    Args:
        judged: Work with all of its rows, in plan order, without labels.
        options: that decide the labels, and whether rows are those of photos, tiles or cracks.
        summary: that counts.
    """
    if options.tiles.per == "crack":
        written = _write_tiles(_labelled(judged, options), options, (), summary)
        yield from _watch_cracks(written, options, summary)
    else:
        for _, rows in _labelled(judged, options):
            yield from summary.watch(rows_per(rows, options.tiles.per))


def _watch_cracks(labelled: Judged, options: ScanOptions, summary: Summary) -> Iterable[Result]:
    """Return the rows of cracks, which the summary counts."""
    from crackscan.scanning.crack_rows import crack_rows  # a scan without lines starts faster without it

    return summary.watch_cracks(crack_rows(labelled, options))


def _labelled(judged: Judged, options: ScanOptions) -> Iterator[tuple[Work, list[Result]]]:
    return ((work, [label_row(row, options) for row in rows]) for work, rows in judged)


def _write_tiles(
    labelled: Judged,
    options: ScanOptions,
    sinks: Sequence[RowSink],
    summary: Summary,
    review: Review | None = None,
) -> Iterator[tuple[Work, list[Result]]]:
    """Yield Work unchanged, and write and count its rows: per photo, or per tile where that is asked for."""
    for work, rows in labelled:
        for sink in sinks:
            sink.begin(work)
        shown: Iterable[Result] = rows_per(rows, options.tiles.per)
        for row in summary.watch(map(review, shown) if review else shown):
            for sink in sinks:
                sink.write(row)
        yield work, rows


def _write_all(rows: Iterable[Result], sinks: Sequence[RowSink], review: Review | None) -> None:
    for row in map(review, rows) if review else rows:
        for sink in sinks:
            sink.write(row)


def _with_positions(judged: tuple[Work, list[Result]]) -> tuple[Work, list[Result]]:
    """Return Work with its rows.

    Raises: MissingCRS: a tile of a mosaic has no position.
    """
    work, rows = judged
    for row in rows if work.kind == "mosaic" else ():
        if row.outline is None and row.status != "unreadable":
            raise MissingCRS(
                f"{row.source}: no CRS; scan it again with --crs EPSG:32633 or write CSV instead."
            )
    return judged
