"""What a review gives back: labels in every format, and tiles that evaluate and train take."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run
from PIL import Image
from reviews import HOSTILE, Browser, make_survey, names, served

from crackscan.basics.records import Result, Window
from crackscan.dataset.loading import load_examples
from crackscan.reading import read_photo
from crackscan.review.labelled_windows import labelled_windows
from crackscan.review.verdict_file import verdicts_path
from crackscan.review.verdicts import Opinion


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of a survey on which two people have judged some rows."""
    journal = make_survey(tmp_path_factory.mktemp("survey"))
    with served(journal) as session:
        browser = Browser(session)
        rows = names(browser)
        first = rows.index("deck.tif")
        browser.act("crack", rows.index("plain.jpg"), first + 1)
        browser.act("no-crack", rows.index("cracked.jpg"), first)
        browser.act("unsure", rows.index(HOSTILE))
        browser.act("note", first, text="a joint")
    with served(journal, "bob") as session:
        browser = Browser(session)
        browser.act("no-crack", first, first + 1, first + 2)
    return journal


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("ending", ["csv", "geojson", "geojsonl", "gpkg", "parquet", "html"])
def test_convert_writes_verdicts_in_each_format(judged: Path, tmp_path: Path, ending: str) -> None:
    """The final table has the label of the people, their names and the time."""
    target = tmp_path / f"final.{ending}"
    done = run("convert", judged, "--reviewed", "-o", target)
    assert done.exit_code == 0, done.stderr
    content = target.read_bytes()
    assert b"anna, bob" in content or ending in {"parquet", "html"}
    if ending == "csv":
        rows = {(row["source"], row["col"], row["row"]): row for row in table(target)}
        said = {place: (row["label"], row["review"], row["reviewer"]) for place, row in rows.items()}
        assert said["cracked.jpg", "0", "0"] == ("no-crack", "no-crack", "anna")
        assert said["deck.tif", "0", "0"] == ("no-crack", "no-crack", "anna, bob")
        assert said["deck.tif", "224", "0"] == ("no-crack", "disagreement", "anna, bob")
        assert said["deck.tif", "0", "224"] == ("no-crack", "no-crack", "bob")
        assert said["deck.tif", "224", "224"] == ("no-crack", "", "")
        assert said[HOSTILE, "0", "0"][1:] == ("unsure", "anna")
        assert rows["deck.tif", "0", "0"]["review_note"] == "anna: a joint"


def test_convert_without_the_option_has_no_verdicts(judged: Path, tmp_path: Path) -> None:
    """Nobody gets columns, or other labels, that they did not ask for."""
    run("convert", judged, "-o", tmp_path / "plain.csv")
    row = table(tmp_path / "plain.csv")[0]
    assert "review" not in row


def test_convert_without_verdicts_says_how_to_make_them(tmp_path: Path, judged: Path) -> None:
    """The error names the command."""
    journal = shutil.copy(judged, tmp_path / "new.journal")
    done = run("convert", journal, "--reviewed", "-o", tmp_path / "final.csv")
    assert done.exit_code == 1
    assert f"crackscan review {journal} makes it" in done.stderr.replace("\n", "")


def test_lost_verdict_is_told(tmp_path: Path, judged: Path) -> None:
    """Who converts learns that a kill tore the last line."""
    journal = Path(shutil.copy(judged, tmp_path))
    content = verdicts_path(judged).read_bytes()
    verdicts_path(journal).write_bytes(content[:-5])
    done = run("convert", journal, "--reviewed", "-o", tmp_path / "final.csv")
    assert "1 line is not whole and left out" in " ".join(done.stderr.split())


def test_export_is_labelled_data(judged: Path, tmp_path: Path) -> None:
    """Evaluate and train take the folder, or its manifest, as they are; neighbours stay together."""
    folder = tmp_path / "judged"
    done = run("review", judged, "--export", folder)
    assert done.exit_code == 0, done.stderr
    assert "4 labelled tiles (1 cracked), and 3 corrections" in " ".join(done.stderr.split())
    examples = load_examples([folder]).examples
    assert sorted(example.label for example in examples) == [False, False, False, True]
    groups = {example.group for example in load_examples([folder / "tiles.csv"]).examples}
    assert groups == {"cracked.jpg", "plain.jpg", "deck.tif 0,0"}


