"""The decision about a photo depends on clusters of tiles, not on one false alarm among hundreds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackscan.basics.grid import windows
from crackscan.basics.records import PhotoLimit
from crackscan.model.card_records import PhotoLimitRow
from crackscan.scanning.photo_decision import cluster_mass, mass_limit
from crackscan.training.model_folder.photo_limits import FALSE_ALARMS, simulate_photos

GRID = list(windows(1000, 700, tile_px=100))  # 10 by 7 tiles
LIMITS = (PhotoLimit(1, 0.0), PhotoLimit(10, 1.0), PhotoLimit(1000, 3.0))


def photo(*cracked: tuple[int, int], probability: float = 0.9) -> list[float]:
    """Return the probabilities of a photo whose tiles at these columns and rows look cracked."""
    return [probability if (at % 10, at // 10) in cracked else 0.01 for at in range(70)]


def test_crack_through_several_tiles_outweighs_as_many_scattered_ones() -> None:
    """Tiles that touch, at a side or a corner, count together; others do not."""
    along = cluster_mass(GRID, photo((2, 2), (3, 2), (4, 3)), threshold=0.5, tile_px=100)
    scattered = cluster_mass(GRID, photo((2, 2), (5, 5), (9, 0)), threshold=0.5, tile_px=100)
    assert along == pytest.approx(3 * scattered)
    assert scattered == pytest.approx(np.log(9))


def test_photo_without_cracked_tiles_has_no_cluster_mass() -> None:
    """Tiles below the threshold do not count, however many there are."""
    assert cluster_mass(GRID, [0.49] * 70, threshold=0.5, tile_px=100) < 0
    assert cluster_mass([], [], threshold=0.5, tile_px=100) < 0
    assert cluster_mass(GRID, photo((1, 1), probability=0.5), threshold=0.5, tile_px=100) == 0


def test_no_tile_is_certain() -> None:
    """A probability of 1 has a finite weight."""
    assert 5 < cluster_mass(GRID, photo((1, 1), probability=1.0), threshold=0.5, tile_px=100) < 10


def test_overlap_counts_no_ground_twice() -> None:
    """With an overlap of half, tiles show each point four times; the cluster mass stays the same."""
    plain, half = (list(windows(1000, 1000, tile_px=100, overlap=overlap)) for overlap in (0.0, 0.5))
    once, often = (
        cluster_mass(of, [0.8] * len(of), threshold=0.5, tile_px=100, overlap=overlap)
        for of, overlap in ((plain, 0.0), (half, 0.5))
    )
    assert often == pytest.approx(once, rel=0.12)


def test_nodata_between_tiles_does_not_join_them() -> None:
    """Tiles are neighbours by their positions, not by their order."""
    kept = [window for window in GRID if window.col != 300]
    cells = [0.9 if window.row == 0 and window.col in {200, 400} else 0.01 for window in kept]
    assert cluster_mass(kept, cells, threshold=0.5, tile_px=100) == pytest.approx(np.log(9))


def test_larger_photos_need_more_cluster_mass() -> None:
    """The limit is interpolated by the logarithm of the tiles, and constant beyond the last one."""
    assert [mass_limit(LIMITS, tiles) for tiles in (1, 10, 100, 1000, 9999)] == pytest.approx([0, 1, 2, 3, 3])
    assert mass_limit((), 500) == 0


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_limit_never_falls_with_size(one: int, other: int) -> None:
    """A photo is not called cracked only because it is larger."""
    assert (mass_limit(LIMITS, one) <= mass_limit(LIMITS, other)) or one > other


def rows_of(tiles: int) -> tuple[PhotoLimitRow, ...]:
    """Return the limits from a number of tiles: half are cracked, 2 % of the others are false alarms."""
    rng = np.random.default_rng(0)
    labels = np.arange(tiles) < tiles // 2
    logits = np.where(labels, rng.normal(3, 2, tiles), rng.normal(-4, 2, tiles))
    return simulate_photos(1 / (1 + np.exp(-logits)), labels, np.zeros(tiles, int), threshold=0.5)


def test_calibrated_limits_hold_back_false_alarms_and_find_long_cracks() -> None:
    """With 2 % false alarms among tiles, few photos are, and a crack through 4 tiles is found."""
    rows = rows_of(20_000)
    assert [row.tiles for row in rows] == [1, 4, 16, 64, 256, 1024]
    assert all(row.false_alarms <= FALSE_ALARMS for row in rows)
    assert all(found > 0.95 for row in rows for cracked, found in row.found.items() if int(cracked) >= 4)
    assert rows[-1].found["1"] < 0.8


@pytest.mark.slow
def test_limits_from_few_tiles_hold_for_many() -> None:
    """With fewer tiles the limits are higher, because the worst false alarm may be missing among them."""
    for few, many in zip(rows_of(1000), rows_of(20_000), strict=True):
        assert few.tiles < 64 or few.evidence > many.evidence


def test_a_dataset_of_three_tiles_does_not_decide_alone() -> None:
    """One false alarm among three uncracked tiles would make a third of a large photo look cracked."""
    rng = np.random.default_rng(3)
    labels = np.repeat([False, True, False, True], [500, 500, 3, 1])
    logits = np.concatenate([rng.normal(-6, 1, 500), rng.normal(4, 1, 500), [2.0, -6.0, -6.0, 4.0]])
    datasets, probabilities = np.repeat([0, 1], [1000, 4]), 1 / (1 + np.exp(-logits))
    rows = simulate_photos(probabilities, labels, datasets, threshold=0.5)
    assert rows == simulate_photos(probabilities[:1000], labels[:1000], datasets[:1000], threshold=0.5)


def test_small_datasets_decide_together() -> None:
    """Ten datasets of three uncracked tiles are thirty tiles; their false alarms count."""
    large, small = np.full(100, -6.0), np.tile([2.0, -6.0, -6.0, 4.0], 10)
    labels = np.concatenate([np.arange(100) < 50, np.tile([False, False, False, True], 10)])
    logits = np.concatenate([np.where(labels[:100], 4.0, large), small])
    datasets = np.concatenate([np.zeros(100, int), 1 + np.arange(40) // 4])
    rows = simulate_photos(1 / (1 + np.exp(-logits)), labels, datasets, threshold=0.5)
    assert rows[3].evidence > 4, "two of the alarms touch in many photos of 64 tiles"
