"""Option types of `crackscan scan` alone: sources, positions, detection and failures."""

from pathlib import Path
from typing import Annotated

import typer

from crackscan.basics.addresses import is_remote
from crackscan.basics.records import MAX_OVERLAP, MIN_TILE_PX, Per, SourceKind
from crackscan.commands.options import DETECTION, OUTPUT, POSITIONS, RUNNING, SOURCES

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help="Photos, mosaics (GeoTIFF, VRT) and folders of them; - reads a list of paths from stdin."
    ),
]
JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        help="Keep the results so far in this file, to resume an interrupted scan.",
        show_default="the first output's name + .journal",
        rich_help_panel=OUTPUT,
    ),
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Delete the journal and start the scan again.", rich_help_panel=OUTPUT),
]


def _list_file(name: str | None) -> str | None:
    """Return the name of a list, which may be in a bucket.

    Raises: BadParameter: there is no such file.
    """
    if name is not None and not is_remote(name):
        if not Path(name).exists():
            raise typer.BadParameter(f"File {name!r} does not exist.")
        if Path(name).is_dir():
            raise typer.BadParameter(f"File {name!r} is a directory.")
    return name


FromFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        callback=_list_file,
        help="Scan the paths in this file as well, one on each line.",
        rich_help_panel=SOURCES,
    ),
]
NullSeparated = Annotated[
    bool,
    typer.Option(
        "--null",
        "-0",
        help="Paths in lists end with a zero byte, as find -print0 writes them, and not with the line.",
        rich_help_panel=SOURCES,
    ),
]
RowsPer = Annotated[
    Per,
    typer.Option(
        "--per",
        help="Write one row for each photo, for each of its tiles, or for each crack: its line with length "
        "and width. Mosaics have one for each tile or crack.",
        rich_help_panel=DETECTION,
    ),
]
Lines = Annotated[
    bool,
    typer.Option(
        "--lines",
        help="Trace cracks as lines, also if rows are those of photos or tiles: a GeoPackage gets them as a "
        "layer, and convert --per crack can write them.",
        rich_help_panel=DETECTION,
    ),
]
TilePx = Annotated[
    int | None,
    typer.Option(
        min=MIN_TILE_PX,
        help="Cut tiles with sides of this many pixels.",
        show_default="the model's input",
        rich_help_panel=DETECTION,
    ),
]
Overlap = Annotated[
    float,
    typer.Option(
        min=0,
        max=MAX_OVERLAP,
        help="Let each tile share this fraction with the next one. This finds more cracks, with more false "
        "alarms, more slowly. It is rounded up to a multiple of 1/7.",
        rich_help_panel=DETECTION,
    ),
]
SourceType = Annotated[
    SourceKind | None,
    typer.Option(
        "--as",
        help="Treat every source as a photo, or as a mosaic, whatever it looks like.",
        rich_help_panel=SOURCES,
    ),
]
Crs = Annotated[
    str | None,
    typer.Option(
        help="Use this coordinate system for mosaics that name none, for example EPSG:32633.",
        rich_help_panel=POSITIONS,
    ),
]
GeoFile = Annotated[
    Path | None,
    typer.Option(
        "--geo",
        exists=True,
        dir_okay=False,
        help="Take the positions of photos from this file: a geo.txt of OpenDroneMap, or a table of exiftool "
        "-csv -n.",
        rich_help_panel=POSITIONS,
    ),
]
Footprint = Annotated[
    bool,
    typer.Option(
        "--footprint",
        help="Draw the outline of the ground that a photo shows, if its camera looks straight down.",
        rich_help_panel=POSITIONS,
    ),
]
JudgeUnfamiliar = Annotated[
    bool,
    typer.Option(
        "--judge-unfamiliar",
        help="Judge surfaces that are unlike all training data, too.",
        rich_help_panel=DETECTION,
    ),
]
FailureLimit = Annotated[
    str | None,
    typer.Option(
        "--max-failures",
        metavar="N|P%",
        help="Stop the scan when more photos and mosaic bands than this cannot be read.",
        show_default="never",
        rich_help_panel=RUNNING,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop the scan at the first photo that cannot be read, like --max-failures 0.",
        rich_help_panel=RUNNING,
    ),
]
ReadTimeout = Annotated[
    float,
    typer.Option(
        min=0,
        help="Call a file unreadable if it does not answer within this many seconds; 0 waits for ever.",
        rich_help_panel=RUNNING,
    ),
]
PartOf = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="K/N",
        help="Judge only part K of N, into a journal of its own; crackscan convert joins the journals.",
        rich_help_panel=RUNNING,
    ),
]
