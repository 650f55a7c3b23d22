"""Recalibration of a model for structures that it does not know, with the results of `leave-one-out`.

A network is more certain on structures that it knows than on others (Ovadia et al. 2019, arXiv:1906.02530).
`leave-one-out` measures how much.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from crackscan.basics.errors import BrokenModel
from crackscan.basics.progress import Progress
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.split_csv import SPLIT_CSV, read_split_csv
from crackscan.evaluation.unseen import example_key
from crackscan.model.card import KERAS, Card
from crackscan.model.network import fold_scaling, load_network
from crackscan.model.predictions import log_odds
from crackscan.training.model_folder.calibration import Scaling, sigmoid
from crackscan.training.model_folder.context_head import add_context_head
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.int8_check import add_int8
from crackscan.training.model_folder.measure import measure_model
from crackscan.training.model_folder.readme_external import OUTSIDE_PICTURES
from crackscan.training.model_folder.split import write_split
from crackscan.training.samples.subsets import read_subsets, thin_out


def recalibrate(folder: ModelFolder, rows: Sequence[Fingerprinted], *, progress: Progress) -> None:
    """Divide and shift a model's log-odds as it suits the held-out datasets best.

    The threshold moves along, so decisions on tiles stay the same. The model has new files and another id;
    external evaluations of its old probabilities go from its card. A second call replaces the scaling of the
    first.

    rows: all images of its splits, with their current labels, which may be corrected since the training.

    Raises:
        BrokenModel: as `cross_dataset_scaling`.
        BadData: some images cannot be read.
    """
    scaling = cross_dataset_scaling(folder)
    change = scaling.after(_scaling_of(folder.card))
    threshold = round(float(sigmoid(change.apply(log_odds(folder.card.threshold)))), 4)
    data = thin_out(rows)
    with folder.edit() as copy:
        network = load_network(copy.path / KERAS)
        fold_scaling(network, *change)
        copy.write_network(network)
        _set_scaling(copy, change, scaling)
        _update_labels(copy, rows)
        store = copy.path.with_name("tiles.npy")
        subsets = read_subsets(data, store, input_px=copy.card.input_px, progress=progress)
        measure_model(copy, subsets, network, progress=progress, threshold=threshold)
        add_context_head(copy, subsets.train, progress=progress)
        add_int8(copy, subsets, progress=progress)
        copy.replace_pictures({}, names=OUTSIDE_PICTURES)


def cross_dataset_scaling(folder: ModelFolder) -> Scaling:
    """Return the scaling of log-odds that suits the held-out datasets.

    Raises:
        BrokenModel: the card does not say, because there was no `leave-one-out`.
    """
    if folder.card.left_out is None:
        raise BrokenModel(
            f"{folder.path}: no dataset was left out yet; run crackscan model leave-one-out first."
        )
    return Scaling(folder.card.left_out.temperature, folder.card.left_out.shift or 0.0)


def _scaling_of(card: Card) -> Scaling:
    """Return the scaling that is already part of a model's weights."""
    return Scaling(card.calibration.elsewhere or 1.0, card.calibration.shift or 0.0)


def _set_scaling(folder: ModelFolder, change: Scaling, scaling: Scaling) -> None:
    """Put the new scaling onto the card, and remove what was measured with the old one."""
    calibration = folder.card.calibration
    calibration = replace(
        calibration,
        temperature=calibration.temperature * change.temperature,
        elsewhere=scaling.temperature,
        shift=scaling.shift,
    )
    folder.card = replace(folder.card, calibration=calibration, outside=None)


def _update_labels(folder: ModelFolder, rows: Iterable[Fingerprinted]) -> None:
    """Put the current labels into split.csv, and their numbers onto the card."""
    current = {example_key(row.example): row.example for row in rows}
    updated = []
    for row in read_split_csv(folder.path / SPLIT_CSV):
        example = current[example_key(row.example)]
        example = replace(example, split=row.example.split, group=row.example.group)
        updated.append(row._replace(example=example))
    write_split(folder, updated, {dataset.name: dataset.citation for dataset in folder.card.data})
