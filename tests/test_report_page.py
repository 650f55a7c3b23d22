"""Reports in a real browser: opened from the disk without network, filtered, slid, moved through by keys."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import run
from makers import make_mosaic, make_photo

pytest.importorskip("jinja2", reason="the page needs the extra review")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed; apt-get install chromium"),
    pytest.mark.usefixtures("stand_in_model"),
]

WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 800}
EVIL = "\"><img src=x onerror=document.title='gone'>.jpg"


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    """Start one browser for all tests."""
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Return the report of a survey: cracked and plain photos, a mosaic, a broken file, a hostile name."""
    site = tmp_path / "site"
    make_photo(site / "cracked.jpg", crack=True)
    make_photo(site / EVIL, width=230, crack=True)
    make_photo(site / "plain.jpg", width=700, height=500)
    make_mosaic(site / "deck.tif", width=672, height=448)
    (site / "broken.jpg").write_bytes(b"no picture")
    assert run("scan", site, "-o", tmp_path / "report.html").exit_code == 3
    return tmp_path / "report.html"


@pytest.fixture
def page(browser: "playwright.Browser", report: Path) -> Iterator["playwright.Page"]:
    """Open the report from the disk, with the network off; nothing may fail or be refused."""
    with open_page(browser, report, WIDE) as opened:
        yield opened


class open_page:  # noqa: N801 - used as a function
    """Open a file in a window of a size; at the end no error may have been reported."""

    def __init__(self, browser: "playwright.Browser", file: Path, size: dict[str, int]) -> None:
        self.context = browser.new_context(viewport=size, offline=True)
        self.context.set_default_timeout(60_000)  # ms; a loaded machine is no defect
        self.file, self.problems = file, list[str]()

    def __enter__(self) -> "playwright.Page":
        page = self.context.new_page()
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._watch)
        page.goto(self.file.as_uri())
        page.wait_for_selector("body[data-loaded]")
        return page

    def _watch(self, request: "playwright.Request") -> None:
        if not request.url.startswith(("file:", "data:")):
            self.problems.append(request.url)

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.problems == []


def names(page: "playwright.Page") -> list[str]:
    """Return the names of the listed rows."""
    items = page.locator(".item")
    return items.locator(".item-name").all_inner_texts()


def test_report_opens_with_the_cracks_first(page: "playwright.Page") -> None:
    """Who opens the file sees counts, the list of cracks, the surest one's picture, and the map."""
    assert page.locator("#number-cracked").inner_text() == "2"
    assert page.locator("#number-blind").inner_text() == "1"
    assert set(names(page)) == {EVIL, "cracked.jpg"}
    assert page.locator("#picture image").count() == 1
    assert page.locator("#place-in-list").inner_text() == "1 of 2"
    assert page.evaluate("document.querySelector('.map-canvas').width") > 100
    assert page.title().startswith("Crack scan of")


def test_rows_that_were_not_assessed_never_look_uncracked(page: "playwright.Page") -> None:
    """They have a queue of their own, their reason, and no probability."""
    page.select_option("#queue", "blind")
    assert names(page) == ["broken.jpg"]
    item = page.locator(".item")
    assert "Not assessed: unreadable" in item.inner_text()
    assert "No crack" not in item.inner_text()
    assert "there is no picture" in page.locator("#picture").inner_text()
    assert "Reason" in page.locator("#facts").inner_text()


def test_find_and_order_change_the_list(page: "playwright.Page") -> None:
    """A part of a name is enough; along the structure means in the order of the files."""
    page.select_option("#queue", "all")
    page.select_option("#sorting", "structure")
    listed = names(page)
    assert len(listed) == 10
    assert listed == sorted(listed, key=listed.index)
    page.fill("#find", "DECK")
    assert set(names(page)) == {"deck.tif"}
    assert page.locator("#list-count").inner_text() == "6 rows"
    page.fill("#find", "no such name")
    assert page.locator("#list-empty").is_visible()


