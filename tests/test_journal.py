"""Journals: a scan resumes where it stopped, judges nothing twice, and refuses another scan's journal."""

import json
import os
import shutil
import sqlite3
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from makers import make_mosaic, make_photo, pixels, scan_options
from PIL import Image
from stand_in import CARD, GROUP, MODEL

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import (
    FileSignature,
    MapGrid,
    PhotoLimit,
    Pose,
    Result,
    RowOptions,
    Window,
    Work,
)
from crackscan.model import loading, predictions
from crackscan.scanning import executor, packing
from crackscan.scanning.inference import infer
from crackscan.scanning.journal_entries import meta_digest, read_meta, result_digest
from crackscan.scanning.journal_file import open_journal, read_journal
from crackscan.scanning.packing import pack_results, pack_work, unpack_results, unpack_work
from crackscan.scanning.plan import Plan
from crackscan.scanning.run_settings import RunSettings

pytestmark = pytest.mark.usefixtures("stand_in_model")

OPTIONS = scan_options(tile_px=224, threshold=0.5)
SETTINGS = RunSettings("dark@00000000", "litert", OPTIONS)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which each judged source is added."""
    sources: list[str] = []
    infer_each = executor.infer_each

    def logged(works: list[Work], by: predictions.Classifier, options: RowOptions) -> Iterator[list[Result]]:
        sources.extend(work.source for work in works)
        return infer_each(works, by, options)

    monkeypatch.setattr(executor, "infer_each", logged)
    monkeypatch.setattr(executor, "GROUP", GROUP)
    return sources


def test_complete_scan_says_so_and_does_nothing(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """The same command again prints one sentence, and does not touch the file."""
    out = tmp_path / "o.csv"
    assert run("scan", site, "-o", out).exit_code == 0
    before = out.stat()
    judged.clear()
    done = run("scan", site, "-o", out)
    assert done.exit_code == 0
    assert done.stderr == f"{out}: this scan is complete, nothing was left to do; --fresh starts again.\n"
    assert judged == []
    assert out.stat() == before


def test_fresh_starts_again(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """--fresh judges everything again."""
    run("scan", site, "-o", tmp_path / "o.csv")
    judged.clear()
    assert run("scan", site, "-o", tmp_path / "o.csv", "--fresh").exit_code == 0
    assert len(judged) == 4


def test_changed_new_and_vanished_photos_are_noticed(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """Only new and changed photos are judged, and the output equals that of a new scan."""
    out = tmp_path / "o.csv"
    make_photo(site / "gone.jpg")
    run("scan", site, "-o", out)
    (site / "gone.jpg").unlink()
    make_photo(site / "plain.jpg", crack=True)
    make_photo(site / "a-new-one.jpg", crack=True)
    judged.clear()
    done = run("scan", site, "-o", out)
    assert sorted(judged) == ["a-new-one.jpg", "plain.jpg"]
    assert "2 of 5 photos and mosaic bands are left to judge" in done.stderr
    run("scan", site, "-o", tmp_path / "first.csv")
    assert out.read_bytes() == (tmp_path / "first.csv").read_bytes()


def test_photo_with_another_time_is_judged_again(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """A photo that was replaced by another of the same size is judged again."""
    run("scan", site, "-o", tmp_path / "o.csv")
    judged.clear()
    os.utime(site / "plain.jpg", ns=(0, 1))
    run("scan", site, "-o", tmp_path / "o.csv")
    assert judged == ["plain.jpg"]


def test_moved_survey_is_resumed(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """A drive that is mounted elsewhere holds the same photos."""
    run("scan", site, "-o", tmp_path / "o.csv")
    judged.clear()
    moved = site.rename(tmp_path / "moved")
    assert "is complete" in run("scan", moved, "-o", tmp_path / "o.csv").stderr
    assert judged == []


def test_unreadable_photo_is_tried_again(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """A file that could not be read may be readable later, even if it did not change."""
    photo, out = site / "plain.jpg", tmp_path / "o.csv"
    content, then = photo.read_bytes(), photo.stat().st_mtime_ns
    photo.write_bytes(b"\0" * len(content))
    os.utime(photo, ns=(then, then))
    assert run("scan", site, "-o", out).exit_code == 3
    photo.write_bytes(content)
    os.utime(photo, ns=(then, then))
    judged.clear()
    assert run("scan", site, "-o", out).exit_code == 0
    assert judged == ["plain.jpg"]
    assert "unreadable" not in out.read_text()


@pytest.mark.parametrize("tampered", [True, False])
def test_output_that_is_not_what_was_written_is_written_again(
    site: Path, tmp_path: Path, judged: list[str], *, tampered: bool
) -> None:
    """An output that was lost or changed is written again without judging anything."""
    out = tmp_path / "o.csv"
    run("scan", site, "-o", out)
    content = out.read_bytes()
    judged.clear()
    out.write_text("mine now") if tampered else out.unlink()
    assert run("scan", site, "-o", out).exit_code == 0
    assert out.read_bytes() == content
    assert judged == []


def test_several_outputs_are_those_of_one_scan_each(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """One scan writes a table and a map; a third format later needs no scan."""
    both = ("-o", tmp_path / "a.csv", "-o", tmp_path / "b.geojson")
    done = run("scan", site, *both)
    assert f"Rows are in {tmp_path / 'a.csv'}, {tmp_path / 'b.geojson'}." in done.stderr
    judged.clear()
    assert run("scan", site, *both, "-o", tmp_path / "c.geojsonl").exit_code == 0
    assert judged == []
    for name in ("a.csv", "b.geojson", "c.geojsonl"):
        alone = tmp_path / f"alone-{name}"
        run("scan", site, "-o", alone)
        assert (tmp_path / name).read_bytes() == alone.read_bytes()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--overlap", "0.5"], "its rows were made with overlap 0.0, this run has overlap 0.571"),
        (
            ["--per", "tile", "--tile-px", "112"],
            "with tile_px 224, per photo, this run has tile_px 112, per tile;",
        ),
        (["--judge-unfamiliar"], "made with judge_unfamiliar False, this run has judge_unfamiliar True;"),
        (["--crs", "EPSG:32633"], "made with crs None, this run has crs EPSG:32633;"),
        (["--engine", "tensorflow"], "made with engine litert, this run has engine tensorflow;"),
    ],
)
def test_other_settings_are_refused_by_name(
    site: Path, tmp_path: Path, judged: list[str], options: list[str], named: str
) -> None:
    """Rows with different settings never get into one file, and the refused command loses nothing."""
    out = tmp_path / "o.csv"
    run("scan", site, "-o", out)
    judged.clear()
    done = run("scan", site, "-o", out, *options)
    assert done.exit_code == 1
    assert named in done.stderr
    assert "or start over with --fresh." in done.stderr
    assert judged == []
    assert "is complete" in run("scan", site, "-o", out).stderr
    assert run("scan", site, "-o", out, *options, "--fresh").exit_code == 0


def test_rows_of_an_engine_that_is_gone_are_still_written(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal may name an engine that crackscan no longer has: it converts, but is not resumed."""
    out, gone = tmp_path / "o.csv", "tensorflow-float16"
    with monkeypatch.context() as older:
        half = SimpleNamespace(card=CARD, classifier=MODEL.classifier, engine=gone)
        older.setattr(loading.Model, "load", lambda *_, **__: half)
        run("scan", site, "-o", out)
    again = ("-o", tmp_path / "again.csv", "-o", tmp_path / "again.html")
    assert run("convert", f"{out}.journal", *again).exit_code == 0
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()
    assert gone in (tmp_path / "again.html").read_text()
    refused = run("scan", site, "-o", out)
    assert refused.exit_code == 1
    assert f"made with engine {gone}, this run has engine litert; use the same options," in refused.stderr


