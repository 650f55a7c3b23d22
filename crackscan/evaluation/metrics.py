"""The metrics of classification, defined once for `evaluate` and `train`."""

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
COMPARED: tuple[Metric, ...] = (  # columns of a table of several datasets
    "roc_auc",
    "recall_at_5pct_false_alarms",
    "precision",
    "recall",
    "calibration_error",
)
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
DECIMALS = 6  # of metrics in files
PREVALENCE = 0.05  # cracked tiles among all tiles of a survey, where the user does not say


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusion matrix; positive is cracked."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one set of images at one threshold."""

    images: int
    cracked: int
    groups: int
    threshold: float
    confusion: Confusion
    figures: Mapping[Metric, Estimate]

    @property
    def caution(self) -> str | None:
        """The caution about the intervals, if there is one."""
        reasons = (estimate.reason for estimate in self.figures.values() if estimate.low is not None)
        return next(filter(None, reasons), None)

    def as_json(self) -> dict[str, Any]:
        """Return the content for the card and metrics.json, with fixed decimals."""
        return {
            "images": self.images,
            "cracked": self.cracked,
            "groups": self.groups,
            "threshold": self.threshold,
            "confusion": asdict(self.confusion),
            "figures": {metric: rounded(asdict(estimate)) for metric, estimate in self.figures.items()},
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """Recall, false alarms and precision at all thresholds, from the strictest to the laxest.

    Each float64, shape (distinct probabilities + 1,). At the strictest threshold nothing is called cracked,
    and precision is 1 by convention.
    """

    thresholds: Float64s
    recall: Float64s
    false_alarm_rate: Float64s
    precision: Float64s


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The images whose probability lies in one bin: predicted probability against observed frequency."""

    images: int
    probability: float  # mean
    cracked: float  # fraction
    low: float  # Wilson's interval of `cracked`
    high: float


def measure(
    labels: ArrayLike, probabilities: ArrayLike, *, threshold: float, groups: Sequence[str] | None = None
) -> Metrics:
    """Compute all metrics, with 95 % intervals over groups of dependent images.

    labels: bool, shape (n,). probabilities: of a crack, 0..1, shape (n,); from the threshold up is cracked.
    groups: n names; images with the same name are dependent. None: all images are independent.
    """
    ranking = Ranking(labels, probabilities)
    codes = _group_codes(groups, n=len(ranking.labels))[ranking.order]
    called = np.arange(len(ranking.labels)) < ranking.count_called(threshold)
    return Metrics(
        images=len(ranking.labels),
        cracked=int(ranking.labels.sum()),
        groups=len(np.unique(codes)),
        threshold=threshold,
        confusion=_confusion(ranking.labels, called),
        figures=_estimate_all(ranking, codes, called=called, threshold=threshold),
    )


def _estimate_all(
    ranking: Ranking, codes: Indices, *, called: Bools, threshold: float
) -> dict[Metric, Estimate]:
    """Estimate all metrics with intervals over groups; if groups are too few, over images with a caution."""
    classes = [mask for mask in (ranking.labels, ~ranking.labels) if mask.any()]
    fewest = min((len(np.unique(codes[mask])) for mask in classes), default=0)
    if fewest >= intervals.MIN_GROUPS or len(np.unique(codes)) == len(codes):
        return _estimate_by_units(ranking, codes, called=called, threshold=threshold)
    estimates = _estimate_by_units(ranking, np.arange(len(codes)), called=called, threshold=threshold)
    caution = f"over images, too narrow: only {fewest} {'group' if fewest == 1 else 'groups'}"
    return {
        metric: estimate if estimate.low is None else replace(estimate, reason=caution)
        for metric, estimate in estimates.items()
    }


def threshold_table(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    own: float,
    prevalence: float = PREVALENCE,
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[ThresholdRow, ...]:
    """Compute recall, false alarms and missed cracks at each threshold, and at the model's own."""
    ranking = Ranking(labels, probabilities)
    cracked = np.append(0, np.cumsum(ranking.labels))
    positives, negatives = int(cracked[-1]), len(ranking.labels) - int(cracked[-1])
    rows = []
    for threshold in sorted({*thresholds, own}):
        called = ranking.count_called(threshold)
        hits = int(cracked[called])
        recall = hits / positives if positives else None
        alarms = 1000 * (called - hits) / negatives if negatives else None
        missed = None if recall is None else 1000 * prevalence * (1 - recall)
        rows.append(
            ThresholdRow(
                threshold=threshold, recall=recall, false_alarms_per_1000=alarms, missed_per_1000=missed
            )
        )
    return tuple(rows)


def trace_curve(labels: ArrayLike, probabilities: ArrayLike) -> Curve:
    """Compute recall, false alarms and precision at all thresholds; there must be images of both classes."""
    ranking = Ranking(labels, probabilities)
    hits, alarms = (sums[0] for sums in ranking.cumulate(np.ones((1, len(ranking.labels)))))
    return Curve(
        thresholds=np.append(np.inf, ranking.probabilities[ranking.ends]),
        recall=hits / hits[-1],
        false_alarm_rate=alarms / alarms[-1],
        precision=np.divide(hits, hits + alarms, out=np.ones_like(hits), where=hits + alarms > 0),
    )


def calibration_bins(labels: ArrayLike, probabilities: ArrayLike) -> tuple[CalibrationBin, ...]:
    """Compare predicted probability with observed frequency in each bin that has an image."""
    cracked, predicted = np.asarray(labels, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    bins = calibration_bin(predicted)
    return tuple(
        _summarise_bin(cracked[bins == number], predicted[bins == number]) for number in np.unique(bins)
    )


def rounded(content: dict[str, Any]) -> dict[str, Any]:
    """Round the floats of a record to the fixed decimals of the JSON files."""
    return {
        key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in content.items()
    }


def _summarise_bin(cracked: Bools, predicted: Float64s) -> CalibrationBin:
    images, positives = len(cracked), int(cracked.sum())
    low, high = intervals.wilson_interval(positives, images)
    return CalibrationBin(images, float(predicted.mean()), positives / images, low, high)


def _estimate_by_units(
    ranking: Ranking, codes: Indices, *, called: Bools, threshold: float
) -> dict[Metric, Estimate]:
    if not len(codes):
        return {metric: Estimate(None, reason="no image was assessed") for metric in TITLES}
    values = ranking.measure(np.ones((1, len(codes))), threshold=threshold)
    parts = [ranking.measure(weights, threshold=threshold) for weights in intervals.resamples(codes)]
    bases = _metric_bases(ranking.labels, called)
    return {
        metric: intervals.estimate(
            float(values[metric][0]),
            basis=bases[metric],
            right=ranking.labels == called,
            resampled=np.concatenate([part[metric] for part in parts]),
            groups=codes,
        )
        for metric in TITLES
    }


def _metric_bases(cracked: Bools, called: Bools) -> dict[Metric, Basis]:
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
    """Convert the Jaccard index (called and cracked, of called or cracked) into F1."""
    return 2 * jaccard / (1 + jaccard)


def _group_codes(groups: Sequence[str] | None, *, n: int) -> Indices:
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
