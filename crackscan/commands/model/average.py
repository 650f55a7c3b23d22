"""`crackscan model average`: one model of several trainings."""

import sys
from pathlib import Path
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
from crackscan.commands.exits import stoppable, user_errors
from crackscan.commands.options import Jobs


@user_errors()
def average(
    model: ModelPath,
    data: Data,
    *,
    others: Annotated[
        list[Path],
        typer.Option("--with", metavar="MODEL", help="Another model; the option may be repeated."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Name of the new model folder.")],
    lines: Annotated[
        bool, typer.Option("--lines/--no-lines", help="Also train a line head, which traces cracks.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace the model folder if it exists.")] = False,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Make one model of several: the mean of their weights, calibrated and measured like a training.

    The models were trained on the same datasets with the same split, from other weights or for another time.
    Such a mean often ranks unknown structures better than each of them, and scans as fast as one.
    """
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.train import command_line
    from crackscan.dataset.splitting import SplitData
    from crackscan.scanning.written_files import check_replaced_folders
    from crackscan.training.average import AverageOptions, average_models
    from crackscan.training.lines.options import LineOptions
    from crackscan.training.model_folder.folder import ModelFolder

    folders = [ModelFolder.open(path) for path in (model, *others)]
    options = AverageOptions(
        output=output,
        command=command_line(sys.argv[1:]),
        lines=LineOptions(seed=folders[0].card.seed) if lines else None,
        force=force,
    )
    with stoppable(), ConsoleProgress() as progress:
        labelled = load_labelled(data, positive=positive, min_crack_px=min_crack_px)
        replaced = output, output.with_name(f"{output.name}.work")
        check_replaced_folders(replaced, [*data, model, *others, *labelled.files])
        rows = match_split(folders[0], labelled, jobs=jobs, progress=progress)
        average_models(folders, SplitData(tuple(rows), ()), options, progress=progress)
        progress.note(f"The model is in {output}; its README.md says how good it is.")
