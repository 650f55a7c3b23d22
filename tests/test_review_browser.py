"""A review in a real browser: Debian's chromium, driven by Playwright; without it the tests are skipped."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import run
from reviews import HOSTILE, make_survey

from crackscan.review.verdict_file import VerdictFile, verdicts_path

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
expect.set_options(timeout=60_000)  # ms; a loaded machine is no defect
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a running chromium, or skip."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium; .ci/run installs it")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """Return a page that fails its test if a script does."""
    errors: list[str] = []
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)  # ms; as above
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))
    yield opened
    context.close()
    assert errors == []


class Review:
    """`crackscan review` in its own process."""

    def __init__(self, journal: Path, reviewer: str = "anna") -> None:
        command = [sys.executable, "-m", "crackscan", "review", str(journal), "--no-browser"]
        self.process = subprocess.Popen(
            [*command, "--reviewer", reviewer], stderr=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stderr is not None
        lines = iter(self.process.stderr.readline, "")
        self.address = next(line.strip() for line in lines if line.startswith("http://"))

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End the process by a signal; return its exit code, and what it says last."""
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, " ".join(said.split())


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return the journal of a survey."""
    return make_survey(tmp_path)


@pytest.fixture
def review(journal: Path) -> Iterator[Review]:
    """Return a review in its own process."""
    started = Review(journal)
    yield started
    if started.process.poll() is None:
        started.end()


def open_page(page: Any, address: str, queue: str = "all") -> None:
    """Open a review, and list a queue along the structure."""
    page.goto(address)
    page.wait_for_selector("body[data-review=ready]")
    page.select_option("#sorting", "structure")
    page.select_option("#queue", queue)
    page.locator(".item").first.click()


def press(page: Any, key: str) -> None:
    """Press a key, and wait until the server has answered."""
    with page.expect_response(lambda response: response.url.endswith("/verdicts")):
        page.keyboard.press(key)


def expect_badges(page: Any, *verdicts: str) -> None:
    """Wait until the first rows of the list have these verdicts, and no other row has one."""
    expect(page.locator(".item .badge.verdict")).to_have_text([verdict for verdict in verdicts if verdict])
    for place, verdict in enumerate(verdicts):
        expect(page.locator(".item").nth(place).locator(".badge.verdict")).to_have_text(
            [verdict] if verdict else []
        )


def expect_selected(page: Any, source: str) -> None:
    """Wait until a row of a source is selected."""
    expect(page.locator("#facts h3")).to_have_text(source)


def test_judge_undo_kill_and_go_on(page: Any, review: Review, journal: Path, tmp_path: Path) -> None:
    """A day's work: keys judge, u takes back, a kill loses nothing, and the labels go into the table."""
    open_page(page, review.address)
    assert page.locator(".item").count() == 7
    expect_selected(page, HOSTILE)
    press(page, "0")
    expect_selected(page, "cracked.jpg")  # the key goes on to the next row
    press(page, "1")
    expect_selected(page, "deck.tif")
    press(page, "?")
    expect_badges(page, "○ no crack", "● crack", "? unsure")
    press(page, "u")
    expect(page.locator(".desk-hint")).to_contain_text("Taken back")
    expect_badges(page, "○ no crack", "● crack", "")
    review.end(signal.SIGKILL)

    page.keyboard.press("0")
    expect(page.locator(".desk-problem")).to_contain_text("Not saved: the review has ended")
    expect_badges(page, "○ no crack", "● crack", "")  # what is not saved does not look as if it were

    again = Review(journal)
    open_page(page, again.address)
    expect_badges(page, "○ no crack", "● crack", "")
    page.keyboard.press("j")
    press(page, "0")
    code, said = again.end()
    assert (code, "3 rows with verdicts" in said) == (0, True)
    done = run("convert", journal, "--reviewed", "-o", tmp_path / "final.csv")
    assert done.exit_code == 0
    text = (tmp_path / "final.csv").read_text("utf-8")
    assert len(re.findall(r",anna,", text)) == 3


