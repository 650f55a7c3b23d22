"""Inference: each photo or tile gets exactly one row, the same with any number of workers."""

from itertools import islice
from pathlib import Path
from threading import Barrier, Event
from time import monotonic, sleep

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from makers import DarkMeansCrack, change, labelled_rows, make_mosaic, make_photo, pixels, scan_options
from PIL import Image

from crackscan.basics import grid
from crackscan.basics.records import PhotoLimit, Result, ScanOptions, Window, Work
from crackscan.model.predictions import Predictions
from crackscan.scanning.activation_map import peak_pixel, strongest_cells
from crackscan.scanning.executor import GROUP, IN_FLIGHT, run_works
from crackscan.scanning.inference import infer
from crackscan.scanning.plan import Plan
from crackscan.scanning.row_labels import label_row
from crackscan.scanning.summary import Summary

OPTIONS = scan_options(tile_px=224, threshold=0.5)
PER_TILE = scan_options(tile_px=224, threshold=0.5, per="tile")


def rows(*sources: Path, options: ScanOptions = OPTIONS, jobs: int = 1) -> list[Result]:
    """Return all rows of a scan with the stand-in classifier."""
    plan = Plan(tuple(map(str, sources)), options.tiles)
    return labelled_rows(plan, options, jobs=jobs)


def test_unreadable_photo_becomes_a_row_and_its_neighbours_keep_their_scores(tmp_path: Path) -> None:
    """A broken file affects neither the run nor its batch, and no row gets a neighbour's probability."""
    for number, crack in enumerate([True, False, True, False, True]):
        make_photo(tmp_path / f"{number}.jpg", crack=crack)
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:300])
    found = rows(tmp_path)
    assert [row.source for row in found] == [f"{number}.jpg" for number in range(5)]
    assert [row.label for row in found] == ["crack", "no-crack", None, "no-crack", "crack"]
    assert found[2].status == "unreadable"
    assert found[2].probability is None
    assert found[2].reason


def test_small_photo_is_judged_whole(tmp_path: Path) -> None:
    """A photo of up to one and a half times the model's input is one tile; a pixel more is four."""
    make_photo(tmp_path / "small.jpg", width=336, height=300)
    make_photo(tmp_path / "wide.jpg", width=337, height=300)
    small, wide = rows(tmp_path)
    assert (small.tiles, small.window) == (1, Window(0, 0, 336, 300))
    assert (wide.tiles, wide.width) == (4, 224)


def test_large_photo_is_tiled_not_squeezed(tmp_path: Path) -> None:
    """One cracked corner of a large photo decides its row, which says where to look."""
    picture = pixels(1000, 800)
    picture[-170:, -170:] = 0
    Image.fromarray(picture).save(tmp_path / "deck.png")
    (row,) = rows(tmp_path)
    assert (row.kind, row.label, row.crack_tiles, row.tiles) == ("photo", "crack", 1, 20)
    assert row.window == Window(776, 576, 224, 224)
    assert 830 <= (row.peak_col or 0) < 1000
    assert 630 <= (row.peak_row or 0) < 800


@pytest.mark.parametrize(("col", "row"), [(40, 40), (600, 60), (300, 700)])
@pytest.mark.parametrize("tile_px", [112, 224, 448])
def test_peak_is_in_the_dark_spot(tmp_path: Path, col: int, row: int, tile_px: int) -> None:
    """The peak lies in the dark spot, or at most half a cell of the activation map away, at any scale."""
    picture = pixels(900, 800)
    picture[row : row + 96, col : col + 96] = 0
    Image.fromarray(picture).save(tmp_path / "photo.png")
    make_mosaic(tmp_path / "survey.tif", bands=np.moveaxis(picture, -1, 0))
    found = rows(tmp_path, options=scan_options(tile_px=tile_px, threshold=0.5))
    photo = found[0]
    strongest_tile = max(found[1:], key=lambda tile: tile.probability or 0)
    half = tile_px / 7 / 2
    for result in (photo, strongest_tile):
        assert col - half <= (result.peak_col or 0) < col + 96 + half
        assert row - half <= (result.peak_row or 0) < row + 96 + half


