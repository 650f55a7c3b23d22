"""`crackscan leave-one-out`: how well a model's way of being made does on structures that it never saw."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.commands import Jobs, cores, sentences
from crackscan.commands.labelled import Data, MinCrackPx, Positive
from crackscan.dataset.labelled import SPLITS

if TYPE_CHECKING:
    from crackscan.card import Card
    from crackscan.dataset.fingerprints import Fingerprinted


@sentences()
def leave_one_out(
    model: Annotated[Path, typer.Argument(help="The model folder.", show_default=False)],
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
    from crackscan.card import Card
    from crackscan.commands.train import command_line
    from crackscan.console import TrainingProgress, say
    from crackscan.training.leaving_out import leave_each_out
    from crackscan.training.outside import check_writable

    card = Card.read(model)
    card.verify(model)
    check_writable(model)
    rows = _rows(model, card, data, positive=positive, min_crack_px=min_crack_px, jobs=jobs)
    progress = TrainingProgress()
    try:
        leave_each_out(
            model,
            card,
            rows,
            weights=weights,
            steps=steps,
            command=command_line(sys.argv[1:]),
            widths=widths,
            jobs=jobs or cores(),
            progress=progress,
        )
    finally:
        progress.close()
    say(f"The model's card has the figures: read {model / 'README.md'}.")


def _rows(
    model: Path,
    card: "Card",
    data: list[Path],
    *,
    positive: str | None,
    min_crack_px: int | None,
    jobs: int | None,
) -> "list[Fingerprinted]":
    """Find the images of all the model's splits.

    Raises:
        BadData: some are gone or changed, or a whole DATA is missing.
    """
    from crackscan.commands.labelled import load_labelled
    from crackscan.console import counting
    from crackscan.errors import BadData
    from crackscan.evaluation import held_out

    known = held_out.read_split(model, card)
    labelled = load_labelled(
        data, positive=positive, group_by=None, block=None, block_gap=0, min_crack_px=min_crack_px
    )
    given = {example.data for example in labelled.examples}
    if missing := [source.name for source in card.data if source.name not in given]:
        raise BadData(f"{model}: learned from {', '.join(missing)}, too; give all of its DATA.")
    with counting("comparing with what the model has seen", len(known), quiet=False) as on_done:
        return [
            row
            for split in SPLITS
            if card.split.counts.get(split) and sum(card.split.counts[split].values())
            for row in held_out.split_rows(
                labelled, known, split, input_px=card.input_px, jobs=jobs, on_done=on_done
            )
        ]
