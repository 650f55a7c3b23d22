"""`crackscan leave-one-out`: how well a model's way of being made does on structures that it never saw."""

import sys
from typing import Annotated

import typer

from crackscan.commands.dataset_options import Data, MinCrackPx, ModelFolder, Positive, rows_of, windows_of
from crackscan.commands.exits import user_errors
from crackscan.commands.options import Jobs
from crackscan.scanning.workers import cores


@user_errors()
def leave_one_out(
    model: ModelFolder,
    data: Data,
    *,
    weights: Annotated[
        str, typer.Option(help="What the model was trained from, as given to train.", show_default=False)
    ],
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of each training.", show_default="as many as the model's own"),
    ] = None,
    widths: Annotated[
        bool,
        typer.Option("--widths", help="Also draw cracks of known widths on the uncracked images left out."),
    ] = False,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Train a model anew without each of its DATA, judge that DATA, and put the figures onto its card."""
    from crackscan.commands.console import TrainingProgress, say
    from crackscan.commands.train import command_line
    from crackscan.dataset.splitting import SplitData
    from crackscan.model.card import Card
    from crackscan.training.cross_dataset import evaluate_cross_dataset
    from crackscan.training.model_folder.external import check_writable
    from crackscan.training.options import TrainOptions

    card = Card.read(model)
    card.verify(model)
    check_writable(model)
    options = TrainOptions.of_card(card, weights=weights)
    rows = rows_of(model, card, data, positive=positive, min_crack_px=min_crack_px, jobs=jobs)
    progress = TrainingProgress()
    try:
        evaluate_cross_dataset(
            model,
            card,
            SplitData(tuple(rows), (), windows=windows_of(rows, options.recipe, min_crack_px=min_crack_px)),
            weights=weights,
            steps=steps,
            command=command_line(sys.argv[1:]),
            widths=widths,
            jobs=jobs or cores(),
            progress=progress,
        )
    finally:
        progress.close()
    say(f"The model's card has the figures: read {model / 'README.md'}. crackscan calibrate can use them.")