def test_peak_of_an_uncracked_photo_is_given_too(tmp_path: Path) -> None:
    """A user who lowers the threshold later still knows where to look."""
    make_photo(tmp_path / "plain.jpg")
    (row,) = rows(tmp_path)
    assert row.label == "no-crack"
    assert row.peak_col is not None
    assert row.peak_row is not None


@given(
    activation_map=arrays(np.float32, (7, 7), elements=st.floats(-50, 50, width=32)),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_peak_lies_inside_the_image(activation_map: np.ndarray, size: tuple[int, int]) -> None:
    """A peak in a mirrored edge is mapped back into the image, however small or narrow the image is."""
    window = Window(5, 9, *size)
    (cell,) = strongest_cells(activation_map[np.newaxis])
    col, row = peak_pixel(cell, window, max(size))
    assert 5 <= col < 5 + window.width
    assert 9 <= row < 9 + window.height


def test_peak_in_a_mirrored_edge_lies_in_the_photo(tmp_path: Path) -> None:
    """A photo of 200 x 100 px is filled up by its mirror image; the peak is in the photo itself."""
    picture = pixels(200, 100)
    picture[60:, 100:] = 0
    Image.fromarray(picture).save(tmp_path / "flat.png")
    (row,) = rows(tmp_path)
    assert 100 <= (row.peak_col or 0) < 200
    assert 60 <= (row.peak_row or 0) < 100


def test_one_cracked_tile_of_many_does_not_make_a_cracked_photo(tmp_path: Path) -> None:
    """With limits, only cracked tiles that touch make a photo cracked; a single one is still counted."""
    picture = pixels(5 * 224, 4 * 224)
    picture[:224, :224] = 60
    Image.fromarray(picture).save(tmp_path / "lone.png")
    picture[:224, 224:672] = 60
    Image.fromarray(picture).save(tmp_path / "side-by-side.png")
    options = change(OPTIONS, photo_limits=(PhotoLimit(1, 0.0), PhotoLimit(20, 3.0)))
    lone, side_by_side = rows(tmp_path, options=options)
    assert (lone.label, lone.crack_tiles) == ("no-crack", 1)
    assert (side_by_side.label, side_by_side.crack_tiles) == ("crack", 3)


def test_per_tile_gives_each_tile_of_a_photo_a_row(tmp_path: Path) -> None:
    """The tiles are those that the photo's own row counts, its strongest among them."""
    picture = pixels(1000, 800)
    picture[-170:, -170:] = 0
    Image.fromarray(picture).save(tmp_path / "deck.png")
    (photo,) = rows(tmp_path)
    tiles = rows(tmp_path, options=PER_TILE)
    assert [row.kind for row in tiles] == ["tile"] * 20
    assert max(row.probability or 0 for row in tiles) == photo.probability
    assert sum(row.label == "crack" for row in tiles) == photo.crack_tiles


@pytest.mark.parametrize("side", [1, 223, 224, 225])
def test_mosaic_about_the_size_of_a_tile_is_covered(tmp_path: Path, side: int) -> None:
    """The last row and column are judged, and a raster smaller than a tile gives one row."""
    make_mosaic(tmp_path / "m.tif", width=side, height=side)
    found = rows(tmp_path)
    assert len(found) == (4 if side == 225 else 1)
    assert {row.status for row in found} == {"ok"}
    assert max((row.col or 0) + (row.width or 0) for row in found) == side


def test_border_of_a_mosaic_is_nodata_not_a_crack(tmp_path: Path) -> None:
    """A tile of black pixels outside the survey is not judged; a tile that is half valid is."""
    bands = np.concatenate([np.full((3, 224, 672), 200, np.uint8), np.full((1, 224, 672), 255, np.uint8)])
    bands[:, :, 300:] = 0
    make_mosaic(tmp_path / "m.tif", bands=bands, photometric="RGB", alpha="YES")
    found = rows(tmp_path)
    assert [row.status for row in found] == ["ok", "nodata", "nodata"]
    assert [row.label for row in found] == ["no-crack", None, None]
    assert [round(row.valid or 0, 3) for row in found] == [1, round(76 / 224, 3), 0]


def test_partly_valid_tile_is_judged_by_its_ground(tmp_path: Path) -> None:
    """Pixels outside the survey get the mean colour of the valid pixels."""
    bands = np.concatenate([np.full((3, 224, 224), 200, np.uint8), np.full((1, 224, 224), 255, np.uint8)])
    bands[:, :, 130:] = 0
    make_mosaic(tmp_path / "m.tif", bands=bands, photometric="RGB", alpha="YES")
    (row,) = rows(tmp_path)
    assert row.probability == pytest.approx(1 - 200 / 255, abs=1e-6)


def test_crack_on_a_seam_is_surer_with_overlap(tmp_path: Path) -> None:
    """Cut in two by a seam a dark band is weak in both tiles; overlapping, one tile holds all of it."""
    bands = np.full((3, 224, 448), 200, np.uint8)
    bands[:, :, 164:284] = 0
    path = make_mosaic(tmp_path / "m.tif", bands=bands)
    half = scan_options(tile_px=224, threshold=0.5, overlap=0.5)
    apart, overlapping = (
        max(row.probability or 0 for row in rows(path, options=options)) for options in (OPTIONS, half)
    )
    assert apart < 0.5 < overlapping
    assert len(rows(path, options=half)) == 3


DENSE = scan_options(tile_px=224, threshold=0.5, overlap=1 - 2 / 7)


def darkness(picture: np.ndarray, row: Result) -> float:
    """Return the stand-in's probability of a row's window when it is judged alone."""
    assert row.window is not None
    col, top, width, height = row.window
    return 1 - float(picture[top : top + height, col : col + width].mean()) / 255


@pytest.mark.parametrize("size", [(1500, 1100), (300, 700), (700, 150)])
def test_tiles_judged_together_are_those_of_the_grid(tmp_path: Path, size: tuple[int, int]) -> None:
    """Each row has the probability of its own window, in a mosaic and in a photo, and comes once."""
    width, height = size
    picture = np.random.default_rng(0).integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    picture = picture.repeat(10, axis=0).repeat(10, axis=1)
    make_mosaic(tmp_path / "m.tif", bands=np.moveaxis(picture, -1, 0))
    Image.fromarray(picture).save(tmp_path / "p.png")
    expected = list(grid.windows(width, height, tile_px=224, overlap=DENSE.tiles.overlap))
    for path in (tmp_path / "m.tif", tmp_path / "p.png"):
        found = rows(path, options=change(DENSE, per="tile"))
        assert [row.window for row in found] == expected
        if min(size) >= 224:  # else it is filled up by its mirror image
            assert [row.probability for row in found] == pytest.approx(
                [darkness(picture, row) for row in found], abs=1e-5
            )


def test_tiles_of_other_sides_are_judged_together_too(tmp_path: Path) -> None:
    """A block is resized as a whole, which moves a tile by less than a pixel of the model's input."""
    ramp = np.broadcast_to(np.linspace(0, 255, 1400).astype(np.uint8), (3, 900, 1400))
    make_mosaic(tmp_path / "m.tif", bands=ramp)
    found = rows(tmp_path, options=change(DENSE, tile_px=300))
    picture = np.moveaxis(ramp, 0, -1)
    assert [row.probability for row in found] == pytest.approx(
        [darkness(picture, row) for row in found], abs=2e-3
    )


def test_tiles_of_finer_imagery_are_judged_together_too(tmp_path: Path) -> None:
    """Averaging two pixels each way keeps each tile in its position, also if the step is an odd number."""
    ramp = np.broadcast_to(np.linspace(0, 255, 1400).astype(np.uint8), (3, 1100, 1400))
    path = make_mosaic(tmp_path / "m.tif", bands=ramp)
    own = rows(path)[0].mm_per_px or 0.0
    found = rows(path, options=change(DENSE, target_mm_per_px=2.02 * own))
    assert {row.width for row in found} == {452}
    assert sorted({row.col for row in found})[:3] == [0, 129, 258]
    picture = np.moveaxis(ramp, 0, -1)
    assert [row.probability for row in found] == pytest.approx(
        [darkness(picture, row) for row in found], abs=5e-3
    )


def test_border_of_a_mosaic_is_nodata_where_tiles_are_judged_together(tmp_path: Path) -> None:
    """Each tile of a pass has its own valid fraction; tiles with too few valid pixels are not judged."""
    bands = np.concatenate([np.full((3, 448, 900), 200, np.uint8), np.full((1, 448, 900), 255, np.uint8)])
    bands[:, :, 500:] = 0
    make_mosaic(tmp_path / "m.tif", bands=bands, photometric="RGB", alpha="YES")
    for row in rows(tmp_path, options=DENSE):
        assert row.window is not None
        valid = min(max((500 - row.window.col) / 224, 0), 1)
        assert row.valid == pytest.approx(valid, abs=1e-3)
        assert row.status == ("ok" if valid >= 0.5 else "nodata")
        assert row.probability is None or row.probability == pytest.approx(1 - 200 / 255, abs=1e-6)


def test_unreadable_block_costs_its_own_tiles_where_others_are_judged_together(tmp_path: Path) -> None:
    """Tiles that touch the damaged block are unreadable; all others are judged."""
    path = make_mosaic(
        tmp_path / "m.tif",
        width=896,
        height=672,
        tiled=True,
        blockxsize=224,
        blockysize=224,
        compress="deflate",
    )
    damage(path, block=5)
    for row in rows(path, options=DENSE):
        assert row.window is not None
        hit = 0 < row.window.col < 448 and 0 < row.window.row < 448
        assert row.status == ("unreadable" if hit else "ok")


def test_unreadable_block_costs_its_own_tiles(tmp_path: Path) -> None:
    """A damaged block makes its own tiles unreadable; the others are judged."""
    path = make_mosaic(
        tmp_path / "m.tif",
        width=672,
        height=448,
        tiled=True,
        blockxsize=224,
        blockysize=224,
        compress="deflate",
    )
    damage(path, block=4)
    found = rows(tmp_path)
    assert [row.status for row in found] == ["ok", "ok", "ok", "ok", "unreadable", "ok"]
    assert found[4].reason
    assert found[4].window == Window(224, 224, 224, 224)


def damage(path: Path, *, block: int) -> None:
    """Overwrite one compressed block of a TIFF, whose offset is in tag 324."""
    with Image.open(path) as image:
        offset = image.tag_v2[324][block]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(content)


def test_mosaic_that_vanishes_keeps_its_tiles_as_rows(tmp_path: Path) -> None:
    """Each planned tile has its row, even if the file is gone when it is read."""
    path = make_mosaic(tmp_path / "m.tif", width=448, height=448)
    works = list(Plan((str(path),), OPTIONS.tiles))
    path.unlink()
    found = [row for work in works for row in infer(work, DarkMeansCrack(), OPTIONS.rows)]
    assert [row.status for row in found] == ["unreadable"] * 4
    assert len({row.window for row in found}) == 4


def test_tiles_of_a_mosaic_know_where_they_lie(tmp_path: Path) -> None:
    """A tile of 224 px at 5 mm is 1.12 m of ground, with its corners and centre."""
    make_mosaic(tmp_path / "m.tif", width=224, height=224)
    (row,) = rows(tmp_path)
    assert row.outline is not None
    assert len(row.outline) == 4
    assert row.mm_per_px == pytest.approx(5, rel=0.001)
    assert min(lon for lon, _ in row.outline) < (row.lon or 0) < max(lon for lon, _ in row.outline)


def test_photo_tells_position_time_and_reading_notes(tmp_path: Path) -> None:
    """The row has the camera's metadata."""
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps.update({1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 15.0, 0.0), 16: "T", 17: 90.5})
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 10:20:30", 0x9011: "+02:00"})
    make_photo(tmp_path / "p.jpg", exif=exif)
    (row,) = rows(tmp_path)
    assert (row.lon, row.lat, row.heading) == (8.25, 47.5, 90.5)
    assert row.captured_at == "2026-05-01T10:20:30+02:00"


