"""The report: every row is in it, names are data, the same rows give the same bytes, it needs no network."""

import base64
import hashlib
import io
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from makers import CRACK_LEVEL, make_mosaic, make_photo, pixels, scan_options
from PIL import Image

import crackscan
from crackscan.basics.records import PhotoLimit, Result, ReviewedResult, TileOptions, Trace, Window, Work
from crackscan.basics.run_facts import RunFacts
from crackscan.scanning.row_labels import cracked_up_to, label_row

pytest.importorskip("jinja2", reason="the page needs the extra review")

from report_pages import Page, read_page

from crackscan.review.review_page import MODULES as REVIEW_MODULES
from crackscan.scanning.run_settings import RunSettings
from crackscan.sinks.report import row_table, selection
from crackscan.sinks.report.columns import RECORD, STATUSES
from crackscan.sinks.report.page import MODULES, content_policy, write_page
from crackscan.sinks.report.picture_store import PictureStore
from crackscan.sinks.report.pictures import MOST_BYTES, PICTURE_PX
from crackscan.sinks.report.row_table import RowTable
from crackscan.sinks.report.survey import Survey

pytestmark = pytest.mark.usefixtures("stand_in_model")

HOSTILE = '"><img src=x onerror=alert(1)><!--\u202egnp.jpg'
CLOSING = "</script><script>alert(1)</script>"


def scan_report(site: Path, target: Path, *options: object) -> Page:
    """Scan a site into a report, and read it."""
    done = run("scan", site, "-o", target, *options)
    assert done.exit_code in {0, 3}, done.stderr
    return read_page(target)


def drawn_page(rows: list[Result], **run_options: Any) -> Page:
    """Return the page of rows that no scan made."""
    file, options = io.BytesIO(), scan_options(**run_options)
    facts = RunFacts("dark@00000000", "litert", options, None, partial(cracked_up_to, options=options))
    with RowTable() as table, PictureStore() as pictures:
        for row in rows:
            work = Work(row.source, row.source, "photo", TileOptions(tile_px=224))
            table.add(work, row, cracked_up_to(row, options))
        write_page(file, Survey(table, selection.page_rows(table), facts, pictures))
    return Page(file.getvalue().decode())


