"""The options by which labelled data are named: the same for train and evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crackscan.dataset.labelled import LabelledData

Data = Annotated[
    list[Path],
    typer.Argument(
        help="Labelled images: a folder with one sub-folder a class, a CSV (path,label[,group][,split]), "
        "or a folder of images/ and masks/; several of them are taken together.",
        show_default=False,
    ),
]
Positive = Annotated[
    str | None, typer.Option(help="The folder or label that means a crack, where names do not say so.")
]
GroupBy = Annotated[
    list[str] | None,
    typer.Option(
        help="What belongs together: a regular expression on the path, a column of the CSV, or run:N for "
        "N numbers in a row; NAME=RULE for one DATA alone."
    ),
]
Block = Annotated[int | None, typer.Option(min=1, help="Keep so many images in a row together.")]
BlockGap = Annotated[int, typer.Option(min=0, help="Leave out the last so many of each block.")]
MinCrackPx = Annotated[
    int | None,
    typer.Option(min=1, help="Mask pixels that make a tile a crack.", show_default="see README"),
]


def load_labelled(
    data: list[Path],
    *,
    positive: str | None,
    group_by: list[str] | None,
    block: int | None,
    block_gap: int,
    min_crack_px: int | None,
) -> "LabelledData":
    """Find the labelled images that the options name.

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
