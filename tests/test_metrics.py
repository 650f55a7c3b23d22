"""Metrics agree with scikit-learn, their intervals are valid, and missing values have a reason."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from crackscan.evaluation.intervals import Estimate, wilson_interval
from crackscan.evaluation.metrics import TITLES, calibration_bins, measure, threshold_table, trace_curve

# few distinct values, so that ties and values at the threshold are common
PROBABILITIES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.75, 0.9, 1.0])
IMAGES = st.lists(st.tuples(st.booleans(), PROBABILITIES), min_size=2, max_size=40)
BOTH_LABELS = IMAGES.filter(lambda images: 0 < sum(label for label, _ in images) < len(images))

fewer = settings(max_examples=25)  # because each example draws a thousand resamples


def estimates(images: list[tuple[bool, float]], threshold: float = 0.5) -> dict[str, Estimate]:
    """Return the metrics of (label, probability) pairs."""
    labels, probabilities = zip(*images, strict=True)
    return dict(measure(labels, probabilities, threshold=threshold).figures)


@given(images=BOTH_LABELS)
@fewer
def test_metrics_are_those_of_scikit_learn(images: list[tuple[bool, float]]) -> None:
    """Metrics of crackscan can be compared with those computed by scikit-learn."""
    labels, probabilities = map(np.array, zip(*images, strict=True))
    called = probabilities >= 0.5
    result = estimates(images)
    assert result["accuracy"].value == pytest.approx(sklearn.accuracy_score(labels, called))
    assert result["recall"].value == pytest.approx(sklearn.recall_score(labels, called))
    assert result["f1"].value == pytest.approx(sklearn.f1_score(labels, called))
    assert result["roc_auc"].value == pytest.approx(sklearn.roc_auc_score(labels, probabilities))
    average = sklearn.average_precision_score(labels, probabilities)
    assert result["average_precision"].value == pytest.approx(average)
    if called.any():
        assert result["precision"].value == pytest.approx(sklearn.precision_score(labels, called))


@given(images=BOTH_LABELS)
@fewer
def test_roc_auc_is_the_fraction_of_pairs_in_the_right_order(images: list[tuple[bool, float]]) -> None:
    """The area is the share of pairs in which the cracked image has the higher probability; ties are half."""
    cracked = [probability for label, probability in images if label]
    others = [probability for label, probability in images if not label]
    won = sum((a > b) + 0.5 * (a == b) for a in cracked for b in others)
    assert estimates(images)["roc_auc"].value == pytest.approx(won / len(cracked) / len(others))


@given(images=BOTH_LABELS)
@fewer
def test_recall_at_false_alarms_is_the_best_allowed_by_any_threshold(
    images: list[tuple[bool, float]],
) -> None:
    """No threshold with at most 5 % false alarms has a higher recall."""
    labels, probabilities = map(np.array, zip(*images, strict=True))
    best = max(
        (probabilities[labels] >= threshold).mean()
        for threshold in [*probabilities, 2]
        if (probabilities[~labels] >= threshold).mean() <= 0.05
    )
    assert estimates(images)["recall_at_5pct_false_alarms"].value == pytest.approx(best)


def test_five_percent_of_false_alarms_are_five_of_a_hundred() -> None:
    """The sixth alarm is one too many, though a crack lies just below it."""
    alarms = [(False, 0.9)] * 5 + [(False, 0.5)] + [(False, 0.1)] * 94
    result = estimates([(True, 0.95), (True, 0.6), (True, 0.4), (True, 0.3), *alarms])
    assert result["recall_at_5pct_false_alarms"].value == 0.5


@given(images=IMAGES)
@fewer
def test_calibration_error_is_the_mean_gap_over_bins_of_equal_width(images: list[tuple[bool, float]]) -> None:
    """Computed here as by Guo et al.: 15 bins, weighted by the number of their images."""
    error = 0.0
    for number in range(15):
        members = [(label, p) for label, p in images if min(int(p * 15), 14) == number]
        if members:
            labels, probabilities = zip(*members, strict=True)
            error += len(members) / len(images) * abs(np.mean(labels) - np.mean(probabilities))
    assert estimates(images)["calibration_error"].value == pytest.approx(error)


@given(images=IMAGES)
@fewer
def test_values_lie_in_their_intervals_and_missing_ones_have_a_reason(
    images: list[tuple[bool, float]],
) -> None:
    """Nothing is NaN: either there is a value inside its interval, or a reason for what is missing."""
    for estimate in estimates(images).values():
        if estimate.value is None or estimate.low is None or estimate.high is None:
            assert estimate.reason
            assert estimate.interval is None
        else:
            assert 0 <= estimate.low <= estimate.high <= 1
            assert np.isfinite(estimate.value)
            if estimate.interval == "wilson":
                assert estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12


def test_one_class_alone_has_no_ranking_metrics() -> None:
    """Without uncracked images there is no area under a curve, but there is a recall."""
    result = estimates([(True, 0.9), (True, 0.2)])
    assert result["recall"].value == 0.5
    assert result["roc_auc"] == Estimate(None, reason="no image is uncracked")
    assert estimates([(False, 0.9)])["f1"] == Estimate(None, reason="no image is cracked")


def test_precision_is_unknown_where_nothing_is_called_cracked() -> None:
    """Zero of zero is not zero."""
    result = estimates([(True, 0.1), (False, 0.1)])["precision"]
    assert result == Estimate(None, reason="nothing was predicted to be cracked")


def test_no_images_have_no_metrics() -> None:
    """A dataset without an assessed image has no metrics, and does not end the run."""
    result = measure([], [], threshold=0.5)
    assert result.images == 0
    assert {estimate.reason for estimate in result.figures.values()} == {"no image was assessed"}


def test_probability_at_the_threshold_is_a_crack() -> None:
    """Evaluation must agree with a scan."""
    confusion = measure([True, False], [0.5, 0.49], threshold=0.5).confusion
    assert (confusion.true_positives, confusion.true_negatives) == (1, 1)


def test_independent_images_get_wilson_intervals() -> None:
    """The textbook's 9 of 10 (R: binom::binom.wilson(9, 10)) has 0.596 to 0.982."""
    result = estimates([(True, 0.9)] * 9 + [(True, 0.1)])["recall"]
    assert (result.value, result.interval) == (0.9, "wilson")
    assert (result.low, result.high) == pytest.approx((0.59585, 0.98212), abs=1e-5)