def test_every_row_of_a_scan_is_in_its_report(site: Path, tmp_path: Path) -> None:
    """The report has the rows of the CSV, in their order, and counts what was not assessed apart."""
    (site / "broken.jpg").write_bytes(b"no picture")
    bands = np.moveaxis(pixels(448, 448), -1, 0).copy()
    bands[:, :224, :224] = 0
    make_mosaic(site / "half.tif", bands=bands, nodata=0)
    page = scan_report(site, tmp_path / "r.html", "-o", tmp_path / "r.csv")
    rows = (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()[1:]
    names = page.survey["sources"]["names"]
    assert [names[number] for number in page.column("source")] == [row.split(",")[0] for row in rows]
    statuses = [row.split(",")[2] for row in rows]
    assert page.survey["summary"]["statuses"] == {name: statuses.count(name) for name in set(statuses)}
    assert "2 not assessed" in page.text
    assert "1 without data, 1 unreadable" in page.text
    not_assessed = page.column("status") != 0
    assert np.isnan(page.column("cracked_up_to")[not_assessed]).all()


def test_pictures_show_the_cracks(site: Path, tmp_path: Path) -> None:
    """A cracked row has a small picture of its window, which lies inside the source."""
    make_photo(site / "large.jpg", width=1000, height=800, crack=True)
    page = scan_report(site, tmp_path / "r.html")
    cracked = np.flatnonzero(page.column("cracked_up_to") >= 0.5)
    assert len(cracked) == 2
    assert set(page.pictures) == set(cracked)
    for row, content in page.pictures.items():
        assert len(content) <= MOST_BYTES
        picture = Image.open(io.BytesIO(content))
        assert np.asarray(picture).mean() < 2 * CRACK_LEVEL
        col, top, width, height, *source = page.survey["pictures"]["windows"][str(row)]
        assert picture.size == (width, height)
        assert max(picture.size) <= PICTURE_PX
        assert 0 <= col <= col + width <= source[0]
        assert 0 <= top <= top + height <= source[1]


def test_convert_and_any_number_of_workers_give_the_same_report(site: Path, tmp_path: Path) -> None:
    """The same rows give the same bytes, whoever writes them."""
    scan_report(site, tmp_path / "one.html", "--jobs", 1)
    scan_report(site, tmp_path / "two.html", "--jobs", 2)
    assert run("convert", tmp_path / "one.html.journal", "-o", tmp_path / "three.html").exit_code == 0
    contents = {(tmp_path / f"{name}.html").read_bytes() for name in ("one", "two", "three")}
    assert len(contents) == 1


def test_source_that_changed_leaves_its_picture_out_and_says_so(site: Path, tmp_path: Path) -> None:
    """A picture of another file would mislead; the row stays."""
    scan_report(site, tmp_path / "r.html")
    make_photo(site / "cracked.jpg", width=300, height=200, crack=True)
    assert run("convert", tmp_path / "r.html.journal", "-o", tmp_path / "r.html").exit_code == 0
    page = read_page(tmp_path / "r.html")
    assert page.pictures == {}
    assert page.survey["pictures"]["missing"] == {"0": "it is gone, or it has changed since the scan"}
    assert "1 picture could not be read when this file was written" in page.text
    assert page.survey["summary"]["cracked"] == 1


def test_hostile_names_stay_text() -> None:
    """Names and reasons cannot begin an element, end a script, or hide their own ending."""
    rows = [
        Result(source=f"{CLOSING}/{HOSTILE}", kind="photo", status="unreadable", reason=CLOSING + HOSTILE),
        ReviewedResult(source="b.jpg", kind="photo", status="nodata", reviewer=CLOSING, review_note=HOSTILE),
    ]
    page, plain = drawn_page(rows), drawn_page([Result(source="a", kind="photo", status="nodata")] * 2)
    visible = HOSTILE.replace("\u202e", "\\u202e")
    assert page.survey["sources"]["names"] == [f"{CLOSING}/{visible}", "b.jpg"]
    assert page.survey["reasons"] == [CLOSING + visible]
    assert page.survey["reviews"] == {"1": [CLOSING, None, None, visible]}
    assert visible in page.text
    assert "\u202e" not in page.text
    assert [tag for tag, _ in page.elements if tag != "script"] == [
        tag for tag, _ in plain.elements if tag != "script"
    ]
    executed = [
        content for tag, attributes, content in page.raw if tag == "script" and "type" not in attributes
    ]
    assert len(executed) == 1


def test_page_allows_only_its_own_script_and_style_and_no_network(site: Path, tmp_path: Path) -> None:
    """The policy names the hashes of what is inside; nothing is loaded from elsewhere."""
    page = scan_report(site, tmp_path / "r.html")
    policies = [attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes]
    policy = dict(rule.split(" ", 1) for rule in (policies[0] or "").split("; "))
    for kind in ("script", "style"):
        contents = [
            content for tag, attributes, content in page.raw if tag == kind and "type" not in attributes
        ]
        hashes = [hashlib.sha256(content.encode()).digest() for content in contents]
        assert policy[f"{kind}-src"] == " ".join(
            f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes
        )
        assert "url(" not in " ".join(contents if kind == "style" else [])
    assert policy["default-src"] == policy["connect-src"] == "'none'"
    assert not [
        attributes for _, attributes in page.elements if {"src", "style", "onclick"} & set(attributes)
    ]
    assert "'self'" in content_policy("", "", served=True)


def test_modules_of_the_page_are_what_can_be_joined() -> None:
    """A module imports by one line from earlier modules; names at the top level are unique."""
    names: list[str] = []
    earlier: set[str] = set()
    for module in (*MODULES[:-1], *REVIEW_MODULES, MODULES[-1]):
        text = module.read_text(encoding="utf-8")
        for line in re.findall(r"^import.*", text, re.MULTILINE):
            imported = re.fullmatch(r'import \{ (.*) \} from "\./(\w+)\.js";', line)
            assert imported, line
            assert imported[2] in earlier
        earlier.add(module.stem)
        names += re.findall(r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=12),
    st.floats(0.01, 0.99),
    st.sampled_from([0.0, 0.7, 3.0]),
)
def test_highest_threshold_agrees_with_labels(tiles: list[int], threshold: float, limit: float) -> None:
    """At the run's threshold a row is cracked if and only if its label says so, for tiles and for photos."""
    options = scan_options(threshold=threshold, photo_limits=(PhotoLimit(1, limit),))
    judged = tuple((Window(224 * n, 0, 224, 224), tile / 1000) for n, tile in enumerate(tiles))
    probability = max(tiles) / 1000
    for kind in ("photo", "tile"):
        row = label_row(
            Result(source="a", kind=kind, status="ok", probability=probability, judged=judged), options
        )
        up_to = cracked_up_to(row, options)
        assert up_to is not None
        assert (up_to >= threshold) == (row.label == "crack")
        assert (np.float32(up_to) >= np.float32(threshold)) == (row.label == "crack")


def test_lines_have_their_length_and_width() -> None:
    """A row's traces are drawn, and their length and width are told, in px."""
    traces = (
        Trace(((10.0, 10.0), (13.0, 14.0), (13.0, 24.0)), 0.9, 2.0, 3.0),
        Trace(((0.0, 0.0), (5.0, 0.0)), 0.5),
    )
    row = Result(source="a", kind="tile", status="ok", probability=0.8, col=0, row=0, width=224, height=224)
    page = drawn_page([replace(row, traces=traces)])
    assert page.column("length_px")[0] == pytest.approx(20)
    assert page.column("width_px")[0] == pytest.approx(2)
    assert page.column("max_width_px")[0] == pytest.approx(3)
    points = np.frombuffer(base64.b64decode(page.blocks["line-points"]), "<i4")
    assert points.tolist() == [100, 100, 130, 140, 130, 240, 0, 0, 50, 0]
    assert np.frombuffer(base64.b64decode(page.blocks["line-start"]), "<u4").tolist() == [0, 3]


