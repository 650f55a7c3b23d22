"""A file in whole numbers for a model folder that is there already."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from crackscan.card import Card
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.training.agreement import add_quantised, calibrating
from crackscan.training.options import Progress
from crackscan.training.outside import write_card
from crackscan.training.parts import names_of, read_parts, spread_out


def quantise_folder(folder: Path, card: Card, rows: Iterable[Fingerprinted], *, progress: Progress) -> Card:
    """Make the file, compare it, and replace the folder's card and README.

    rows: the images of the model's training and validation splits.

    Raises:
        BadData: some of them cannot be read.
    """
    data = spread_out(row for row in rows if row.example.split != "test")
    with tempfile.TemporaryDirectory() as store:
        parts = read_parts(data, Path(store) / "tiles.npy", input_px=card.input_px, progress=progress)
        progress.phase("whole numbers", len(parts["validation"]))
        card = add_quantised(
            folder,
            card,
            calibrating(parts["train"], seed=card.seed),
            parts["validation"],
            names=names_of(data),
            step=progress.step,
        )
    write_card(folder, card, {}, names=())
    return card