def test_exported_tile_is_what_the_model_saw(judged: Path, tmp_path: Path) -> None:
    """It is cut by the reader of scans, without loss."""
    run("review", judged, "--export", tmp_path / "judged")
    rows = {row["source"]: row for row in table(tmp_path / "judged" / "tiles.csv")}
    plain = rows["plain.jpg"]
    tile = np.asarray(Image.open(tmp_path / "judged" / plain["path"]))
    window = Window(int(plain["col"]), int(plain["row"]), 224, 224)
    photo = read_photo(judged.parent / "site" / "plain.jpg")
    assert np.array_equal(tile, photo.patch.crop(window).pixels)


def test_corrections_correct_the_scanned_dataset(judged: Path, tmp_path: Path) -> None:
    """Verdicts replace the labels of a dataset that was scanned; who is unsure leaves an image out."""
    run("review", judged, "--export", tmp_path / "judged")
    rows = [row | {"col": "", "row": ""} for row in table(tmp_path / "judged" / "corrections.csv")]
    assert {(row["data"], row["source"], row["label"]) for row in rows} == {
        ("site", "cracked.jpg", "no-crack"),
        ("site", "plain.jpg", "crack"),
        ("site", HOSTILE, "leave-out"),
    }
    manifest = judged.parent / "site" / "labels.csv"
    quoted = f'"{HOSTILE}"'
    manifest.write_text(f"path,label\ncracked.jpg,crack\nplain.jpg,no-crack\n{quoted},crack\n")
    text = (tmp_path / "judged" / "corrections.csv").read_text("utf-8").replace("site,", "labels.csv,")
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(text)
    examples = load_examples([manifest, corrections]).examples
    manifest.unlink()
    assert {example.source: example.label for example in examples} == {
        "cracked.jpg": False,
        "plain.jpg": True,
    }


def test_export_names_what_cannot_be_read(judged: Path, tmp_path: Path) -> None:
    """A photo that changed since the scan gives no tile, and is told."""
    photo = judged.parent / "site" / "plain.jpg"
    before = photo.stat().st_mtime_ns
    os.utime(photo, ns=(before, before + 10**9))
    done = run("review", judged, "--export", tmp_path / "judged")
    os.utime(photo, ns=(before, before))
    assert done.exit_code == 3
    assert "plain.jpg: its tiles are missing" in " ".join(done.stderr.split())
    assert len(table(tmp_path / "judged" / "tiles.csv")) == 3


def test_export_replaces_nothing(judged: Path, tmp_path: Path) -> None:
    """A folder with something in it stays as it is."""
    (tmp_path / "mine.txt").write_text("mine")
    done = run("review", judged, "--export", tmp_path)
    assert done.exit_code == 1
    assert "is there already; choose another name" in " ".join(done.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_verdict_on_a_photo_is_about_its_marked_tile() -> None:
    """A missed crack is in the tile that was clicked; where people disagree there is no label."""
    marked, other = Window(0, 0, 224, 224), Window(224, 0, 224, 224)
    known: Any = {"source": "a.jpg", "kind": "photo", "status": "ok", **marked._asdict()}
    row = Result(**known, judged=((marked, 0.9), (other, 0.1)))
    no, missed = Opinion("no-crack"), Opinion("no-crack", missed=((300.0, 9.0),))
    assert labelled_windows(row, {"anna": no}) == {marked: False}
    assert labelled_windows(row, {"anna": missed}) == {other: True, marked: False}
    assert labelled_windows(row, {"anna": missed, "bob": no}) == {}
    assert labelled_windows(row, {"anna": Opinion("unsure")}) == {}
    outside = Opinion("crack", missed=((900.0, 9.0),))
    assert labelled_windows(row, {"anna": outside}) == {marked: True}
