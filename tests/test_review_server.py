"""The server of a review: it answers its own page alone, and saves what people press."""

import html
import io
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import run
from PIL import Image
from report_pages import Page
from reviews import HOSTILE, Browser, make_survey, names, served

from crackscan.review.verdict_file import VerdictFile, verdicts_path


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a survey and its journal."""
    return make_survey(tmp_path_factory.mktemp("survey")).parent


@pytest.fixture
def journal(survey: Path, tmp_path: Path) -> Path:
    """Return the journal of the survey, still without verdicts."""
    return Path(shutil.copy(survey / "out.csv.journal", tmp_path))


@pytest.fixture
def browser(journal: Path) -> Iterator[Browser]:
    """Return a browser at the served review of a journal."""
    with served(journal) as session:
        yield Browser(session)


@pytest.fixture(scope="module")
def reader(survey: Path) -> Iterator[Browser]:
    """Return a browser at a review that several tests ask for what it must not give."""
    with served(survey / "out.csv.journal") as session:
        yield Browser(session)


def test_page_and_pictures_are_served_below_the_token(browser: Browser) -> None:
    """The address that is printed opens the page, and the page's pictures are pictures."""
    page = browser.ask("")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Cache-Control"] == "no-store"
    picture = browser.ask("picture/0.webp")
    assert (picture.status, picture.body[8:12]) == (200, b"WEBP")


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "%C3%BC"])
def test_nothing_is_served_without_the_token(reader: Browser, token: str) -> None:
    """Another user of this machine, or another page of the reader, cannot guess the address."""
    target = f"/{token}/".replace("//", "/")
    assert reader.raw("GET", target).status == 404
    assert reader.raw("POST", f"/{token}/verdicts", "{}").status == 404
    assert reader.server.token not in str(reader.raw("GET", "/"))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil.example", ""]
)
def test_other_host_names_are_refused(reader: Browser, host: str) -> None:
    """A site whose name was pointed to this machine (DNS rebinding) gets nothing."""
    assert reader.ask("state", Host=host).status == 421
    assert reader.post({"action": "undo"}, Host=host).status == 421


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "picture/../../../../etc/passwd",
        "picture/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "picture//etc/passwd",
        "picture/0.webp/../../state",
        "page.html",
        "static/desk.js",
        "picture/-1.webp",
        "picture/999999.webp",
        "region/0/0/9/0.webp",
        "region/99/0/0/0.webp",
        "region/0/99/0/999999.webp",
        "row/99",
        "verdicts",
        "state?x=1",
    ],
)
def test_only_what_the_page_needs_can_be_read(reader: Browser, path: str) -> None:
    """A request names rows by their numbers: no path leads out of the survey."""
    answer = reader.ask(path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Length": "99999999"}, 413),
        ({"Content_Length": "-1"}, 413),
    ],
)
def test_other_pages_cannot_save(reader: Browser, headers: dict[str, str | None], status: int) -> None:
    """A form of another site, even with the token, changes nothing."""
    assert reader.post({"action": "crack", "rows": [0]}, **headers).status == status
    assert reader.ask("state").json["verdicts"] == {}


def test_heat_of_a_photo_is_that_of_all_its_tiles(reader: Browser) -> None:
    """Where a photo was looked at, and how sure each place is; a tile of a mosaic has nothing to add."""
    rows = names(reader)
    tiles = reader.ask(f"tiles/{rows.index('plain.jpg')}").json["tiles"]
    assert {tuple(window) for *window, _ in tiles} == {
        (col, row, 224, 224) for col in (0, 224, 448, 476) for row in (0, 224, 276)
    }
    assert all(0 <= probability <= 1 for *_, probability in tiles)
    assert reader.ask(f"tiles/{rows.index('deck.tif')}").json == {"tiles": []}
    assert reader.ask(f"tiles/{len(rows)}").status == 404


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"action": "delete", "rows": [0]},
        {"action": "crack"},
        {"action": "crack", "rows": []},
        {"action": "crack", "rows": ["0"]},
        {"action": "crack", "rows": [True]},
        {"action": "missed", "rows": [0]},
        {"action": "missed", "rows": [0], "point": [1, "2"]},
        {"action": "note", "rows": [0], "text": 5},
        {"action": "note", "rows": [0], "text": "x" * 2001},
    ],
)
def test_acts_that_are_not_understood_are_refused(reader: Browser, content: Any) -> None:
    """Nothing is guessed, and nothing is saved."""
    answer = reader.post(content)
    assert answer.status == 400
    assert answer.json["error"]
    assert reader.ask("state").json["verdicts"] == {}