@pytest.mark.parametrize("jobs", [2, 5])
def test_workers_change_neither_rows_nor_their_order(tmp_path: Path, jobs: int) -> None:
    """The output is the same with one worker and with five."""
    for number in range(12):
        make_photo(tmp_path / f"{number}.jpg", width=224 + 60 * number, crack=number % 3 == 0)
    make_mosaic(tmp_path / "m.tif", width=700, height=900)
    assert rows(tmp_path, jobs=jobs) == rows(tmp_path, jobs=1)


def test_neighbouring_tiles_read_at_once_score_as_read_alone(tmp_path: Path) -> None:
    """The number of tiles in one read does not change their probabilities."""
    path = make_mosaic(tmp_path / "m.tif", width=5000, height=300)
    for row in rows(path):
        assert row.window is not None
        (alone,) = infer(
            Work("m.tif", str(path), "mosaic", OPTIONS.tiles, row.window), DarkMeansCrack(), OPTIONS.rows
        )
        assert alone.probability == row.probability


def test_bands_that_are_read_together_score_as_read_alone(tmp_path: Path) -> None:
    """However the bands are shared among workers, a damaged block affects only the tiles that touch it."""
    bands = np.moveaxis(pixels(600, 9 * 224), -1, 0) - np.arange(9 * 224)[:, None] // 20
    stored = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    path = make_mosaic(tmp_path / "m.tif", bands=bands.astype(np.uint8), **stored)
    damage(path, block=11)
    works = list(Plan((str(path),), OPTIONS.tiles))
    judged = [row for work in works for row in infer(work, DarkMeansCrack(), OPTIONS.rows)]
    alone = [label_row(row, OPTIONS) for row in judged]
    assert {row.status for row in alone} == {"ok", "unreadable"}
    for jobs in (1, 2, 4):
        assert rows(path, jobs=jobs) == alone


