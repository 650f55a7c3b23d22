"""`crackscan model quantise`: the fast int8 model for a model folder that lacks it."""

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
def quantise(
    model: ModelPath,
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    jobs: Jobs = None,
) -> None:
    """Build the faster int8 model, and keep it only if its results match the float model."""
    from crackscan.commands.console import ConsoleProgress
    from crackscan.training.model_folder.folder import ModelFolder
    from crackscan.training.model_folder.rebuild import quantise_folder

    folder = ModelFolder.open(model)
    with ConsoleProgress() as progress:
        labelled = load_labelled(data, positive=positive, min_crack_px=min_crack_px)
        rows = match_split(folder, labelled, jobs=jobs, progress=progress)
        quantise_folder(folder, rows, progress=progress)
        quantisation = folder.card.quantisation
        for name, agreement in quantisation.agreement.items() if quantisation else ():
            progress.note(
                f"{name}: {agreement.equal:.2%} of {agreement.images:,} tiles get the same decision, "
                f"probabilities change by {agreement.change:.4f} on average, and the float model judges "
                f"{agreement.again:.1%} of the tiles."
            )
        progress.note(f"{model} has the engines {', '.join(folder.card.engines)}.")