def test_other_methods_are_refused(reader: Browser) -> None:
    """The page needs GET and POST alone."""
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        assert reader.raw(method, f"/{reader.server.token}/state").status == 501


def test_page_cannot_be_framed_or_run_foreign_scripts(reader: Browser) -> None:
    """A file name is text, whatever it holds; the page runs its own script alone."""
    page = reader.ask("")
    text = page.body.decode()
    assert HOSTILE not in text
    assert "script-src 'sha256-" in html.unescape(text)
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert reader.ask("state").headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_verdict_is_saved_before_the_answer(browser: Browser, journal: Path) -> None:
    """A kill right after the key loses nothing."""
    assert browser.act("no-crack", 0).json["rows"][0]["verdict"] == 2
    file = VerdictFile(verdicts_path(journal))
    (row,) = file.rows()
    assert (row.source, file.opinions(row)["anna"].verdict) == (names(browser)[0], "no-crack")


def test_verdicts_are_there_when_the_review_is_opened_again(journal: Path) -> None:
    """Who goes on tomorrow finds the work of today; another reviewer sees it, and keeps their own."""
    with served(journal) as session:
        browser = Browser(session)
        browser.act("crack", 0, 1)
        browser.act("note", 1, text="at the joint")
        browser.act("flag", 1)
    with served(journal, "bob") as session:
        browser = Browser(session)
        state = browser.ask("state").json
        assert state["verdicts"] == {"0": 1, "1": 1}
        assert (state["flagged"], state["notes"]) == ([1], {"1": "at the joint"})
        assert browser.act("no-crack", 0).json["rows"][0]["verdict"] == 4, "they disagree"
        assert set(browser.ask("row/0").json["opinions"]) == {"anna", "bob"}


def test_undo_takes_back_one_key(browser: Browser) -> None:
    """The page learns which rows changed; at the beginning there is nothing to take back."""
    browser.act("crack", 0)
    browser.act("no-crack", 1, 2, 3)
    assert [row["row"] for row in browser.act("undo").json["rows"]] == [1, 2, 3]
    assert browser.ask("state").json["verdicts"] == {"0": 1}
    assert browser.act("undo").json["rows"][0]["verdict"] == 0
    assert browser.act("undo").json == {"rows": [], "undone": None}


def test_missed_crack_belongs_to_the_tile_that_was_clicked(browser: Browser) -> None:
    """With its surroundings a picture shows other tiles, too."""
    first = names(browser).index("deck.tif")
    (changed,) = browser.act("missed", first, point=[300.0, 330.5]).json["rows"]
    assert changed["row"] == first + 3
    assert changed["opinions"]["anna"]["missed"] == [[300.0, 330.5]]
    (changed,) = browser.act("missed", first, point=[9000, -5]).json["rows"]
    assert changed["row"] == first, "outside of all tiles it stays where it was"


