"""`crackscan quantise`: a model folder gets its fast file without being trained anew."""

from pathlib import Path
from typing import Annotated

import typer

from crackscan.commands import Jobs, sentences
from crackscan.commands.labelled import Data, MinCrackPx, Positive


@sentences()
def quantise(
    model: Annotated[Path, typer.Argument(help="The model folder.", show_default=False)],
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Make a model's file for litert-int8, as train does at its end, and keep it if its answers are close."""
    from crackscan.card import Card
    from crackscan.commands.labelled import load_labelled
    from crackscan.console import TrainingProgress, counting, say
    from crackscan.evaluation import held_out
    from crackscan.training.requantising import quantise_folder

    card = Card.read(model)
    card.verify(model)
    known = held_out.read_split(model, card)
    labelled = load_labelled(
        data, positive=positive, group_by=None, block=None, block_gap=0, min_crack_px=min_crack_px
    )
    with counting("comparing with what the model has seen", len(labelled.examples), quiet=False) as on_done:
        train, validation = (
            held_out.of_split(
                labelled, known, split, input_px=card.input_px, jobs=jobs, on_done=on_done
            ).examples
            for split in ("train", "validation")
        )
    progress = TrainingProgress()
    try:
        card = quantise_folder(model, card, train, validation, progress=progress)
    finally:
        progress.close()
    for name, of in card.quantisation.agreement.items() if card.quantisation else ():
        say(
            f"{name}: {of.equal:.2%} of {of.images:,} tiles are called the same, probabilities change by "
            f"{of.change:.4f} on average, {of.again:.1%} of the tiles are judged by the float file."
        )
    say(f"{model} has the engines {', '.join(card.engines)}.")
