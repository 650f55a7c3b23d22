"""`crackscan convert`: write the rows of a journal in any format, at any threshold."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.basics.records import Per
from crackscan.commands.exits import stoppable, user_errors
from crackscan.commands.options import OUTPUT, MinLength, Quiet, Threshold
from crackscan.commands.output_options import ChosenFormat, Outputs, parse_targets
from crackscan.sinks.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from crackscan.basics.records import Result, ReviewedResult


@user_errors()
@stoppable()
def convert(
    journals: Annotated[
        list[Path],
        typer.Argument(
            metavar="JOURNAL...",
            help="The journal OUT.journal that a scan leaves beside its output OUT; or those of all parts of "
            "a scan.",
        ),
    ],
    *,
    output: Outputs = None,
    threshold: Threshold = None,
    per: Annotated[
        Per | None,
        typer.Option(
            "--per",
            help="Write one row for each photo, for each of its tiles, or for each crack, if the scan traced "
            "cracks.",
            show_default="as the scan",
        ),
    ] = None,
    min_length: MinLength = None,
    reviewed: Annotated[
        bool,
        typer.Option(
            "--reviewed",
            help="Add the verdicts of crackscan review: columns that say what people saw, and their labels.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Write the rows so far although parts are missing.", rich_help_panel=OUTPUT
        ),
    ] = False,
    fmt: ChosenFormat = None,
    quiet: Quiet = False,
) -> None:
    """Write the rows of a scan in another form or at another threshold, without scanning again.

    The scan may have ended, or may still run.
    """
    targets, uploads = parse_targets(output, fmt), Uploads.of(output or [])
    if not targets:
        raise typer.BadParameter("name the output, such as -o cracks.geojson.")
    from crackscan.commands.console import ConsoleProgress, plural
    from crackscan.scanning.api import convert_journals
    from crackscan.scanning.parts import number_ranges
    from crackscan.scanning.row_changes import RowChanges

    if reviewed and len(journals) > 1:
        raise typer.BadParameter("--reviewed needs a single journal: the one that was reviewed.")
    review, lost = _read_verdicts(journals[0]) if reviewed else (None, "")
    changes = RowChanges(threshold, per, min_length)
    uploads.check()
    done = convert_journals(journals, targets, changes, review, partial=partial)
    uploads.send()
    summary, missing = done.summary, done.missing
    cracks = f"{summary.cracked:,} cracked"
    if summary.per_crack:
        cracks = f"{summary.cracks:,} {plural('crack', summary.cracks)}"
    with ConsoleProgress(quiet=quiet) as progress:
        names = ", ".join(uploads.names(targets))
        progress.note(f"{summary.rows:,} {plural('row', summary.rows)}, {cracks}, are in {names}.")
        if lost:
            progress.note(lost)
        if done.missing_parts:
            count = len(done.missing_parts)
            progress.note(f"Missing {plural('part', count)}: {number_ranges(done.missing_parts)}.")
        if missing:
            progress.note(f"The scan is not complete: {missing:,} photos and mosaic bands are left to judge.")


def _read_verdicts(journal: Path) -> "tuple[Callable[[Result], ReviewedResult], str]":
    """Return what adds verdicts to rows, and a sentence about verdicts that are lost."""
    from crackscan.review.reviewed_rows import reviewed_rows
    from crackscan.review.verdict_file import each_agreement, open_verdicts

    verdicts = open_verdicts(journal)
    return reviewed_rows(dict(each_agreement(verdicts))), verdicts.lost
