"""The library: scan sources, and write the rows of an earlier scan, from a Python program."""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import NamedTuple, get_args

from crackscan.basics.progress import Progress, Silent
from crackscan.basics.records import Per, Result, ReviewedResult
from crackscan.model import loading
from crackscan.model.loading import Model
from crackscan.reading.locations import check_exists
from crackscan.scanning.joining import open_journals
from crackscan.scanning.journal_file import journal_files
from crackscan.scanning.options import Options, open_plan, read_areas, scan_options
from crackscan.scanning.plan import Plan
from crackscan.scanning.row_changes import RowChanges
from crackscan.scanning.run import ScanRun, stream_rows
from crackscan.scanning.summary import Summary
from crackscan.scanning.workers import workers
from crackscan.scanning.writing import write_targets
from crackscan.scanning.written_files import WrittenFiles
from crackscan.sinks import Format, choose_format
from crackscan.sinks.uploads import Uploads, local_target


def scan(
    *sources: str | Path,
    model: Model | str | Path | None = None,
    threshold: float | None = None,
    per: Per = "photo",
    overlap: float = 0.0,
    jobs: int | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Generator[Result, None, None]:
    """Scan photos, mosaics and folders of them, and yield one row for each photo and each tile of a mosaic.

    Rows come while the scan runs, in the order of the sources; those of a folder in natural order. An input
    that cannot be read is a row, too: its `status` is "unreadable", and its `reason` says why. A caller that
    stops early need not clean up: leaving the loop ends the threads.

    Args:
        sources: paths of photos (JPEG, PNG, HEIF, ...), mosaics (GeoTIFF, VRT) and folders, or addresses of
            them such as "s3://survey/2026/".
        model: an opened model, the path of a model folder, or the name of a shipped model; None is the
            default model. Open a `Model` once to use it for several scans.
        threshold: a tile, or per crack a line, of this probability or more is cracked, 0 to 1; None is the
            model's own.
        per: "photo" yields one row for each photo, "tile" one for each of its tiles, and "crack" one for
            each connected crack, and one for each input without a crack or not assessed as a whole.
        overlap: fraction of a tile that it shares with the next, 0 to 0.95; it is rounded up to a multiple
            of 1/7. With overlap more cracks are found, with more false alarms, more slowly.
        jobs: number of threads; None suits the machine.
        options: less common options.
        progress: listens to the progress; None means nobody does. With a listener the files are counted
            before the scan starts.

    Returns:
        A generator of rows; `Result` lists their fields.

    Raises:
        ValueError: an argument is outside of its range. It is raised at once.
        BrokenModel: the model cannot be used. It is raised at once.
        CrackscanError: a file that an option names cannot be used, or the model cannot trace cracks.
        NoInputs: a source does not exist, or the sources hold no photo and no mosaic.
        MissingCRS: a mosaic has no coordinate system, and `options.aoi` needs one.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs {jobs}: give 1 or more.")
    paths = _existing_paths(sources)
    more, listener = options or Options(), progress or Silent()
    areas = read_areas(more)
    traced = more.lines or per == "crack"
    opened = model if isinstance(model, Model) else _open_model(model, listener, lines=traced)
    digest = areas.digest if areas else None
    decided = scan_options(opened.card, more, threshold=threshold, per=per, overlap=overlap, aoi=digest)
    run = ScanRun(opened, decided, workers(jobs, opened), progress=listener)
    plan = open_plan(paths, decided, more, areas=areas)
    return _planned_rows(plan, run, count=progress is not None)


class Conversion(NamedTuple):
    """What was written from a journal."""

    summary: Summary
    missing: int  # photos and mosaic bands that the scan has not judged yet
    missing_parts: Sequence[int] = ()  # numbers of the parts whose journals were not named


def convert(
    journal: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    threshold: float | None = None,
    per: Per | None = None,
    min_length_px: float | None = None,
    partial: bool = False,
    format: Format | None = None,  # noqa: A002 - the word that users know
) -> Summary:
    """Write the rows of a scan that has ended, or still runs, to a file, without scanning again.

    Args:
        journal: the file OUT.journal that `crackscan scan -o OUT` leaves beside its output; or those of all
            parts of a scan that `--part` shared out.
        output: the file to write, or its address in a bucket; it appears when it is complete.
        threshold: a tile, or per crack a line, of this probability or more is cracked, 0 to 1; None is that
            of the scan.
        per: as for `scan`; None is that of the scan. A scan for lines can give all three.
        min_length_px: shorter cracks get no row; None is that of the scan.
        partial: write the rows so far although parts are missing or not complete.
        format: "csv", "geojson", "geojsonl", "gpkg", "parquet" or "heatmap"; None decides by the ending.

    Returns:
        The counts of the rows that were written.

    Raises:
        ValueError: an argument is outside of its range.
        OutputConflict: the output is the journal.
        MissingParts: a part of the scan is missing or not complete.
        CrackscanError: the journal cannot be read, or the format cannot be told or cannot show the rows.
        MissingCRS: the format needs a position for each tile, and a mosaic has no coordinate system.
        MissingExtra: the libraries of the format are not installed.
        OSError: the output cannot be written.
    """
    if format is not None and format not in get_args(Format):
        raise ValueError(f"format {format}: give one of {', '.join(get_args(Format))}.")
    journals = [journal] if isinstance(journal, str | Path) else journal
    if not journals:
        raise ValueError("journal: name at least one.")
    target, uploads = local_target(os.fspath(output)), Uploads.of([os.fspath(output)])
    targets = {target: choose_format(target, format)}
    changes = RowChanges(threshold, per, min_length_px)
    uploads.check()
    summary = convert_journals([*map(Path, journals)], targets, changes, partial=partial).summary
    uploads.send()
    return summary


def convert_journals(
    journals: Sequence[Path],
    targets: Mapping[Path, Format],
    changes: RowChanges,
    review: Callable[[Result], ReviewedResult] | None = None,
    *,
    partial: bool = False,
) -> Conversion:
    """Write the rows of a journal, or of all parts of a scan, to targets (path: format); see `convert`.

    review: adds to a labelled row what people said about it.
    """
    changes.check()
    written = WrittenFiles(targets)
    for journal in journals:
        for file in journal_files(journal):
            written.check(file)
    with open_journals(journals, changes.changed_options) as opened:
        if not partial:
            opened.check_complete()
        options = changes.apply(opened.settings.options, journals[0])
        summary = write_targets(opened, targets, options, review)
        return Conversion(summary, opened.missing, opened.missing_parts)


def _existing_paths(sources: Sequence[str | Path]) -> tuple[str, ...]:
    """Return sources as texts.

    Raises:
        ValueError: there are none.
        NoInputs: one does not exist.
    """
    if not sources:
        raise ValueError("sources: name a photo, a mosaic or a folder.")
    paths = tuple(os.fspath(source) for source in sources)
    for path in paths:
        check_exists(path)
    return paths


def _planned_rows(
    plan: AbstractContextManager[Plan], run: ScanRun, *, count: bool
) -> Generator[Result, None, None]:
    with plan as opened:
        total = opened.count() if count else None
        summary = Summary(per_crack=run.options.tiles.per == "crack")
        with closing(stream_rows(opened, run, total, summary)) as rows:
            yield from rows
        if not summary.rows:
            raise opened.no_inputs()


def _open_model(name: str | Path | None, progress: Progress, *, lines: bool) -> Model:
    folder = loading.find_model(None if name is None else os.fspath(name))
    return Model.load(folder, note=progress.note, lines=lines)
