"""What a model makes of data that it has not learned from, put onto its card, README and pictures."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from crackscan.basics.atomic import write_whole
from crackscan.basics.errors import BadData, BrokenModel, CrackscanError
from crackscan.dataset.records import LabelledData
from crackscan.evaluation.evaluate import Evaluation
from crackscan.evaluation.report import dataset_pictures, prepare_folder
from crackscan.model.card import CARD, Card
from crackscan.model.card_records import ExternalEvaluation
from crackscan.training.model_folder.readme import README, model_readme, pictures_in
from crackscan.training.model_folder.readme_external import OUTSIDE_PICTURES


def check(folder: Path, card: Card, data: LabelledData) -> None:
    """Check, before any work, that an evaluation on this data may and can go onto the card.

    Raises:
        BadData: some of it bears the name of data that the model was trained on.
        CrackscanError: the model folder cannot be written to.
        MissingExtra: matplotlib is not installed.
    """
    own = {source.name for source in card.data} & {example.data for example in data.examples}
    if own:
        raise BadData(
            f"{', '.join(sorted(own))}: the model was trained on data of this name, which says nothing of "
            "other structures; its card has the test split. Give data of another source."
        )
    check_writable(folder)


def check_writable(folder: Path) -> None:
    """Check, before any work, that figures and pictures can go into a model folder.

    Raises:
        CrackscanError: it cannot be written to.
        MissingExtra: matplotlib is not installed.
    """
    if not os.access(folder, os.W_OK):
        raise CrackscanError(
            f"{folder}: cannot be written to, so nothing can go onto its card; copy it first."
        )
    prepare_folder(folder)


def put_onto_card(evaluation: Evaluation, folder: Path, *, notes: Sequence[str] | None = None) -> Card:
    """Replace what the card says of other data, the pictures of it, and its README.

    notes: sentences that replace those of the card; None leaves them. The card is replaced in one step after
    the pictures, so that the folder is a whole model at any time; repeating the command completes the rest.

    Raises:
        BrokenModel: the folder holds another model than the one that was evaluated.
    """
    card = Card.read(folder)
    if card.model_id != evaluation.model:
        raise BrokenModel(f"{folder}: is now {card.model_id}, while {evaluation.model} was evaluated.")
    card = replace(card, outside=_outside(evaluation))
    if notes is not None:
        card = replace(card, notes=tuple(filter(None, (" ".join(note.split()) for note in notes))))
    # curves only: the model's folder is passed on, and tiles of DATA are not ours to pass on
    pictures = {name: content for name, content in dataset_pictures(evaluation) if name in OUTSIDE_PICTURES}
    write_card(folder, card, pictures, names=OUTSIDE_PICTURES)
    return card


def write_card(folder: Path, card: Card, pictures: Mapping[str, bytes], *, names: Collection[str]) -> None:
    """Replace a model folder's card, its README, and the pictures of some names.

    names: of the pictures; those that are not given anew are of an earlier card, and go.
    """
    for name, content in pictures.items():
        write_whole(folder / name, content)
    write_whole(folder / CARD, card.text().encode())
    for name in set(names) - pictures.keys():
        (folder / name).unlink(missing_ok=True)
    write_whole(folder / README, model_readme(card, pictures=pictures_in(folder)).encode())


def _outside(evaluation: Evaluation) -> dict[str, ExternalEvaluation]:
    widths = {source.data: source.as_json() for source in evaluation.widths}
    return {
        data: ExternalEvaluation(metrics=metrics.as_json(), widths=widths.get(data))
        for data, metrics in evaluation.by_data.items()
    }
