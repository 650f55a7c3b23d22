"""`crackscan scan`: sources in, rows out."""

import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.commands import UNREADABLE, ChosenEngine, Jobs, ModelName, Quiet, Threshold, cores, sentences
from crackscan.errors import CrackscanError
from crackscan.records import Kind, ScanOptions, SourceKind
from crackscan.sinks import Format, format_of, needs_crs, open_sink

if TYPE_CHECKING:
    from crackscan.classifier import Model
    from crackscan.planning import Plan
    from crackscan.sinks import RowSink
    from crackscan.summary import Summary

STDIN = "-"


@sentences()
def scan(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Photos, mosaics (GeoTIFF, VRT) and folders of them; - reads a list from stdin."),
    ] = None,
    *,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Where the rows go: .csv, .geojson or .geojsonl; - is stdout."),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A list of more paths, one a line."),
    ] = None,
    model: ModelName = None,
    threshold: Threshold = None,
    per: Annotated[
        Kind, typer.Option(help="One row for each photo, or one for each of its tiles.")
    ] = "photo",
    tile_px: Annotated[
        int | None, typer.Option(min=16, help="Side of a tile.", show_default="the model's input")
    ] = None,
    overlap: Annotated[
        float, typer.Option(min=0, max=0.95, help="Fraction of a tile that it shares with the next.")
    ] = 0.0,
    kind: Annotated[
        SourceKind | None, typer.Option("--as", help="Take every source for this, whatever it looks like.")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="For mosaics that name no coordinate system, like EPSG:32633.")
    ] = None,
    fmt: Annotated[
        Format | None, typer.Option("--format", help="Of the output.", show_default="by its ending")
    ] = None,
    judge_unfamiliar: Annotated[
        bool,
        typer.Option("--judge-unfamiliar", help="Judge also what is unlike all that the model learned from."),
    ] = False,
    jobs: Jobs = None,
    engine: ChosenEngine = "litert",
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first input that cannot be read.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Judge photos and mosaics; write one row for each photo and each tile of a mosaic."""
    from crackscan.classifier import Model, find_model
    from crackscan.georef import parse_crs
    from crackscan.planning import Plan
    from crackscan.summary import Summary

    if crs is not None:
        parse_crs(crs)
    opened = Model.load(find_model(model), engine=engine)
    options = ScanOptions(
        tile_px=tile_px or opened.card.input_px,
        threshold=opened.card.threshold if threshold is None else threshold,
        overlap=overlap,
        per=per,
        crs=crs,
        photo_limits=opened.card.photo_limits,
        farthest=opened.card.farthest,
        judge_unfamiliar=judge_unfamiliar,
    )
    plan = Plan(
        *_inputs(sources or [], from_file, options),
        kind=kind,
        needs_crs=output is not None and needs_crs(format_of(output, fmt)),
    )
    sink = open_sink(output, fmt) if output is not None else None
    summary = Summary()
    began = time.monotonic()
    _run(plan, opened, sink, summary, jobs=jobs or cores(), strict=strict, quiet=quiet)
    if not quiet:
        from crackscan.console import show_summary

        show_summary(summary, plan, seconds=time.monotonic() - began, output=output)
    raise typer.Exit(UNREADABLE if summary.unreadable_inputs else 0)


def _inputs(
    sources: list[str], from_file: Path | None, options: ScanOptions
) -> tuple[tuple[str, ...], ScanOptions, tuple[str, ...]]:
    """Return a plan's sources, options and lists; what is not there is wrong usage."""
    paths = tuple(source for source in sources if source != STDIN)
    lists = (STDIN,) * (STDIN in sources) + ((str(from_file),) if from_file else ())
    if not paths and not lists:
        raise typer.BadParameter("name a photo, a mosaic or a folder, - for stdin, or --from-file.")
    for path in paths:
        if not os.path.lexists(path):
            raise typer.BadParameter(f"{path}: no such file or folder.")
    return paths, options, lists


def _run(
    plan: "Plan",
    model: "Model",
    sink: "RowSink | None",
    summary: "Summary",
    *,
    jobs: int,
    strict: bool,
    quiet: bool,
) -> None:
    """Scan into a sink, with progress; say where the rows are if it ends early."""
    from crackscan import console, scanning

    total = plan.count() if plan.countable else None
    try:
        with sink or nullcontext(), console.scan_progress(total, quiet=quiet) as meter:
            for _, results in scanning.scan(plan, model.classifier, jobs=jobs):
                judged = summary.assessed_tiles
                for row in summary.watch(results):
                    if sink is not None:
                        sink.write(row)
                meter.advance(1, summary.assessed_tiles - judged)
                if strict and summary.unreadable:
                    source, reason = next(iter(summary.unreadable.items()))
                    raise CrackscanError(f"{source}: {reason}; the scan stops there, as --strict asks.")
    finally:
        if sink is not None and sink.partial is not None:
            console.say(f"{sink.rows:,} {console.plural('row', sink.rows)} so far: {sink.partial}")
