"""How much of a mosaic is judged, and at which resolution, as the options of `scan` say it."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.basics.records import ScanOptions
from crackscan.commands import JUDGING, SOURCES
from crackscan.scanning import resolution

if TYPE_CHECKING:
    from crackscan.geo.areas import Areas

Aoi = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Judge only what touches the areas in a GeoJSON or GeoPackage.",
        rich_help_panel=SOURCES,
    ),
]
MmPerPx = Annotated[
    str,
    typer.Option(
        metavar="auto|keep|N",
        help="Judge finer mosaics at N mm per px; auto is what the model was trained for, if it knows that.",
        rich_help_panel=JUDGING,
    ),
]
JudgeTooCoarse = Annotated[
    bool,
    typer.Option(
        "--judge-too-coarse",
        help="Judge also mosaics that are coarser than the model needs.",
        rich_help_panel=JUDGING,
    ),
]


def at_resolution(options: ScanOptions, mm_per_px: str) -> ScanOptions:
    """Return the options of a scan at "auto", "keep" or a number; anything else is wrong usage."""
    if mm_per_px == "auto":
        return options
    if mm_per_px == "keep":
        return replace(options, target_mm_per_px=None)
    try:
        figure = float(mm_per_px)
    except ValueError:
        figure = math.nan
    if not 0 < figure < math.inf:
        raise typer.BadParameter(f"--mm-per-px {mm_per_px}: give auto, keep or a number, such as 1.5.")
    return resolution.at_resolution(options, figure)


def areas_in(file: Path | None) -> "Areas | None":
    """Read the areas to which a scan keeps, if it does.

    Raises:
        CrackscanError: as `Areas.read`.
        MissingExtra: what reads them is not installed.
    """
    if file is None:
        return None
    from crackscan.geo.areas import Areas

    return Areas.read(file)
