"""`crackscan calibrate`: probabilities that hold where the model has never been."""

from crackscan.commands.dataset_options import Data, MinCrackPx, ModelFolder, Positive, rows_of
from crackscan.commands.exits import user_errors
from crackscan.commands.options import Jobs


@user_errors()
def calibrate(
    model: ModelFolder,
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Make a model as sure of what it has not seen as leave-one-out found that it may be.

    Its log-odds are divided by one number, and its threshold moves along: tiles are called as before. Labels
    may be corrected since it was trained: its figures and the limits for photos then are by the right ones.
    """
    from crackscan.commands.console import TrainingProgress, say
    from crackscan.model.card import Card
    from crackscan.training.model_folder.external import check_writable
    from crackscan.training.model_folder.recalibrate import cross_dataset_temperature, recalibrate

    card = Card.read(model)
    card.verify(model)
    check_writable(model)
    cross_dataset_temperature(model, card)
    rows = rows_of(
        model,
        card,
        data,
        positive=positive,
        min_crack_px=min_crack_px,
        jobs=jobs,
        newly_corrected=True,
    )
    before, progress = card.model_id, TrainingProgress()
    try:
        card = recalibrate(model, card, rows, progress=progress)
    finally:
        progress.close()
    named = f"Rows name {card.model_id}, no more {before}. " if card.model_id != before else ""
    say(
        f"Log-odds are divided by {card.calibration.elsewhere:.2f}, the threshold is {card.threshold:g}. "
        f"{named}What was measured on other data is off the card: crackscan evaluate --onto-card measures it "
        "anew."
    )
