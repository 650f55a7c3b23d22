"""Calibration of the line network: one scale and one shift of its logits."""

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s
from crackscan.training.lines.targets import LINE, UNSURE, Targets

ROUNDS = 25  # of Newton's method: it converges in about eight
MOST = 500_000  # spots that are used
RIDGE = 1e-3  # keeps the scale finite where a few samples are separated perfectly


def fit_scale(logits: Float32s, targets: Targets) -> tuple[float, float]:
    """Return the scale and the shift of the logits with the lowest cross-entropy (Platt 1999).

    Training weighs spots with a line more, so the network believes in too many of them. Spots that are UNSURE
    do not count.
    """
    known = np.flatnonzero(targets.ravel() != UNSURE)
    known = known[:: max(len(known) // MOST, 1)]
    values = logits.ravel()[known].astype(np.float64)
    lines = targets.ravel()[known] == LINE
    inputs = np.stack([values, np.ones_like(values)])
    weights = np.array([1.0, 0.0])
    for _ in range(ROUNDS):
        found = 0.5 * (1 + np.tanh(0.5 * (weights @ inputs)))
        slope = inputs @ (found - lines) / len(lines) + RIDGE * (weights - [1.0, 0.0])
        spread = found * (1 - found)
        curvature = (inputs * spread) @ inputs.T / len(lines) + RIDGE * np.eye(2)
        weights = _descend(inputs, lines, weights, np.linalg.solve(curvature, slope))
    return float(weights[0]), float(weights[1])


def _descend(inputs: Float64s, lines: Bools, weights: Float64s, step: Float64s) -> Float64s:
    """Take a step of Newton's method, shortened until the cross-entropy does not rise."""
    before = _cross_entropy(inputs, lines, weights)
    for _ in range(ROUNDS):
        if _cross_entropy(inputs, lines, weights - step) <= before:
            return weights - step
        step = step / 2
    return weights


def _cross_entropy(inputs: Float64s, lines: Bools, weights: Float64s) -> float:
    logits = weights @ inputs
    penalty = RIDGE / 2 * float(((weights - [1.0, 0.0]) ** 2).sum())
    return float((np.logaddexp(0, logits) - lines * logits).mean()) + penalty
