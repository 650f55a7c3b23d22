"""Option types for the output, and the files that they name."""

from pathlib import Path
from typing import Annotated

import typer

from crackscan.commands.options import OUTPUT
from crackscan.sinks import Format, choose_format, is_stream

Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the rows to this file: .csv, .geojson, .geojsonl, .gpkg, .parquet, or .tif for a "
        "heatmap; - is stdout. The option may be repeated.",
        rich_help_panel=OUTPUT,
    ),
]
ChosenFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="Write the output in this format.",
        show_default="by its ending",
        rich_help_panel=OUTPUT,
    ),
]


def parse_targets(outputs: list[str] | None, chosen: Format | None) -> dict[Path, Format]:
    """Return the files to write, with the format of each.

    Raises: BadParameter: there are several outputs, and one is a stream or the format is chosen.
    """
    targets = {Path(output): choose_format(output, chosen) for output in outputs or []}
    if len(targets) > 1 and chosen is not None:
        raise typer.BadParameter("--format needs a single -o; with several, their endings tell the formats.")
    if len(targets) > 1 and any(map(is_stream, targets)):
        raise typer.BadParameter("a stream, such as -o -, must be the only output.")
    return targets


def journal_path(targets: dict[Path, Format], chosen: Path | None) -> Path | None:
    """Return the path of the journal: the chosen one, or beside the first file; None for a stream.

    Raises: BadParameter: the output is a stream, and a journal is chosen.
    """
    first = next(iter(targets), None)
    if first is not None and is_stream(first):
        if chosen is not None:
            raise typer.BadParameter("--journal needs a file output: a scan to a stream cannot be resumed.")
        return None
    return chosen or (first and Path(f"{first}.journal"))
