"""Scans in parts: machines share a survey, and the joined rows are those of one machine's scan."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from makers import make_mosaic, make_photo, scan_options

from crackscan import convert
from crackscan.basics.errors import MissingParts
from crackscan.basics.records import Window, Work
from crackscan.scanning import executor
from crackscan.scanning.parts import RUN, Part, Share

pytestmark = pytest.mark.usefixtures("stand_in_model")

COUNT = 3
OPTIONS = scan_options().tiles


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Return a folder with 5 photos and a mosaic of 16 bands, which is three runs."""
    for number in range(5):
        make_photo(tmp_path / "survey" / f"{number}.jpg", crack=number % 2 == 0)
    make_mosaic(tmp_path / "survey" / "deck.tif", width=230, height=16 * 224)
    return tmp_path / "survey"


def scan_parts(survey: Path, out: Path, *more: object, count: int = COUNT) -> list[Path]:
    """Scan all parts; return their journals."""
    for number in range(1, count + 1):
        assert run("scan", survey, "-o", out, "--part", f"{number}/{count}", *more).exit_code == 0
    return [journal(out, number, count) for number in range(1, count + 1)]


def journal(out: Path, number: int, count: int = COUNT) -> Path:
    """Return the path of a part's journal."""
    return out.with_name(f"{out.name}.part-{number}-of-{count}.journal")


@pytest.mark.parametrize("count", [2, 9])
def test_joined_parts_give_the_bytes_of_one_scan(survey: Path, tmp_path: Path, count: int) -> None:
    """However many parts there are, and in whatever order they are named; some may have no Work."""
    names = ("all.csv", "all.gpkg", "all.geojson", "all.tif")
    (tmp_path / "one").mkdir()
    outputs = [part for name in names for part in ("-o", tmp_path / "one" / name)]
    assert run("scan", survey, *outputs).exit_code == 0
    journals = scan_parts(survey, tmp_path / "all.csv", count=count)
    assert not (tmp_path / "all.csv").exists()
    joined = [part for name in names for part in ("-o", tmp_path / name)]
    assert run("convert", *reversed(journals), *joined).exit_code == 0
    for name in names:
        assert (tmp_path / name).read_bytes() == (tmp_path / "one" / name).read_bytes(), name


def test_part_says_how_to_join(survey: Path, tmp_path: Path) -> None:
    """The command that it names works as it stands, in a shell."""
    out = tmp_path / "all.csv"
    done = run("scan", survey, "-o", out, "--part", f"2/{COUNT}")
    assert done.stderr.endswith(
        f"Rows are in {journal(out, 2)}.\n"
        f"When all 3 parts are done, join them: crackscan convert {out}.part-*-of-3.journal -o {out}\n"
    )
    assert sorted(tmp_path.glob("all.csv.part-*-of-3.journal")) == [journal(out, 2)]


