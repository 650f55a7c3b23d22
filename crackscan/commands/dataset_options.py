"""The options by which labelled data are named: the same for train and evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackscan.dataset.fingerprints import Fingerprinted
    from crackscan.dataset.records import Example, LabelledData
    from crackscan.model.card import Card
    from crackscan.training.samples.recipe import Recipe

Data = Annotated[
    list[Path],
    typer.Argument(
        help="Labelled images: a folder with one sub-folder a class, a CSV (path,label[,group][,split]), "
        "or a folder of images/ and masks/; several of them are taken together. A CSV (data,source,label) "
        "corrects labels of the others.",
        show_default=False,
    ),
]
ModelFolder = Annotated[Path, typer.Argument(help="The model folder.", show_default=False)]
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


def windows_of(
    rows: "Iterable[Fingerprinted]", recipe: "Recipe", *, min_crack_px: int | None
) -> "tuple[Example, ...]":
    """Find the further windows that a recipe makes samples of, too."""
    from crackscan.dataset.loading import MIN_CRACK_PX, TILE_PX
    from crackscan.dataset.windows import training_windows

    examples = (row.example for row in rows)
    least = min_crack_px or MIN_CRACK_PX
    return training_windows(examples, tile_px=TILE_PX, min_crack_px=least) if recipe.windows else ()


def rows_of(
    model: Path,
    card: "Card",
    data: list[Path],
    *,
    positive: str | None,
    min_crack_px: int | None,
    jobs: int | None,
    newly_corrected: bool = False,
) -> "list[Fingerprinted]":
    """Find all images that a model was made from, with the splits and fingerprints of its split.csv.

    newly_corrected: whether labels may be that were corrected after the training.

    Raises:
        BadData: some are gone or changed, or a whole DATA is missing.
        CrackscanError: as `loading.load_examples`.
    """
    from crackscan.basics.errors import BadData
    from crackscan.commands.console import counting, say
    from crackscan.dataset.records import SPLITS
    from crackscan.evaluation import unseen

    known = unseen.read_split(model, card)
    labelled = load_labelled(
        data, positive=positive, group_by=None, block=None, block_gap=0, min_crack_px=min_crack_px
    )
    for problem in labelled.problems:
        say(str(problem))
    given = {example.data for example in labelled.examples}
    if missing := [source.name for source in card.data if source.name not in given]:
        raise BadData(f"{model}: learned from {', '.join(missing)}, too; give all of its DATA.")
    met = {row.example.split for row in known}
    with counting("comparing with what the model has seen", len(known), quiet=False) as on_done:
        return [
            row
            for split in SPLITS
            if split in met
            for row in unseen.select_split_rows(
                labelled,
                known,
                split,
                input_px=card.input_px,
                jobs=jobs,
                on_done=on_done,
                newly_corrected=newly_corrected,
            )
        ]
