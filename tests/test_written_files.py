"""No run replaces a file that it reads, or writes one file twice."""

import os
from pathlib import Path

import pytest
from commands import run
from makers import make_mosaic, make_photo
from rasterio.shutil import copy as copy_raster

from crackscan.basics.errors import OutputConflict
from crackscan.evaluation.report import REPORT_FILES
from crackscan.scanning.written_files import WrittenFiles, check_replaced_folders

pytestmark = pytest.mark.usefixtures("stand_in_model")


def assert_refused(file: Path, *arguments: object) -> None:
    """Run a command, which must be refused as wrong usage and leave a file as it is."""
    before = file.read_bytes()
    done = run(*arguments)
    assert done.exit_code == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert file.read_bytes() == before


@pytest.mark.parametrize("option", ["-o", "--journal"])
def test_list_photo_and_positions_are_not_replaced(tmp_path: Path, option: str) -> None:
    """Neither by an output nor by a journal, whatever the files are called."""
    photo = make_photo(tmp_path / "site" / "p.jpg")
    lines, table, areas = tmp_path / "lines.csv", tmp_path / "geo.csv", tmp_path / "areas.json"
    lines.write_text(f"{photo}\n")
    table.write_text("EPSG:4326\np.jpg 8 47\n")
    areas.write_text('{"type": "FeatureCollection", "features": []}')
    link = tmp_path / "link.csv"
    link.symlink_to(lines)
    out = ["-o", tmp_path / "o.csv"] if option == "--journal" else []
    for file in (lines, table, areas, photo):
        scan = ["scan", photo, "--from-file", lines, "--geo", table, "--aoi", areas, *out]
        form = ["--format", "csv"] if not out else []
        assert_refused(file, *scan, option, file, *form)
    assert_refused(lines, "scan", "--from-file", lines, *out, option, link)
    assert not (tmp_path / "o.csv").exists()


def test_photo_in_a_folder_is_not_replaced(tmp_path: Path) -> None:
    """It is noticed when the folder is listed; the output may be another name of the photo."""
    photo = make_photo(tmp_path / "site" / "p.jpg")
    other = tmp_path / "o.csv"
    os.link(photo, other)
    assert_refused(photo, "scan", tmp_path / "site", "-o", photo, "--format", "csv")
    assert_refused(photo, "scan", tmp_path / "site", "-o", other)


def test_part_of_a_vrt_is_not_replaced(tmp_path: Path) -> None:
    """A mosaic is all files that it is made of."""
    part = make_mosaic(tmp_path / "part.tif")
    copy_raster(part, tmp_path / "whole.vrt", driver="VRT")
    assert_refused(part, "scan", tmp_path / "whole.vrt", "-o", part, "--format", "csv")


def test_two_outputs_and_the_journal_are_different_files(tmp_path: Path) -> None:
    """Also under different names, and before they exist."""
    photo, out = make_photo(tmp_path / "p.jpg"), tmp_path / "o.csv"
    (tmp_path / "folder").mkdir()
    same = tmp_path / "folder" / ".." / "o.csv"
    assert_refused(photo, "scan", photo, "-o", out, "-o", same)
    assert_refused(photo, "scan", photo, "-o", out, "--journal", same)
    side_file = f"{out}.journal-wal"
    assert_refused(photo, "scan", photo, "-o", side_file, "--format", "csv", "--journal", f"{out}.journal")
    assert not out.exists()


def test_convert_does_not_replace_its_journal(tmp_path: Path) -> None:
    """The journal holds all that the scan found."""
    photo, out = make_photo(tmp_path / "p.jpg"), tmp_path / "o.csv"
    assert run("scan", photo, "-o", out).exit_code == 0
    journal = tmp_path / "o.csv.journal"
    assert_refused(journal, "convert", journal, "-o", journal, "--format", "csv")
    (tmp_path / "site").mkdir()
    assert_refused(out, "convert", journal, "-o", out, "-o", tmp_path / "site" / ".." / "o.csv")


def test_scan_again_replaces_its_own_outputs(site: Path) -> None:
    """An output in the scanned folder is not read, so a second scan may replace it."""
    outputs = ["-o", site / "o.csv", "-o", site / "heat.tif", "-o", site / "o.gpkg"]
    for _ in range(2):
        assert run("scan", site, *outputs, "--fresh").exit_code == 0


def test_report_does_not_replace_labels(tmp_path: Path) -> None:
    """The CSV of the labelled images may be called like a file of the report."""
    labels = tmp_path / "predictions.csv"
    make_photo(tmp_path / "p.jpg", crack=True)
    make_photo(tmp_path / "q.jpg")
    labels.write_text("path,label\np.jpg,crack\nq.jpg,no-crack\n")
    assert "predictions.csv" in REPORT_FILES
    assert_refused(labels, "evaluate", labels, "-o", tmp_path)


def test_training_does_not_replace_a_folder_with_its_images(tmp_path: Path) -> None:
    """Nor does --force."""
    photo = make_photo(tmp_path / "data" / "crack" / "p.jpg")
    for folder in (tmp_path / "data", tmp_path / "data" / "crack", tmp_path):
        with pytest.raises(OutputConflict, match="would be replaced"):
            check_replaced_folders([folder], [photo])
    check_replaced_folders([tmp_path / "model"], [photo, tmp_path / "data"])


def test_devices_may_be_named_twice() -> None:
    """They are not files that could be lost."""
    WrittenFiles([os.devnull, os.devnull]).check(os.devnull)