def test_other_model_is_refused_by_name(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of the same name and another hash is another model."""
    run("scan", site, "-o", tmp_path / "o.csv")
    card = SimpleNamespace(**vars(CARD) | {"model_id": "dark@11111111"})
    other = SimpleNamespace(card=card, classifier=MODEL.classifier, engine=MODEL.engine)
    monkeypatch.setattr(loading.Model, "load", lambda *_, **__: other)
    done = run("scan", site, "-o", tmp_path / "o.csv")
    assert done.exit_code == 1
    assert "made with model dark@00000000, this run has model dark@11111111;" in done.stderr


@pytest.mark.parametrize("threshold", [0.0, 0.15, 0.45, 0.6])
def test_other_threshold_needs_no_judging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: list[str], threshold: float
) -> None:
    """Labels follow from the kept probabilities, and equal those of a scan at the new threshold."""
    limits = (PhotoLimit(1, 0.0), PhotoLimit(20, 0.7))
    options = CARD.scan_options.with_rows(photo_limits=limits)
    card = SimpleNamespace(**vars(CARD) | {"scan_options": options})
    limited = SimpleNamespace(card=card, classifier=MODEL.classifier, engine=MODEL.engine)
    monkeypatch.setattr(loading.Model, "load", lambda *_, **__: limited)
    picture = pixels(1000, 800)
    picture[:300, :300] = 100
    picture[500:600, 500:] = 20
    (tmp_path / "site").mkdir()
    Image.fromarray(picture).save(tmp_path / "site" / "deck.png")
    make_mosaic(tmp_path / "site" / "m.tif", bands=np.moveaxis(picture, -1, 0))
    direct, converted = tmp_path / "direct.csv", tmp_path / "converted.csv"
    run("scan", tmp_path / "site", "-o", direct, "--threshold", threshold)
    run("scan", tmp_path / "site", "-o", tmp_path / "o.csv", "--threshold", 0.99)
    judged.clear()
    journal = tmp_path / "o.csv.journal"
    assert run("convert", journal, "-o", converted, "--threshold", threshold).exit_code == 0
    assert converted.read_bytes() == direct.read_bytes() != (tmp_path / "o.csv").read_bytes()
    assert run("scan", tmp_path / "site", "-o", tmp_path / "o.csv", "--threshold", threshold).exit_code == 0
    assert (tmp_path / "o.csv").read_bytes() == direct.read_bytes()
    assert judged == []


def test_convert_of_a_running_scan_gives_the_rows_so_far(site: Path, tmp_path: Path) -> None:
    """The results so far can be converted while the scan still runs."""
    journal_path = tmp_path / "o.csv.journal"
    with open_journal(journal_path, SETTINGS) as journal:
        early = run("convert", journal_path, "-o", tmp_path / "too-early.csv")
        assert early.exit_code == 1
        assert "the journal is still empty; wait until the scan has begun." in early.stderr
        journal.plan(Plan((str(site),), OPTIONS.tiles))
        for work in list(journal.works())[:2]:
            journal.record([(work, infer(work, MODEL.classifier(), OPTIONS.rows))])
        done = run("convert", journal_path, "-o", tmp_path / "so-far.csv")
        assert "3 rows, 1 cracked, are in" in done.stderr
        assert "The scan is not complete: 2 photos and mosaic bands are left to judge." in done.stderr
    assert len((tmp_path / "so-far.csv").read_text().splitlines()) == 4
    assert run("scan", site, "-o", tmp_path / "o.csv").exit_code == 0
    done = run("convert", journal_path, "-o", "-", "--format", "geojsonl")
    assert len(done.stdout.splitlines()) == 6
    assert "not complete" not in done.stderr


def test_convert_says_what_it_cannot_do(site: Path, tmp_path: Path) -> None:
    """A missing journal, no output, and a map without positions give one sentence each."""
    assert "there is no such journal" in run("convert", tmp_path / "x.journal", "-o", "x.csv").stderr
    make_mosaic(site / "facade.tif", crs=None)
    run("scan", site, "-o", tmp_path / "o.csv")
    assert run("convert", tmp_path / "o.csv.journal").exit_code == 2
    done = run("convert", tmp_path / "o.csv.journal", "-o", tmp_path / "o.geojson")
    assert done.exit_code == 1
    assert "facade.tif: no CRS; scan it again with --crs EPSG:32633 or write CSV instead." in done.stderr
    assert not (tmp_path / "o.geojson").exists()


def test_one_scan_at_a_time_writes_a_journal(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """A second scan, started by mistake, ends at once and changes nothing."""
    with open_journal(tmp_path / "o.csv.journal", SETTINGS) as journal:
        journal.plan(Plan((str(site),), OPTIONS.tiles))
        done = run("scan", site, "-o", tmp_path / "o.csv", "--fresh")
        assert done.exit_code == 1
        assert "another scan is writing this journal; wait until it has ended." in done.stderr
    assert judged == []
    assert run("scan", site, "-o", tmp_path / "o.csv").exit_code == 0


def foreign_database(path: Path) -> None:
    """Write an SQLite file of another program."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE plan (place)")
    database.close()