def test_slider_counts_and_lists_at_once(page: "playwright.Page") -> None:
    """A lower threshold calls more rows cracked; Reset goes back to that of the scan."""
    page.locator("#threshold").fill("0.05")
    assert page.locator("#number-cracked").inner_text() == "9"
    assert page.locator("#list-count").inner_text() == "9 rows"
    page.locator("#threshold").fill("0.99")
    assert page.locator("#number-cracked").inner_text() == "0"
    page.click("#threshold-reset")
    assert page.locator("#number-cracked").inner_text() == "2"
    assert "0.5" in page.locator("#threshold-value").inner_text()
    assert "cannot be told" in page.locator("#expected").inner_text()  # none of the tiles is called cracked
    page.locator("#threshold").fill("0.1")
    assert "false alarm" in page.locator("#expected").inner_text()


def test_keys_move_and_show(page: "playwright.Page") -> None:
    """Arrows go to the next row and back; z, o, l and h change the picture, unless a text is typed."""
    page.keyboard.press("ArrowRight")
    assert page.locator("#place-in-list").inner_text() == "2 of 2"
    page.keyboard.press("ArrowRight")
    assert page.locator("#place-in-list").inner_text() == "2 of 2"
    page.keyboard.press("ArrowLeft")
    assert page.locator("#place-in-list").inner_text() == "1 of 2"
    page.locator("#list").focus()
    page.keyboard.press("End")
    assert page.locator("#place-in-list").inner_text() == "2 of 2"
    page.locator("#next").focus()  # beside the list, a screen reader hears which row it is
    page.keyboard.press("ArrowLeft")
    assert page.locator("#announcement").inner_text().startswith("1 of 2: Crack")
    assert page.locator("#picture .outline").count() == 1
    page.keyboard.press("o")
    assert page.locator("#picture .outline").count() == 0
    page.keyboard.press("h")
    assert page.locator("#picture .heat rect").count() == 1
    assert page.get_attribute("#show-heat", "aria-pressed") == "true"
    page.keyboard.press("/")
    page.keyboard.type("ohz")
    assert page.input_value("#find") == "ohz"
    assert page.get_attribute("#show-heat", "aria-pressed") == "true"


def test_click_on_the_map_selects_the_row(page: "playwright.Page") -> None:
    """The tile in the middle of the mosaic is listed and its place is told."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    assert "deck.tif" in page.locator("#facts").inner_text()
    assert page.locator('.item[aria-selected="true"]').count() == 1
    assert page.input_value("#queue") == "all"


def test_hostile_name_is_shown_as_it_is(page: "playwright.Page") -> None:
    """It is a name, not a picture that does not load and runs a script."""
    assert page.locator("img[src='x']").count() == 0
    assert EVIL in names(page)
    assert page.title() != "gone"


def test_phone_shows_one_part_at_a_time(browser: "playwright.Browser", report: Path) -> None:
    """Nothing is wider than the screen; a tap on a row shows its picture, a button the map."""
    with open_page(browser, report, NARROW) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert not page.locator("#map").is_visible()
        page.locator(".item").first.click()
        assert page.locator("#picture image").is_visible()
        assert not page.locator("#list").is_visible()
        page.click("#views [value=map]")
        assert page.locator("#map").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_all_that_can_be_used_has_a_name_and_takes_the_focus(page: "playwright.Page") -> None:
    """A screen reader says what each control is; the keyboard reaches all of them."""
    for control in page.locator("button, select, input, [role=listbox], [role=img]").all():
        name = control.evaluate(
            "e => e.getAttribute('aria-label') || e.innerText || (e.labels && e.labels[0]?.innerText) || ''"
        )
        assert name.strip(), control.evaluate("e => e.outerHTML")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"threshold", "queue", "sorting", "find", "list", "next", "show-heat", "map", "print"} <= reached
    assert page.get_attribute("#list", "aria-activedescendant") == page.locator(
        '.item[aria-selected="true"]'
    ).get_attribute("id")


def test_print_has_the_summary_the_map_and_the_pictures(page: "playwright.Page") -> None:
    """On paper there are no buttons, but the pictures of the list as it is filtered."""
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#printed figure").count() == 2
    assert page.locator("#printed > canvas").is_visible()
    assert page.locator("#number-cracked").is_visible()
    assert not page.locator("#list").is_visible()
    assert not page.locator("button:visible").count()
    assert len(page.pdf(format="A4")) > 10_000
