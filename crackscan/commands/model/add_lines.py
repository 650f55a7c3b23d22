"""`crackscan model add-lines`: the line head for a model folder, which traces cracks as lines."""

import sys
from typing import Annotated

import typer

from crackscan.commands.dataset_options import (
    Data,
    GroupBy,
    MinCrackPx,
    ModelPath,
    Positive,
    load_labelled,
)
from crackscan.commands.exits import stoppable, user_errors
from crackscan.commands.options import Jobs


@user_errors()
def add_lines(
    model: ModelPath,
    data: Data,
    *,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the training, of 8 samples each.")] = 1000,
    samples: Annotated[
        int, typer.Option(min=8, help="Samples that are made; each is seen several times.")
    ] = 2000,
    left_out: Annotated[
        bool,
        typer.Option(
            "--left-out",
            help="Also train a head without each dataset that has masks, and put onto the card how well it "
            "traces the cracks of that dataset.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples and of the training.")] = 1,
    group_by: GroupBy = None,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Train a model's line head, which crackscan scan --per crack needs, and measure it.

    It learns from the datasets with masks, and from cracks drawn on the uncracked images of all. Datasets
    that the model was trained on keep their splits. If the command is interrupted, run it again: it goes on.
    """
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.train import command_line
    from crackscan.evaluation import unseen
    from crackscan.scanning.workers import cores
    from crackscan.training.lines.add import add_line_head
    from crackscan.training.lines.options import LineOptions, LineRun
    from crackscan.training.lines.split import split_for_lines
    from crackscan.training.model_folder.external import check_writable
    from crackscan.training.model_folder.folder import ModelFolder
    from crackscan.training.samples.recipe import Recipe

    folder = ModelFolder.open(model)
    check_writable(model)
    with stoppable(), ConsoleProgress() as progress:
        labelled = load_labelled(data, positive=positive, group_by=group_by, min_crack_px=min_crack_px)
        for problem in labelled.problems:
            progress.note(str(problem))
        known = unseen.read_split(folder.path, folder.card)
        resolved = model.resolve()
        run = LineRun(
            examples=split_for_lines(labelled.examples, known, seed=seed),
            options=LineOptions(seed=seed, samples=samples, steps=steps),
            recipe=Recipe(),
            command=command_line(sys.argv[1:]),
            work=resolved.with_name(f"{resolved.name}.lines"),
            jobs=jobs or cores(),
        )
        add_line_head(folder, run, left_out=left_out, progress=progress)
        progress.note(f"{model} can trace cracks; its README.md says how well.")