@pytest.mark.parametrize("fresh", [[], ["--fresh"]])
@pytest.mark.parametrize("kind", ["text", "database"])
def test_file_that_is_not_a_journal_is_left_alone(
    site: Path, tmp_path: Path, kind: str, fresh: list[str]
) -> None:
    """If --journal names another file by mistake, it is neither used nor removed."""
    journal_path = tmp_path / "precious"
    journal_path.write_text("notes " * 1000) if kind == "text" else foreign_database(journal_path)
    before = journal_path.read_bytes()
    done = run("scan", site, "-o", tmp_path / "o.csv", "--journal", journal_path, *fresh)
    assert done.exit_code == 1
    assert "not a journal" in done.stderr
    assert journal_path.read_bytes() == before


def test_damaged_journal_is_one_sentence(site: Path, tmp_path: Path) -> None:
    """Damaged bytes are noticed."""
    journal_path = tmp_path / "o.csv.journal"
    run("scan", site, "-o", tmp_path / "o.csv")
    with sqlite3.connect(journal_path) as database:
        database.execute("UPDATE done SET results = CAST(substr(results, 1, 40) || x'0000' AS BLOB)")
    database.close()
    done = run("convert", journal_path, "-o", tmp_path / "x.csv")
    assert done.exit_code == 1
    assert f"{journal_path}: is damaged" in done.stderr
    assert not (tmp_path / "x.csv").exists()


