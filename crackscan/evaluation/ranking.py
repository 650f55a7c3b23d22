"""Images ranked by probability: each metric is a few sums along the ranking.

The metrics are those of scikit-learn; tests compare the two. They are computed here because a bootstrap needs
them for a thousand weightings of one ranking. Sorted once, this is a few sums over a matrix of weights; a
thousand calls of the library would take a minute.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crackscan.basics.arrays import Float64s

Metric = Literal[
    "accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
    "recall_at_5pct_false_alarms",
    "calibration_error",
]
FALSE_ALARM_RATE = 0.05
CALIBRATION_BINS = 15  # of equal width, as in Guo et al. 2017 (arXiv:1706.04599)


class Ranking:
    """Images sorted by probability, the highest first, so that each metric is a sum over a prefix."""

    def __init__(self, labels: ArrayLike, probabilities: ArrayLike) -> None:
        unsorted = np.asarray(probabilities, dtype=np.float64)
        self.order = np.argsort(-unsorted, kind="stable")
        self.probabilities = unsorted[self.order]
        self.labels = np.asarray(labels, dtype=bool)[self.order]
        # No threshold separates equal probabilities: a step ends where the next probability is smaller.
        self.ends = np.flatnonzero(np.diff(self.probabilities, append=-np.inf) < 0)

    def count_called(self, threshold: float) -> int:
        """Count the images at or above the threshold."""
        return int(np.searchsorted(-self.probabilities, -threshold, side="right"))

    def cumulate(self, weights: Float64s) -> tuple[Float64s, Float64s]:
        """Sum the weights of cracked and of uncracked images at or above each distinct probability.

        weights: shape (m, n), in the order of the ranking. Returns two arrays of shape
        (m, distinct probabilities + 1); the first step is before all images.
        """
        hits = np.cumsum(weights * self.labels, axis=1)[:, self.ends]
        alarms = np.cumsum(weights * ~self.labels, axis=1)[:, self.ends]
        nothing = np.zeros((len(weights), 1))
        return np.hstack([nothing, hits]), np.hstack([nothing, alarms])

    def measure(self, weights: Float64s, *, threshold: float) -> dict[Metric, Float64s]:
        """Compute each metric for each weighting of the images; NaN where it is undefined.

        weights: shape (m, n), in the order of the ranking. Returns arrays of shape (m,).
        """
        hits, alarms = self.cumulate(weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                **_measure_at_step(hits, alarms, step=self._step(threshold)),
                "roc_auc": _roc_auc(hits, alarms),
                "average_precision": _average_precision(hits, alarms),
                "recall_at_5pct_false_alarms": _recall_at(hits, alarms, rate=FALSE_ALARM_RATE),
                "calibration_error": self._calibration_error(weights),
            }

    def _step(self, threshold: float) -> int:
        """Find the last step at or above the threshold; 0 is before the first."""
        return int(np.searchsorted(self.ends, self.count_called(threshold)))

    def _calibration_error(self, weights: Float64s) -> Float64s:
        """Sum |cracked - predicted| / n over the bins: the expected calibration error (Guo et al. 2017).

        It uses the probability of a crack, not of the more likely class, because rows show the former.
        """
        bins = calibration_bin(self.probabilities)
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        gaps = np.add.reduceat(weights * (self.labels - self.probabilities), starts, axis=1)
        return np.asarray(np.abs(gaps).sum(axis=1) / weights.sum(axis=1))


def _measure_at_step(hits: Float64s, alarms: Float64s, *, step: int) -> dict[Metric, Float64s]:
    true_positives, false_positives = hits[:, step], alarms[:, step]
    positives, negatives = hits[:, -1], alarms[:, -1]
    called = true_positives + false_positives
    return {
        "accuracy": (true_positives + negatives - false_positives) / (positives + negatives),
        "precision": true_positives / called,
        "recall": true_positives / positives,
        "f1": np.where(positives > 0, 2 * true_positives / (positives + called), np.nan),
    }


def _roc_auc(hits: Float64s, alarms: Float64s) -> Float64s:
    """Count the pairs (cracked, uncracked) in the right order, ties as half, by the trapezoidal rule."""
    areas = np.diff(alarms) * (hits[:, 1:] + hits[:, :-1]) / 2
    return np.asarray(areas.sum(axis=1) / (hits[:, -1] * alarms[:, -1]))


def _average_precision(hits: Float64s, alarms: Float64s) -> Float64s:
    """Average the precision over the steps of recall, without interpolation."""
    called = (hits + alarms)[:, 1:]
    precision = hits[:, 1:] / np.where(called > 0, called, 1)
    both = np.where(alarms[:, -1] > 0, hits[:, -1], np.nan)
    return np.asarray((np.diff(hits) * precision).sum(axis=1) / both)


def _recall_at(hits: Float64s, alarms: Float64s, *, rate: float) -> Float64s:
    """Return the highest recall of all thresholds with at most this rate of false alarms."""
    negatives = alarms[:, -1:]
    allowed = (alarms <= rate * negatives + 1e-9) & (negatives > 0)
    return np.where(allowed.any(axis=1), np.where(allowed, hits, 0).max(axis=1), np.nan) / hits[:, -1]


def calibration_bin(probabilities: Float64s) -> NDArray[np.int64]:
    """Return the number of the bin of equal width that holds each probability; 1 is in the last bin."""
    return np.minimum((probabilities * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
