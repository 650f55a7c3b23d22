"""`crackscan model gate`: which tiles are unfamiliar and not judged."""

import typer

from crackscan.commands.dataset_options import Data, MinCrackPx, ModelPath, NotConcretePaths, Positive
from crackscan.commands.exits import user_errors


@user_errors()
def gate(
    model: ModelPath,
    data: Data,
    *,
    not_concrete: NotConcretePaths = None,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
) -> None:
    """Fit again which tiles of a model are `unfamiliar`: those that do not look like concrete in any light.

    DATA is concrete: the more datasets, the better. Each is left out once, and the limit is the smallest that
    loses at most 1 % of it. The model's probabilities and its name in rows stay as they are.
    """
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.dataset_options import load_labelled
    from crackscan.dataset.not_concrete import NotConcrete
    from crackscan.training.model_folder.external import check_writable
    from crackscan.training.model_folder.folder import ModelFolder
    from crackscan.training.model_folder.ood_limit import change_ood

    if not not_concrete:
        raise typer.BadParameter("--not-concrete FOLDER is missing: photos of plants, water, sky and so on.")
    folder = ModelFolder.open(model)
    check_writable(model)
    others = NotConcrete(not_concrete)
    with ConsoleProgress() as progress:
        labelled = load_labelled(data, positive=positive, min_crack_px=min_crack_px)
        change_ood(folder, labelled, others, progress=progress)
        if (limit := folder.card.familiarity) is not None:
            progress.note(f"Tiles whose distance is above {limit.limit:g} are unfamiliar: {limit.rule}.")
