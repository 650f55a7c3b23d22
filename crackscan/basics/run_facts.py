"""Facts of a run that an output may tell its readers: model, options, and how good the model was in tests."""

from collections.abc import Callable
from dataclasses import dataclass

from crackscan.basics.records import Result, ScanOptions


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """Recall and false alarms of one threshold, on images like those of the training."""

    threshold: float
    recall: float | None  # share of cracked tiles that are called so, 0..1
    false_alarms_per_1000: float | None  # of uncracked tiles


@dataclass(frozen=True, slots=True)
class UnseenFigures:
    """Recall and false alarms on one dataset, of a model that was trained without it."""

    dataset: str
    recall: float | None  # 0..1
    false_alarms: float | None  # share of uncracked tiles, 0..1


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What a model's card says about how good the model is."""

    thresholds: tuple[ThresholdFigures, ...] = ()  # ascending
    unseen: tuple[UnseenFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The model and the options that the rows of an output were made with.

    cracked_up_to: returns the highest threshold at which a row is called cracked, 0..1; None where it was not
    assessed.
    """

    model: str
    engine: str
    options: ScanOptions
    figures: ModelFigures | None  # None: the journal is older than this record
    cracked_up_to: Callable[[Result], float | None]