def test_interval_of_f1_follows_from_that_of_the_jaccard_index() -> None:
    """6 of 10 images called or labelled cracked are both: F1 is 0.75, with bounds 2 j / (1 + j)."""
    result = estimates([(True, 0.9)] * 6 + [(True, 0.1)] * 2 + [(False, 0.9)] * 2 + [(False, 0.1)] * 9)["f1"]
    low, high = wilson_interval(6, 10)
    assert result == Estimate(0.75, 2 * low / (1 + low), 2 * high / (1 + high), "wilson")


def test_perfect_metrics_are_bounded_by_the_number_of_groups() -> None:
    """100 images of 10 photos without an error prove less than 100 photos would, and never exactly 1."""
    labels = [True, False] * 50
    probabilities = np.where(labels, 0.9, 0.1)
    grouped = measure(labels, probabilities, threshold=0.5, groups=[str(n // 10) for n in range(100)])
    for metric in ("accuracy", "recall", "roc_auc", "recall_at_5pct_false_alarms"):
        estimate = grouped.figures[metric]
        assert (estimate.value, estimate.interval) == (1.0, "wilson over groups")
        assert estimate.low == pytest.approx(wilson_interval(10, 10)[0])
    assert grouped.figures["average_precision"] == Estimate(1.0, reason="no error to resample")


def test_groups_widen_intervals() -> None:
    """If all images of a photo are right or all are wrong, there are as many observations as photos."""
    rng = np.random.default_rng(0)
    photos = np.repeat(rng.random(40) < 0.8, 25)  # whether the photo is judged right
    labels = np.tile([True, False], 500)
    probabilities = np.where(labels == photos, 0.8, 0.2)
    groups = [str(n // 25) for n in range(1000)]
    alone = measure(labels, probabilities, threshold=0.5).figures["accuracy"]
    together = measure(labels, probabilities, threshold=0.5, groups=groups).figures["accuracy"]
    assert (alone.interval, together.interval) == ("wilson", "group bootstrap")
    assert width(together) > 3 * width(alone)
    assert together.low < together.value < together.high


def test_interval_over_too_few_groups_says_that_it_is_too_narrow() -> None:
    """If all uncracked tiles are of one photo, as in SDNET2018, the variation of photos is unknown."""
    labels = [True] * 20 + [False] * 20
    probabilities = np.linspace(0.9, 0.1, 40)
    probabilities[[0, 39]] = probabilities[[39, 0]]
    groups = [str(n // 2) for n in range(20)] + ["7001"] * 20
    area = measure(labels, probabilities, threshold=0.5, groups=groups).figures["roc_auc"]
    assert area.value is not None
    assert area.low < area.value < area.high
    assert area.interval == "bootstrap"
    assert area.reason == "over images, too narrow: only 1 group"


def test_bootstrap_interval_has_about_its_nominal_coverage() -> None:
    """Of 60 samples from one population, 95 % intervals may miss its area a few times, not often."""
    rng = np.random.default_rng(3)
    truth = 0.76025  # two normal distributions one apart: Phi(1 / sqrt(2))
    hits = 0
    for _ in range(60):
        labels = np.arange(200) < 100
        probabilities = 1 / (1 + np.exp(-(rng.normal(size=200) + labels)))
        area = measure(labels, probabilities, threshold=0.5).figures["roc_auc"]
        hits += area.low <= truth <= area.high
    assert hits >= 52


def test_calibration_interval_of_a_calibrated_model_includes_its_value() -> None:
    """Resampling increases an absolute gap; the interval must not lie above the value because of that."""
    rng = np.random.default_rng(5)
    probabilities = rng.random(2000)
    error = measure(rng.random(2000) < probabilities, probabilities, threshold=0.5).figures[
        "calibration_error"
    ]
    assert error.low < error.value < error.high


@given(images=BOTH_LABELS, threshold=PROBABILITIES)
@fewer
def test_order_and_names_of_groups_do_not_matter(images: list[tuple[bool, float]], threshold: float) -> None:
    """Values depend on the set of images only; intervals are the same in each call."""
    assert estimates(images, threshold) == estimates(images, threshold)
    values = [estimate.value for estimate in estimates(images, threshold).values()]
    assert [estimate.value for estimate in estimates(images[::-1], threshold).values()] == pytest.approx(
        values
    )


@given(images=BOTH_LABELS, own=st.floats(0, 1), prevalence=st.floats(0, 1))
def test_a_higher_threshold_finds_no_more_and_raises_no_more_alarms(
    images: list[tuple[bool, float]], own: float, prevalence: float
) -> None:
    """Down the table, recall and false alarms fall and missed cracks rise; it has the model's threshold."""
    labels, probabilities = zip(*images, strict=True)
    rows = threshold_table(labels, probabilities, own=own, prevalence=prevalence)
    assert own in [row.threshold for row in rows]
    for low, high in pairwise(rows):
        assert low.threshold < high.threshold
        assert low.recall >= high.recall
        assert low.false_alarms_per_1000 >= high.false_alarms_per_1000
        assert low.missed_per_1000 <= high.missed_per_1000


def test_threshold_table_counts_in_tiles_of_a_survey() -> None:
    """At 10 % prevalence, missing one crack of two misses 50 tiles of each 1,000."""
    (row,) = threshold_table(
        [1, 1, 0, 0, 0, 0], [0.9, 0.1, 0.7, 0, 0, 0], own=0.5, prevalence=0.1, thresholds=()
    )
    assert (row.recall, row.false_alarms_per_1000, row.missed_per_1000) == (0.5, 250.0, 50.0)


def test_threshold_table_has_no_recall_without_cracked_images() -> None:
    """False alarms can still be counted."""
    (row,) = threshold_table([False, False], [0.9, 0.1], own=0.5, thresholds=())
    assert (row.recall, row.false_alarms_per_1000, row.missed_per_1000) == (None, 500.0, None)


@given(images=BOTH_LABELS)
def test_curves_are_those_of_scikit_learn(images: list[tuple[bool, float]]) -> None:
    """The ROC and precision-recall points agree at every threshold."""
    labels, probabilities = zip(*images, strict=True)
    line = trace_curve(labels, probabilities)
    alarms, recall, thresholds = sklearn.roc_curve(labels, probabilities, drop_intermediate=False)
    np.testing.assert_allclose(line.false_alarm_rate, alarms)
    np.testing.assert_allclose(line.recall, recall)
    np.testing.assert_allclose(line.thresholds, thresholds)
    precision, *_ = sklearn.precision_recall_curve(labels, probabilities)
    np.testing.assert_allclose(line.precision, precision[::-1])


@given(images=IMAGES)
def test_calibration_bins_hold_each_image_once(images: list[tuple[bool, float]]) -> None:
    """A probability of exactly 0 or 1 is in the first or last bin, not outside."""
    bins = calibration_bins(*zip(*images, strict=True))
    assert sum(item.images for item in bins) == len(images)
    assert all(item.low - 1e-12 <= item.cracked <= item.high + 1e-12 for item in bins)


def test_json_has_every_metric_with_at_most_six_decimals() -> None:
    """The card and metrics.json are the same on machines that differ in the last bit."""
    content = measure([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.3, 0.35, 0.1, 0], threshold=0.5).as_json()
    assert list(content["figures"]) == list(TITLES)
    assert content["figures"]["recall"]["value"] == 0.666667
    assert content["confusion"]["false_negatives"] == 1


def width(estimate: Estimate) -> float:
    """Return how far apart the bounds are."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low
