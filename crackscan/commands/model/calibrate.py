"""`crackscan model calibrate`: probabilities for structures that the model was not trained on."""

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


@user_errors()
def calibrate(
    model: ModelPath,
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Recalibrate a model's probabilities for structures that it was not trained on.

    It uses the results of `crackscan model leave-one-out`. It divides the log-odds by one number and adds
    another, and the threshold moves along, so decisions on tiles stay the same. Labels may be corrected since
    the training: the figures and the limits for photos then use the corrected labels.
    """
    from crackscan.commands.console import ConsoleProgress
    from crackscan.training.model_folder.external import check_writable
    from crackscan.training.model_folder.folder import ModelFolder
    from crackscan.training.model_folder.recalibrate import cross_dataset_scaling, recalibrate

    folder = ModelFolder.open(model)
    check_writable(model)
    cross_dataset_scaling(folder)
    old_id = folder.card.model_id
    with ConsoleProgress() as progress:
        labelled = load_labelled(data, positive=positive, min_crack_px=min_crack_px)
        rows = match_split(folder, labelled, jobs=jobs, progress=progress, allow_corrections=True)
        recalibrate(folder, rows, progress=progress)
        card = folder.card
        renamed = f"Rows now name {card.model_id} instead of {old_id}. " if card.model_id != old_id else ""
        progress.note(
            f"Log-odds are divided by {card.calibration.elsewhere:.2f} and changed by "
            f"{card.calibration.shift or 0:+.2f}, and the threshold is "
            f"{card.threshold:g}. {renamed}The results of external evaluations were removed from the card: "
            "run crackscan evaluate --onto-card again."
        )