def test_list_on_stdin_is_resumed_too(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """The paths come in another order, and only the new one is judged."""
    listed = [str(site / "plain.jpg"), str(site / "cracked.jpg")]
    run("scan", "-", "-o", tmp_path / "o.csv", stdin=listed[0])
    judged.clear()
    assert run("scan", "-", "-o", tmp_path / "o.csv", stdin="\n".join(reversed(listed))).exit_code == 0
    assert judged == [listed[1]]
    found = [line.split(",")[0] for line in (tmp_path / "o.csv").read_text().splitlines()[1:]]
    assert found == list(reversed(listed))


def test_strict_stops_at_the_first_that_cannot_be_read(tmp_path: Path, judged: list[str]) -> None:
    """`--strict` allows no failure."""
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    done = run("scan", tmp_path, "-o", tmp_path / "o.csv", "--jobs", 1, "--strict")
    assert done.exit_code == 4
    assert "because 1 of the photos and mosaic bands could not be read" in done.stderr
    # what was judged with it is kept, too
    assert f"{executor.GROUP} of 20 photos and mosaic bands are saved" in done.stderr
    assert len(judged) < 20


@pytest.mark.parametrize(("most", "too_many"), [("2", 3), ("0", 1), ("10%", 3)])
def test_run_with_too_many_failures_is_stopped(
    tmp_path: Path, judged: list[str], most: str, too_many: int
) -> None:
    """More failures than allowed end it with code 4; the results so far are kept."""
    for number in range(20):
        (tmp_path / "site" / f"{number}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / "site" / f"{number}.jpg").write_bytes(b"")
    command = ("scan", tmp_path / "site", "-o", tmp_path / "o.csv", "--jobs", 1)
    done = run(*command, "--max-failures", most)
    assert done.exit_code == 4
    assert f"because {too_many} of the photos and mosaic bands could not be read" in done.stderr
    kept = ceil(too_many / executor.GROUP) * executor.GROUP
    assert f"{kept} of 20 photos and mosaic bands are saved" in done.stderr
    assert not (tmp_path / "o.csv").exists()
    assert len(judged) < 20
    assert run(*command, "--max-failures", "100%").exit_code == 3
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 21


def test_failures_are_counted_against_the_whole_survey(site: Path, tmp_path: Path) -> None:
    """The percentage is of the whole survey, not of what is left when a scan is resumed."""
    (site / "broken.jpg").write_bytes(b"")
    for _ in range(2):
        assert run("scan", site, "-o", tmp_path / "o.csv", "--max-failures", "20%").exit_code == 3
    assert run("scan", site, "-o", tmp_path / "o.csv", "--max-failures", "19%").exit_code == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-failures", "few"], "give a number, such as 100, or a percentage, such as 5%"),
        (["-o", "-", "-o", "a.csv"], "a stream, such as -o -, must be the only output"),
        (["-o", "-", "--journal", "j"], "--journal needs a file output"),
        (["-o", "a.csv", "-o", "b.csv", "--format", "csv"], "--format needs a single -o"),
    ],
)
def test_options_that_contradict_are_wrong_usage(
    site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str], said: str
) -> None:
    """The error comes before any work."""
    monkeypatch.chdir(tmp_path)
    done = run("scan", site, *options)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_percentage_of_an_endless_list_is_an_error() -> None:
    """The number of inputs is unknown until the list ends."""
    done = run("scan", "-", "-o", "-", "--max-failures", "5%", stdin="a.jpg\n")
    assert done.exit_code == 1
    assert "give a number, or write to a file" in done.stderr


