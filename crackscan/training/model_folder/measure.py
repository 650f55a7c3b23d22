"""Measurement of a model's files on its validation and test splits."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from crackscan.basics.arrays import Float32s
from crackscan.basics.progress import Progress
from crackscan.dataset.records import Example, Split
from crackscan.evaluation.metrics import Metrics, measure, threshold_table
from crackscan.training.model_folder.calibration import choose_threshold, sigmoid
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.photo_limits import simulate_photos
from crackscan.training.samples.sampler import TileSubset
from crackscan.training.samples.subsets import Subsets


def measure_model(
    folder: ModelFolder,
    subsets: Subsets,
    network: Any,
    *,
    progress: Progress,
    threshold: float | None = None,
) -> None:
    """Measure model.tflite on validation and test, and put the figures and the threshold onto the card.

    Args:
        folder: of the model.
        subsets: the tiles of the splits.
        network: the calibrated network that the file was made from; both must agree.
        progress: counts the tiles.
        threshold: of the decisions; None chooses it on the validation split.
    """
    parts: dict[Split, TileSubset] = {"validation": subsets.validation}
    if len(subsets.test):
        parts["test"] = subsets.test
    progress.phase("measuring", sum(len(subset) for subset in parts.values()))
    probabilities = {split: _predict(folder, subset, progress) for split, subset in parts.items()}
    _choose_limits(folder, subsets.validation, probabilities["validation"], threshold)
    metrics = {
        name: asdict(measured)
        for split, subset in parts.items()
        for name, measured in _metrics(
            split, subset, probabilities[split], subsets.examples(subset), threshold=folder.card.threshold
        )
    }
    last: Split = "test" if "test" in parts else "validation"
    difference = _largest_difference(network, parts[last], probabilities[last])
    folder.card = replace(folder.card, metrics=metrics, largest_difference=difference)


def _choose_limits(
    folder: ModelFolder, validation: TileSubset, probabilities: Float32s, threshold: float | None
) -> None:
    """Put the threshold, its table and the limits for photos onto the card."""
    labels = validation.labels
    if threshold is None:
        threshold = choose_threshold(probabilities, labels, validation.weights)
    folder.card = replace(
        folder.card,
        threshold=threshold,
        threshold_table=threshold_table(labels, probabilities, own=threshold),
        photos=simulate_photos(probabilities, labels, validation.datasets, threshold=threshold),
    )


def _metrics(
    split: Split,
    subset: TileSubset,
    probabilities: Float32s,
    examples: list[Example],
    *,
    threshold: float,
) -> Iterator[tuple[str, Metrics]]:
    """Measure a split, and each of its datasets if there are several."""
    groups = [example.group for example in examples]
    yield split, measure(subset.labels, probabilities, threshold=threshold, groups=groups)
    names = list(dict.fromkeys(example.data for example in examples))
    for name in names if len(names) > 1 else ():
        chosen = np.flatnonzero([example.data == name for example in examples])
        yield (
            f"{split}, {name}",
            measure(
                subset.labels[chosen],
                probabilities[chosen],
                threshold=threshold,
                groups=[groups[index] for index in chosen],
            ),
        )


def _predict(folder: ModelFolder, subset: TileSubset, progress: Progress) -> Float32s:
    probabilities, engine = np.empty(len(subset), np.float32), folder.engine()
    for index, tile in enumerate(subset.tiles()):
        probabilities[index] = engine.predict(tile[np.newaxis]).probabilities[0]
        progress.advance()
    return probabilities


def _largest_difference(network: Any, subset: TileSubset, probabilities: Float32s) -> float:
    """Return the largest difference between the probabilities of the network and of the file."""
    from crackscan.training.fitting.fit import compute_logits  # imports TensorFlow

    return float(np.abs(sigmoid(compute_logits(network, subset, 32)) - probabilities).max())