def test_keys_faster_than_the_server(page: Any, review: Review) -> None:
    """Each key is for the row that is shown when it is pressed, however late the server answers."""
    page.route("**/verdicts", lambda route: (time.sleep(0.3), route.continue_()))
    open_page(page, review.address)
    for key in "010":
        page.keyboard.press(key)
    expect_badges(page, "○ no crack", "● crack", "○ no crack")
    page.keyboard.press("f")
    page.keyboard.press("n")
    page.keyboard.type("010")  # into the note, although the answer to the flag comes meanwhile
    expect(page.locator(".desk-said")).to_contain_text("flagged")
    expect(page.locator(".desk textarea")).to_have_value("010")
    expect_badges(page, "○ no crack", "● crack", "○ no crack")
    page.keyboard.press("Enter")
    page.keyboard.press("1")  # a verdict, although the note is not saved yet
    expect_badges(page, "○ no crack", "● crack", "○ no crack", "● crack")
    review.end(signal.SIGKILL)
    page.keyboard.press("n")
    page.keyboard.type("wet")
    page.keyboard.press("Enter")
    expect(page.locator(".desk-problem")).to_contain_text("Not saved: the review has ended")
    expect(page.locator(".desk textarea")).to_have_value("wet")  # the text is not lost


def test_note_flag_and_missed_crack(page: Any, review: Review, journal: Path) -> None:
    """They are saved with the row, and shown when it is selected again."""
    open_page(page, review.address)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("n")
    field = page.locator(".desk textarea")
    field.wait_for()
    page.keyboard.type("1 m beside the joint")
    press(page, "Enter")
    press(page, "f")
    page.keyboard.press("m")
    with page.expect_response(lambda response: response.url.endswith("/verdicts")):
        page.locator("#picture > svg").click()  # into its middle
    page.locator("#picture .missed").wait_for(state="attached")
    for text in ("1 missed crack marked", "flagged", "“1 m beside the joint”"):
        expect(page.locator(".desk-said")).to_contain_text(text)
    file = VerdictFile(verdicts_path(journal))
    (row,) = file.rows()
    ((col, line),) = file.opinions(row)["anna"].missed
    assert row.source == "cracked.jpg"
    assert 80 <= col <= 144, "a click into the middle of the picture is in the middle of the photo"
    assert 80 <= line <= 144
    page.select_option("#queue", "flagged")
    assert page.locator(".item").count() == 1


def test_note_is_not_lost_when_another_row_is_clicked(page: Any, review: Review, journal: Path) -> None:
    """Its text is saved with the row it was written for; without a server it waits there."""
    open_page(page, review.address)
    items, field, said = page.locator(".item"), page.locator(".desk textarea"), page.locator(".desk-said")
    page.keyboard.press("n")
    field.fill("wet")
    with page.expect_response(lambda response: response.url.endswith("/verdicts")):
        items.nth(1).click()
    expect(field).to_be_hidden()
    expect(said).to_be_empty()
    page.keyboard.press("n")  # nothing is written, so nothing is saved
    items.nth(0).click()
    expect(said).to_contain_text("“wet”")
    file = VerdictFile(verdicts_path(journal))
    assert [row.source for row in file.rows()] == [HOSTILE]

    page.keyboard.press("n")
    expect(field).to_have_value("wet")
    field.fill("wet and cold")
    review.end(signal.SIGKILL)
    items.nth(2).click()
    expect(page.locator(".desk-problem")).to_contain_text("Not saved: the review has ended")
    expect(field).to_be_hidden()
    items.nth(0).click()
    expect(field).to_have_value("wet and cold")
    field.press("Escape")
    items.nth(2).click()
    items.nth(0).click()
    expect(field).to_be_hidden()  # who leaves a note does not want it


