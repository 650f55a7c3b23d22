"""The one definition of what is measured, for `evaluate` and `train` alike."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crackscan.basics.arrays import Bools, Float64s, Indices
from crackscan.evaluation import intervals
from crackscan.evaluation.intervals import Basis, Estimate
from crackscan.evaluation.ranking import Metric, Ranking, calibration_bin
from crackscan.model.card_records import ThresholdRow

TITLES: Mapping[Metric, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "roc_auc": "ROC AUC",
        "average_precision": "average precision",
        "recall_at_5pct_false_alarms": "recall at 5 % false alarms",
        "calibration_error": "calibration error",
    }
)
COMPARED: tuple[Metric, ...] = (  # what a table of several sources shows
    "roc_auc",
    "recall_at_5pct_false_alarms",
    "precision",
    "recall",
    "calibration_error",
)
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
DECIMALS = 6  # of what is written
PREVALENCE = 0.05  # cracked tiles among all tiles of a survey, where the user does not say


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many images of each label were called what; positive is cracked."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured on one set of images at one threshold."""

    images: int
    cracked: int
    groups: int
    threshold: float
    confusion: Confusion
    figures: Mapping[Metric, Estimate]

    @property
    def caution(self) -> str | None:
        """What to mind of the intervals that there are."""
        return next((one.reason for one in self.figures.values() if one.low is not None and one.reason), None)

    def as_json(self) -> dict[str, Any]:
        """Return it as the card and metrics.json hold it, with fixed decimals."""
        return {
            "images": self.images,
            "cracked": self.cracked,
            "groups": self.groups,
            "threshold": self.threshold,
            "confusion": asdict(self.confusion),
            "figures": {metric: rounded(asdict(figure)) for metric, figure in self.figures.items()},
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """The trade-off along all thresholds, from the strictest (nothing is called cracked) to the laxest.

    Each float64, shape (distinct probabilities + 1,). Where nothing is called cracked, precision is 1 by
    convention.
    """

    thresholds: Float64s
    recall: Float64s
    false_alarm_rate: Float64s
    precision: Float64s


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The images whose probability lies in one bin: what was foretold against what was so."""

    images: int
    probability: float  # mean
    cracked: float  # fraction
    low: float  # Wilson's interval of `cracked`
    high: float


def measure(
    labels: ArrayLike, probabilities: ArrayLike, *, threshold: float, groups: Sequence[str] | None = None
) -> Metrics:
    """Measure probabilities against labels, with 95 % intervals over groups of dependent images.

    labels: bool, shape (n,). probabilities: of a crack, 0..1, shape (n,); from the threshold up is cracked.
    groups: n names; images of one name count as dependent. None: each image stands for itself.
    """
    ranking = Ranking(labels, probabilities)
    codes = _codes(groups, n=len(ranking.labels))[ranking.order]
    called = np.arange(len(ranking.labels)) < ranking.called(threshold)
    return Metrics(
        images=len(ranking.labels),
        cracked=int(ranking.labels.sum()),
        groups=len(np.unique(codes)),
        threshold=threshold,
        confusion=_confusion(ranking.labels, called),
        figures=_with_honest_units(ranking, codes, called=called, threshold=threshold),
    )


def _with_honest_units(
    ranking: Ranking, codes: Indices, *, called: Bools, threshold: float
) -> dict[Metric, Estimate]:
    """Take groups as the units of the intervals; images where groups are too few, and then say so."""
    fewest = min(
        (len(np.unique(codes[of])) for of in (ranking.labels, ~ranking.labels) if of.any()), default=0
    )
    if fewest >= intervals.MIN_GROUPS or len(np.unique(codes)) == len(codes):
        return _figures(ranking, codes, called=called, threshold=threshold)
    found = _figures(ranking, np.arange(len(codes)), called=called, threshold=threshold)
    caution = f"over images, too narrow: groups are only {fewest}"
    return {
        metric: figure if figure.low is None else replace(figure, reason=caution)
        for metric, figure in found.items()
    }


def threshold_table(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    own: float,
    prevalence: float = PREVALENCE,
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[ThresholdRow, ...]:
    """Say what each threshold, and the model's own, would find, miss and wrongly flag."""
    ranking = Ranking(labels, probabilities)
    cracked = np.append(0, np.cumsum(ranking.labels))
    positives, negatives = int(cracked[-1]), len(ranking.labels) - int(cracked[-1])
    rows = []
    for threshold in sorted({*thresholds, own}):
        called = ranking.called(threshold)
        found = int(cracked[called])
        recall = found / positives if positives else None
        alarms = 1000 * (called - found) / negatives if negatives else None
        missed = None if recall is None else 1000 * prevalence * (1 - recall)
        rows.append(
            ThresholdRow(
                threshold=threshold, recall=recall, false_alarms_per_1000=alarms, missed_per_1000=missed
            )
        )
    return tuple(rows)


def curve(labels: ArrayLike, probabilities: ArrayLike) -> Curve:
    """Follow recall, false alarms and precision along all thresholds. Both classes must be there."""
    ranking = Ranking(labels, probabilities)
    hits, alarms = (sums[0] for sums in ranking.steps(np.ones((1, len(ranking.labels)))))
    return Curve(
        thresholds=np.append(np.inf, ranking.probabilities[ranking.ends]),
        recall=hits / hits[-1],
        false_alarm_rate=alarms / alarms[-1],
        precision=np.divide(hits, hits + alarms, out=np.ones_like(hits), where=hits + alarms > 0),
    )


def calibration_bins(labels: ArrayLike, probabilities: ArrayLike) -> tuple[CalibrationBin, ...]:
    """Compare what was foretold with what was so in each bin that holds an image."""
    cracked, foretold = np.asarray(labels, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    bins = calibration_bin(foretold)
    return tuple(
        _calibration(cracked[bins == number], foretold[bins == number]) for number in np.unique(bins)
    )


def rounded(content: dict[str, Any]) -> dict[str, Any]:
    """Return a record's fields with the fixed decimals that JSON files have."""
    return {
        key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in content.items()
    }


def _calibration(cracked: Bools, foretold: Float64s) -> CalibrationBin:
    images, positives = len(cracked), int(cracked.sum())
    low, high = intervals.wilson(positives, images)
    return CalibrationBin(images, float(foretold.mean()), positives / images, low, high)


def _figures(ranking: Ranking, codes: Indices, *, called: Bools, threshold: float) -> dict[Metric, Estimate]:
    if not len(codes):
        return {metric: Estimate(None, reason="no image was assessed") for metric in TITLES}
    values = ranking.measure(np.ones((1, len(codes))), threshold=threshold)
    parts = [ranking.measure(weights, threshold=threshold) for weights in intervals.resamples(codes)]
    bases = _bases(ranking.labels, called)
    return {
        metric: intervals.figure(
            float(values[metric][0]),
            basis=bases[metric],
            right=ranking.labels == called,
            resampled=np.concatenate([part[metric] for part in parts]),
            groups=codes,
        )
        for metric in TITLES
    }


def _bases(cracked: Bools, called: Bools) -> dict[Metric, Basis]:
    positives = {"no image is cracked": cracked}
    both = {**positives, "no image is uncracked": ~cracked}
    return {
        "accuracy": Basis({}, trials=np.ones_like(cracked)),
        "precision": Basis({"nothing was predicted to be cracked": called}, trials=called),
        "recall": Basis(positives, trials=cracked),
        "f1": Basis(positives, trials=cracked | called, scale=_f1_of_jaccard),
        "roc_auc": Basis(both),
        "average_precision": Basis(both, bounded=False),
        "recall_at_5pct_false_alarms": Basis(both),
        "calibration_error": Basis({}, bounded=False, centred=True),
    }


def _f1_of_jaccard(jaccard: float) -> float:
    """Turn the fraction of images that are called and truly cracked, of those that are either, into F1."""
    return 2 * jaccard / (1 + jaccard)


def _codes(groups: Sequence[str] | None, *, n: int) -> Indices:
    if groups is None:
        return np.arange(n)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    return np.array([numbers[name] for name in groups], dtype=np.int64)


def _confusion(cracked: Bools, called: Bools) -> Confusion:
    return Confusion(
        true_positives=int((cracked & called).sum()),
        false_negatives=int((cracked & ~called).sum()),
        false_positives=int((~cracked & called).sum()),
        true_negatives=int((~cracked & ~called).sum()),
    )
