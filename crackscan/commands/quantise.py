"""`crackscan quantise`: a model folder gets its fast file without being trained anew."""

from crackscan.commands.dataset_options import Data, MinCrackPx, ModelFolder, Positive, rows_of
from crackscan.commands.exits import user_errors
from crackscan.commands.options import Jobs


@user_errors()
def quantise(
    model: ModelFolder,
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Make a model's file for litert-int8, as train does at its end, and keep it if its answers are close."""
    from crackscan.commands.console import TrainingProgress, say
    from crackscan.model.card import Card
    from crackscan.training.model_folder.rebuild import quantise_folder

    card = Card.read(model)
    card.verify(model)
    rows = rows_of(model, card, data, positive=positive, min_crack_px=min_crack_px, jobs=jobs)
    progress = TrainingProgress()
    try:
        card = quantise_folder(model, card, rows, progress=progress)
    finally:
        progress.close()
    for name, of in card.quantisation.agreement.items() if card.quantisation else ():
        say(
            f"{name}: {of.equal:.2%} of {of.images:,} tiles are called the same, probabilities change by "
            f"{of.change:.4f} on average, {of.again:.1%} of the tiles are judged by the float file."
        )
    say(f"{model} has the engines {', '.join(card.engines)}.")
