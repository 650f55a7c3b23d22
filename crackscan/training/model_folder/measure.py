"""What a model folder's files say of the tiles kept aside, put onto its card."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from crackscan.basics.arrays import Float32s
from crackscan.dataset.records import Split
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.metrics import Metrics, measure, threshold_table
from crackscan.model.card import LITERT, Card
from crackscan.model.engines import LiteRT
from crackscan.model.network import quiet_stderr
from crackscan.training.model_folder.calibration import choose_threshold, sigmoid
from crackscan.training.model_folder.photo_limits import photo_rows
from crackscan.training.options import Progress
from crackscan.training.samples.sampler import TileSubset


def measure_model(
    card: Card,
    network: Any,
    parts: Mapping[Split, TileSubset],
    data: SplitData,
    *,
    folder: Path,
    progress: Progress,
    threshold: float | None = None,
) -> Card:
    """Measure the file that scans use on validation and test, and put it onto the card.

    Args:
        card: of the model.
        network: what the file was made from, calibrated.
        parts: the tiles of the splits.
        data: their examples, by their places in the store.
        folder: where the file is.
        progress: is told of each tile.
        threshold: from which a tile is cracked; None chooses it on the validation split.
    """
    with quiet_stderr():  # the first interpreter of a process greets
        engine = LiteRT((folder / LITERT).read_bytes(), card)
    parts = {split: part for split, part in parts.items() if split != "train" and len(part)}
    progress.phase("measuring", sum(len(part) for part in parts.values()))
    found = {split: _judged(engine, part, progress) for split, part in parts.items()}
    validation = parts["validation"]
    if threshold is None:
        threshold = choose_threshold(found["validation"], validation.labels, validation.weights)
    table = threshold_table(validation.labels, found["validation"], own=threshold)
    photos = photo_rows(found["validation"], validation.labels, validation.sources, threshold=threshold)
    return replace(
        card,
        threshold=threshold,
        threshold_table=table,
        photos=photos,
        metrics={
            name: asdict(metrics)
            for split, part in parts.items()
            for name, metrics in _metrics(split, part, found[split], data, threshold=threshold)
        },
        largest_difference=_largest_difference(network, parts, found),
    )


def _metrics(
    split: Split, part: TileSubset, probabilities: Float32s, data: SplitData, *, threshold: float
) -> Iterator[tuple[str, Metrics]]:
    """Measure a split, and of several DATA each on its own."""
    examples = [data.rows[place].example for place in part.places]
    groups = [example.group for example in examples]
    yield split, measure(part.labels, probabilities, threshold=threshold, groups=groups)
    names = list(dict.fromkeys(example.data for example in examples))
    for name in names if len(names) > 1 else ():
        of = np.flatnonzero([example.data == name for example in examples])
        its = [groups[place] for place in of]
        yield f"{split}, {name}", measure(part.labels[of], probabilities[of], threshold=threshold, groups=its)


def _judged(engine: LiteRT, part: TileSubset, progress: Progress) -> Float32s:
    probabilities = np.empty(len(part), np.float32)
    for at, (tile, *_) in enumerate(part.batches(1)):
        probabilities[at : at + 1] = engine.predict(tile).probabilities
        progress.step()
    return probabilities


def _largest_difference(
    network: Any, parts: Mapping[Split, TileSubset], found: Mapping[Split, Float32s]
) -> float:
    """Compare the two files on the last split there is, test or validation."""
    from crackscan.training.fitting.fit import logits  # imports TensorFlow

    split, part = list(parts.items())[-1]
    probabilities = sigmoid(logits(network, part, 32))
    return float(np.abs(probabilities - found[split]).max())
