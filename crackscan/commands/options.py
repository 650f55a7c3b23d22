"""Option types that several commands share."""

from typing import Annotated

import typer

from crackscan import DEFAULT_MODEL
from crackscan.basics.records import Engine

# the panels of --help
SOURCES, DETECTION, POSITIONS, OUTPUT, RUNNING = "Sources", "Detection", "Positions", "Output", "Running"

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Use this model: the path of a model folder, or the name of a shipped model.",
        show_default=DEFAULT_MODEL,
        rich_help_panel=DETECTION,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Call a tile, or with --per crack a line, cracked if its probability is at least this.",
        show_default="the model's own",
        rich_help_panel=DETECTION,
    ),
]
MinLength = Annotated[
    float | None,
    typer.Option(
        "--min-length",
        min=0,
        metavar="PX",
        help="Leave out cracks that are shorter than this number of pixels.",
        show_default="40 px as judged",
        rich_help_panel=DETECTION,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Use this number of threads.",
        show_default="one more than cores; tensorflow: 16 or more",
        rich_help_panel=RUNNING,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but errors.", rich_help_panel=RUNNING)
]
ChosenEngine = Annotated[
    Engine | None,
    typer.Option(
        help="Compute with this engine. litert runs on CPUs; litert-int8 is twice as fast; tensorflow also "
        "runs on GPUs.",
        show_default="the fastest that the model has",
        rich_help_panel=DETECTION,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Let tensorflow judge this number of tiles at once.",
        show_default="32",
        rich_help_panel=RUNNING,
    ),
]
