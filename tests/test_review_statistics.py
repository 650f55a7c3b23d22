"""Recall and precision by verdicts: the intervals hold what they promise, also with few verdicts."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from crackscan.basics.arrays import Bools
from crackscan.review.statistics import Statistics, Stratum, crack_bounds, estimate

LEAST_COVERAGE = 0.93  # of 200 simulated reviews; 0.95 is promised


def called(*counts: int) -> Stratum:
    """Return a stratum of rows that are called cracked."""
    return Stratum(True, *counts)  # noqa: FBT003 - a record


def others(*counts: int) -> Stratum:
    """Return a stratum of rows that are not."""
    return Stratum(False, *counts)  # noqa: FBT003 - a record


def test_bounds_are_those_of_sampling_without_replacement() -> None:
    """They hold all numbers of cracks that do not make the drawn ones a rare exception."""
    for rows in (1, 2, 7, 25):
        for drawn in range(rows + 1):
            for cracks in range(drawn + 1):
                possible = [
                    total
                    for total in range(cracks, rows - drawn + cracks + 1)
                    if min(_chances(rows, drawn, cracks, total)) > 0.025
                ]
                assert crack_bounds(rows, drawn, cracks) == (possible[0], possible[-1])


def _chances(rows: int, drawn: int, cracks: int, total: int) -> tuple[float, float]:
    """Return the chances of so many drawn cracks or more, and of so many or fewer."""
    ways = [math.comb(total, count) * math.comb(rows - total, drawn - count) for count in range(drawn + 1)]
    return sum(ways[cracks:]) / sum(ways), sum(ways[: cracks + 1]) / sum(ways)


def test_all_rows_judged_leave_no_doubt() -> None:
    """Where people have seen everything, the interval is a point."""
    statistics = estimate([called(10, 10, 8), others(90, 90, 2)])
    assert statistics.recall == (0.8, 0.8, 0.8)
    assert statistics.precision == (0.8, 0.8, 0.8)
    assert statistics.missed == (2, 2, 2)


def test_judging_the_surest_says_nothing_about_the_others() -> None:
    """Who has seen the ten surest of a hundred cannot say how precise the scan is."""
    precision = estimate([called(100, 10, 10), others(900)]).precision
    assert precision == (None, 0.1, 1.0)


def test_unseen_rest_leaves_recall_open() -> None:
    """Recall cannot be told without looking at what was not called."""
    recall = estimate([called(100, 100, 80), others(900)]).recall
    assert recall == (None, 80 / 980, 1.0)


def test_no_crack_at_all_has_no_recall() -> None:
    """Of no cracks no share can be found."""
    statistics = estimate([called(0), others(50, 50, 0)])
    assert statistics.recall.value is None
    assert statistics.precision.value is None
    assert statistics.missed == (0, 0, 0)


def test_estimate_is_that_of_the_strata() -> None:
    """A drawn row stands for all of its stratum: 1 of 40 drawn is 25 of 1,000."""
    statistics = estimate([called(100, 100, 75), others(1000, 0, 0, 40, 1)])
    assert statistics.missed.value == 25
    assert statistics.recall.value == 0.75
    assert statistics.recall.low < 0.75 < statistics.recall.high


@pytest.mark.parametrize("drawn", [(5, 5, 5), (5, 20, 50), (20, 20, 40), (10**6, 40, 150)])
@pytest.mark.parametrize(("rows", "prevalence"), [(60, 0.3), (500, 0.02), (500, 0.1), (5000, 0.05)])
def test_intervals_cover_the_truth(rows: int, prevalence: float, drawn: tuple[int, int, int]) -> None:
    """Of many reviews of one survey, the interval holds the truth in 95 %, however few rows are drawn."""
    rng = np.random.default_rng(rows + drawn[0])
    cracked = rng.random(rows) < prevalence
    cracked[:3] = True
    score = rng.normal(size=rows) + 2 * cracked
    bins = np.digitize(score, [0.7, 1.5])  # rest, almost, called
    recall, precision = cracked[bins == 2].sum() / cracked.sum(), cracked[bins == 2].mean()
    held = np.array(
        [
            (_holds(statistics.recall, recall), _holds(statistics.precision, precision))
            for statistics in _reviews(cracked, bins == 2, [bins == 2, bins == 1, bins == 0], drawn, rng)
        ]
    )
    assert (held.mean(axis=0) >= LEAST_COVERAGE).all()


def _holds(interval: tuple[float | None, float, float], truth: float) -> bool:
    return interval[1] - 1e-9 <= truth <= interval[2] + 1e-9


def _reviews(
    cracked: Bools, is_called: Bools, strata: list[Bools], drawn: tuple[int, ...], rng: np.random.Generator
) -> Iterator[Statistics]:
    """Yield the statistics of 200 reviews of one survey."""
    for _ in range(200):
        samples = [
            rng.permutation(np.flatnonzero(rows))[:most] for rows, most in zip(strata, drawn, strict=True)
        ]
        yield estimate(
            Stratum(
                bool(is_called[rows].any()), int(rows.sum()), 0, 0, len(sample), int(cracked[sample].sum())
            )
            for rows, sample in zip(strata, samples, strict=True)
        )