def test_page_without_room_keeps_the_surest_and_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page has no room for is counted; rows that were not assessed keep their share."""
    monkeypatch.setattr(row_table, "BATCH", 64)
    rng = np.random.default_rng(0)
    probabilities = rng.permutation(600) / 600
    with RowTable() as table:
        for number, probability in enumerate(probabilities):
            blind = number % 3 == 0
            row = Result(
                source=str(number), kind="photo", status="nodata" if blind else "ok", probability=None
            )
            table.add(Work(str(number), "p", "photo", TileOptions(224)), row, None if blind else probability)
        kept = selection.page_rows(table, most=200)
        assert len(kept) == 200
        assessed = kept[~np.isnan(kept["cracked_up_to"])]
        assert len(assessed) == 100
        best = np.sort(probabilities[np.arange(600) % 3 != 0])[-100:]
        np.testing.assert_allclose(np.sort(assessed["cracked_up_to"]), best, rtol=1e-6)
        numbers = kept["number"][np.isnan(kept["cracked_up_to"])]
        assert np.diff(numbers).max() <= 9
        assert (np.diff(kept["number"].astype(int)) > 0).all()
        assert table.totals.histogram()[50] == (probabilities[np.arange(600) % 3 != 0] >= 0.5).sum()


def test_pictures_are_of_the_surest_and_of_every_part_of_the_survey() -> None:
    """Of more cracks than pictures, half of the pictures are spread over the survey."""
    rows = np.zeros(1000, RECORD)
    rows["width"], rows["cracked_up_to"] = 224, np.linspace(1, 0.6, 1000)
    chosen = selection.picture_rows(rows, 0.5, most=100)
    assert len(chosen) == len(set(chosen)) == 100
    assert set(range(50)) < set(chosen)
    assert np.diff(chosen).max() <= 20
    almost = selection.picture_rows(rows[:10], 0.997, most=100)
    assert almost.tolist() == list(range(10))
    rows["cracked_up_to"][10:], rows["status"][10:] = np.nan, STATUSES.index("unfamiliar")
    rows["status"][500:] = STATUSES.index("nodata")
    chosen = selection.picture_rows(rows, 0.5, most=100)
    assert set(range(10)) < set(chosen)
    assert len(chosen) == 100
    assert chosen.max() < 500, "a place without data has no picture"
    assert np.diff(chosen).max() <= 6


def test_report_cannot_be_streamed(site: Path) -> None:
    """A page that is cut off would not show that it is."""
    done = run("scan", site, "-o", "-", "--format", "html")
    assert done.exit_code == 1
    assert "html cannot be streamed" in done.stderr


def test_missing_extra_is_named(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks a library learns before the scan how to install it."""
    for name in [name for name in sys.modules if name.startswith("crackscan.sinks.report")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = run("scan", site, "-o", tmp_path / "r.html")
    assert done.exit_code == 1
    assert 'pip install "crackscan[review]"' in " ".join(done.stderr.split())
    assert not (tmp_path / "r.html.journal").exists()


def test_mosaic_has_its_overview_and_place(tmp_path: Path) -> None:
    """The map knows where each px of a mosaic lies, to a centimetre, and shows the mosaic itself."""
    make_mosaic(tmp_path / "m.tif", width=448, height=448)
    page = scan_report(tmp_path / "m.tif", tmp_path / "r.html")
    mosaic = page.survey["sources"]["mosaics"]["0"]
    assert mosaic["overview"] == [448, 448]
    assert Image.open(io.BytesIO(base64.b64decode(page.blocks["overview-0"]))).size == (448, 448)
    a, b, c, d, e, f = mosaic["affine"]
    lon, lat = page.column("lon"), page.column("lat")
    for row, (col, top) in enumerate(zip(page.column("col"), page.column("row"), strict=True)):
        assert a * (col + 112) + b * (top + 112) + c == pytest.approx(lon[row], abs=1e-7)
        assert d * (col + 112) + e * (top + 112) + f == pytest.approx(lat[row], abs=1e-7)


def test_library_writes_reports(site: Path, tmp_path: Path) -> None:
    """`crackscan.convert` knows the format by its ending."""
    scan_report(site, tmp_path / "r.html")
    summary = crackscan.convert(tmp_path / "r.html.journal", tmp_path / "other.html", threshold=0.99)
    assert summary.cracked == 0
    page = read_page(tmp_path / "other.html")
    assert page.survey["run"]["threshold"] == 0.99
    assert page.survey["summary"]["cracked"] == 0


def test_journal_without_figures_can_be_used(tmp_path: Path) -> None:
    """The journal of an earlier version does not say how good its model is."""
    settings = RunSettings("m@1", "litert", scan_options())
    text = settings.as_json().replace(', "figures": null', "")
    assert "figures" not in text
    assert RunSettings.parse(text) == settings
    settings.compare(text, tmp_path)