def test_part_is_resumed_and_does_not_take_the_work_of_others(
    survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed photo of its own is judged again by its part, and by no other."""
    out = tmp_path / "all.csv"
    scan_parts(survey, out)
    make_photo(survey / "3.jpg", crack=True, quality=50)
    judged: list[str] = []
    infer_each = executor.infer_each

    def logged(works: list[Work], *more: object) -> object:
        judged.extend(work.source for work in works)
        return infer_each(works, *more)

    monkeypatch.setattr(executor, "infer_each", logged)
    ends = [run("scan", survey, "-o", out, "--part", f"{number}/3").stderr for number in (1, 2, 3)]
    assert judged == ["3.jpg"]
    assert sum("nothing was left to do" in text for text in ends) == 2


def test_missing_parts_are_named(survey: Path, tmp_path: Path) -> None:
    """No output is written unless it is asked for, and then the missing parts are named as well."""
    out = tmp_path / "all.csv"
    one, two, three = scan_parts(survey, out)
    done = run("convert", two, "-o", out)
    assert done.exit_code == 5
    assert done.stderr == (
        f"error: {two}: of 3 parts, 1, 3 are missing; name the journals of all parts, or write the rows so "
        "far with --partial.\n"
    )
    assert not out.exists()
    done = run("convert", three, one, "-o", out, "--partial")
    assert done.exit_code == 0
    assert "Missing part: 2.\n" in done.stderr
    assert "photos and mosaic bands are left to judge" in done.stderr
    assert out.exists()
    with pytest.raises(MissingParts):
        convert([one, three], tmp_path / "more.csv")
    assert convert([one, two, three], tmp_path / "more.csv").rows == 5 + 16 * 2


def test_part_that_was_stopped_is_named(survey: Path, tmp_path: Path) -> None:
    """A part whose scan ended early has Work left; its rows so far are written only if asked for."""
    out = tmp_path / "all.csv"
    (survey / "1.jpg").write_bytes(b"no picture")
    for number in (1, 2, 3):
        run("scan", survey, "-o", out, "--part", f"{number}/3", "--strict", "--jobs", 1)
    journals = [journal(out, number) for number in (1, 2, 3)]
    done = run("convert", *journals, "-o", out)
    assert done.exit_code == 5
    assert "photos and mosaic bands of part 2/3 are left to judge; run its scan again, or" in done.stderr
    assert not out.exists()
    assert run("convert", *journals, "-o", out, "--partial").exit_code == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("--model", "other"), "its rows were made with model other@00000000, those of"),
        (("--overlap", "0.5"), "its rows were made with overlap 0.57"),
        (("--threshold", "0.3"), "its rows were made with threshold 0.3, those of"),
    ],
)
def test_parts_of_another_run_are_refused(
    survey: Path, tmp_path: Path, change: tuple[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of two models, or of two ways of scanning, do not get into one file."""
    from types import SimpleNamespace

    from makers import DarkMeansCrack
    from stand_in import CARD

    from crackscan.model import loading

    def load(folder: Path, **_: object) -> SimpleNamespace:
        model = "other@00000000" if folder == Path("other") else CARD.model_id
        card = SimpleNamespace(**vars(CARD) | {"model_id": model})
        return SimpleNamespace(card=card, classifier=lambda: DarkMeansCrack(model), engine="litert")

    monkeypatch.setattr(loading, "find_model", lambda name: Path(name or "own"))
    monkeypatch.setattr(loading.Model, "load", load)
    out = tmp_path / "all.csv"
    run("scan", survey, "-o", out, "--part", "1/2")
    run("scan", survey, "-o", out, "--part", "2/2", *change)
    done = run("convert", journal(out, 1, 2), journal(out, 2, 2), "-o", out)
    assert done.exit_code == 1
    assert f"{journal(out, 2, 2)}: {sentence}" in done.stderr
    assert not out.exists()


def test_one_threshold_for_all_parts_joins_them(survey: Path, tmp_path: Path) -> None:
    """Labels can be given anew, so that parts of different thresholds can be joined at a third."""
    out = tmp_path / "all.csv"
    run("scan", survey, "-o", out, "--part", "1/2", "--threshold", "0.2")
    run("scan", survey, "-o", out, "--part", "2/2")
    names = [journal(out, 1, 2), journal(out, 2, 2)]
    assert run("convert", *names, "-o", out, "--threshold", "0.5").exit_code == 0
    run("scan", survey, "-o", tmp_path / "one.csv")
    assert out.read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_parts_of_other_files_are_refused(survey: Path, tmp_path: Path) -> None:
    """A file that came between two parts shifts what each of them has, so some would be in neither."""
    out = tmp_path / "all.csv"
    one, two, _ = scan_parts(survey, out)
    make_photo(survey / "0-new.jpg")
    run("scan", survey, "-o", out, "--part", "2/3")
    done = run("convert", one, two, "-o", out, "--partial")
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: {two}: was planned from other files than {one} (22 photos and mosaic bands, not 21); scan "
        "all parts again from the same files.\n"
    )


def test_mosaic_that_changed_between_parts_is_noticed(survey: Path, tmp_path: Path) -> None:
    """Its bands would be of two pictures; but a copy with another time is the same mosaic."""
    out = tmp_path / "all.csv"
    run("scan", survey, "-o", out, "--part", "1/2")
    copy = tmp_path / "copy"
    shutil.copytree(survey, copy)
    os.utime(copy / "deck.tif", (0, 0))
    run("scan", copy, "-o", out, "--part", "2/2")
    names = journal(out, 1, 2), journal(out, 2, 2)
    assert run("convert", *names, "-o", out).exit_code == 0
    make_mosaic(copy / "deck.tif", width=230, height=16 * 224, compress="deflate")
    run("scan", copy, "-o", out, "--part", "2/2")
    assert "was planned from other files" in run("convert", *names, "-o", out).stderr