def test_workers_share_a_small_mosaic(tmp_path: Path) -> None:
    """Two workers get three bands each of a mosaic of six bands, so that neither is idle."""
    both = Barrier(2, timeout=20)

    class Together(DarkMeansCrack):
        def predict(self, tiles: np.ndarray, stride_cells: int = 1) -> Predictions:
            both.wait()
            return super().predict(tiles, stride_cells)

    plan = Plan((str(make_mosaic(tmp_path / "m.tif", width=448, height=6 * 224)),), OPTIONS.tiles)
    assert len(list(run_works(plan, Together, OPTIONS.rows, jobs=2))) == 6


def test_work_is_taken_only_when_results_are_needed(tmp_path: Path) -> None:
    """Only a few Work items are in flight, however long the plan is, so that memory stays bounded."""
    photo = make_photo(tmp_path / "a.jpg")
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield Work(f"{taken}", str(photo), "photo", OPTIONS.tiles)

    found = run_works(endless(), DarkMeansCrack, OPTIONS.rows, jobs=2)  # type: ignore[arg-type]
    assert [work.source for work, _ in islice(found, 3)] == ["1", "2", "3"]
    assert taken <= 3 + IN_FLIGHT * 2 * GROUP
    found.close()  # type: ignore[attr-defined]


