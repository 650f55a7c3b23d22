"""`crackscan scan`: find cracks in photos and mosaics, and write rows."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import CrackscanError, NoInputs
from crackscan.basics.records import READ_TIMEOUT
from crackscan.basics.text_files import STDIN
from crackscan.commands.cluster_options import Cluster, check_cluster
from crackscan.commands.exits import UNREADABLE, stoppable, usage_errors, user_errors
from crackscan.commands.memory import check_memory_limit
from crackscan.commands.mosaic_options import Aoi, JudgeTooCoarse, MmPerPx, parse_mm_per_px
from crackscan.commands.options import Batch, ChosenEngine, Jobs, MinLength, ModelName, Quiet, Threshold
from crackscan.commands.output_options import (
    ChosenFormat,
    Outputs,
    check_written,
    journal_path,
    parse_targets,
)
from crackscan.commands.scan_options import (
    Crs,
    FailureLimit,
    Footprint,
    Fresh,
    FromFile,
    GeoFile,
    JournalFile,
    JudgeUnfamiliar,
    Lines,
    NullSeparated,
    Overlap,
    PartOf,
    ReadTimeout,
    RowsPer,
    Sources,
    SourceType,
    Strict,
    TilePx,
)
from crackscan.scanning.failures import MaxFailures
from crackscan.scanning.parts import Part
from crackscan.sinks import Format, check_target, needs_crs
from crackscan.sinks.uploads import Uploads

if TYPE_CHECKING:
    from crackscan.commands.console import ConsoleProgress
    from crackscan.scanning.plan import Plan
    from crackscan.scanning.run import ScanRun
    from crackscan.scanning.summary import Summary


@user_errors()
@stoppable()
def scan(
    sources: Sources = None,
    *,
    from_file: FromFile = None,
    null: NullSeparated = False,
    kind: SourceType = None,
    aoi: Aoi = None,
    output: Outputs = None,
    fmt: ChosenFormat = None,
    journal: JournalFile = None,
    fresh: Fresh = False,
    model: ModelName = None,
    threshold: Threshold = None,
    per: RowsPer = "photo",
    lines: Lines = False,
    min_length: MinLength = None,
    tile_px: TilePx = None,
    overlap: Overlap = 0.0,
    mm_per_px: MmPerPx = "auto",
    judge_too_coarse: JudgeTooCoarse = False,
    judge_unfamiliar: JudgeUnfamiliar = False,
    engine: ChosenEngine = None,
    crs: Crs = None,
    geo: GeoFile = None,
    footprint: Footprint = False,
    jobs: Jobs = None,
    batch: Batch = None,
    part: PartOf = None,
    cluster: Cluster = None,
    max_failures: FailureLimit = None,
    strict: Strict = False,
    read_timeout: ReadTimeout = READ_TIMEOUT,
    quiet: Quiet = False,
) -> None:
    """Find cracks in photos and mosaics. Write one row for each photo and tile of a mosaic, or each crack."""
    check_memory_limit()
    targets, uploads = parse_targets(output, fmt), Uploads.of(output or [])
    with usage_errors():
        limit = _failure_limit(max_failures, strict=strict)
        share = Part.parse(part) if part else None
    journal_file = journal_path(targets, journal, share)
    check_cluster(cluster, journal_file)
    paths, lists = _check_inputs(sources or [], from_file)
    if geo is not None and STDIN in lists:
        raise typer.BadParameter("--geo needs to read the list twice; give the list with --from-file.")
    if min_length is not None and not lines and per != "crack":
        raise typer.BadParameter("--min-length needs --per crack or --lines: it is a length of cracks.")
    resolution = parse_mm_per_px(mm_per_px)
    named = _named_files(paths, from_file, geo, aoi)
    check_written(targets, journal_file, read=named, model=model, reads_stdin=STDIN in lists)
    uploads.check(named)

    from crackscan.commands.cluster_options import open_runner
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.engine_options import open_model
    from crackscan.model.loading import find_model
    from crackscan.scanning.options import Options, open_plan, read_areas, scan_options
    from crackscan.scanning.run import ScanRun
    from crackscan.scanning.workers import workers

    more = Options(
        kind=kind,
        tile_px=tile_px,
        crs=crs,
        geo=geo,
        footprint=footprint,
        aoi=aoi,
        mm_per_px=resolution,
        judge_too_coarse=judge_too_coarse,
        judge_unfamiliar=judge_unfamiliar,
        read_timeout=read_timeout or None,
        lines=lines,
        min_length_px=min_length,
    )
    areas = read_areas(more)
    with ConsoleProgress(quiet=quiet) as progress:
        folder, traced = find_model(model), lines or per == "crack"
        opened = open_model(folder, engine=engine, batch=batch, progress=progress, lines=traced)
        digest = areas.digest if areas else None
        options = scan_options(opened.card, more, threshold=threshold, per=per, overlap=overlap, aoi=digest)
        positions_needed = any(map(needs_crs, targets.values()))
        with (
            open_runner(
                cluster, folder, opened, batch=batch, jobs=jobs, paths=paths, progress=progress
            ) as runner,
            open_plan(
                paths,
                options,
                more,
                lists=lists,
                list_separator="\0" if null else "\n",
                needs_crs=positions_needed,
                areas=areas,
            ) as plan,
        ):
            run = ScanRun(opened, options, workers(jobs, opened), limit, progress, share, runner)
            code = _run_scan(plan, run, targets, journal_file, uploads, fresh=fresh, progress=progress)
    raise typer.Exit(code)


def _run_scan(
    plan: "Plan",
    run: "ScanRun",
    targets: dict[Path, Format],
    journal_file: Path | None,
    uploads: Uploads,
    *,
    fresh: bool,
    progress: "ConsoleProgress",
) -> int:
    """Run a scan, print its summary, and return the exit code."""
    began = time.monotonic()
    if uploads:
        progress.note(f"The results so far stay on this machine, in {journal_file}.")
    summary = _write_output(plan, run, targets, journal_file, fresh=fresh)
    sent = "what was left to send was sent" if uploads.waiting else "nothing was left to do"
    failure = None if run.part else _send(uploads)
    progress.close()
    names = map(str, targets) if failure else uploads.names(targets)
    output = journal_file if run.part else ", ".join(names) or journal_file
    if summary is None and not failure:
        progress.note(f"{output}: this scan is complete, {sent}; --fresh starts again.")
        return 0
    if summary is not None and not progress.quiet:
        from crackscan.commands.console import say
        from crackscan.commands.scan_summary import join_line, show_summary

        show_summary(
            summary,
            plan,
            seconds=time.monotonic() - began,
            output=output,
            crack_width_px=run.model.card.found_from_px(run.options),
        )
        if run.part:
            say(join_line(run.part, targets, journal_file))
    if failure:
        raise failure
    return UNREADABLE if summary and summary.unreadable_inputs else 0


def _send(uploads: Uploads) -> CrackscanError | None:
    """Send outputs to their bucket; return why that failed, which is told after the summary."""
    try:
        uploads.send()
    except CrackscanError as error:
        return error
    return None


def _write_output(
    plan: "Plan", run: "ScanRun", targets: dict[Path, Format], journal_file: Path | None, *, fresh: bool
) -> "Summary | None":
    from crackscan.scanning.journal_file import open_journal
    from crackscan.scanning.run import scan_to_files, scan_to_stream

    if journal_file is None:
        return scan_to_stream(plan, run, targets)
    if not run.part:  # a part writes no output, and need not have the libraries for it
        for target, form in targets.items():
            check_target(target, form)
    with open_journal(journal_file, run.settings, fresh=fresh) as journal:
        return scan_to_files(plan, run, journal, targets)


def _named_files(paths: tuple[str, ...], *options: str | Path | None) -> list[str | Path]:
    return [*paths, *(option for option in options if option is not None)]


def _failure_limit(text: str | None, *, strict: bool) -> MaxFailures | None:
    if strict:
        return MaxFailures(0, is_percentage=False)
    return None if text is None else MaxFailures.parse(text)


def _check_inputs(sources: list[str], from_file: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths and the lists of a plan.

    Raises: BadParameter: there are none, or a path does not exist.
    """
    paths = tuple(source for source in sources if source != STDIN)
    lists = (STDIN,) * (STDIN in sources) + ((from_file,) if from_file else ())
    if not paths and not lists:
        raise typer.BadParameter("name a photo, a mosaic or a folder, - for stdin, or --from-file.")
    if STDIN in lists and sys.stdin is None:
        raise typer.BadParameter("-: standard input is closed; give the list with --from-file.")
    for path in filter(is_remote, (*paths, *lists)):
        _check_address(path)
    for path in paths:
        if not is_remote(path) and not os.path.lexists(path):
            raise typer.BadParameter(f"{path}: no such file or folder.")
    return paths, lists


def _check_address(name: str) -> None:
    from crackscan.reading.locations import check_exists

    try:
        check_exists(name)
    except NoInputs as error:
        raise typer.BadParameter(str(error)) from error
