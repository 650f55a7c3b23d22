"""`crackscan train`: from labelled images to a model folder."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from crackscan.commands.dataset_options import (
    DATASETS,
    SPLIT,
    Block,
    BlockGap,
    Data,
    GroupBy,
    MinCrackPx,
    NotConcretePaths,
    Positive,
)
from crackscan.commands.exits import stoppable, user_errors
from crackscan.commands.options import OUTPUT

TRAINING = "Training"  # panel of --help


@user_errors()
def train(
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    unseen: Annotated[
        list[Path] | None,
        typer.Option(
            help="Dataset of concrete that is not trained on. The limit above which tiles are unfamiliar "
            "is raised so that few of its tiles are. The option may be repeated.",
            rich_help_panel=DATASETS,
        ),
    ] = None,
    not_concrete: NotConcretePaths = None,
    citation: Annotated[
        list[str] | None,
        typer.Option(
            "--cite",
            metavar="NAME=TEXT",
            help="Put the citation and licence of a dataset on the card. The option may be repeated.",
            rich_help_panel=DATASETS,
        ),
    ] = None,
    group_by: GroupBy = None,
    block: Block = None,
    block_gap: BlockGap = 0,
    fractions: Annotated[
        tuple[float, float, float],
        typer.Option(
            help="Shares of the images for training, validation and test. They add up to 1.",
            rich_help_panel=SPLIT,
        ),
    ] = (0.7, 0.15, 0.15),
    seed: Annotated[
        int,
        typer.Option(min=0, help="Seed of the split and of the whole training.", rich_help_panel=SPLIT),
    ] = 1,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Start from these weights: imagenet, none, a weights file (.h5) or a model folder.",
            show_default="the shipped model",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    epochs: Annotated[
        float,
        typer.Option(
            min=0,
            help="Fine-tune for at most this many epochs. "
            "An epoch has as many samples as there are training tiles.",
            rich_help_panel=TRAINING,
        ),
    ] = 4.0,
    options: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read options that few trainings need from a TOML file: epochs_head, learning_rate, "
            "frozen_blocks, validations, patience, batch, label_smoothing, without.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    lines: Annotated[
        bool,
        typer.Option(
            "--lines/--no-lines",
            help="Also train a line head, which traces cracks, where datasets have masks.",
            rich_help_panel=TRAINING,
        ),
    ] = True,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Name of the new model folder.", rich_help_panel=OUTPUT),
    ],
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue an interrupted training.", rich_help_panel=OUTPUT),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace the model folder if it exists.", rich_help_panel=OUTPUT),
    ] = False,
) -> None:
    """Train a model on labelled images, calibrate it, test it, and write it with its card."""
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.dataset_options import load_labelled
    from crackscan.dataset.splitting import Fractions
    from crackscan.model.loading import find_model
    from crackscan.scanning.written_files import check_replaced_folders
    from crackscan.training import train
    from crackscan.training.lines.options import LineOptions
    from crackscan.training.options import Provenance, TrainingRun, TrainOptions
    from crackscan.training.prepare import SplitOptions, prepare_data

    train_options = TrainOptions(
        weights=weights or str(find_model()),
        seed=seed,
        epochs_fine_tune=epochs,
        **(_read_options(options) if options else {}),
    )
    split_options = SplitOptions(
        fractions=Fractions(*fractions),
        seed=seed,
        recipe=train_options.recipe,
        min_crack_px=min_crack_px,
        unseen=unseen or (),
        not_concrete=not_concrete or (),
        weights=train_options.weights,
    )
    provenance = Provenance(
        command=command_line(sys.argv[1:]),
        split_rule=_split_rule(group_by, block, block_gap),
        split_seed=seed,
        fractions=split_options.fractions._asdict(),
        positive_class=positive or "crack",
        citations=_parse_citations(citation or []),
    )
    labelled = load_labelled(
        data,
        positive=positive,
        group_by=group_by,
        block=block,
        block_gap=block_gap,
        min_crack_px=min_crack_px,
    )
    replaced = output, output.with_name(f"{output.name}.work")
    check_replaced_folders(
        replaced, [*data, *(unseen or []), *(not_concrete or []), *labelled.files, *filter(None, [options])]
    )
    with stoppable(), ConsoleProgress() as progress:
        split = prepare_data(labelled, split_options, progress)
        head = LineOptions(seed=seed) if lines else None
        run = TrainingRun(split, train_options, provenance, output, head)
        train.train(run, progress=progress, resume=resume, force=force)
        progress.note(f"The model is in {output}; its README.md says how good it is.")


def _read_options(path: Path) -> dict[str, Any]:
    from crackscan.training.options_file import read_options_file

    try:
        return read_options_file(path)
    except ValueError as error:
        raise typer.BadParameter(f"--options {error}") from None


def command_line(arguments: list[str]) -> str:
    """Return the command for the card: without --resume, and without the folders of this machine."""
    shown = [_without_folder(argument) for argument in arguments if argument != "--resume"]
    return shlex.join(["crackscan", *shown])


def _without_folder(argument: str) -> str:
    option, separator, value = argument.partition("=")
    if option.startswith("--") and separator and Path(value).is_absolute():
        return f"{option}={Path(value).name}"
    return Path(argument).name if Path(argument).is_absolute() else argument


def _split_rule(group_by: list[str] | None, block: int | None, gap: int) -> str:
    """Return for the card what the split keeps together."""
    rules = list(group_by or [])
    if block is not None:
        rules.append(f"{block} images in a row within a class, the last {gap} of them left out")
    return "; ".join([*rules, "exact and near copies", "the tiles of one image"])


def _parse_citations(texts: list[str]) -> dict[str, str]:
    """Parse NAME=TEXT."""
    pairs = [text.partition("=") for text in texts]
    for name, separator, _ in pairs:
        if not separator:
            raise typer.BadParameter(f"--cite {name}: write NAME=TEXT, with the name of a dataset.")
    return {name: text for name, _, text in pairs}
