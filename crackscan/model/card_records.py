"""Records that a model's card consists of: data, split, calibration, metrics, limits.

Their fields are keys of card.json. Models of earlier versions have these keys, so fields keep their names,
also where the rest of the program now uses another term.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Calibration of the probabilities; the temperature is already inside the model's weights."""

    method: str
    temperature: float  # above 1: the network was overconfident
    ece_before: float  # expected calibration error on samples made of validation tiles, 0..1
    ece_after: float
    elsewhere: float | None = None  # the factor of the temperature that cross-dataset evaluation gave
    shift: float | None = None  # of the log-odds after that, also from cross-dataset evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """Recall and false alarms of one threshold on the validation split; None where a class is absent."""

    threshold: float
    recall: float | None
    false_alarms_per_1000: float | None  # of uncracked tiles
    missed_per_1000: float | None  # of all tiles, where 5 % are cracked


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoLimitRow:
    """The cluster mass above which a photo of this many tiles is cracked, and how good that limit is.

    Measured on photos simulated from the validation split's tiles; the rule is in `scanning.photo_decision`.
    """

    tiles: int
    evidence: float  # cluster mass: log-odds above the threshold's, summed over tiles that touch
    false_alarms: float  # share of uncracked photos that are called cracked
    found: Mapping[str, float]  # number of tiles that a crack crosses → share of such photos called cracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The ground resolutions that the model was trained on, mm per px."""

    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """One dataset of the training."""

    name: str
    images: int
    cracked: int
    relabelled: int | None = None  # images whose label a person corrected
    citation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEvaluation:
    """Metrics on a dataset that the model was not trained on."""

    metrics: Mapping[str, Any]  # as `evaluation.metrics.measure` returns them
    widths: Mapping[str, Any] | None = None  # recall of synthetic cracks, by `evaluation.widths`
    lines: Mapping[str, Any] | None = None  # of photos with masks, by `evaluation.line_metrics`


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutDataset(ExternalEvaluation):
    """Metrics on one dataset of a model trained without it."""

    trained_on: tuple[str, ...]  # the other datasets
    steps: int  # of its fine-tuning
    temperature: float  # that calibrates it there, together with a shift; above 1: it was overconfident
    unfamiliar: float | None = None  # share that a scan would not judge; only of cards before 2026-11-28


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossDataset:
    """Results of leaving out each dataset in turn."""

    temperature: float  # one for all of them, each counting the same
    shift: float | None = None  # of the log-odds, after they were divided by the temperature
    weights: str | None = None  # that these trainings began with, if not with those of the model
    sources: Mapping[str, HeldOutDataset]  # dataset → metrics of a model trained without it


@dataclass(frozen=True, slots=True, kw_only=True)
class OODLimit:
    """The distance from concrete above which a tile is out of distribution; see `model.ood`."""

    limit: float
    rule: str  # how it was chosen
    tiles: Mapping[str, int]  # dataset and class of genuine concrete → tiles that it was chosen on
    lost: Mapping[str, float]  # the same → share of these tiles beyond the limit
    lost_at_worst: Mapping[str, float] | None = None  # the same, in the light in which most are lost
    others: Mapping[str, int] | None = None  # kind of what is not concrete → tiles
    caught: Mapping[str, float] | None = None  # the same → share of these tiles beyond the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Agreement:
    """Agreement of engine litert-int8 with litert on the tiles of one dataset."""

    images: int
    equal: float  # share of tiles that get the same label
    change: float  # of the probability, mean absolute
    auc_loss: float | None  # None where there is one class only
    again: float  # share of tiles that the float model judged again


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """Results of int8 quantisation, also if the int8 file was rejected."""

    log_odds: float  # tiles nearer than this to the threshold are judged again by the float model
    agreement: Mapping[str, Int8Agreement]  # dataset → on its validation split


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """The line head: how it was made, and how well cracks are traced on photos with masks."""

    threshold: float  # a traced crack of this probability or more is written, 0..1
    threshold_rule: str  # how it was chosen
    precision: str  # of the file's numbers: "int8" or "float"
    int8_loss: float | None = None  # of F1 on the validation photos; None: int8 was not tried
    photos: Mapping[str, Mapping[str, int]]  # dataset → split → photos with masks
    metrics: Mapping[str, Mapping[str, Any]]  # split, and "split, dataset" → `evaluation.line_metrics`
    left_out: Mapping[str, Mapping[str, Any]] | None = None  # dataset → of a head trained without it
    drawn: Mapping[str, Any] | None = None  # `evaluation.drawn_lines`
    options: Mapping[str, Any]  # of the training
    command: str
    seconds: float  # duration of the training, on the machine that did it


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """The split of the examples; split.csv lists each of them."""

    seed: int
    rule: str  # which examples stay together
    fractions: Mapping[str, float]  # requested
    counts: Mapping[str, Mapping[str, int]]  # split → label → images
    sha256: str  # of split.csv