def test_run_that_cannot_begin_leaves_no_journal(tmp_path: Path) -> None:
    """An empty folder, or a mosaic without a coordinate system, leaves no file."""
    (tmp_path / "empty").mkdir()
    assert run("scan", tmp_path / "empty", "-o", tmp_path / "o.csv").exit_code == 1
    mosaic = make_mosaic(tmp_path / "facade.tif", crs=None)
    assert run("scan", mosaic, "-o", tmp_path / "o.geojson").exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "facade.tif"]


def test_own_files_are_not_counted_as_ignored(site: Path) -> None:
    """An output in the scanned folder is ignored, and its journal is not even counted."""
    for options in ([], ["--fresh"]):
        done = run("scan", site, "-o", site / "o.csv", *options)
    assert "Ignored 1 other file (.csv 1)." in done.stderr


def test_stream_leaves_no_journal(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan to stdout, or without an output, writes no file."""
    monkeypatch.chdir(tmp_path)
    assert run("scan", site, "-o", "-").exit_code == 0
    assert run("scan", site).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_names_that_are_not_utf8_are_kept(tmp_path: Path, judged: list[str]) -> None:
    """Names of photos, folders and outputs need not be UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xfc"))
    make_photo(tmp_path / "x.jpg")
    folder.mkdir()
    shutil.move(tmp_path / "x.jpg", folder / os.fsdecode(b"\xe9.jpg"))
    for _ in range(2):
        assert run("scan", folder, "-o", folder / "o.csv", "-q").exit_code == 0
    assert judged == [r"\udce9.jpg"]
    assert r"\udce9.jpg,photo,ok" in (folder / "o.csv").read_text()


WINDOWS = st.builds(Window, *[st.integers(0, 10**6)] * 4)
FLOATS = st.floats(allow_nan=False)
RESULTS = st.builds(
    Result,
    source=st.text(),
    kind=st.sampled_from(["photo", "tile"]),
    status=st.sampled_from(["ok", "unreadable"]),
    probability=st.none() | FLOATS,
    col=st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    lon=st.none() | FLOATS,
    reason=st.none() | st.text(),
    outline=st.none() | st.lists(st.tuples(FLOATS, FLOATS)).map(tuple),
    grid=st.none() | st.builds(MapGrid, st.text(), st.tuples(*[FLOATS] * 6)),
    judged=st.lists(st.tuples(WINDOWS, FLOATS)).map(tuple),
)


@given(st.lists(RESULTS))
def test_results_come_back_as_they_were(results: list[Result]) -> None:
    """All values of a row are the same after a resume, to the last digit."""
    assert unpack_results(pack_results(results)) == results


@given(
    st.builds(
        Work,
        source=st.text(),
        path=st.binary().map(os.fsdecode),
        kind=st.sampled_from(["photo", "mosaic"]),
        options=st.just(OPTIONS.tiles),
        window=st.none() | WINDOWS,
        fault=st.none() | st.text(),
        signature=st.none() | st.builds(FileSignature, st.integers(0), st.integers()),
        pose=st.none() | st.builds(Pose, lon=st.none() | FLOATS, roll=FLOATS, note=st.none() | st.text()),
    )
)
def test_work_comes_back_as_it_was(work: Work) -> None:
    """Paths keep bytes that are not text, and a pose keeps its last digit."""
    assert unpack_work(pack_work(work), OPTIONS.tiles) == work


def peak_memory(journal_path: Path, works: int) -> int:
    """Return the peak memory in bytes while this number of photos went through a journal."""
    tracemalloc.start()
    with open_journal(journal_path, SETTINGS) as journal:
        journal.plan(Work(f"{number}.jpg", "gone.jpg", "photo", OPTIONS.tiles) for number in range(works))
        for work in journal.works():
            row = Result(source=work.source, kind="photo", status="ok", probability=0.5)
            journal.record([(work, [row])])
        assert sum(1 for _ in journal.results()) == works
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_survey(tmp_path: Path) -> None:
    """Ten times as many photos take no more memory, because plan and results are on disk."""
    peak_memory(tmp_path / "warm", 600)
    assert peak_memory(tmp_path / "large", 6000) < 1.2 * peak_memory(tmp_path / "small", 600)


def test_rows_are_read_without_sorting(tmp_path: Path) -> None:
    """SQLite reads the rows in order, instead of sorting them in a temporary file."""
    with open_journal(tmp_path / "j", SETTINGS) as journal:
        journal.plan([Work("a.jpg", "a.jpg", "photo", OPTIONS.tiles)])
        asked: list[str] = []
        journal._database.set_trace_callback(asked.append)
        list(journal.works())
        list(journal.results())
        journal._database.set_trace_callback(None)
        assert len(asked) >= 3
        for query in asked:
            plan = str(journal._database.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
            assert "TEMP B-TREE" not in plan


def test_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    """Rows of another schema are not mixed with ours."""
    journal_path = tmp_path / "j"
    with open_journal(journal_path, SETTINGS) as journal:
        journal.plan([Work("a.jpg", "a.jpg", "photo", OPTIONS.tiles)])
    with sqlite3.connect(journal_path) as database:
        database.execute("PRAGMA user_version = 1")
    database.close()
    for opening in (open_journal(journal_path, SETTINGS), read_journal(journal_path)):
        with pytest.raises(CrackscanError, match="its schema version is 1, this crackscan has"), opening:
            pytest.fail("it opened")


def test_a_plan_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    """A drive that is pulled while it is listed does not empty the journal."""
    work = Work("a.jpg", "a.jpg", "photo", OPTIONS.tiles)

    def pulled() -> object:
        yield replace(work, source="b.jpg")
        raise OSError("pulled")

    with open_journal(tmp_path / "j", SETTINGS) as journal:
        journal.plan([work])
        with pytest.raises(OSError, match="pulled"):
            journal.plan(pulled())  # type: ignore[arg-type]
        assert [found.source for found in journal.works()] == ["a.jpg"]


def rewrite(journal: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change the settings, or the results of all Work, and give them a right digest."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as database:
        if name == "settings":
            value = change(read_meta(database, name))
            database.execute("UPDATE meta SET value = ?, digest = ? WHERE name = ?",
                             (value, meta_digest(name, value), name))  # fmt: skip
            return
        for key, readable, results, _ in database.execute("SELECT * FROM done").fetchall():
            changed = change(results)
            database.execute("UPDATE done SET results = ?, digest = ? WHERE key = ?",
                             (changed, result_digest(key, readable, changed), key))  # fmt: skip


def replaced(old: str, new: str) -> Callable[[str], str]:
    """Return what replaces a part of a text that has it."""
    return lambda text: text.replace(old, new, 1) if old in text else pytest.fail(text)


def repacked(column: str, value: object) -> Callable[[bytes], bytes]:
    """Return what sets a column of packed results."""

    def change(packed: bytes) -> bytes:
        rows, grids = json.loads(zlib.decompress(packed))
        for row in rows:
            row[[field.name for field in fields(Result)].index(column)] = value
        return zlib.compress(json.dumps([rows, grids]).encode())

    return change


EQUAL = json.dumps([{"tiles": 9, "cluster_mass": mass} for mass in (1, 2)])
HOSTILE = {
    "threshold above 1": ("settings", replaced('"threshold": 0.5', '"threshold": 5.0')),
    "threshold as text": ("settings", replaced('"threshold": 0.5', '"threshold": "x"')),
    "no tile": ("settings", replaced('"tile_px": 224', '"tile_px": 0')),
    "limits that divide by zero": ("settings", replaced('"photo_limits": []', f'"photo_limits": {EQUAL}')),
    "nested settings": ("settings", lambda _: "[" * 200_000),
    "other settings": ("settings", lambda _: "[]"),
    "text for a number": ("results", repacked("probability", "x")),
    "number beyond all": ("results", repacked("col", 10**400)),
    "unknown status": ("results", repacked("status", "fine")),
    "another source": ("results", repacked("source", "other.jpg")),
    "nested results": ("results", lambda _: zlib.compress(b"[" * 200_000)),
    "results that unpack to too much": ("results", lambda _: zlib.compress(b" " * (1 << 20))),
    "results cut short": ("results", lambda packed: packed[:-9]),
}  # fmt: skip


@pytest.mark.parametrize(("part", "change"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("command", ["scan", "convert"])
def test_hostile_journal_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    part: str,
    change: Callable[[Any], Any],
) -> None:
    """Right digests do not make it right."""
    monkeypatch.setattr(packing, "LARGEST_CONTENT", 1 << 19)
    photo, out = make_photo(tmp_path / "p.jpg"), tmp_path / "o.csv"
    assert run("scan", photo, "-o", out).exit_code == 0
    rewrite(tmp_path / "o.csv.journal", part, change)
    out.unlink()
    arguments = [photo] if command == "scan" else [f"{out}.journal"]
    done = run(command, *arguments, "-o", out, "--quiet")
    if command == "scan" and part == "settings" and done.exit_code == 0:
        return  # labels follow the settings of the scan itself
    assert done.exit_code == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("table", ["meta", "plan", "done"])
def test_changed_value_in_a_journal_is_told(site: Path, tmp_path: Path, table: str) -> None:
    """One character of each table, which SQLite itself would not notice."""
    out, journal = tmp_path / "o.csv", tmp_path / "o.csv.journal"
    assert run("scan", site, "-o", out).exit_code == 0
    column, old, new = {"meta": ("value", "0.5", "0.1"), "plan": ("work", "plain", "plaim"),
                        "done": ("readable", "1", "0")}[table]  # fmt: skip
    with closing(sqlite3.connect(journal, isolation_level=None)) as database:
        database.execute(f"UPDATE {table} SET {column} = replace({column}, '{old}', '{new}')")
    for arguments in (["scan", site], ["convert", journal]):
        done = run(*arguments, "-o", out)
        assert done.exit_code == 1
        assert "is damaged or not a journal" in done.stderr


def test_complete_is_not_said_of_other_content(site: Path, tmp_path: Path, judged: list[str]) -> None:
    """Neither size nor time of an output tell that it is still what was written."""
    out = tmp_path / "o.csv"
    assert run("scan", site, "-o", out).exit_code == 0
    whole, times = out.read_bytes(), out.stat()
    out.write_bytes(whole[:-5] + b"00000")
    os.utime(out, ns=(times.st_atime_ns, times.st_mtime_ns))
    judged.clear()
    assert "this scan is complete" not in run("scan", site, "-o", out).stderr
    assert out.read_bytes() == whole
    assert judged == []
