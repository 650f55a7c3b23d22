"""Options and arguments that name labelled data: the same for train, evaluate and model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crackscan.basics.progress import Progress
    from crackscan.dataset.fingerprints import Fingerprinted
    from crackscan.dataset.records import LabelledData
    from crackscan.training.model_folder.folder import ModelFolder

DATASETS, SPLIT = "Datasets", "Split"  # panels of a long --help

Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA",
        help="Datasets, one or more. A dataset is a folder with one sub-folder for each class, a CSV file "
        "(path,label[,group][,split]), or a folder with images/ and masks/. A CSV file (data,source,label) "
        "corrects labels of the others.",
        show_default=False,
    ),
]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="The model folder.", show_default=False)]
Positive = Annotated[
    str | None,
    typer.Option(
        help="Name of the folder or label that means cracked, if it is not a usual name.",
        rich_help_panel=DATASETS,
    ),
]
GroupBy = Annotated[
    list[str] | None,
    typer.Option(
        help="Keep images together: a regular expression on the path, a column of the CSV file, or run:N for "
        "N numbers in a row. NAME=RULE is for one dataset. The option may be repeated.",
        rich_help_panel=SPLIT,
    ),
]
Block = Annotated[
    int | None,
    typer.Option(min=1, help="Keep this many consecutive images of a class together.", rich_help_panel=SPLIT),
]
BlockGap = Annotated[
    int,
    typer.Option(min=0, help="Leave out this many images at the end of each block.", rich_help_panel=SPLIT),
]
NotConcretePaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--not-concrete",
        help="Folder of photos or mosaics of other things: plants, water, sky. Tiles like them become "
        "unfamiliar. A CSV file (data,source,label[,col,row]) names what they show, or leave-out. "
        "The option may be repeated.",
        show_default="as in the model that the weights come from",
        rich_help_panel=DATASETS,
    ),
]
MinCrackPx = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of mask pixels from which a tile is cracked.",
        show_default="50",
        rich_help_panel=DATASETS,
    ),
]


def load_labelled(
    data: list[Path],
    *,
    positive: str | None,
    group_by: list[str] | None = None,
    block: int | None = None,
    block_gap: int = 0,
    min_crack_px: int | None,
) -> "LabelledData":
    """Load the labelled images that the options name.

    Raises:
        CrackscanError: as `loading.load_examples`.
    """
    from crackscan.dataset.loading import MIN_CRACK_PX, load_examples

    return load_examples(
        data,
        positive=positive,
        group_by=group_by,
        block=block,
        block_gap=block_gap,
        min_crack_px=min_crack_px or MIN_CRACK_PX,
    )


def match_split(
    folder: "ModelFolder",
    labelled: "LabelledData",
    *,
    jobs: int | None,
    progress: "Progress",
    allow_corrections: bool = False,
) -> "list[Fingerprinted]":
    """Return all images that a model was made from, with the splits and fingerprints of its split.csv.

    allow_corrections: accept labels that were corrected after the training.

    Raises:
        BadData: images are missing or have changed, or a whole dataset is missing.
    """
    from crackscan.basics.errors import BadData
    from crackscan.dataset.records import SPLITS
    from crackscan.evaluation import unseen

    known = unseen.read_split(folder.path, folder.card)
    for problem in labelled.problems:
        progress.note(str(problem))
    given = {example.data for example in labelled.examples}
    if missing := [dataset.name for dataset in folder.card.data if dataset.name not in given]:
        raise BadData(f"{folder.path}: was also trained on {', '.join(missing)}; give all of its datasets.")
    splits = {row.example.split for row in known}
    progress.phase("comparing with split.csv", len(known))
    return [
        row
        for split in SPLITS
        if split in splits
        for row in unseen.select_split_rows(
            labelled,
            known,
            split,
            input_px=folder.card.input_px,
            jobs=jobs,
            on_done=progress.advance,
            newly_corrected=allow_corrections,
        )
    ]
