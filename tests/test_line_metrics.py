"""Metrics of traced lines: points near the other line, and lengths photo by photo."""

import math

import numpy as np
import pytest

from crackscan.basics.records import Trace
from crackscan.dataset.synthesis.strokes import cover, straight
from crackscan.evaluation.line_metrics import PhotoLines, compare_lines, measure_lines, true_lines


def line(*points: tuple[float, float]) -> Trace:
    """Return a trace without a width."""
    return Trace(points, 0.9, None, None)


def photo(*, traced: int, right: int, true: int, met: int, group: str = "a") -> PhotoLines:
    """Return a photo whose lengths are its numbers of points."""
    return PhotoLines("deck", "1.jpg", group, traced, right, true, met, float(traced), float(true))


def test_line_within_the_tolerance_is_right() -> None:
    """Labels lie some px beside the crack: 3 px are near at a tolerance of 4, 5 px are not."""
    true = [line((0, 50), (100, 50))]
    near = compare_lines([line((0, 53), (100, 53))], true)
    far = compare_lines([line((0, 55), (100, 55))], true)
    assert (near.right, near.traced, near.met, near.true) == (101, 101, 101, 101)
    assert (far.right, far.met) == (0, 0)


def test_half_traced_line_has_half_the_recall_and_a_spur_costs_precision() -> None:
    """Recall counts the true line, precision the traced one."""
    found = compare_lines([line((0, 50), (50, 50)), line((20, 50), (20, 0))], [line((0, 50), (100, 50))])
    figures = measure_lines([found]).figures
    assert figures["recall"].value == pytest.approx(0.54, abs=0.01)  # 4 px of tolerance at its end
    assert figures["precision"].value == pytest.approx(0.54, abs=0.01)
    assert figures["length_ratio"].value == pytest.approx(1.0)


def test_cliou_follows_from_f1() -> None:
    """With as many points right as met, clIoU is F1 / (2 - F1)."""
    figures = measure_lines([photo(traced=100, right=80, true=120, met=80)]).figures
    f1 = figures["f1"].value
    assert f1 == pytest.approx(2 * 0.8 * (80 / 120) / (0.8 + 80 / 120))
    assert figures["cliou"].value == pytest.approx(f1 / (2 - f1))


def test_photos_count_by_their_lines_and_lengths_photo_by_photo() -> None:
    """A long crack weighs more than a short one in precision, but each photo's length counts once."""
    photos = [
        photo(traced=100, right=100, true=100, met=100, group="a"),
        photo(traced=115, right=100, true=100, met=100, group="b"),
        photo(traced=900, right=0, true=300, met=0, group="c"),
    ]
    figures = measure_lines(photos).figures
    assert figures["precision"].value == pytest.approx(200 / 1115)
    assert figures["length_ratio"].value == pytest.approx(1.15)
    assert figures["within_20pct"].value == pytest.approx(2 / 3)


def test_photos_without_cracks_have_no_recall_and_cost_precision() -> None:
    """Without a true line there is no recall and no length, and the reason is said."""
    figures = measure_lines([photo(traced=30, right=0, true=0, met=0)]).figures
    assert figures["recall"].value is None
    assert figures["recall"].reason == "no photo is cracked"
    assert figures["length_ratio"].value is None
    assert figures["precision"].value == 0


def test_intervals_are_over_groups_of_photos() -> None:
    """Photos of one run of a drone are dependent: the interval is that of the runs."""
    photos = [
        photo(traced=100, right=50 + 8 * run, true=100, met=60, group=f"run{run}")
        for run in range(6)
        for _ in range(4)
    ]
    precision = measure_lines(photos).figures["precision"]
    assert precision.interval == "group bootstrap"
    assert 0.5 < (precision.low or 0) < 0.7 < (precision.high or 0) < 0.9


def test_interval_of_the_length_reaches_above_one() -> None:
    """Traced lengths may be larger than the true ones."""
    photos = [photo(traced=110 + 20 * run, right=90, true=100, met=90, group=f"run{run}") for run in range(6)]
    ratio = measure_lines(photos).figures["length_ratio"]
    assert ratio.value == pytest.approx(1.6)
    assert 1.1 <= (ratio.low or 0) < 1.6 < (ratio.high or 0) <= 2.1


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 4, 1.2])
def test_length_of_a_mask_does_not_depend_on_its_direction(angle: float) -> None:
    """The steps of a mask's pixels have no length: a line of 150 px is 150 px in all directions."""
    stroke = straight((128, 128), angle=angle, width_px=4, length_px=150)
    traces = true_lines(np.asarray(cover([stroke], 256, 256)) > 0.5)
    length = measure_lines([compare_lines([], traces)]).true_px
    assert length == pytest.approx(150, rel=0.04)