def test_scan_that_is_stopped_early_ends_its_threads(tmp_path: Path) -> None:
    """A caller that stops early does not wait for the photos in flight, which end after a few tiles."""
    make_photo(tmp_path / "1.png")
    for number in (2, 3):
        make_photo(tmp_path / f"{number}.png", width=2240, height=2240)
    batches = 0

    class Slow(DarkMeansCrack):
        def predict(self, tiles: np.ndarray, stride_cells: int = 1) -> Predictions:
            nonlocal batches
            batches += 1
            sleep(0.5)
            return super().predict(tiles, stride_cells)

    found = run_works(Plan((str(tmp_path),), OPTIONS.tiles), Slow, OPTIONS.rows, jobs=1)
    next(found)
    began = monotonic()
    found.close()
    assert monotonic() - began < 2  # 3.5 seconds of it are left
    left_at = batches
    sleep(1.2)
    assert batches <= left_at + 1


def coloured(path: Path, *, tiles: int) -> Path:
    """Write a grey photo of 672 x 448 px whose first tiles are orange, which the stand-in does not know."""
    picture = pixels(672, 448, crack=True)
    for number in range(tiles):
        col, row = number % 3 * 224, number // 3 * 224
        picture[row : row + 224, col : col + 224] = (250, 120, 20)
    Image.fromarray(picture).save(path)
    return path