def test_random_sample_gives_recall(page: Any, review: Review) -> None:
    """The button opens the sample; when it is judged, the page says how good the scan is here."""
    open_page(page, review.address)
    page.get_by_role("button", name="Judge the random sample").click()
    for place in range(7):
        expect(page.locator("#place-in-list")).to_have_text(f"{place + 1} of 7")
        press(page, "1" if page.locator("#facts h3").inner_text() == "cracked.jpg" else "0")
    expect(page.locator("#review-statistics")).to_contain_text(
        "7 of 7 assessed rows have a verdict: recall here 1.00 [1.00, 1.00], precision 1.00 [1.00, 1.00]"
    )


def test_two_reviewers_disagree(page: Any, review: Review, journal: Path) -> None:
    """Nobody is overwritten, and the page shows both."""
    open_page(page, review.address)
    press(page, "1")
    other = Review(journal, "bob")
    open_page(page, other.address)
    press(page, "0")
    page.keyboard.press("ArrowUp")
    said = page.locator(".desk-said")
    for text in ("The reviewers disagree.", "anna: crack", "bob: no crack"):
        expect(said).to_contain_text(text)
    expect_badges(page, "≠ disagreement")
    other.end()


def test_whole_picture_is_seen_and_marked(page: Any, review: Review, journal: Path) -> None:
    """A crack that nothing called is marked where it is, anywhere in the photo."""
    open_page(page, review.address)
    page.get_by_placeholder("part of a name").fill("plain")
    page.locator("#find").press("Escape")
    page.locator(".item").first.click()
    page.keyboard.press("v")
    page.locator(".viewer img.leaflet-tile-loaded").first.wait_for()
    page.keyboard.press("m")
    with page.expect_response(lambda response: response.url.endswith("/verdicts")):
        page.locator(".viewer-sight").click(position={"x": 500, "y": 300})
    (row,) = VerdictFile(verdicts_path(journal)).rows()
    assert row.source == "plain.jpg"


def test_heat_covers_all_tiles_in_view(page: Any, review: Review) -> None:
    """A photo's neighbouring tiles have their probabilities, too; in the whole picture each tile has."""
    open_page(page, review.address)
    page.fill("#find", "plain")
    page.locator("#find").press("Escape")
    page.keyboard.press("h")
    figures = page.locator("#picture .heat text")
    expect(figures).to_have_count(4)  # the tile in a corner, and its neighbours
    edge = page.locator("#picture .inside image").bounding_box()
    for figure in figures.all():
        box = figure.bounding_box()
        assert edge["x"] <= box["x"], "nothing is drawn beside the picture"
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]


def test_missed_crack_is_marked_without_a_mouse(page: Any, review: Review, journal: Path) -> None:
    """Enter marks the middle of the whole picture, which the arrow keys move."""
    open_page(page, review.address)
    page.fill("#find", "plain")
    page.locator("#find").press("Escape")
    page.keyboard.press("v")
    page.locator(".viewer img.leaflet-tile-loaded").first.wait_for()
    page.keyboard.press("m")
    with page.expect_response(lambda response: response.url.endswith("/verdicts")):
        page.keyboard.press("Enter")
    (row,) = VerdictFile(verdicts_path(journal)).rows()
    assert row.source == "plain.jpg"


def test_keyboard_alone_reaches_all(page: Any, review: Review) -> None:
    """Verdicts are real buttons with names, for people without a mouse."""
    open_page(page, review.address)
    for name in ("Crack", "No crack", "Unsure", "Missed here", "Flag", "Note", "Undo", "Whole picture"):
        assert page.get_by_role("button", name=name).count() >= 1
    page.get_by_role("button", name="No crack").focus()
    press(page, "Enter")
    expect_badges(page, "○ no crack")


def test_narrow_screen_judges_too(chromium: Any, review: Review) -> None:
    """On a phone nothing lies beyond the edge, and the buttons judge."""
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.set_default_timeout(60_000)  # ms; as above
    page.goto(review.address)
    page.wait_for_selector("body[data-review=ready]")
    page.locator("#views button[value=detail]").click()
    with page.expect_response(lambda response: response.url.endswith("/verdicts")):
        page.get_by_role("button", name="No crack").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