def test_statistics_follow_the_verdicts(browser: Browser) -> None:
    """When all rows have a verdict, recall and precision are known exactly."""
    rows = names(browser)
    cracked = rows.index("cracked.jpg")
    browser.act("no-crack", *(row for row in range(len(rows)) if row != cracked))
    assert browser.ask("statistics?threshold=0.5").json["precision"] == [None, 0.0, 1.0]
    browser.act("crack", cracked)
    figures = browser.ask("statistics?threshold=0.5").json
    assert (figures["seen"], figures["recall"], figures["precision"]) == (len(rows), [1, 1, 1], [1, 1, 1])
    assert browser.ask("statistics?threshold=0.99").json["recall"] == [0, 0, 0]
    assert browser.ask("statistics?threshold=nan").status == 404
    assert browser.ask("statistics?threshold=7").status == 400


def test_whole_source_is_served_in_tiles(browser: Browser) -> None:
    """Any place of a photo can be seen at its own resolution."""
    source = list(dict.fromkeys(names(browser))).index("plain.jpg")
    parts = [browser.ask(f"region/{source}/1/{across}/0.webp") for across in range(2)]
    assert [part.status for part in parts] == [200, 200]
    assert Image.open(io.BytesIO(parts[0].body)).size == (512, 512)
    assert browser.ask(f"region/{source}/1/2/0.webp").status == 404


def test_overview_of_a_mosaic_is_served(browser: Browser) -> None:
    """The map shows what was scanned of a mosaic; photos, and what does not exist, have no overview."""
    number = next(n for n, name in enumerate(dict.fromkeys(names(browser))) if name == "deck.tif")
    overview = browser.ask(f"overview/{number}.webp")
    assert overview.status == 200
    assert Image.open(io.BytesIO(overview.body)).size == (448, 448)
    mosaics = read_survey(browser)["sources"]["mosaics"]
    assert mosaics[str(number)]["overview"] == [448, 448]
    others = [
        browser.ask(f"overview/{other}.webp").status for other in (0, 1, 2, 3, 4, 99) if other != number
    ]
    assert set(others) == {404}


def read_survey(browser: Browser) -> Any:
    """Return the JSON of the page."""
    return Page(browser.ask("").body.decode()).survey


def test_picture_of_a_changed_file_says_why_there_is_none(browser: Browser, survey: Path) -> None:
    """Nobody judges another picture than the one that was scanned."""
    number, photo = names(browser).index("cracked.jpg"), survey / "site" / "cracked.jpg"
    before = photo.stat().st_mtime_ns
    os.utime(photo, ns=(before, before + 10**9))
    changed = browser.ask(f"picture/{number}.webp")
    os.utime(photo, ns=(before, before))
    assert (changed.status, changed.body[8:12]) == (200, b"WEBP")
    assert Image.open(io.BytesIO(changed.body)).size == (512, 512), "the words, not the photo of 224 px"


def test_port_in_use_is_told(journal: Path) -> None:
    """The sentence says what to do."""
    with served(journal) as session:
        done = run("review", journal, "--no-browser", "--port", session.server.server_port)
        assert done.exit_code == 1
        assert "cannot be used" in done.stderr
        assert "choose another, or leave it out" in done.stderr.replace("\n", " ")
        with served(journal, "bob"):
            pass  # a second review of the same journal is fine


def test_files_are_not_closed_while_a_thread_reads_them(journal: Path) -> None:
    """Ctrl-C while pictures are drawn ends the review, and does not crash it."""
    reading, go_on, states = threading.Event(), threading.Event(), list[bool]()
    with served(journal) as session:
        pictures = session.server.pictures
        file = session.rows.entry(0).file

        def read() -> None:
            with pictures._reader(file) as reader:
                reading.set()
                go_on.wait(20)
                states.append(pictures._idle == [])
                reader.size(file)

        thread = threading.Thread(target=read)
        thread.start()
        reading.wait(20)
        ending = threading.Thread(target=pictures.__exit__, args=(None, None, None))
        ending.start()
        ending.join(0.2)
        assert ending.is_alive(), "it waits for the read"
        go_on.set()
        for each in (thread, ending):
            each.join(20)
        assert states == [True]
        assert b"WEBP" in Browser(session).ask("picture/0.webp").body[:12], (
            "it says that the review has ended"
        )
