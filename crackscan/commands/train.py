"""`crackscan train`: labelled images in, a model folder out."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.basics.errors import BadData
from crackscan.commands.dataset_options import Block, BlockGap, Data, GroupBy, MinCrackPx, Positive
from crackscan.commands.exits import user_errors
from crackscan.training.samples.recipe import Ingredient

if TYPE_CHECKING:
    from crackscan.dataset.records import Example, LabelledData
    from crackscan.dataset.splitting import Fractions, SplitData


@user_errors()
def train(
    data: Data,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to make.")],
    weights: Annotated[
        str | None,
        typer.Option(
            help="What the backbone starts from: imagenet, none, a weights file (.h5) or a model folder.",
            show_default="the shipped model",
        ),
    ] = None,
    positive: Positive = None,
    group_by: GroupBy = None,
    block: Block = None,
    block_gap: BlockGap = 0,
    min_crack_px: MinCrackPx = None,
    fractions: Annotated[
        tuple[float, float, float],
        typer.Option(help="Shares of train, validation and test; they add up to 1."),
    ] = (0.7, 0.15, 0.15),
    seed: Annotated[int, typer.Option(min=0, help="Decides the split, and all else that is drawn.")] = 1,
    epochs_head: Annotated[
        int, typer.Option(min=0, help="Passes of the head alone over cached features, before that, at most.")
    ] = 40,
    epochs: Annotated[
        float, typer.Option(min=0, help="Passes of fine-tuning over the training tiles, at most.")
    ] = 4.0,
    learning_rate: Annotated[float, typer.Option(min=0, help="The highest of fine-tuning.")] = 3e-4,
    frozen_blocks: Annotated[
        int, typer.Option(min=0, max=17, help="Blocks of the backbone that keep their weights.")
    ] = 0,
    checks: Annotated[int, typer.Option(min=1, help="Validations and checkpoints of fine-tuning.")] = 8,
    patience: Annotated[
        int, typer.Option(min=1, help="Checks without a better one before it ends early.")
    ] = 4,
    batch: Annotated[int, typer.Option(min=1, help="Tiles a step.")] = 32,
    label_smoothing: Annotated[float, typer.Option(min=0, max=0.5, help="Softens the labels.")] = 0.02,
    without: Annotated[
        list[Ingredient] | None,
        typer.Option(help="Make training samples without an ingredient of the recipe; may be repeated."),
    ] = None,
    familiar: Annotated[
        list[Path] | None,
        typer.Option(
            help="Labelled images of genuine concrete that is not trained on: they find the limit beyond "
            "which a tile is unfamiliar, and not judged. Without them it is a guess."
        ),
    ] = None,
    citation: Annotated[
        list[str] | None,
        typer.Option("--cite", help="DATA=TEXT: how the card cites a DATA, with its licence."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Teach a network what a crack is, calibrate it, test it, and write it with its card."""
    from crackscan.commands.console import TrainingProgress, say
    from crackscan.commands.dataset_options import load_labelled, windows_of
    from crackscan.dataset.splitting import Fractions
    from crackscan.model.classifier import find_model
    from crackscan.training import train
    from crackscan.training.options import Provenance, TrainOptions
    from crackscan.training.samples.recipe import Recipe

    labelled = load_labelled(
        data,
        positive=positive,
        group_by=group_by,
        block=block,
        block_gap=block_gap,
        min_crack_px=min_crack_px,
    )
    shares = Fractions(*fractions)
    recipe = Recipe().without(without or [])
    split = _split(labelled, shares, seed)
    split = replace(
        split,
        familiar=_genuine(familiar or [], labelled),
        windows=windows_of(split.rows, recipe, min_crack_px=min_crack_px),
    )
    options = TrainOptions(
        weights=weights or str(find_model()),
        seed=seed,
        batch=batch,
        epochs_head=epochs_head,
        epochs_fine_tune=epochs,
        learning_rate_fine_tune=learning_rate,
        frozen_blocks=frozen_blocks,
        checks=checks,
        patience=patience,
        label_smoothing=label_smoothing,
        recipe=recipe,
    )
    provenance = Provenance(
        command=command_line(sys.argv[1:]),
        split_rule=_rule(group_by, block, block_gap),
        split_seed=seed,
        fractions=shares._asdict(),
        positive_class=positive or "crack",
        citations=_citations(citation or []),
    )
    progress = TrainingProgress()
    try:
        train.train(split, options, provenance, folder=output, progress=progress, resume=resume, force=force)
    finally:
        progress.close()
    say(f"The model is in {output}; its README.md says how good it is.")


def _split(labelled: "LabelledData", shares: "Fractions", seed: int) -> "SplitData":
    """Split the data, and say how, and what was left out."""
    from crackscan.commands.console import counting, say
    from crackscan.dataset.splitting import split_examples

    with counting("looking for copies", len(labelled.examples), quiet=False) as on_done:
        split = split_examples(labelled, seed=seed, fractions=shares, on_done=on_done)
    for problem in split.problems:
        say(str(problem))
    for name, counts in split.counts().items():
        groups = split.groups()[name]
        say(f"{name}: {counts['crack']:,} crack, {counts['no-crack']:,} no-crack, {groups:,} groups.")
    return split


def _genuine(folders: list[Path], trained_on: "LabelledData") -> "tuple[Example, ...]":
    """Find the concrete that the limit of the familiar is chosen on.

    Raises:
        BadData: some of it is trained on, so its distances would be too small.
    """
    if not folders:
        return ()
    from crackscan.dataset.loading import load_examples

    found = load_examples(folders).examples
    own = {Path(example.path).resolve() for example in trained_on.examples}
    shared = [example for example in found if Path(example.path).resolve() in own]
    if shared:
        raise BadData(f"--familiar: {shared[0].name} is trained on; give concrete of other structures.")
    return found


def command_line(arguments: list[str]) -> str:
    """Return the command as the card repeats it: without the folders of this machine."""
    shown = [Path(argument).name if Path(argument).is_absolute() else argument for argument in arguments]
    return shlex.join(["crackscan", *(argument for argument in shown if argument != "--resume")])


def _rule(group_by: list[str] | None, block: int | None, gap: int) -> str:
    """Say what the split held together."""
    rules = list(group_by or [])
    if block is not None:
        rules.append(f"{block} images in a row within a class, the last {gap} of them left out")
    return "; ".join([*rules, "exact and near copies", "the tiles of one image"])


def _citations(texts: list[str]) -> dict[str, str]:
    """Read DATA=TEXT."""
    pairs = [text.partition("=") for text in texts]
    for name, separator, _ in pairs:
        if not separator:
            raise typer.BadParameter(f"--cite {name}: write DATA=TEXT.")
    return {name: text for name, _, text in pairs}
