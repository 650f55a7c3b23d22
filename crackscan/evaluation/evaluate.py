"""Evaluation of a classifier: labelled images get the same rows as in a scan, and the rows are counted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crackscan.basics.errors import BadData, NoInputs
from crackscan.basics.records import Label, Result, ScanOptions, Work
from crackscan.dataset.records import Example, LabelledData, Problem
from crackscan.evaluation.lines import LineEvaluation
from crackscan.evaluation.metrics import PREVALENCE, Metrics, measure, threshold_table
from crackscan.evaluation.pointing import Pointing, measure_pointing
from crackscan.evaluation.widths import DatasetWidths
from crackscan.model.card_records import ThresholdRow
from crackscan.model.predictions import Classifier
from crackscan.scanning.executor import run_works
from crackscan.scanning.row_labels import label_row


@dataclass(frozen=True, slots=True)
class Prediction:
    """A labelled image, and the row that a scan gives it."""

    example: Example
    result: Result

    @property
    def label(self) -> Label:
        """The true label."""
        return self.example.class_name

    @property
    def group(self) -> str:
        """The group of dependent images: its own group, or else the tiles of its image."""
        return self.example.group or f"{self.example.data}/{self.example.source}"


@dataclass(frozen=True, slots=True)
class UnfamiliarCount:
    """Number of images of a class that a scan does not judge, because they are unlike the training images."""

    images: int
    lost: int  # the unfamiliar ones


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The predictions of a model on labelled images, and the metrics."""

    model: str
    split: str | None  # of the model; None is all given images
    options: ScanOptions
    prevalence: float
    predictions: tuple[Prediction, ...]  # in the order of the examples, with those not assessed
    overall: Metrics
    by_data: Mapping[str, Metrics]  # name of the dataset: its metrics
    thresholds: tuple[ThresholdRow, ...]
    problems: tuple[Problem, ...]  # images that were left out before
    pointing: Mapping[str, Pointing]  # set of cracked tiles: precision of their peaks, if there are masks
    widths: tuple[DatasetWidths, ...] = ()  # recall against crack width, if measured
    lines: LineEvaluation | None = None  # of photos with masks, if the model traces cracks

    @property
    def assessed(self) -> tuple[Prediction, ...]:
        """The predictions that have a probability."""
        return _assessed(self.predictions)

    @property
    def unfamiliar(self) -> dict[Label, UnfamiliarCount]:
        """The images of each class that a scan does not judge; empty if the model has no limit."""
        limit = self.options.rows.max_distance
        if limit is None:
            return {}
        images = Counter(prediction.label for prediction in self.assessed)
        lost = Counter(
            prediction.label for prediction in self.assessed if (prediction.result.distance or 0.0) > limit
        )
        return {label: UnfamiliarCount(images[label], lost[label]) for label in sorted(images)}

    @property
    def not_assessed(self) -> tuple[Prediction, ...]:
        """The images without a probability: unreadable, or mostly without data."""
        return tuple(prediction for prediction in self.predictions if prediction.result.probability is None)

    @property
    def errors(self) -> tuple[Prediction, ...]:
        """The wrong predictions, the most confident first."""
        wrong = [prediction for prediction in self.assessed if prediction.result.label != prediction.label]
        return tuple(sorted(wrong, key=_confidence, reverse=True))


def evaluate(
    data: LabelledData,
    load: Callable[[], Classifier],
    *,
    options: ScanOptions,
    jobs: int,
    prevalence: float = PREVALENCE,
    advance: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run a classifier on labelled images, as a scan does, and compute the metrics.

    load: gives each worker its classifier.
    advance: called after each image with the number of works (1) and of tiles.

    Raises:
        NoInputs: there are no labelled images.
        BadData: no image could be assessed.
    """
    if not data.examples:
        raise NoInputs("No labelled image to evaluate on; give a folder with one sub-folder per class.")
    predictions = tuple(_predictions(data.examples, load, options=options, jobs=jobs, advance=advance))
    assessed = _assessed(predictions)
    if not assessed:
        raise BadData(f"None of {len(predictions):,} images could be assessed; {_first_reason(predictions)}.")
    splits = {example.split for example in data.examples}
    labels, probabilities = labels_and_probabilities(assessed)
    return Evaluation(
        model=assessed[0].result.model or "",
        split=splits.pop() if len(splits) == 1 else None,
        options=options,
        prevalence=prevalence,
        predictions=predictions,
        overall=_measure(assessed, options.rows.threshold),
        by_data=_measure_datasets(predictions, options.rows.threshold),
        thresholds=threshold_table(labels, probabilities, own=options.rows.threshold, prevalence=prevalence),
        problems=data.problems,
        pointing=measure_pointing((prediction.example, prediction.result) for prediction in assessed),
    )


def _predictions(
    examples: Sequence[Example],
    load: Callable[[], Classifier],
    *,
    options: ScanOptions,
    jobs: int,
    advance: Callable[[int, int], None] | None,
) -> Iterator[Prediction]:
    works = (
        Work(example.source, example.path, "photo", options.tiles, example.window) for example in examples
    )
    judged = run_works(works, load, options.rows, jobs=jobs)
    for example, (_, results) in zip(examples, judged, strict=True):
        if advance is not None:
            advance(1, results[0].tiles or 1)
        yield Prediction(example, label_row(results[0], options))


def _assessed(predictions: Sequence[Prediction]) -> tuple[Prediction, ...]:
    return tuple(prediction for prediction in predictions if prediction.result.probability is not None)


def labels_and_probabilities(assessed: Sequence[Prediction]) -> tuple[list[bool], list[float]]:
    """Return the labels and the probabilities of assessed images."""
    labels = [prediction.example.label for prediction in assessed]
    return labels, [prediction.result.probability or 0.0 for prediction in assessed]


def _measure(assessed: Sequence[Prediction], threshold: float) -> Metrics:
    labels, probabilities = labels_and_probabilities(assessed)
    groups = [prediction.group for prediction in assessed]
    return measure(labels, probabilities, threshold=threshold, groups=groups)


def _measure_datasets(predictions: Sequence[Prediction], threshold: float) -> dict[str, Metrics]:
    by_dataset: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        by_dataset.setdefault(prediction.example.data, []).append(prediction)
    return {dataset: _measure(_assessed(members), threshold) for dataset, members in by_dataset.items()}


def _confidence(prediction: Prediction) -> float:
    probability = prediction.result.probability or 0.0
    return 1 - probability if prediction.example.label else probability


def _first_reason(predictions: Sequence[Prediction]) -> str:
    result = predictions[0].result
    return f"the first, {result.source}, is {result.status}{f' ({result.reason})' if result.reason else ''}"
