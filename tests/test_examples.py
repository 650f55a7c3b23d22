"""The survey in `examples/`: small, placed on the map, with a truth that fits a scan tile by tile."""

import csv
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import rasterio
from makers import labelled_rows, scan_options
from PIL import ExifTags, Image

from crackscan.basics.records import Result
from crackscan.geo.pose import exif as pose_exif
from crackscan.reading import read_photo
from crackscan.scanning.plan import Plan
from crackscan.sinks import open_sink

EXAMPLES = Path(__file__).parent.parent / "examples"
SITE = EXAMPLES / "site"
PHOTOS = sorted(SITE.glob("*.jpg"))
LARGEST_BYTES = 3_000_000


def truth(name: str) -> list[dict[str, str]]:
    """Read a file of truth."""
    with (SITE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def rows() -> list[Result]:
    """Scan the site with a stand-in for the model, one row a tile."""
    options = scan_options(per="tile")
    return labelled_rows(Plan((str(SITE),), options.tiles), options, jobs=2)


@pytest.fixture
def make_site(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the program that draws the site."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import make_site

    return make_site


def test_examples_are_small_enough_to_clone_without_a_thought() -> None:
    """All that is committed under examples/ stays below 3 MB."""
    assert sum(file.stat().st_size for file in EXAMPLES.rglob("*") if file.is_file()) < LARGEST_BYTES


def test_every_photo_says_where_when_and_which_way_it_was_taken() -> None:
    """Position, time with offset and heading read back from EXIF, each photo from a place of its own."""
    places = set()
    for path in PHOTOS:
        exif = read_photo(path).exif
        assert exif is not None
        fix = pose_exif.gps_position(exif)
        assert fix.note is None
        assert (fix.lon, fix.lat) == pytest.approx((15.5, 55.2), abs=0.01)
        assert re.fullmatch(r"2025-06-14T09:\d\d:\d\d\+02:00", pose_exif.captured_at(exif) or "")
        assert 0 <= (pose_exif.heading(exif) or -1) < 360
        places.add((fix.lon, fix.lat))
    assert len(places) == len(PHOTOS) == 8


def test_one_photo_is_stored_on_its_side_and_reads_upright() -> None:
    """The survey has a photo with EXIF orientation 6, since tools differ in how they read it."""
    with Image.open(SITE / "pier-1.jpg") as stored:
        assert stored.size == (1600, 1200)
        assert stored.getexif()[ExifTags.Base.Orientation] == 6
    assert read_photo(SITE / "pier-1.jpg").size == (1200, 1600)


def test_the_mosaic_is_placed_and_its_alpha_survived_compression() -> None:
    """The deck has metres for units, 5 mm pixels, and nothing half transparent that could pass for data."""
    with rasterio.open(SITE / "deck.tif") as deck:
        assert deck.crs.to_epsg() == 32633
        assert deck.res == (0.005, 0.005)
        assert [colour.name for colour in deck.colorinterp] == ["red", "green", "blue", "alpha"]
        bands = deck.read()
    assert set(np.unique(bands[3])) == {0, 255}
    assert 0.6 < np.mean(bands[3] == 255) < 0.9
    assert bands[:3, bands[3] == 0].max() == 0


def test_the_truth_has_exactly_the_tiles_of_a_scan(rows: list[Result]) -> None:
    """Source and window agree one to one and in order, so the two tables merge without loss."""
    scanned = [(row.source, *(row.window or ())) for row in rows]
    columns = ("col", "row", "width", "height")
    known = [(tile["source"], *(int(tile[name]) for name in columns)) for tile in truth("truth_tiles.csv")]
    assert scanned == known


def test_tiles_without_data_have_no_truth_and_all_others_are_readable(rows: list[Result]) -> None:
    """What the scan calls nodata is left open in the truth; nothing in the survey is unreadable."""
    statuses = Counter(row.status for row in rows)
    assert set(statuses) == {"ok", "nodata"}
    assert statuses["nodata"] >= 3
    for row, tile in zip(rows, truth("truth_tiles.csv"), strict=True):
        assert row.status == "ok" or tile["label"] == ""


def test_the_truth_of_photos_and_of_their_tiles_agree() -> None:
    """A photo is a crack where one of its tiles is; half are without; widths stand with cracks only."""
    cracked = {tile["source"] for tile in truth("truth_tiles.csv") if tile["label"] == "crack"} - {"deck.tif"}
    labels = {photo["path"]: photo["label"] for photo in truth("truth.csv")}
    assert sorted(labels) == [path.name for path in PHOTOS]
    assert {name for name, label in labels.items() if label == "crack"} == cracked
    assert len(cracked) == 4
    for tile in truth("truth_tiles.csv"):
        assert (tile["crack_width_px"] != "") == (tile["label"] == "crack")
        assert tile["label"] != "no-crack" or tile["crack_px2"] == "0"


def test_cracked_tiles_are_darker_at_their_darkest_than_uncracked_ones() -> None:
    """The truth speaks of the pixels that are there: tiles with a wide crack hold much that is dark."""
    for name in ("abutment-1.jpg", "pier-1.jpg"):
        pixels = read_photo(SITE / name).patch.pixels.mean(axis=2)
        dark = {"crack": [], "no-crack": []}
        for tile in truth("truth_tiles.csv"):
            wide = tile["label"] == "no-crack" or float(tile["crack_width_px"] or 0) > 3
            if tile["source"] == name and tile["label"] and wide:
                col, row = int(tile["col"]), int(tile["row"])
                part = pixels[row : row + 224, col : col + 224]
                dark[tile["label"]].append(np.mean(part < 0.6 * np.median(part)))
        assert np.median(dark["crack"]) > 20 * np.median(dark["no-crack"])


def test_a_photo_is_drawn_again_as_it_was_committed(make_site: ModuleType, tmp_path: Path) -> None:
    """The program and the committed files belong together: same picture, same truth."""
    number, scene = next(each for each in enumerate(make_site.SCENES) if each[1].name == "parapet-1.jpg")
    drawn = make_site.draw_scene(scene)
    make_site.save_photo(tmp_path / scene.name, drawn.pixels, scene, number)
    again, kept = (read_photo(folder / scene.name) for folder in (tmp_path, SITE))
    # Other versions of Pillow may encode JPEG differently; a change of the drawing is far larger.
    difference = again.patch.pixels.astype(int) - kept.patch.pixels
    assert np.abs(difference).mean() < 0.5
    known = [tile["label"] for tile in truth("truth_tiles.csv") if tile["source"] == scene.name]
    assert [tile.label or "" for tile in make_site.tile_truths(drawn)] == known


@pytest.mark.slow
def test_the_whole_site_is_drawn_again_as_it_was_committed(make_site: ModuleType, tmp_path: Path) -> None:
    """Running the program again changes no file of truth and no picture beyond what an encoder may."""
    make_site.main(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in SITE.iterdir()}
    for name in ("truth.csv", "truth_tiles.csv"):
        assert (tmp_path / name).read_bytes() == (SITE / name).read_bytes()
    for path in PHOTOS:
        again, kept = (read_photo(folder / path.name).patch.pixels.astype(int) for folder in (tmp_path, SITE))
        assert np.abs(again - kept).mean() < 0.5
    with rasterio.open(tmp_path / "deck.tif") as again, rasterio.open(SITE / "deck.tif") as kept:
        assert again.profile == kept.profile
        assert np.abs(again.read().astype(int) - kept.read()).mean() < 0.5


def test_the_readme_s_pandas_example_runs(
    rows: list[Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The snippet prints the strongest tiles, a table of right and wrong, and recall by width."""
    pytest.importorskip("pandas")
    (tmp_path / "examples").symlink_to(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    with open_sink("tiles.csv") as sink:
        for row in rows:
            sink.write(row)
    (snippet,) = re.findall(r"```python\n(.*?)```", (EXAMPLES / "README.md").read_text("utf-8"), re.DOTALL)
    exec(compile(snippet, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "probability" in printed
    assert "label_true" in printed
    assert "(4, 8]" in printed


def test_the_readme_s_table_names_every_picture() -> None:
    """Each picture of the site has its line, and no line is left of one that is gone."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([\w-]+\.(?:jpg|tif))` \| (\w+)", text, re.MULTILINE)
    labels = {photo["path"]: photo["label"] for photo in truth("truth.csv")} | {"deck.tif": "crack"}
    assert {name: "no-crack" if cracks == "none" else "crack" for name, cracks in listed} == labels


def test_picture_of_training_is_what_the_program_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """`synthesis.png` shows what the code draws today: each look-alike, and cracks by their widths."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import make_synthesis

    drawn = np.asarray(make_synthesis.sheet(), np.int16)
    with Image.open(make_synthesis.PICTURE) as picture:
        kept = np.asarray(picture.convert("RGB"), np.int16)
    assert kept.shape == drawn.shape
    assert np.abs(kept - drawn).mean() < 4  # it is kept with 48 colours
