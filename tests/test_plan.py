"""The plan: paths become Work, lazily and in natural order, and no picture is lost."""

import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import rasterio
from commands import run
from makers import make_mosaic, make_photo, scan_options

from crackscan.basics.errors import MissingCRS, NoInputs
from crackscan.basics.records import SourceKind, Window
from crackscan.scanning.plan import Plan
from crackscan.scanning.sources import describe_ignored

OPTIONS = scan_options(tile_px=224, threshold=0.5)


def plan(*sources: Path | str, kind: SourceKind | None = None, needs_crs: bool = False) -> Plan:
    """Return the plan of a scan with default options."""
    return Plan(tuple(map(str, sources)), OPTIONS.tiles, kind=kind, needs_crs=needs_crs)


def test_folders_are_listed_in_natural_order(tmp_path: Path) -> None:
    """Photo 10 comes after photo 9, and folders are sorted among the files."""
    for name in ("img10.jpg", "img9.jpg", "img2/b.png", "img2/a.png", "IMG1.JPG"):
        make_photo(tmp_path / name)
    assert [work.source for work in plan(tmp_path)] == [
        "IMG1.JPG",
        "img2/a.png",
        "img2/b.png",
        "img9.jpg",
        "img10.jpg",
    ]


def test_same_name_in_two_folders_stays_apart(tmp_path: Path) -> None:
    """DCIM/100/IMG_1 and DCIM/101/IMG_1 are two photos; given as two sources they keep their paths."""
    for folder in ("100", "101"):
        make_photo(tmp_path / folder / "IMG_1.jpg")
    assert [work.source for work in plan(tmp_path)] == ["100/IMG_1.jpg", "101/IMG_1.jpg"]
    two = [work.source for work in plan(tmp_path / "100", tmp_path / "101")]
    assert two == [(tmp_path / folder / "IMG_1.jpg").as_posix() for folder in ("100", "101")]


def test_other_files_are_ignored_and_counted(tmp_path: Path) -> None:
    """Text files and macOS' ._ files are not pictures; they are counted for the summary."""
    make_photo(tmp_path / "a.jpg")
    for name in ("notes.txt", "._a.jpg", "Thumbs.db", "more.TXT"):
        (tmp_path / name).write_bytes(b"")
    whole = plan(tmp_path)
    assert [work.source for work in whole] == ["a.jpg"]
    assert whole.ignored == {".txt": 2, ".jpg": 1, ".db": 1}


@pytest.mark.parametrize("boxes", [{}, {"GeoJP2": False}, {"GMLJP2": False}], ids=str)
def test_jpeg_2000_with_a_position_is_a_mosaic(tmp_path: Path, boxes: dict[str, bool]) -> None:
    """The position lies in a box of the file: GeoJP2's, GMLJP2's, or both."""
    make_mosaic(tmp_path / "ortho.jp2", width=448, height=224, driver="JP2OpenJPEG", **boxes)
    (work,) = plan(tmp_path, needs_crs=True)
    assert (work.kind, work.window) == ("mosaic", Window(0, 0, 448, 224))


def test_jpeg_2000_without_a_position_is_a_photo(tmp_path: Path) -> None:
    """Also where other software wrote its boxes, and where it is no JPEG 2000 at all."""
    make_photo(tmp_path / "photo.jp2")
    make_mosaic(tmp_path / "plain.jp2", driver="JP2OpenJPEG", GeoJP2=False, GMLJP2=False)
    (tmp_path / "text.jp2").write_text("no picture")
    assert [work.kind for work in plan(tmp_path)] == ["photo"] * 3


def test_jpeg_2000_that_was_cut_is_an_unreadable_mosaic(tmp_path: Path) -> None:
    """It is not judged as a photo without a place."""
    path = make_mosaic(tmp_path / "ortho.jp2", width=448, height=224, driver="JP2OpenJPEG")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"jp2c") + 10])
    (work,) = plan(path)
    assert work.kind == "mosaic"
    assert work.fault


@pytest.mark.parametrize("world", ["ortho.jgw", "ortho.wld", "ortho.JPGW"])
def test_photo_with_a_world_file_is_counted(tmp_path: Path, world: str) -> None:
    """It may be an orthophoto, which the summary says; it is not lost."""
    photo = make_photo(tmp_path / "ortho.jpg")
    (tmp_path / world).write_text("0.01\n0\n0\n-0.01\n500000\n6100000\n")
    assert [work.source for work in plan(tmp_path)] == ["ortho.jpg"]
    done = run("scan", tmp_path, "-o", "-")
    assert done.exit_code == 0
    sentence = "1 picture with a world file may be orthophotos, but were judged as photos"
    assert sentence in " ".join(done.stderr.split())
    if world.islower():
        assert sentence in " ".join(run("scan", photo, "-o", "-").stderr.split())


SYSTEM_FOLDERS = (
    *("@eaDir", ".thumbnails", ".Trash-1000", ".Trashes", "$RECYCLE.BIN", "$Recycle.Bin", "#recycle"),
    *("@Recycle", ".@__thumb", "lost+found", "System Volume Information", "__MACOSX"),
)


@pytest.mark.parametrize("name", SYSTEM_FOLDERS)
def test_folders_that_systems_make_are_ignored_and_counted(tmp_path: Path, name: str) -> None:
    """Their pictures are small copies of others, or deleted; a folder that the user names is scanned."""
    make_photo(tmp_path / "day" / "a.jpg")
    make_photo(tmp_path / "day" / name / "IMG" / "b.jpg")
    whole = plan(tmp_path)
    assert [work.source for work in whole] == ["day/a.jpg"]
    assert whole.ignored == {f"{name}/": 1}
    assert describe_ignored(whole.ignored) == f"1 folder ({name}/ 1)"
    assert len(list(plan(tmp_path / "day" / name))) == 1