def test_journals_that_do_not_belong_together_are_refused(survey: Path, tmp_path: Path) -> None:
    """The same part twice, a whole scan among parts, parts of another number."""
    out = tmp_path / "all.csv"
    one, two, _ = scan_parts(survey, out)
    again = Path(shutil.copy(two, tmp_path / "copy.journal"))
    run("scan", survey, "-o", tmp_path / "whole.csv")
    run("scan", survey, "-o", out, "--part", "1/2")
    texts = [
        run("convert", one, *others, "-o", out).stderr
        for others in ([two, again], [tmp_path / "whole.csv.journal"], [journal(out, 1, 2)])
    ]
    assert f"{again}: holds part 2/3, as {two} does; name only one of them." in texts[0]
    assert "whole.csv.journal: holds a whole scan, not a part of one; convert it alone." in texts[1]
    assert "its rows were made with parts 2, those of" in texts[2]


def test_another_part_does_not_take_over_a_journal(survey: Path, tmp_path: Path) -> None:
    """A wrong number does not replace the rows of a part."""
    options = ("--journal", tmp_path / "part.journal")
    assert run("scan", survey, "--part", "1/2", *options).exit_code == 0
    done = run("scan", survey, "--part", "2/2", *options)
    assert done.exit_code == 1
    assert "its rows were made with part 1/2, this run has part 2/2" in done.stderr


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "3", "1/2/3", "a/b", "-1/3", "1/1001", "1.5/3"])
def test_part_that_is_none_is_wrong_usage(survey: Path, tmp_path: Path, text: str) -> None:
    """The message shows how a part is written."""
    done = run("scan", survey, "-o", tmp_path / "o.csv", f"--part={text}")
    assert done.exit_code == 2
    assert "such as 3/16" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("outputs", [(), ("-o", "-")])
def test_part_without_a_journal_is_wrong_usage(survey: Path, outputs: tuple[str, ...]) -> None:
    """The rows of a part have to be kept somewhere."""
    assert run("scan", survey, "--part", "1/2", *outputs).exit_code == 2


def test_output_that_is_read_is_refused(survey: Path, tmp_path: Path) -> None:
    """A journal is not replaced by the rows of all."""
    one, two = scan_parts(survey, tmp_path / "all.csv", count=2)
    before = two.read_bytes()
    assert run("convert", one, two, "-o", two, "--format", "csv").exit_code == 2
    assert two.read_bytes() == before


def test_many_journals_may_be_open_at_once(survey: Path, tmp_path: Path) -> None:
    """The limit of open files, 256 on some systems, is raised where that is allowed."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    journals = scan_parts(survey, tmp_path / "all.csv", count=9)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + 12, hard))
    try:
        assert run("convert", *journals, "-o", tmp_path / "all.csv").exit_code == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def work(name: str, row: int | None) -> Work:
    """Return a photo, or the band of a mosaic that begins at `row`."""
    window = None if row is None else Window(0, row * 224, 224, 224)
    return Work(name, name, "photo" if row is None else "mosaic", OPTIONS, window, identity="a")


@given(st.lists(st.one_of(st.none(), st.integers(1, 40)), max_size=12), st.integers(1, 7))
def test_each_work_is_in_one_part(bands: list[int | None], count: int) -> None:
    """Photos, and runs of bands, are shared evenly; all parts know the same plan."""
    plan = [
        work(str(number), row)
        for number, height in enumerate(bands)
        for row in (range(height) if height else [None])
    ]
    places: Counter[int] = Counter()
    wholes, runs = set(), []
    for number in range(1, count + 1):
        share = Share(Part(number, count))
        picked = list(share.pick(plan))
        assert [place for place, _ in picked] == sorted(place for place, _ in picked)
        assert all(plan[place - 1] is each for place, each in picked)
        places.update(place for place, _ in picked)
        wholes.add(share.whole)
        runs.append(sum(each.window is None or each.window.row // 224 % RUN == 0 for _, each in picked))
    assert places == Counter(range(1, len(plan) + 1))
    assert len(wholes) == 1
    assert max(runs) - min(runs) <= 1
