"""`crackscan scan`: sources in, rows out."""

import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.basics.records import Kind, SourceKind
from crackscan.commands import (
    JUDGING,
    OUTPUT,
    PLACES,
    RUNNING,
    SOURCES,
    UNREADABLE,
    Batch,
    ChosenEngine,
    Jobs,
    ModelName,
    Quiet,
    Threshold,
    sentences,
    stoppable,
)
from crackscan.commands.mosaic_options import Aoi, JudgeTooCoarse, MmPerPx, areas_in, at_resolution
from crackscan.commands.output_options import ChosenFormat, Outputs, journal_of, targets_of
from crackscan.scanning.failures import MaxFailures
from crackscan.sinks import Format, check_target, needs_crs

if TYPE_CHECKING:
    from crackscan.geo.pose.table import PoseTable
    from crackscan.scanning.plan import Plan
    from crackscan.scanning.run import ScanRun
    from crackscan.scanning.summary import Summary

STDIN = "-"


@sentences()
@stoppable()
def scan(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Photos, mosaics (GeoTIFF, VRT) and folders of them; - reads a list from stdin."),
    ] = None,
    *,
    output: Outputs = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="What is done so far, to go on from.",
            show_default="the first output's + .journal",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Forget what the journal holds, and start over.", rich_help_panel=OUTPUT
        ),
    ] = False,
    from_file: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A list of more paths, one a line.", rich_help_panel=SOURCES
        ),
    ] = None,
    model: ModelName = None,
    threshold: Threshold = None,
    per: Annotated[
        Kind,
        typer.Option(help="One row for each photo, or one for each of its tiles.", rich_help_panel=JUDGING),
    ] = "photo",
    tile_px: Annotated[
        int | None,
        typer.Option(
            min=16, help="Side of a tile.", show_default="the model's input", rich_help_panel=JUDGING
        ),
    ] = None,
    overlap: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.95,
            help="Fraction of a tile that it shares with the next, up to the next seventh: 0.5 is 4/7.",
            rich_help_panel=JUDGING,
        ),
    ] = 0.0,
    kind: Annotated[
        SourceKind | None,
        typer.Option(
            "--as", help="Take every source for this, whatever it looks like.", rich_help_panel=SOURCES
        ),
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(
            help="For mosaics that name no coordinate system, like EPSG:32633.", rich_help_panel=PLACES
        ),
    ] = None,
    geo: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Positions of photos: a geo.txt of OpenDroneMap, or a table of exiftool -csv -n.",
            rich_help_panel=PLACES,
        ),
    ] = None,
    footprint: Annotated[
        bool,
        typer.Option(
            "--footprint",
            help="Outline the ground of photos that look straight down.",
            rich_help_panel=PLACES,
        ),
    ] = False,
    aoi: Aoi = None,
    mm_per_px: MmPerPx = "auto",
    judge_too_coarse: JudgeTooCoarse = False,
    fmt: ChosenFormat = None,
    judge_unfamiliar: Annotated[
        bool,
        typer.Option(
            "--judge-unfamiliar",
            help="Judge also what is unlike all that the model learned from.",
            rich_help_panel=JUDGING,
        ),
    ] = False,
    jobs: Jobs = None,
    engine: ChosenEngine = None,
    batch: Batch = None,
    max_failures: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%",
            help="Stop when more photos and bands than this cannot be read.",
            show_default="never",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Stop at the first that cannot be read: --max-failures 0.",
            rich_help_panel=RUNNING,
        ),
    ] = False,
    read_timeout: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds until a file that does not answer is unreadable; 0: never.",
            rich_help_panel=RUNNING,
        ),
    ] = 120.0,
    quiet: Quiet = False,
) -> None:
    """Judge photos and mosaics; write one row for each photo and each tile of a mosaic."""
    targets = targets_of(output, fmt)
    place = journal_of(targets, journal)
    allowed = "0" if strict else max_failures
    most = None if allowed is None else MaxFailures.parse(allowed)
    paths, lists = _inputs(sources or [], from_file)
    if geo is not None and STDIN in lists:
        raise typer.BadParameter("--geo goes through a list twice; give it by --from-file.")
    from crackscan.basics.grid import snap_overlap_to_grid
    from crackscan.commands.engine_options import open_model, workers
    from crackscan.model.loading import find_model
    from crackscan.scanning.plan import Plan
    from crackscan.scanning.run import ScanRun

    if crs is not None:
        from crackscan.geo.georef import parse_crs

        parse_crs(crs)
    areas = areas_in(aoi)
    opened = open_model(find_model(model), engine=engine, batch=batch, quiet=quiet)
    own = opened.card.scan_options
    options = replace(
        own,
        tile_px=tile_px or own.tile_px,
        threshold=own.threshold if threshold is None else threshold,
        overlap=snap_overlap_to_grid(overlap) if opened.card.has_dense_inference else overlap,
        per=per,
        crs=crs,
        judge_unfamiliar=judge_unfamiliar,
        footprint=footprint,
        judge_too_coarse=judge_too_coarse,
        aoi=areas.digest if areas else None,
        read_timeout=read_timeout or None,
    )
    options = at_resolution(options, mm_per_px)
    run = ScanRun(opened, opened.engine, workers(jobs, opened), most, quiet)
    with _poses(geo) as poses:
        plan = Plan(paths, options, lists, kind, any(map(needs_crs, targets.values())), poses, areas)
        raise typer.Exit(_carried_out(run, plan, targets, place, fresh=fresh))


def _poses(geo: Path | None) -> AbstractContextManager["PoseTable | None"]:
    """Open a file of positions, if there is one."""
    if geo is None:
        return nullcontext()
    from crackscan.geo.pose.table import open_pose_table

    return open_pose_table(geo)


def _carried_out(
    run: "ScanRun", plan: "Plan", targets: dict[Path, Format], place: Path | None, *, fresh: bool
) -> int:
    """Run a scan, say what it found, and return the exit code."""
    from crackscan.commands import console
    from crackscan.scanning.journal_file import open_journal
    from crackscan.scanning.run import scan_to_files, scan_to_stream

    began = time.monotonic()
    if place is None:
        summary: Summary | None = scan_to_stream(plan, run, targets)
    else:
        for target, form in targets.items():
            check_target(target, form)
        with open_journal(place, run.terms(plan.options), fresh=fresh) as journal:
            summary = scan_to_files(plan, run, journal, targets)
    output = ", ".join(map(str, targets)) or place
    if summary is None:
        if not run.quiet:
            console.say(f"{output}: this scan is complete, nothing was left to do; --fresh starts over.")
        return 0
    if not run.quiet:
        console.show_summary(
            summary,
            plan,
            seconds=time.monotonic() - began,
            output=output,
            found_from_px=run.model.card.found_from_px(plan.options),
        )
    return UNREADABLE if summary.unreadable_inputs else 0


def _inputs(sources: list[str], from_file: Path | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a plan's sources and lists; what is not there is wrong usage."""
    paths = tuple(source for source in sources if source != STDIN)
    lists = (STDIN,) * (STDIN in sources) + ((str(from_file),) if from_file else ())
    if not paths and not lists:
        raise typer.BadParameter("name a photo, a mosaic or a folder, - for stdin, or --from-file.")
    for path in paths:
        if not os.path.lexists(path):
            raise typer.BadParameter(f"{path}: no such file or folder.")
    return paths, lists
