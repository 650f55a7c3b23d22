"""A file in whole numbers for a model folder that is there already."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crackscan.card import CARD, Card
from crackscan.dataset.labelled import Example
from crackscan.errors import BadData
from crackscan.evaluation.report import replace_file
from crackscan.training.agreement import CALIBRATING, add_quantised, calibrating
from crackscan.training.batches import Part
from crackscan.training.model_readme import README, model_readme, pictures_in
from crackscan.training.options import Progress
from crackscan.training.tile_store import open_store, store_tiles


def quantise_folder(
    folder: Path, card: Card, train: Sequence[Example], validation: Sequence[Example], *, progress: Progress
) -> Card:
    """Make the file, compare it, and replace the folder's card and README.

    train, validation: the examples of the model's own splits.

    Raises: BadData: some of them cannot be read.
    """
    with tempfile.TemporaryDirectory() as store:
        learned = _part(_spread(train), Path(store) / "train.npy", card, progress)
        judged = _part(validation, Path(store) / "validation.npy", card, progress)
        progress.phase("whole numbers", len(judged))
        card = add_quantised(
            folder,
            card,
            calibrating(learned, seed=card.seed),
            judged,
            names=sorted({example.data for example in validation}),
            step=progress.step,
        )
    replace_file(folder / CARD, card.text().encode())
    replace_file(folder / README, model_readme(card, pictures=pictures_in(folder)).encode())
    return card


def _spread(examples: Sequence[Example]) -> list[Example]:
    """Return some of each class of each DATA: enough to calibrate with, and to make samples of."""
    kinds: dict[tuple[str, bool], list[Example]] = {}
    for example in examples:
        kinds.setdefault((example.data, example.label), []).append(example)
    return [
        of[place]
        for of in kinds.values()
        for place in np.unique(np.linspace(0, len(of) - 1, min(CALIBRATING, len(of))).round().astype(int))
    ]


def _part(examples: Sequence[Example], store: Path, card: Card, progress: Progress) -> Part:
    progress.phase("reading tiles", len(examples))
    tiles = [(example.path, example.window) for example in examples]
    unreadable = store_tiles(store, tiles, input_px=card.input_px, step=progress.step)
    if unreadable:
        place, reason = next(iter(unreadable.items()))
        raise BadData(f"{examples[place].name}: cannot be read ({reason}); give the data as it was.")
    _, sources = np.unique([example.data for example in examples], return_inverse=True)
    labels = np.array([example.label for example in examples])
    return Part(open_store(store), np.arange(len(examples)), labels, sources)
