"""A file in whole numbers for a model folder that is there already."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from crackscan.card import Card
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.labelled import Split
from crackscan.dataset.splitting import SplitData
from crackscan.training.agreement import add_quantised, calibrating
from crackscan.training.batches import Part
from crackscan.training.options import Progress
from crackscan.training.outside import write_card
from crackscan.training.parts import names_of, read_parts, spread_out
from crackscan.training.recipe import Recipe


def quantise_folder(folder: Path, card: Card, rows: Iterable[Fingerprinted], *, progress: Progress) -> Card:
    """Make the file, compare it, and replace the folder's card and README.

    rows: the images of the model's training and validation splits.

    Raises:
        BadData: some of them cannot be read.
    """
    data = spread_out(row for row in rows if row.example.split != "test")
    with tempfile.TemporaryDirectory() as store:
        parts = read_parts(data, Path(store) / "tiles.npy", input_px=card.input_px, progress=progress)
        card = in_whole_numbers(folder, card, data, parts, progress=progress)
    write_card(folder, card, {}, names=())
    return card


def in_whole_numbers(
    folder: Path,
    card: Card,
    data: SplitData,
    parts: Mapping[Split, Part],
    *,
    progress: Progress,
    recipe: Recipe | None = None,
) -> Card:
    """Make the file from training tiles, compare it on the validation split, and return the card with it.

    recipe: by which training samples were made, today's by default.

    Raises:
        CrackscanError: it cannot be made.
    """
    progress.phase("whole numbers", len(parts["validation"]))
    return add_quantised(
        folder,
        card,
        calibrating(parts["train"], seed=card.seed, recipe=recipe),
        parts["validation"],
        names=names_of(data),
        step=progress.step,
    )
