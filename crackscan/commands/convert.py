"""`crackscan convert`: write the rows of a journal in any format, at any threshold."""

from pathlib import Path
from typing import Annotated

import typer

from crackscan.commands.exits import user_errors
from crackscan.commands.options import Quiet, Threshold
from crackscan.commands.output_options import ChosenFormat, Outputs, parse_targets


@user_errors()
def convert(
    journal: Annotated[
        Path, typer.Argument(help="The journal OUT.journal that a scan leaves beside its output OUT.")
    ],
    *,
    output: Outputs = None,
    threshold: Threshold = None,
    fmt: ChosenFormat = None,
    quiet: Quiet = False,
) -> None:
    """Write the rows of a scan in another format or at another threshold, without scanning again.

    The scan may have ended, or may still run.
    """
    targets = parse_targets(output, fmt)
    if not targets:
        raise typer.BadParameter("name the output, such as -o cracks.geojson.")
    from crackscan.commands.console import ConsoleProgress, plural
    from crackscan.scanning.api import convert_journal

    summary, missing = convert_journal(journal, targets, threshold)
    with ConsoleProgress(quiet=quiet) as progress:
        progress.note(
            f"{summary.rows:,} {plural('row', summary.rows)}, {summary.cracked:,} cracked, "
            f"are in {', '.join(map(str, targets))}."
        )
        if missing:
            progress.note(f"The scan is not complete: {missing:,} photos and mosaic bands are left to judge.")
