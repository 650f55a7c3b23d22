"""`scan --geo`: poses from OpenDroneMap's geo.txt and exiftool's tables, each for the right photo."""

import csv
import os
import shutil
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from commands import run
from drones import AUTEL, LON, OLD_AUTEL, PARROT, dji, drone_exif, make_drone_photo
from makers import make_photo, scan_options
from rasterio.warp import transform

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Pose, Work
from crackscan.geo.pose.camera_view import CameraView
from crackscan.geo.pose.geo_file import entries
from crackscan.geo.pose.table import open_pose_table
from crackscan.reading import read_photo
from crackscan.scanning.plan import Plan

pytestmark = pytest.mark.usefixtures("stand_in_model")

OPTIONS = scan_options(tile_px=224, threshold=0.5)


def scan_rows(folder: Path, geo: Path, *options: str) -> tuple[dict[str, dict[str, str]], str]:
    """Scan a folder; return its rows by source, and stderr."""
    out = folder.parent / "rows.csv"
    done = run("scan", folder, "--geo", geo, "-o", out, *options)
    assert done.exit_code == 0, done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}, done.stderr


def write_lines(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """Write lines as a user's editor would."""
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def test_geo_txt_overrules_exif(tmp_path: Path) -> None:
    """Line 1 is the coordinate system; comments, blank lines and a byte order mark are skipped."""
    site = tmp_path / "site"
    make_drone_photo(site / "a.jpg", dji())
    make_drone_photo(site / "b.jpg", dji())
    (x,), (y,) = transform("EPSG:4326", "EPSG:32633", [15.4], [55.1])
    geo = write_lines(
        tmp_path / "geo.txt",
        "WGS84 UTM 33N",
        "# RTK",
        "",
        f"a.jpg {x:.3f} {y:.3f} 12.5",
        encoding="utf-8-sig",
    )
    rows, stderr = scan_rows(site, geo)
    assert (float(rows["a.jpg"]["lon"]), float(rows["a.jpg"]["lat"])) == pytest.approx((15.4, 55.1), abs=1e-8)
    assert (rows["a.jpg"]["position_from"], rows["a.jpg"]["altitude"]) == ("geo", "12.500")
    assert rows["a.jpg"]["heading"] == "45.0"  # of the photo's own XMP
    assert (rows["b.jpg"]["position_from"], float(rows["b.jpg"]["lon"])) == ("exif", LON)
    assert "geo.txt" not in stderr


def test_angles_of_geo_txt_follow_opendronemap(tmp_path: Path) -> None:
    """Pitch 0 looks straight down there; three zeros stand for unknown angles."""
    geo = write_lines(
        tmp_path / "geo.txt",
        "EPSG:4326",
        "down.jpg 15 55 30 120 0 1 0.02 0.04 a label",
        "wall.jpg 15 55 30 120 90 0",
        "zeros.jpg 15 55 30 0 0 0",
        "nothing.jpg 15 55",
    )
    down, wall, zeros, nothing = (entry.pose for entry in entries(geo))
    assert down.pitch == pytest.approx(-89)
    assert (wall.yaw, wall.pitch, wall.roll) == pytest.approx((120, 0, 0))
    assert zeros == Pose(lon=15, lat=55, altitude=30)
    assert nothing == Pose(lon=15, lat=55)


EXIFTOOL = (
    "SourceFile,GPSLatitude,GPSLongitude,GPSAltitude,RelativeAltitude,GimbalYawDegree,GimbalPitchDegree,"
    "GimbalRollDegree"
)


def test_exiftool_table_overrules_exif_and_xmp(tmp_path: Path) -> None:
    """Its columns are names of tags; for an empty cell the photo's own value counts."""
    site = tmp_path / "site"
    for name in ("a.jpg", "b.jpg"):
        make_drone_photo(site / name, dji())
    table = write_lines(
        tmp_path / "table.csv",
        EXIFTOOL,
        "site/a.jpg,-33.5,-70.25,512.3,+25.00,-90.00,-90.00,+0.00",
        "site/b.jpg,,,,,,,",
        encoding="utf-8-sig",
    )
    rows, _ = scan_rows(site, table, "--footprint")
    assert (float(rows["a.jpg"]["lon"]), float(rows["a.jpg"]["lat"])) == (-70.25, -33.5)
    assert [rows["a.jpg"][name] for name in ("altitude", "above_ground", "heading", "pitch")] == [
        "512.300",
        "25.000",
        "270.0",
        "-90.0",
    ]
    assert rows["a.jpg"]["wkt"].startswith("POLYGON((-70.25")
    assert (rows["b.jpg"]["position_from"], rows["b.jpg"]["heading"]) == ("exif", "45.0")


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("SourceFile,EXIF:GPSLatitude,EXIF:GPSLatitudeRef,EXIF:GPSLongitude", "a,33.5,S,7", (7, -33.5)),
        ("SourceFile,EXIF:GPSLatitude,Composite:GPSLatitude,GPSLongitude", "a,33.5,-33.5,7", (7, -33.5)),
        ("SourceFile,GPSLatitude,GPSLongitude,GPSLongitudeRef", "a,33.5,-7,W", (-7, 33.5)),
        ("SourceFile,GPSLatitude,GPSLongitude", "a,-,-", (None, None)),
        ("SourceFile,GPSLatitude,GPSLongitude", "a,0,0", (None, None)),
    ],
)
def test_hemispheres_of_exiftool(
    tmp_path: Path, header: str, line: str, expected: tuple[float | None, float | None]
) -> None:
    """The group EXIF has letters, Composite has signs; both work. 0, 0 is not a position."""
    (entry,) = entries(write_lines(tmp_path / "t.csv", header, line))
    assert (entry.pose.lon, entry.pose.lat) == expected


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("grouped", [[], ["-G"]])
def test_table_of_exiftool_gives_what_the_photos_give_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grouped: list[str]
) -> None:
    """Such a table changes only position_from; the aircraft's Yaw and Pitch are ignored."""
    south_west = drone_exif(GPSLatitudeRef="S", GPSLongitudeRef="W", GPSAltitudeRef=b"\1")
    make_drone_photo(tmp_path / "site" / "dji.jpg", dji(GimbalRollDegree="180.0"), exif=south_west)
    make_drone_photo(tmp_path / "site" / "parrot.jpg", PARROT)
    make_drone_photo(tmp_path / "site" / "autel.jpg", AUTEL)
    make_drone_photo(tmp_path / "site" / "old autel.jpg", OLD_AUTEL)
    monkeypatch.chdir(tmp_path)
    with Path("table.csv").open("wb") as table:
        subprocess.run(["exiftool", "-csv", "-n", "-r", *grouped, "site"], stdout=table, check=True)
    read = list(entries(Path("table.csv")))
    assert len(read) == 4
    for name, _, pose in read:
        photo = read_photo(name)
        own, by_table = CameraView.from_photo(photo, None).columns, CameraView.from_photo(photo, pose).columns
        assert by_table["position_from"] == "geo"
        numbers = [column for column, value in own.items() if isinstance(value, float)]
        assert numbers
        assert [by_table[column] for column in numbers] == pytest.approx([own[column] for column in numbers])


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["EPSG:4326", "a.jpg 15 55", "b.jpg 15"], "line 3: 'b.jpg 15' is not name x y [z] [yaw pitch roll]"),
        (["EPSG:4326", "my photo.jpg 15 55"], "line 2: 'my photo.jpg 15 55' is not name x y"),
        (["EPSG:4326", "a.jpg 15 nan"], "line 2: 'a.jpg 15 nan' is not name x y"),
        (["EPSG:4326", "a.jpg 15 95"], "line 2: 15 95 is outside of the coordinate system"),
        (["a.jpg 15 55"], "line 1: a.jpg 15 55: not a coordinate system that PROJ knows"),
        (["# only this"], "line 1: : not a coordinate system"),
        (["EPSG:4326"], "names no photo"),
        (["SourceFile,GPSLatitude", "a.jpg,46 deg 50' 33.39 N"], "line 2: GPSLatitude is "),
        (["SourceFile,GPSLatitude,GPSLongitude", "a.jpg,95,7"], "line 2: has no position on earth"),
        (["SourceFile,GPSLatitude,GPSLongitude", ",46,7"], "line 2: names no file"),
        (
            ["SourceFile,GPSLatitude,GPSLongitude", "a, b.jpg,46,7"],
            "line 2: names no file, or has more cells",
        ),
        (["WGS84 UTM 61N", "a.jpg 15 55"], "line 1: WGS84 UTM 61N: not a coordinate system"),
    ],
)
def test_line_that_cannot_be_read_is_an_error_before_any_work(
    site: Path, tmp_path: Path, lines: list[str], sentence: str
) -> None:
    """The error names the file and the line, and nothing is written."""
    geo = write_lines(tmp_path / "geo.txt", *lines)
    done = run("scan", site, "--geo", geo, "-o", tmp_path / "o.csv")
    assert done.exit_code == 1
    assert f"{geo}: {sentence}" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["geo.txt", "site"]


