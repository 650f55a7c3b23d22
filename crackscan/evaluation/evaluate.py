"""Evaluate is scan with known answers: the same Work, the same judge; here it is only counted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crackscan.basics.errors import BadData, NoInputs
from crackscan.basics.records import Label, Result, ScanOptions, Work
from crackscan.dataset.records import Example, LabelledData, Problem
from crackscan.evaluation.metrics import PREVALENCE, Metrics, measure, threshold_table
from crackscan.evaluation.pointing import Pointing, pointing
from crackscan.evaluation.widths import DatasetWidths
from crackscan.model.card import ThresholdRow
from crackscan.model.predictions import Classifier
from crackscan.scanning.executor import run_works
from crackscan.scanning.row_labels import label_row


@dataclass(frozen=True, slots=True)
class Prediction:
    """One labelled image, and the row that a scan would give it."""

    example: Example
    result: Result

    @property
    def label(self) -> Label:
        """What the data says it is."""
        return self.example.class_name

    @property
    def group(self) -> str:
        """What it belongs to: images of one group, or tiles of one image, tell less than as many others."""
        return self.example.group or f"{self.example.data}/{self.example.source}"


@dataclass(frozen=True, slots=True)
class Unfamiliar:
    """How many images of a class `run_works` would not judge, unlike anything the model was trained on."""

    images: int
    lost: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model made of labelled images."""

    model: str
    split: str | None  # of the model's own; None: all of the data
    options: ScanOptions
    prevalence: float
    predictions: tuple[Prediction, ...]  # in the order of the examples, those not assessed among them
    overall: Metrics
    by_data: Mapping[str, Metrics]  # DATA: what was measured on it alone
    thresholds: tuple[ThresholdRow, ...]
    problems: tuple[Problem, ...]  # what was left out of the data before
    pointing: Mapping[str, Pointing]  # which cracked tiles: how near their peaks are, where there are masks
    widths: tuple[DatasetWidths, ...] = ()  # recall against crack width, where it was asked for

    @property
    def assessed(self) -> tuple[Prediction, ...]:
        """The predictions that count."""
        return _assessed(self.predictions)

    @property
    def unfamiliar(self) -> dict[Label, Unfamiliar]:
        """What `run_works` would leave out of each class; empty where the model has no limit."""
        limit = self.options.rows.max_distance
        if limit is None:
            return {}
        images = Counter(prediction.label for prediction in self.assessed)
        lost = Counter(
            prediction.label for prediction in self.assessed if (prediction.result.distance or 0.0) > limit
        )
        return {label: Unfamiliar(images[label], lost[label]) for label in sorted(images)}

    @property
    def not_assessed(self) -> tuple[Prediction, ...]:
        """The images that the model never saw, because they are unreadable or mostly without data."""
        return tuple(prediction for prediction in self.predictions if prediction.result.probability is None)

    @property
    def errors(self) -> tuple[Prediction, ...]:
        """The predictions that differ from the label, the most confident first."""
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
    """Judge labelled images as `run_works` would, and count.

    advance: is told of each image that is judged, as (works, tiles).

    Raises:
        NoInputs: there are no labelled images.
        BadData: none of them could be assessed.
    """
    if not data.examples:
        raise NoInputs("No labelled image to evaluate on; give a folder with one sub-folder a class.")
    predictions = tuple(_predictions(data.examples, load, options=options, jobs=jobs, advance=advance))
    assessed = _assessed(predictions)
    if not assessed:
        raise BadData(f"None of {len(predictions):,} images could be assessed; {_first_reason(predictions)}.")
    splits = {example.split for example in data.examples}
    labels, probabilities = answers(assessed)
    return Evaluation(
        model=assessed[0].result.model or "",
        split=splits.pop() if len(splits) == 1 else None,
        options=options,
        prevalence=prevalence,
        predictions=predictions,
        overall=_measure(assessed, options.rows.threshold),
        by_data=_by_data(predictions, options.rows.threshold),
        thresholds=threshold_table(labels, probabilities, own=options.rows.threshold, prevalence=prevalence),
        problems=data.problems,
        pointing=pointing((prediction.example, prediction.result) for prediction in assessed),
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


def answers(assessed: Sequence[Prediction]) -> tuple[list[bool], list[float]]:
    """Return the labels and the probabilities of assessed images."""
    labels = [prediction.example.label for prediction in assessed]
    return labels, [prediction.result.probability or 0.0 for prediction in assessed]


def _measure(assessed: Sequence[Prediction], threshold: float) -> Metrics:
    labels, probabilities = answers(assessed)
    groups = [prediction.group for prediction in assessed]
    return measure(labels, probabilities, threshold=threshold, groups=groups)


def _by_data(predictions: Sequence[Prediction], threshold: float) -> dict[str, Metrics]:
    by_data: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        by_data.setdefault(prediction.example.data, []).append(prediction)
    return {data: _measure(_assessed(of_data), threshold) for data, of_data in by_data.items()}


def _confidence(prediction: Prediction) -> float:
    probability = prediction.result.probability or 0.0
    return 1 - probability if prediction.example.label else probability


def _first_reason(predictions: Sequence[Prediction]) -> str:
    result = predictions[0].result
    return f"the first, {result.source}, is {result.status}{f' ({result.reason})' if result.reason else ''}"
