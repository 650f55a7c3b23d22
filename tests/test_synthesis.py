"""Synthetic concrete, cracks and look-alikes: reproducible pictures, and cracks of the given width."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from crackscan.basics.records import Window
from crackscan.dataset.synthesis import (
    LOOKALIKES,
    Appearance,
    concrete,
    draw_crack,
    draw_dirt,
    draw_lookalikes,
    grow_crack,
    shade_crack,
)

SIDE = 224
BARE = Appearance(depth=0.8, softness_px=0.3)  # no lip, spall or stain that would reach beyond the crack


@lru_cache
def wall(seed: int = 1) -> NDArray[np.uint8]:
    """Return a tile of plain concrete."""
    return concrete(np.random.default_rng(seed), SIDE, SIDE)


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the difference of each pixel in grey levels, averaged over the colours."""
    return np.abs(after.astype(float) - before).mean(axis=2)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: concrete(rng, 300, 200),
        lambda rng: draw_crack(rng, wall())[0],
        lambda rng: draw_dirt(rng, wall()),
        lambda rng: draw_lookalikes(rng, wall(), 4),
    ],
    ids=["concrete", "crack", "dirt", "lookalikes"],
)
def test_pictures_depend_on_the_seed(
    draw: Callable[[Generator], NDArray[np.uint8]],
) -> None:
    """The same seed draws the same picture, and another seed another one."""
    first, again, other = (draw(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("width", "height"), [(224, 224), (301, 97), (40, 30), (1, 1)])
def test_concrete_of_any_size_is_grey_and_never_flat_black_or_white(width: int, height: int) -> None:
    """Concrete is uint8 RGB of the given size, with a colour cast of a few levels."""
    pixels = concrete(np.random.default_rng(2), width, height)
    assert pixels.shape == (height, width, 3)
    assert pixels.dtype == np.uint8
    assert 60 < pixels.mean() < 240
    assert np.ptp(pixels.mean(axis=(0, 1))) < 60


def test_concrete_has_the_given_tone() -> None:
    """The mean colour is within a tenth of the given one, with stains and light."""
    pixels = concrete(np.random.default_rng(3), SIDE, SIDE, tone=(150, 140, 120), roughness=0.2)
    assert pixels.mean(axis=(0, 1)) == pytest.approx((150, 140, 120), rel=0.1)


@pytest.mark.parametrize("width_px", [0.5, 1.0, 2.5, 6.0, 12.0])
def test_a_crack_has_the_given_width(width_px: float) -> None:
    """Area over length is the width, within 8 % or a tenth of a px, for every seed, also for hairlines."""
    for seed in range(12):
        crack = grow_crack(
            np.random.default_rng(seed), 1200, 1200, width_px=width_px, through=(600, 600), length_px=300
        )
        main = type(crack)(crack.strokes[:1], width_px)
        area = float(main.coverage(1200, 1200).sum())
        length = main.length_in(Window(0, 0, 1200, 1200))
        assert area / length == pytest.approx(width_px, rel=0.08, abs=0.1)


def test_lengths_in_adjacent_windows_add_up() -> None:
    """The windows that cover a frame contain the whole length of the crack."""
    crack = grow_crack(np.random.default_rng(4), 400, 300, width_px=3)
    parts = [Window(col, row, 200, 150) for row in (0, 150) for col in (0, 200)]
    whole = crack.length_in(Window(0, 0, 400, 300))
    assert whole > 100
    assert sum(crack.length_in(part) for part in parts) == pytest.approx(whole)


def test_coverage_of_a_large_frame_has_no_seams_between_its_blocks() -> None:
    """A crack moved by a whole number of px covers the same pixels in other drawing blocks."""
    crack = grow_crack(np.random.default_rng(9), 400, 400, width_px=3, through=(300, 300))
    near = crack.coverage(600, 600)
    moved = type(crack)(
        tuple(type(stroke)(stroke.points + 350, stroke.reach_px) for stroke in crack.strokes), 3
    ).coverage(950, 950)
    assert np.abs(moved[350:, 350:] - near).max() < 0.1  # rounding of the pen


def test_a_bare_crack_darkens_its_own_pixels_only() -> None:
    """The crack gets darker; a few px away nothing changes, and nothing gets brighter."""
    before = wall()
    covered = grow_crack(np.random.default_rng(7), SIDE, SIDE, width_px=5).coverage(SIDE, SIDE)
    after = shade_crack(np.random.default_rng(8), before, covered, BARE)
    inside = covered > 0.95
    padded = np.pad(covered, 3)
    far = np.max([padded[y : y + SIDE, x : x + SIDE] for y in range(7) for x in range(7)], axis=0) == 0
    assert after[inside].mean() < 0.5 * before[inside].mean()
    assert np.array_equal(after[far], before[far])
    assert np.all(after <= before)


def test_light_is_taken_away_and_not_painted_over() -> None:
    """The texture of the concrete is still visible, but darker, in a faint crack."""
    before = wall()
    everywhere = np.ones((SIDE, SIDE), np.float32)
    after = shade_crack(np.random.default_rng(1), before, everywhere, Appearance(depth=0.3))
    assert np.corrcoef(before.mean(axis=2).ravel(), after.mean(axis=2).ravel())[0, 1] > 0.8


@pytest.mark.parametrize("width_px", [0.5, 3.0, 12.0])
def test_every_crack_is_visible_in_the_frame(width_px: float) -> None:
    """A tile labelled crack has covered pixels and a visible change, for every seed."""
    before = wall()
    for seed in range(30):
        after, covered = draw_crack(np.random.default_rng(seed), before, width_px=width_px)
        assert after.shape == before.shape
        assert after.dtype == np.uint8
        assert 0 <= covered.min() <= covered.max() <= 1
        assert covered.sum() > 25 * width_px
        assert changed(before, after).max() > 15


@pytest.mark.parametrize("kind", sorted(LOOKALIKES))
def test_a_lookalike_is_always_visible(kind: str) -> None:
    """A look-alike changes some pixels clearly, for every seed, on bright and on dark concrete."""
    for seed in range(25):
        before = wall(seed % 5)
        after = draw_lookalikes(np.random.default_rng(seed), before, 1, kinds=[kind])
        assert after.shape == before.shape
        assert after.dtype == np.uint8
        assert np.count_nonzero(changed(before, after) > 5) > 20


def test_dirt_roughens_clean_concrete_and_keeps_a_crack_visible() -> None:
    """The surface gets uneven without overexposure, and a crack below stays clearly darker."""
    before = np.full((SIDE, SIDE, 3), 180, np.uint8)
    before[:, 110:115] = 60
    background = np.delete(np.arange(SIDE), np.arange(105, 120))
    for seed in range(25):
        after = draw_dirt(np.random.default_rng(seed), before).astype(float)
        assert after[:, background].std() > 3
        assert (after == 255).mean() < 0.03
        assert after[:, 110:115].mean() < 0.8 * after[:, background].mean()


def test_drawing_does_not_change_its_input() -> None:
    """The pixels passed in are never written to, and a count of 0 look-alikes returns the same picture."""
    before = wall()
    original = before.copy()
    assert np.array_equal(draw_lookalikes(np.random.default_rng(1), before, 0), before)
    draw_lookalikes(np.random.default_rng(1), before, 3)
    draw_crack(np.random.default_rng(1), before)
    draw_dirt(np.random.default_rng(1), before)
    assert np.array_equal(before, original)
