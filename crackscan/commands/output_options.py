"""Where rows go, as the options of `scan` and `convert` say it."""

from pathlib import Path
from typing import Annotated

import typer

from crackscan.commands import OUTPUT
from crackscan.sinks import Format, choose_format, is_stream

Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        help="A .csv, .geojson, .geojsonl, .gpkg, .parquet, or heatmap .tif; - is stdout; may be repeated.",
        rich_help_panel=OUTPUT,
    ),
]
ChosenFormat = Annotated[
    Format | None,
    typer.Option("--format", help="Of the output.", show_default="by its ending", rich_help_panel=OUTPUT),
]


def targets_of(outputs: list[str] | None, chosen: Format | None) -> dict[Path, Format]:
    """Return what to write, and in which format; a stream, or a chosen format, stands alone."""
    targets = {Path(output): choose_format(output, chosen) for output in outputs or []}
    if len(targets) > 1 and chosen is not None:
        raise typer.BadParameter("--format goes with one -o; of several, the endings tell the formats.")
    if len(targets) > 1 and any(map(is_stream, targets)):
        raise typer.BadParameter("a stream, such as -o -, goes alone.")
    return targets


def journal_of(targets: dict[Path, Format], named: Path | None) -> Path | None:
    """Return where the journal is: as named, else beside the first file; None where rows are streamed."""
    first = next(iter(targets), None)
    if first is not None and is_stream(first):
        if named is not None:
            raise typer.BadParameter("--journal goes with a file; a stream cannot be gone on with.")
        return None
    return named or (first and Path(f"{first}.journal"))
