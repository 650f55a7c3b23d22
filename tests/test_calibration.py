"""Calibration of probabilities, and a threshold whose choice can be explained."""

import numpy as np
import pytest

from crackscan.training.model_folder.calibration import (
    Scaling,
    choose_threshold,
    fit_scaling,
    fit_temperature,
    sigmoid,
)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_corrects_logits_that_are_too_large(temperature: float) -> None:
    """Logits that were multiplied by T, with labels drawn from the true ones, give T back."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 40_000)
    labels = rng.random(len(true)) < sigmoid(true)
    assert fit_temperature(true * temperature, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize(("temperature", "shift"), [(1.0, 0.0), (2.0, -1.5), (0.5, 0.7)])
def test_scaling_corrects_logits_that_are_too_high(temperature: float, shift: float) -> None:
    """A model that gives plain concrete a fifth of a crack is right again after the shift."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 40_000)
    labels = rng.random(len(true)) < sigmoid(true)
    scaling = fit_scaling((true - shift) * temperature, labels, np.ones(len(true)))
    assert scaling == pytest.approx((temperature, shift), rel=0.05, abs=0.05)


def test_scaling_stays_finite_where_nothing_is_misclassified() -> None:
    """A hundred tiles cannot prove a probability of 1, or of 0."""
    labels = np.arange(100) < 30
    scaling = fit_scaling(np.where(labels, 40.0, 20.0), labels, np.ones(100))
    cracked, plain = sigmoid(scaling.apply([40.0, 20.0])).tolist()
    assert 0.9 < cracked < 0.999
    assert 0.001 < plain < 0.1


def test_second_scaling_replaces_the_first() -> None:
    """Calibrated twice, log-odds are as if they were calibrated by the second alone."""
    first, second = Scaling(2.0, -1.0), Scaling(0.7, 0.4)
    raw = np.array([-3.0, 0.0, 5.0])
    assert second.after(first).apply(first.apply(raw)) == pytest.approx(second.apply(raw))


def test_faultless_validation_does_not_make_a_model_certain() -> None:
    """If nothing is misclassified T does not fall to 0: 100 tiles cannot prove a probability of 1."""
    labels = np.arange(100) < 50
    temperature = fit_temperature(np.where(labels, 4.0, -4.0), labels)
    assert 0.95 < sigmoid(4 / temperature) < 0.99


def test_sigmoid_survives_any_logit() -> None:
    """No overflow, and no value outside 0..1."""
    assert sigmoid([-1e4, 0, 1e4]).tolist() == [0, 0.5, 1]


def test_threshold_lies_in_the_middle_of_the_best() -> None:
    """If many thresholds separate the classes equally well, the middle one is farthest from both."""
    assert choose_threshold([0.1, 0.2, 0.7, 0.9], [False, False, True, True]) == pytest.approx(0.45, abs=0.01)


def test_rare_cracks_are_not_cheap_to_miss() -> None:
    """Ten times as many uncracked tiles leave the threshold where it was; accuracy would have moved it up."""
    cracked, plain = [0.3, 0.8, 0.9] * 100, [0.1, 0.2, 0.2, 0.4] * 100
    even = choose_threshold(cracked + plain, [True] * 300 + [False] * 400)
    rare = choose_threshold(cracked + plain * 10, [True] * 300 + [False] * 4000)
    assert even == rare <= 0.3


def test_no_single_tile_decides_the_threshold() -> None:
    """One uncracked tile at 0.65, which may be mislabelled, does not push the threshold above it."""
    probabilities = [0.95] * 1000 + [0.05] * 999
    labels = [True] * 1000 + [False] * 1000
    without = choose_threshold([*probabilities, 0.05], labels)
    assert choose_threshold([*probabilities, 0.65], labels) == pytest.approx(without, abs=0.02)
