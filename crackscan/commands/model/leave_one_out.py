"""`crackscan model leave-one-out`: how well a way of training does on structures that it has never seen."""

import sys
from typing import Annotated

import typer

from crackscan.commands.dataset_options import (
    Data,
    MinCrackPx,
    ModelPath,
    Positive,
    load_labelled,
    match_split,
)
from crackscan.commands.exits import user_errors
from crackscan.commands.options import Jobs
from crackscan.scanning.workers import cores


@user_errors()
def leave_one_out(
    model: ModelPath,
    data: Data,
    *,
    weights: Annotated[
        str,
        typer.Option(
            help="The weights that the model was trained from, as for train. If these are of a model that "
            "knows some of the images: weights that do not.",
            show_default=False,
        ),
    ],
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="The steps of each training.", show_default="as many as the model's own"),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Leave these datasets out in one training: names with commas between them; a + joins "
            "datasets that are judged as one. The option may be repeated.",
            show_default="each dataset in turn",
        ),
    ] = None,
    widths: Annotated[
        bool,
        typer.Option("--widths", help="Also measure recall by crack width, with synthetic cracks."),
    ] = False,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Train models without each of the datasets in turn, and evaluate them on what was left out.

    The figures go onto the model's card; the model itself does not change. If the command is interrupted, run
    it again: finished trainings are kept.
    """
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.train import command_line
    from crackscan.dataset.splitting import SplitData
    from crackscan.training.cross_dataset import CrossDatasetOptions, evaluate_cross_dataset
    from crackscan.training.model_folder.external import check_writable
    from crackscan.training.model_folder.folder import ModelFolder
    from crackscan.training.options import TrainOptions
    from crackscan.training.prepare import find_windows

    folder = ModelFolder.open(model)
    check_writable(model)
    recipe = TrainOptions.of_card(folder.card, weights=weights).recipe
    options = CrossDatasetOptions(
        weights=weights,
        command=command_line(sys.argv[1:]),
        jobs=jobs or cores(),
        steps=steps,
        leave_out=tuple(leave_out or ()),
        widths=widths,
    )
    with ConsoleProgress() as progress:
        labelled = load_labelled(data, positive=positive, min_crack_px=min_crack_px)
        rows = match_split(folder, labelled, jobs=jobs, progress=progress)
        windows = find_windows(rows, recipe, min_crack_px=min_crack_px)
        split = SplitData(tuple(rows), (), windows=windows)
        evaluate_cross_dataset(folder, split, options, progress=progress)
        progress.note(
            f"The model's card has the figures: see {model / 'README.md'}. "
            "crackscan model calibrate can use them."
        )
