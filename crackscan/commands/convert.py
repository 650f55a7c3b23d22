"""`crackscan convert`: what a journal holds becomes a file of any format, at any threshold."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from crackscan.commands import Quiet, Threshold, sentences
from crackscan.commands.output_options import ChosenFormat, Outputs, targets_of


@sentences()
def convert(
    journal: Annotated[Path, typer.Argument(help="That a scan left beside its output: OUT.journal.")],
    *,
    output: Outputs = None,
    threshold: Threshold = None,
    fmt: ChosenFormat = None,
    quiet: Quiet = False,
) -> None:
    """Write the rows of a scan that has ended, or still runs, in another format or at another threshold."""
    targets = targets_of(output, fmt)
    if not targets:
        raise typer.BadParameter("say where the rows go, such as -o cracks.geojson.")
    from crackscan.commands.console import plural, say
    from crackscan.scanning.journal_file import read_journal
    from crackscan.scanning.run import write_targets

    with read_journal(journal) as opened:
        options = opened.terms.options
        if threshold is not None:
            options = replace(options, threshold=threshold)
        missing = opened.planned - opened.done
        summary = write_targets(opened, targets, options)
    if not quiet:
        say(
            f"{summary.rows:,} {plural('row', summary.rows)}, {summary.cracked:,} cracked, "
            f"are in {', '.join(map(str, targets))}."
        )
    if missing and not quiet:
        say(f"The scan is not complete: {missing:,} photos and mosaic bands have yet to be judged.")
