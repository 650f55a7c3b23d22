"""External evaluation: results on datasets that a model was not trained on, put onto its card."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crackscan.basics.errors import BadData, BrokenModel, CrackscanError
from crackscan.dataset.records import LabelledData
from crackscan.evaluation.evaluate import Evaluation
from crackscan.evaluation.report import dataset_pictures, prepare_folder
from crackscan.model.card import Card
from crackscan.model.card_records import ExternalEvaluation
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.readme_external import OUTSIDE_PICTURES


def check(folder: Path, card: Card, data: LabelledData) -> None:
    """Check, before any work, that an evaluation on this data may and can go onto the card.

    Raises:
        BadData: a dataset has the name of one that the model was trained on.
        CrackscanError: the model folder cannot be written to.
        MissingExtra: matplotlib is not installed.
    """
    own = {dataset.name for dataset in card.data} & {example.data for example in data.examples}
    if own:
        raise BadData(
            f"{', '.join(sorted(own))}: the model was trained on a dataset of this name, so it does not show "
            "how the model does on other structures; the card has its test split. Give another dataset."
        )
    check_writable(folder)


def check_writable(folder: Path) -> None:
    """Check, before any work, that figures and pictures can go into a model folder.

    Raises:
        CrackscanError: the folder, or the folder that it is in, cannot be written to.
        MissingExtra: matplotlib is not installed.
    """
    for path in (folder, folder.resolve().parent):
        if not os.access(path, os.W_OK):
            raise CrackscanError(
                f"{path}: cannot be written to, so nothing can go onto the model's card; "
                "copy the model first."
            )
    prepare_folder(folder)


def put_onto_card(evaluation: Evaluation, path: Path, *, notes: Sequence[str] | None = None) -> Card:
    """Replace the external results on the card, their pictures, and README, in one step.

    notes: sentences that replace those of the card; None leaves them.

    Raises:
        BrokenModel: the folder now holds another model than the evaluated one.
    """
    folder = ModelFolder.open(path)
    if folder.card.model_id != evaluation.model:
        raise BrokenModel(
            f"{path}: is now {folder.card.model_id}, but {evaluation.model} was evaluated; evaluate it again."
        )
    with folder.edit() as copy:
        copy.card = replace(copy.card, outside=_external_results(evaluation))
        if notes is not None:
            texts = (" ".join(note.split()) for note in notes)
            copy.card = replace(copy.card, notes=tuple(filter(None, texts)))
        # curves only: the model folder is passed on, and tiles of a dataset must not be passed on
        pictures = {name: png for name, png in dataset_pictures(evaluation) if name in OUTSIDE_PICTURES}
        copy.replace_pictures(pictures, names=OUTSIDE_PICTURES)
    return folder.card


def _external_results(evaluation: Evaluation) -> dict[str, ExternalEvaluation]:
    widths = {dataset.data: dataset.as_json() for dataset in evaluation.widths}
    traced = evaluation.lines.by_data if evaluation.lines is not None else {}
    lines = {data: metrics.as_json() for data, metrics in traced.items()}
    return {
        data: ExternalEvaluation(metrics=metrics.as_json(), widths=widths.get(data), lines=lines.get(data))
        for data, metrics in evaluation.by_data.items()
    }
