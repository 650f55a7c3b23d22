"""One model of several: the mean of the weights of trainings on the same images.

The mean of the weights of networks that began alike often ranks unknown images better than each of them, and
costs nothing when it scans (Wortsman et al. 2022, arXiv:2203.05482).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.basics.progress import Progress
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.unseen import example_key, read_split
from crackscan.model.card import KERAS, Card
from crackscan.model.network import load_network
from crackscan.training.fitting.checkpoint import State, WorkFolder
from crackscan.training.fitting.weights import MEAN_OF, Weights
from crackscan.training.lines.options import LineOptions
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.publish import Trained, publish
from crackscan.training.options import Provenance, TrainingRun, TrainOptions
from crackscan.training.samples.subsets import read_subsets
from crackscan.training.train import check_run


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageOptions:
    """The options of an average."""

    output: Path  # the new model folder
    command: str  # for the card
    lines: LineOptions | None  # of the line head; None: the model gets none
    force: bool = False  # replace the model folder if it exists


def average_models(
    folders: Sequence[ModelFolder], data: SplitData, options: AverageOptions, *, progress: Progress
) -> Card:
    """Write the mean of models as a new model, calibrated and measured like any training.

    folders: the models; the first one gives the options and the detector. data: their images, with the split.

    Raises:
        BadData: there are fewer than two models, or they were trained on other images or another split.
        BrokenModel: their networks differ.
        CrackscanError: the folder or an unfinished one exists already.
    """
    first = folders[0]
    _check_alike(folders)
    data = _in_order(data, first)
    run = TrainingRun(
        data=data,
        options=TrainOptions.of_card(first.card, weights=str(first.path)),
        provenance=Provenance.of_card(first.card, command=options.command),
        folder=options.output,
        lines=options.lines,
    )
    check_run(run, force=options.force)
    names = " and ".join(folder.card.model_id for folder in folders)
    work = WorkFolder.open(
        options.output.with_name(f"{options.output.name}.work"),
        {"mean of": names},
        resume=False,
        force=options.force,
    )
    try:
        subsets = read_subsets(data, work.tiles, input_px=first.card.input_px, progress=progress)
        state = State(seconds=sum(folder.card.seconds for folder in folders))
        weights = Weights(first.path / KERAS, f"{MEAN_OF}{names}")
        trained = Trained(_mean_network(folders), state, weights, subsets)
        return publish(trained, run, work=work, progress=progress)
    except BaseException:
        work.remove()  # it is made again in minutes
        raise


def _check_alike(folders: Sequence[ModelFolder]) -> None:
    first, *others = folders
    if not others:
        raise BadData(f"{first.path}: is one model alone; name another one with --with.")
    for other in others:
        if other.card.split.sha256 != first.card.split.sha256:
            raise BadData(
                f"{other.path}: was trained on other images than {first.path}, or with another split, so one "
                "may know the test images of the other."
            )


def _in_order(data: SplitData, first: ModelFolder) -> SplitData:
    """Return the images in the order of the model's split.csv, so that the new one has the same bytes."""
    known = read_split(first.path, first.card)
    places = {example_key(row.example): place for place, row in enumerate(known)}
    return replace(data, rows=tuple(sorted(data.rows, key=lambda row: places[example_key(row.example)])))


def _mean_network(folders: Sequence[ModelFolder]) -> Any:
    """Return the first network with the mean of all weights."""
    network = load_network(folders[0].path / KERAS)
    all_weights = [load_network(folder.path / KERAS).get_weights() for folder in folders]
    try:
        network.set_weights([np.mean(arrays, axis=0) for arrays in zip(*all_weights, strict=True)])
    except ValueError as error:
        raise BrokenModel(f"{folders[0].path}: its network is of another form than the others'.") from error
    return network
