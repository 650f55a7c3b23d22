"""From logits to probabilities that mean what they say, and to the threshold from which a tile is cracked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

THRESHOLD_RULE = (
    "on the validation split, the highest recall less false-alarm rate (Youden's J): it does not depend on "
    "how rare cracks are in the data, so rare cracks do not become cheap to miss; of all thresholds that are "
    "as good within one standard error, the middle one, so that no single tile decides"
)
TEMPERATURES = (0.05, 20.0)  # searched between
HALVINGS = 60  # of that interval's logarithm: more than a float64 can tell apart
CANDIDATES = np.arange(0.01, 1.0, 0.01)  # two decimals: more would promise what 1,000 tiles cannot tell


def sigmoid(logits: ArrayLike) -> Floats:
    """Return probabilities, float64, without overflow."""
    values: Floats = 0.5 * (1 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))
    return values


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Find T for which sigmoid(logit / T) has the lowest cross-entropy (Guo et al. 2017, arXiv:1706.04599).

    The labels are softened as Platt (1999) did: where no example is judged wrong, T would else fall to 0 and
    every probability become 0 or 1.
    """
    values, targets = np.asarray(logits, dtype=np.float64), _softened(np.asarray(labels, dtype=bool))

    def slope(temperature: float) -> float:
        # of the cross-entropy by 1 / T, in which it is convex
        return float(np.mean((sigmoid(values / temperature) - targets) * values))

    low, high = TEMPERATURES
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return float(np.sqrt(low * high))


def choose_threshold(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Choose the threshold by THRESHOLD_RULE."""
    values, cracked = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=bool)
    recall = np.array([(values[cracked] >= candidate).mean() for candidate in CANDIDATES])
    alarms = np.array([(values[~cracked] >= candidate).mean() for candidate in CANDIDATES])
    best = int((recall - alarms).argmax())
    error = float(np.hypot(_error(recall[best], cracked.sum()), _error(alarms[best], (~cracked).sum())))
    equal = np.flatnonzero(recall - alarms >= (recall - alarms)[best] - error - 1e-9)
    return round(float(CANDIDATES[equal[len(equal) // 2]]), 2)


def _error(rate: float, trials: int) -> float:
    """Return a rate's standard error, with one success and one failure more: no error yet is not error 0."""
    likely = (rate * trials + 1) / (trials + 2)
    return float(np.sqrt(likely * (1 - likely) / trials))


def _softened(labels: NDArray[np.bool_]) -> Floats:
    positives, negatives = int(labels.sum()), int((~labels).sum())
    return np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