OOD_LIMIT = scan_options(tile_px=224, threshold=0.5, max_distance=50)


def test_unfamiliar_photo_is_not_judged(tmp_path: Path) -> None:
    """A photo that is unlike the training data gets no label, and its row says why."""
    (row,) = rows(coloured(tmp_path / "p.png", tiles=6), options=OOD_LIMIT)
    assert (row.status, row.label, row.probability, row.peak_col) == ("unfamiliar", None, None, None)
    assert row.reason == "unlike concrete in any light (distance 230, limit 50)"
    assert (row.tiles, row.crack_tiles) == (0, 0)


def test_photo_counts_its_familiar_tiles_only(tmp_path: Path) -> None:
    """A photo with grass at its edge is judged by its concrete, and says how many tiles were left out."""
    (row,) = rows(coloured(tmp_path / "p.png", tiles=2), options=OOD_LIMIT)
    assert (row.status, row.label, row.tiles, row.crack_tiles) == ("ok", "crack", 4, 4)
    assert row.reason == "2 of 6 tiles are unlike concrete in any light"


def test_unfamiliar_tiles_of_a_mosaic_have_their_rows(tmp_path: Path) -> None:
    """Unfamiliar tiles have rows with positions, and count as not assessed."""
    picture = np.asarray(Image.open(coloured(tmp_path / "p.png", tiles=2)))
    path = make_mosaic(tmp_path / "m.tif", bands=np.moveaxis(picture, -1, 0))
    found = rows(path, options=OOD_LIMIT)
    assert [row.status for row in found] == ["unfamiliar"] * 2 + ["ok"] * 4
    assert all(row.outline for row in found)
    summary = Summary()
    list(summary.watch(found))
    assert (summary.statuses["ok"], summary.assessed_tiles, summary.rows) == (4, 4, 6)


def test_unfamiliar_is_judged_where_that_is_asked_for(tmp_path: Path) -> None:
    """With --judge-unfamiliar all tiles get probabilities, and a reason that warns."""
    path = coloured(tmp_path / "p.png", tiles=6)
    (plain,) = rows(path)
    (row,) = rows(path, options=change(OOD_LIMIT, judge_unfamiliar=True))
    assert (row.status, row.probability, row.tiles) == ("ok", plain.probability, 6)
    assert row.reason == "unlike concrete in any light (distance 230, limit 50)"
    assert plain.reason is None


def test_fault_of_the_model_ends_the_run(tmp_path: Path) -> None:
    """A broken engine ends the run, instead of making thousands of photos unreadable."""
    make_photo(tmp_path / "a.jpg")
    failed = Event()

    class Broken(DarkMeansCrack):
        def predict(self, tiles: object, stride_cells: int = 1) -> Predictions:  # noqa: ARG002
            failed.set()
            raise RuntimeError("engine")

    with pytest.raises(RuntimeError, match="engine"):
        list(run_works(Plan((str(tmp_path),), OPTIONS.tiles), Broken, OPTIONS.rows, jobs=1))
    assert failed.is_set()