def test_a_named_file_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    """A file that a user names is an input; if it is not a picture, its row says so."""
    (tmp_path / "notes.txt").write_text("hello")
    assert [work.kind for work in plan(tmp_path / "notes.txt")] == ["photo"]


def test_nothing_to_scan_is_an_error(tmp_path: Path) -> None:
    """An empty folder is not a scan without cracks."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(NoInputs, match=r"no photo or mosaic found; ignored 1 other file \(\.txt 1\)"):
        plan(tmp_path).count()


def test_loop_of_links_ends(tmp_path: Path) -> None:
    """A symbolic link to a parent folder is followed once."""
    make_photo(tmp_path / "a" / "photo.jpg")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [work.source for work in plan(tmp_path)] == ["a/photo.jpg"]


def test_tiff_with_a_position_is_a_mosaic(tmp_path: Path) -> None:
    """A camera's TIFF and a GeoTIFF have the same ending; the content decides."""
    make_photo(tmp_path / "camera.tif")
    make_mosaic(tmp_path / "survey.tif", width=100, height=100)
    assert [(work.source, work.kind) for work in plan(tmp_path)] == [
        ("camera.tif", "photo"),
        ("survey.tif", "mosaic"),
    ]
    assert [work.kind for work in plan(tmp_path, kind="mosaic")] == ["mosaic", "mosaic"]
    assert [work.kind for work in plan(tmp_path, kind="photo")] == ["photo", "photo"]


def test_mosaic_becomes_row_bands(tmp_path: Path) -> None:
    """A mosaic is cut into bands; the last one ends flush with the mosaic."""
    path = make_mosaic(tmp_path / "m.tif", width=500, height=400)
    assert [work.window for work in plan(path)] == [Window(0, 0, 500, 224), Window(0, 176, 500, 224)]


def test_planning_opens_a_survey_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a file on a network drive is slow, and surveys can have thousands of files."""
    make_mosaic(tmp_path / "survey.tif", width=100, height=100)
    opened: list[str] = []

    def counted(path: str, *arguments: object, **named: object) -> object:
        opened.append(path)
        return whole(path, *arguments, **named)

    whole = rasterio.open
    monkeypatch.setattr(rasterio, "open", counted)
    assert [work.kind for work in plan(tmp_path, needs_crs=True)] == ["mosaic"]
    assert opened == [str(tmp_path / "survey.tif")]


def test_broken_tiff_is_one_work(tmp_path: Path) -> None:
    """It becomes Work, so that it gets a row."""
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    assert len(list(plan(tmp_path))) == 1
    (work,) = plan(tmp_path, kind="mosaic")
    assert work.fault


def test_mosaic_without_crs_is_refused_where_positions_are_wanted(tmp_path: Path) -> None:
    """The error says what to do; CSV needs no positions, and --crs gives a system."""
    make_mosaic(tmp_path / "site.tif", crs=None)
    with pytest.raises(MissingCRS) as caught:
        plan(tmp_path, needs_crs=True).count()
    expected = "site.tif: no CRS; give one with --crs EPSG:32633 or write CSV instead."
    assert str(caught.value) == expected
    assert plan(tmp_path).count() == 2
    placed = scan_options(tile_px=224, threshold=0.5, crs="EPSG:32633")
    assert Plan((str(tmp_path),), placed.tiles, needs_crs=True).count() == 2


def test_list_on_stdin_is_read_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`find ... | crackscan scan -` starts with the first line; names may hold spaces and foreign bytes."""
    photo = make_photo(tmp_path / "a b.jpg")
    listed = f"{photo}\r\n\n".encode() + b"caf\xe9.jpg\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(listed)))
    works = list(Plan((), OPTIONS.tiles, lists=("-",)))
    assert [work.path for work in works] == [str(photo), os.fsdecode(b"caf\xe9.jpg")]
    assert works[1].source == r"caf\udce9.jpg"


@pytest.mark.parametrize("name", ["=cmd.jpg", "+1.jpg", "-1.jpg", "@a.jpg"])
def test_names_that_a_spreadsheet_would_run_are_made_safe(tmp_path: Path, name: str) -> None:
    """A file name must not become a formula; the path is not changed."""
    make_photo(tmp_path / name)
    assert [work.source for work in plan(tmp_path)] == [f"./{name}"]


def test_unusual_names_are_kept(tmp_path: Path) -> None:
    """Names may hold quotes, commas, newlines and any script."""
    names = ['a "b", c.jpg', "line\nbreak.jpg", "Brücke 橋.jpg"]
    for name in names:
        make_photo(tmp_path / name)
    assert sorted(work.source for work in plan(tmp_path)) == sorted(names)


def test_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    """A name from an old file system is shown with its byte, and can still be opened."""
    photo = make_photo(tmp_path / "x.jpg")
    odd = os.fsencode(tmp_path) + b"/f\xfc.jpg"
    os.rename(os.fsencode(photo), odd)  # noqa: PTH104 - bytes
    (work,) = plan(tmp_path)
    assert work.source == r"f\udcfc.jpg"
    assert os.fsencode(work.path) == odd


def test_planning_is_lazy(tmp_path: Path) -> None:
    """The first Work is there before the second folder is opened."""
    make_photo(tmp_path / "a" / "1.jpg")
    make_photo(tmp_path / "b" / "2.jpg")
    works = iter(plan(tmp_path))
    assert next(works).source == "a/1.jpg"
    make_photo(tmp_path / "b" / "3.jpg")
    assert [work.source for work in works] == ["b/2.jpg", "b/3.jpg"]
