"""Resolution: finer mosaics are resampled to the model's resolution, and coarser ones are not judged."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from makers import change, labelled_rows, make_mosaic, make_photo, scan_options
from rasterio.transform import from_origin

from crackscan.basics.records import Result, ScanOptions
from crackscan.model.card import Card
from crackscan.model.loading import find_model
from crackscan.scanning import resolution
from crackscan.scanning.plan import Plan

OPTIONS = scan_options(tile_px=224, threshold=0.5)


def rows(source: Path, options: ScanOptions) -> list[Result]:
    """Return the rows of a scan with the stand-in classifier."""
    return labelled_rows(Plan((str(source),), options.tiles), options)


def survey(path: Path, *, side: int, mm_per_px: float) -> Path:
    """Write a square survey of 8.96 m, which is dark in most of its lower right quarter."""
    bands = np.full((3, side, side), 200, np.uint8)
    bands[:, side * 5 // 8 :, side * 5 // 8 :] = 0
    size = mm_per_px / 1000
    return make_mosaic(path, bands=bands, transform=from_origin(500_000.0, 5_000_000.0, size, size))


@pytest.mark.parametrize(("factor", "overviews"), [(2, False), (4, False), (4, True)])
def test_finer_imagery_is_judged_at_the_requested_resolution(
    tmp_path: Path, factor: int, *, overviews: bool
) -> None:
    """Pixels of 5 mm judged at 20 give the same tiles as a survey of 20 mm; windows stay in the file's px."""
    import rasterio
    from rasterio.enums import Resampling

    coarse = survey(tmp_path / "coarse.tif", side=448, mm_per_px=20)
    fine = survey(tmp_path / "fine.tif", side=448 * factor, mm_per_px=20 / factor)
    if overviews:
        with rasterio.open(fine, "r+") as dataset:
            dataset.build_overviews([2, 4], Resampling.average)
    expected = rows(coarse, OPTIONS)
    found = rows(fine, resolution.at_resolution(OPTIONS, 20))
    assert [row.probability for row in found] == [row.probability for row in expected]
    assert [row.label for row in found] == ["no-crack", "no-crack", "no-crack", "crack"]
    for one, other in zip(found, expected, strict=True):
        assert one.window is not None
        assert one.window == tuple(factor * number for number in other.window or ())
        assert one.mm_per_px == pytest.approx(20 / factor, rel=1e-3)
        assert one.judged_mm_per_px == pytest.approx(20, rel=1e-3)
        assert np.allclose(one.outline or (), other.outline or (), rtol=0, atol=1e-9)
    assert abs((found[3].peak_col or 0) - factor * (expected[3].peak_col or 0)) <= factor


def test_resolution_is_kept_where_it_is_the_same_or_unknown(tmp_path: Path) -> None:
    """A difference of 5 %, an unknown resolution and a photo are not resampled."""
    at_20 = resolution.at_resolution(OPTIONS, 20)
    near = survey(tmp_path / "near.tif", side=300, mm_per_px=19)
    unplaced = make_mosaic(tmp_path / "unplaced.tif", crs=None)
    photo = make_photo(tmp_path / "photo.png", width=700)
    for source in (near, unplaced, photo):
        assert [row.window for row in rows(source, at_20)] == [row.window for row in rows(source, OPTIONS)]
    assert {row.judged_mm_per_px for row in rows(unplaced, at_20)} == {None}


@given(side=st.integers(16, 1000), finer=st.floats(1, 200))
def test_a_judged_pixel_is_the_mean_of_whole_pixels(*, side: int, finer: float) -> None:
    """At any two resolutions a tile has nearly the requested size, in whole pixels."""
    options = change(OPTIONS, tile_px=side, target_mm_per_px=10.0)
    cut = resolution.tile_side(10 / finer, options.tiles)
    if cut != side:
        assert cut % resolution.decimation_of(cut, options.tiles) == 0
        assert cut == pytest.approx(side * finer, rel=1.1 / side)
    else:
        assert finer < 1.2


def test_imagery_that_is_too_coarse_is_not_judged(tmp_path: Path) -> None:
    """Its tiles have rows and positions; --judge-too-coarse judges them, with a reason that warns."""
    path = survey(tmp_path / "m.tif", side=448, mm_per_px=20)
    options = change(OPTIONS, max_mm_per_px=2.0)
    found = rows(path, options)
    assert [(row.status, row.label, row.probability) for row in found] == [("too_coarse", None, None)] * 4
    assert {row.reason for row in found} == {"20 mm per px is coarser than the model needs (limit 2)"}
    assert all(row.outline for row in found)
    insisted = rows(path, change(options, judge_too_coarse=True))
    assert [row.status for row in insisted] == ["ok"] * 4
    assert {row.reason for row in insisted} == {"20 mm per px is coarser than the model needs (limit 2)"}


def test_the_model_decides_what_is_too_coarse_and_a_number_only_where_it_does_not() -> None:
    """--mm-per-px 20 also sets the limit of what is too coarse, unless the card has one."""
    assert resolution.at_resolution(OPTIONS, 20).rows.max_mm_per_px == 20
    options = change(OPTIONS, target_mm_per_px=1.0, max_mm_per_px=30.0)
    assert resolution.at_resolution(options, 20).rows.max_mm_per_px == 30


@pytest.mark.usefixtures("stand_in_model")
def test_scan_at_a_resolution_says_what_it_left_out(tmp_path: Path) -> None:
    """The option reaches the rows, the summary counts them, and another value cannot resume the scan."""
    path, out = survey(tmp_path / "m.tif", side=448, mm_per_px=20), tmp_path / "rows.csv"
    ended = run("scan", path, "-o", out, "--mm-per-px", "5")
    assert ended.exit_code == 0, ended.stderr
    assert (
        "4 rows not assessed: coarser than the model needs; --judge-too-coarse judges them." in ended.stderr
    )
    ended = run("scan", path, "-o", out, "--mm-per-px", "40")
    assert ended.exit_code == 1
    assert (
        "made with target_mm_per_px 5.0, max_mm_per_px 5.0, "
        "this run has target_mm_per_px 40.0, max_mm_per_px 40.0" in ended.stderr
    )
    assert run("scan", path, "--mm-per-px", "much").exit_code == 2


def test_summary_says_the_narrowest_crack_to_expect(tmp_path: Path) -> None:
    """The summary has the line only if the resolution and the model's recall by width are known."""
    model = tmp_path / "model"
    shutil.copytree(find_model(), model)
    card = Card.read(model)
    assert card.left_out is not None
    found = {name: held for name, held in card.left_out.sources.items() if name == "uav-crack"}
    replace(card, left_out=replace(card.left_out, sources=found)).write(model)
    px = Card.read(model).found_from_px(card.scan_options)
    assert px is not None
    path = survey(tmp_path / "m.tif", side=448, mm_per_px=20)
    said = "mm is about the narrowest crack to expect"
    scan = ("scan", path, "--judge-unfamiliar", "--model", model)
    assert f"At 20 mm per px, {20 * px:.2g} {said}" in run(*scan).stderr
    assert f"At 40 mm per px, {40 * px:.2g} {said}" in run(*scan, "--mm-per-px", "40").stderr
    assert said not in run(*scan, "--threshold", "0.99").stderr
    assert said not in run("scan", make_mosaic(tmp_path / "unplaced.tif", crs=None), "--model", model).stderr
    if card.found_from_px(card.scan_options) is None:  # on one of its datasets no width is found
        assert said not in run("scan", path, "--judge-unfamiliar").stderr