def planned_poses(sources: list[Path], geo: Path) -> dict[str, Pose | None]:
    """Return the poses of photos by the plan of a scan."""
    with open_pose_table(geo) as poses:
        return {work.source: work.pose for work in Plan(tuple(map(str, sources)), OPTIONS.tiles, poses=poses)}


def test_photos_of_one_name_never_get_each_others_position(tmp_path: Path) -> None:
    """Drones begin each folder with DJI_0001: a bare name is ambiguous then, a path is not."""
    for folder in ("100", "101"):
        make_photo(tmp_path / "site" / folder / "DJI_0001.jpg")
    bare = planned_poses(
        [tmp_path / "site"], write_lines(tmp_path / "geo.txt", "EPSG:4326", "DJI_0001.jpg 15 55")
    )
    note = "geo.txt is not used: several of its lines or photos are called DJI_0001.jpg"
    assert bare == {"100/DJI_0001.jpg": Pose(note=note), "101/DJI_0001.jpg": Pose(note=note)}
    path = planned_poses(
        [tmp_path / "site"], write_lines(tmp_path / "geo.txt", "EPSG:4326", "101/DJI_0001.jpg 15 55")
    )
    assert path == {"100/DJI_0001.jpg": Pose(note=note), "101/DJI_0001.jpg": Pose(lon=15, lat=55)}
    twice = write_lines(tmp_path / "geo.txt", "EPSG:4326", "DJI_0001.jpg 15 55", "DJI_0001.jpg 16 56")
    assert planned_poses([tmp_path / "site" / "100"], twice) == {"DJI_0001.jpg": Pose(note=note)}


