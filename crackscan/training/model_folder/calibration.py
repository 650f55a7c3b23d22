"""From logits to probabilities that mean what they say, and to the threshold from which a tile is cracked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crackscan.basics.arrays import Float64s

THRESHOLD_RULE = (
    "on the validation split, the highest recall less false-alarm rate (Youden's J): it does not depend on "
    "how rare cracks are in the data, so rare cracks do not become cheap to miss; of all thresholds that are "
    "as good within one standard error, the middle one, so that no single tile decides; where there are "
    "several data sets, each counts the same"
)
TEMPERATURES = (0.05, 20.0)  # searched between
HALVINGS = 60  # of that interval's logarithm: more than a float64 can tell apart
CANDIDATES = np.arange(0.01, 1.0, 0.01)  # two decimals: more would promise what 1,000 tiles cannot tell


def sigmoid(logits: ArrayLike) -> Float64s:
    """Return probabilities, float64, without overflow."""
    values: Float64s = 0.5 * (1 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))
    return values


def fit_temperature(logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Find T for which sigmoid(logit / T) has the lowest cross-entropy (Guo et al. 2017, arXiv:1706.04599).

    weights: what each example counts; by default the same.

    The labels are softened as Platt (1999) did: where no example is judged wrong, T would else fall to 0 and
    every probability become 0 or 1.
    """
    values, targets = np.asarray(logits, dtype=np.float64), _softened(np.asarray(labels, dtype=bool))
    shares = None if weights is None else np.asarray(weights, dtype=np.float64)

    def slope(temperature: float) -> float:
        # of the cross-entropy by 1 / T, in which it is convex
        return float(np.average((sigmoid(values / temperature) - targets) * values, weights=shares))

    low, high = TEMPERATURES
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return float(np.sqrt(low * high))


def choose_threshold(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Choose the threshold by THRESHOLD_RULE. weights: what each example counts; by default the same."""
    values, cracked = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=bool)
    shares = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    recall, alarms = (_called(values[of], shares[of]) for of in (cracked, ~cracked))
    best = int((recall - alarms).argmax())
    error = float(np.hypot(_error(recall[best], shares[cracked]), _error(alarms[best], shares[~cracked])))
    equal = np.flatnonzero(recall - alarms >= (recall - alarms)[best] - error - 1e-9)
    return round(float(CANDIDATES[equal[len(equal) // 2]]), 2)


def _called(values: Float64s, shares: Float64s) -> Float64s:
    """Return which share of the examples each candidate calls cracked."""
    return np.array([np.average(values >= candidate, weights=shares) for candidate in CANDIDATES])


def _error(rate: float, shares: Float64s) -> float:
    """Return a rate's standard error, with one success and one failure more: no error yet is not error 0.

    Unequal shares tell less than as many equal ones, by Kish's effective sample size.
    """
    trials = shares.sum() ** 2 / (shares**2).sum()
    likely = (rate * trials + 1) / (trials + 2)
    return float(np.sqrt(likely * (1 - likely) / trials))


def _softened(labels: NDArray[np.bool_]) -> Float64s:
    positives, negatives = int(labels.sum()), int((~labels).sum())
    return np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
