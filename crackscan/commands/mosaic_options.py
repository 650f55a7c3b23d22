"""Option types for mosaics: the areas to scan, and the resolution to judge at."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from crackscan.commands.options import DETECTION, SOURCES

Aoi = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Judge only photos and tiles that touch the areas in this GeoJSON or GeoPackage.",
        rich_help_panel=SOURCES,
    ),
]
MmPerPx = Annotated[
    str,
    typer.Option(
        metavar="auto|keep|N",
        help="Judge finer mosaics at N mm per px; auto uses the resolution of the model's training, if it is "
        "known.",
        rich_help_panel=DETECTION,
    ),
]
JudgeTooCoarse = Annotated[
    bool,
    typer.Option(
        "--judge-too-coarse",
        help="Judge mosaics that are coarser than the model needs, too.",
        rich_help_panel=DETECTION,
    ),
]


def parse_mm_per_px(text: str) -> float | Literal["auto", "keep"]:
    """Return the resolution that a user asks for: "auto", "keep" or a number.

    Raises: BadParameter: it is something else.
    """
    if text == "auto":
        return "auto"
    if text == "keep":
        return "keep"
    try:
        figure = float(text)
    except ValueError:
        figure = math.nan
    if not 0 < figure < math.inf:
        raise typer.BadParameter(f"--mm-per-px {text}: give auto, keep or a number, such as 1.5.")
    return figure