@pytest.mark.parametrize("folder", ["", "./", "site/", "{tmp}/site/", "site\\"])
def test_table_may_name_photos_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Paths may be relative to the scanned folder or the working directory, or absolute."""
    make_photo(tmp_path / "site" / "a.jpg")
    make_photo(tmp_path / "site" / "old" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    table = write_lines(
        tmp_path / "t.csv",
        "SourceFile,GPSLatitude,GPSLongitude",
        f"{folder.format(tmp=tmp_path)}a.jpg,55,15",
        f"{folder.format(tmp=tmp_path)}old/a.jpg,56,16",
    )
    expected = {"a.jpg": Pose(lon=15, lat=55), "old/a.jpg": Pose(lon=16, lat=56)}
    assert planned_poses([Path("site")], table) == expected


def test_photo_matched_by_its_name_in_another_folder_has_a_note(tmp_path: Path) -> None:
    """Photos that were moved since the table was written keep their positions, with a note."""
    make_photo(tmp_path / "here" / "a.jpg")
    table = write_lines(tmp_path / "t.csv", "SourceFile,GPSLatitude,GPSLongitude", "D:/there/a.jpg,55,15")
    note = "matched by its name alone to D:/there/a.jpg of t.csv"
    assert planned_poses([tmp_path / "here"], table) == {"a.jpg": Pose(lon=15, lat=55, note=note)}


def test_names_that_are_not_utf_8_are_matched(tmp_path: Path) -> None:
    """Names of old file systems are matched as bytes."""
    name = os.fsdecode(b"f\xfc.jpg")
    make_photo(tmp_path / "x.jpg").rename(tmp_path / name)
    (tmp_path / "geo.txt").write_bytes(b"EPSG:4326\r\nf\xfc.jpg 15 55\r\n")
    assert planned_poses([tmp_path / name], tmp_path / "geo.txt") == {
        str(tmp_path / r"f\udcfc.jpg"): Pose(lon=15, lat=55)
    }


def test_lines_without_a_photo_are_counted(tmp_path: Path) -> None:
    """The summary shows that a wrong file was given."""
    make_photo(tmp_path / "site" / "a.jpg")
    geo = write_lines(tmp_path / "geo.txt", "EPSG:4326", *[f"{name}.jpg 15 55" for name in "abc"])
    _, stderr = scan_rows(tmp_path / "site", geo)
    assert "geo.txt: 2 of its 3 lines name no photo of this scan." in stderr


def test_photo_whose_pose_changed_is_judged_again(tmp_path: Path) -> None:
    """After a correction the same command judges that photo again; the others keep their rows."""
    for name in ("a.jpg", "b.jpg"):
        make_photo(tmp_path / "site" / name)
    scan_rows(tmp_path / "site", write_lines(tmp_path / "geo.txt", "EPSG:4326", "a.jpg 15 55", "b.jpg 16 56"))
    rows, stderr = scan_rows(
        tmp_path / "site", write_lines(tmp_path / "geo.txt", "EPSG:4326", "a.jpg 17 57", "b.jpg 16 56")
    )
    assert "1 of 2 photos and mosaic bands are left to judge" in stderr
    assert (float(rows["a.jpg"]["lon"]), float(rows["b.jpg"]["lon"])) == (17, 16)


def test_list_on_stdin_is_refused(site: Path, tmp_path: Path) -> None:
    """Stdin can be read once only, but planning needs to see all photos of a name first."""
    geo = write_lines(tmp_path / "geo.txt", "EPSG:4326", "plain.jpg 15 55")
    done = run("scan", "-", "--geo", geo, stdin=f"{site / 'plain.jpg'}\n")
    assert done.exit_code == 2
    assert "--from-file" in done.stderr


def peak_memory(path: Path, lines: int) -> int:
    """Return the peak of Python's memory in bytes while a table of so many lines is read and queried."""
    write_lines(path, "EPSG:4326", *[f"{number}.jpg 15.5 55.2 30" for number in range(lines)])
    works: Any = [Work(f"{number}.jpg", f"{number}.jpg", "photo", OPTIONS.tiles) for number in range(20)]
    tracemalloc.start()
    with open_pose_table(path) as poses:
        poses.count_photos(iter(works))
        assert all(poses.add_pose(work).pose for work in works)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    """Many times the lines take no more memory: lines are on disk."""
    peak_memory(tmp_path / "warm.txt", 600)
    small = peak_memory(tmp_path / "small.txt", 600)
    assert peak_memory(tmp_path / "large.txt", 15_000) < small + 500_000  # 33 bytes a line


def test_folder_named_as_geo_file_is_wrong_usage(site: Path) -> None:
    """A folder for --geo is a usage error."""
    assert run("scan", site, "--geo", site).exit_code == 2


def test_table_that_is_not_csv_is_an_error(tmp_path: Path) -> None:
    """The library raises the error that the command line prints."""
    with pytest.raises(CrackscanError, match="not a line of CSV"):
        list(entries(write_lines(tmp_path / "t.csv", "SourceFile,GPSLatitude", f"a.jpg,{'9' * 200_000}")))
