"""Calibration of a network by temperature scaling, and the choice of its threshold."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crackscan.basics.arrays import Float64s
from crackscan.evaluation.metrics import measure
from crackscan.model.card_records import Calibration
from crackscan.model.network import fold_scaling
from crackscan.training.options import TrainOptions
from crackscan.training.samples.sampler import SampleStream, TileSubset

THRESHOLD_RULE = (
    "on the validation split, the highest recall less false-alarm rate (Youden's J): it does not depend on "
    "how rare cracks are in the data, so rare cracks do not become cheap to miss; of all thresholds that are "
    "as good within one standard error, the middle one, so that no single tile decides; where there are "
    "several data sets, each counts the same"
)
TEMPERATURES = (0.05, 20.0)  # limits of the search
NEWTON_STEPS = 50
RIDGE = 1e-9  # keeps the curvature invertible where every example is judged with certainty
HALVINGS = 60  # of the interval's logarithm: finer than a float64
CANDIDATES = np.arange(0.01, 1.0, 0.01)  # two decimals: 1,000 tiles do not tell more


def calibrate_network(network: Any, validation: TileSubset, options: TrainOptions) -> Calibration:
    """Find the temperature on samples made of validation tiles, and put it into the network's weights.

    Samples are harder than plain tiles, as tiles of other structures are. Calibrated on plain tiles, the
    network would be too certain elsewhere (Tomani et al. 2021, arXiv:2012.10988).
    """
    from crackscan.training.fitting.fit import compute_logits  # imports TensorFlow

    samples = SampleStream(validation, options.batch, options.seed, options.recipe).samples()
    logits = compute_logits(network, samples, options.batch)
    temperature = fit_temperature(logits, samples.labels)
    fold_scaling(network, temperature)
    before, after = (_calibration_error(samples.labels, logits / scale) for scale in (1.0, temperature))
    return Calibration(method="temperature", temperature=temperature, ece_before=before, ece_after=after)


def _calibration_error(labels: NDArray[np.bool_], logits: ArrayLike) -> float:
    probabilities = sigmoid(logits).astype(np.float32)
    return measure(labels, probabilities, threshold=0.5).figures["calibration_error"].value or 0.0


def sigmoid(logits: ArrayLike) -> Float64s:
    """Return probabilities, float64, without overflow."""
    values: Float64s = 0.5 * (1 + np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))
    return values


def fit_temperature(logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Find T for which sigmoid(logit / T) has the lowest cross-entropy (Guo et al. 2017, arXiv:1706.04599).

    weights: of the examples; equal by default.

    The labels are softened as by Platt (1999). Otherwise, if no example is misclassified, T would fall to 0
    and every probability would become 0 or 1.
    """
    values, targets = np.asarray(logits, dtype=np.float64), _soften(np.asarray(labels, dtype=bool))
    shares = None if weights is None else np.asarray(weights, dtype=np.float64)

    def slope(temperature: float) -> float:
        # of the cross-entropy over 1 / T, in which it is convex
        return float(np.average((sigmoid(values / temperature) - targets) * values, weights=shares))

    low, high = TEMPERATURES
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return float(np.sqrt(low * high))


class Scaling(NamedTuple):
    """A straight line from one model's log-odds to calibrated ones: divided, and then shifted."""

    temperature: float
    shift: float

    def apply(self, log_odds: ArrayLike) -> Float64s:
        """Return the calibrated log-odds."""
        return np.asarray(log_odds, np.float64) / self.temperature + self.shift

    def after(self, earlier: "Scaling") -> "Scaling":
        """Return the line that replaces an earlier one, on log-odds to which that was applied already."""
        ratio = self.temperature / earlier.temperature
        return Scaling(ratio, self.shift - earlier.shift / ratio)


def fit_scaling(log_odds: ArrayLike, labels: ArrayLike, weights: ArrayLike) -> Scaling:
    """Find the line of log-odds with the lowest cross-entropy (Platt 1999), by Newton's method.

    A temperature alone cannot help a model that gives plain concrete a fifth of a crack everywhere.

    weights: of the examples. The labels are softened as in `fit_temperature`.
    """
    values, targets = np.asarray(log_odds, np.float64), _soften(np.asarray(labels, bool))
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    centre, spread = values.mean(), max(float(values.std()), 1e-6)
    inputs = np.stack([(values - centre) / spread, np.ones_like(values)], axis=1)
    line = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        probabilities = sigmoid(inputs @ line)
        slope = inputs.T @ (shares * (probabilities - targets))
        curvature = (inputs.T * (shares * probabilities * (1 - probabilities))) @ inputs
        line = line - np.linalg.solve(curvature + RIDGE * np.eye(2), slope)
    factor = float(np.clip(line[0] / spread, 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]))
    return Scaling(1 / factor, float(line[1] - factor * centre))


def choose_threshold(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Choose the threshold by THRESHOLD_RULE. weights: of the examples; equal by default."""
    values, cracked = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=bool)
    shares = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    recall, alarms = (_called_rates(values[chosen], shares[chosen]) for chosen in (cracked, ~cracked))
    best = int((recall - alarms).argmax())
    errors = (_standard_error(recall[best], shares[cracked]), _standard_error(alarms[best], shares[~cracked]))
    error = float(np.hypot(*errors))
    equal = np.flatnonzero(recall - alarms >= (recall - alarms)[best] - error - 1e-9)
    return round(float(CANDIDATES[equal[len(equal) // 2]]), 2)


def _called_rates(values: Float64s, shares: Float64s) -> Float64s:
    """Return for each candidate the share of the examples that it calls cracked."""
    return np.array([np.average(values >= candidate, weights=shares) for candidate in CANDIDATES])


def _standard_error(rate: float, shares: Float64s) -> float:
    """Return a rate's standard error, with one more success and failure, so that no errors do not give 0.

    Unequal shares count as fewer trials, by Kish's effective sample size.
    """
    trials = shares.sum() ** 2 / (shares**2).sum()
    likely = (rate * trials + 1) / (trials + 2)
    return float(np.sqrt(likely * (1 - likely) / trials))


def _soften(labels: NDArray[np.bool_]) -> Float64s:
    positives, negatives = int(labels.sum()), int((~labels).sum())
    return np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
