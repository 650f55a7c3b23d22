"""Images that a training's first weights know already, where these are the weights of another model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import Split, problems
from crackscan.dataset.split_csv import find_overlap
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.unseen import ExampleKey, example_key, read_split
from crackscan.model.card import Card
from crackscan.training.fitting.weights import BACKBONE_OF, MEAN_OF, Weights

NAMED = 3  # images that an error names


def leave_out_known(split: SplitData, weights: Weights) -> SplitData:
    """Take images that the weights were trained on out of the validation and test splits.

    Such images would make the new model look better than it is. Of the test split, images that the weights'
    model was validated on go, too.

    Raises: BrokenModel: the weights are of a model whose training images are unknown.
    """
    if weights.model is None:
        return split
    known = read_split(weights.model.folder, weights.model.card)
    seen = {*_overlapping(split, "validation", known, "train")}
    seen |= {*_overlapping(split, "test", known, "train", "validation")}
    rows = tuple(row for row in split.rows if example_key(row.example) not in seen)
    what = f"Images of the validation and test splits that {weights.model.card.model_id} knows, left out"
    names = [row.example.name for row in split.rows if example_key(row.example) in seen]
    return replace(split, rows=rows, problems=(*split.problems, *problems(what, names)))


def check_left_out(card: Card, weights: Weights, rows: Sequence[Fingerprinted]) -> None:
    """Check that a model's training can be repeated from these weights without some of its datasets.

    Raises:
        BrokenModel: the model began with other weights, which know none of its images.
        BadData: the weights know some of its images, so these cannot be left out.
    """
    continues = card.weights.startswith((BACKBONE_OF, MEAN_OF))
    if weights.text != card.weights and not continues:
        raise BrokenModel(f"{card.name}: was trained from {card.weights}; give these with --weights.")
    if weights.model is None:
        return
    known = read_split(weights.model.folder, weights.model.card)
    if overlap := find_overlap(rows, known):
        names = ", ".join(found.example.name for found in overlap[:NAMED])
        raise BadData(
            f"{weights.model.card.model_id}: knows {len(overlap):,} of the images ({names}), so they "
            "cannot be left out. Give --weights that know none, such as imagenet; the card then says so."
        )


def _overlapping(
    split: SplitData, part: Split, known: Sequence[Fingerprinted], *splits: Split
) -> Iterator[ExampleKey]:
    """Yield the examples of a part that copy images of the given splits of the model before."""
    for found in find_overlap(split.part(part), known, splits=splits):
        yield example_key(found.example)
