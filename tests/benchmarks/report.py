"""Times of a report with many drawn rows: writing it, and opening and using it in a browser.

    python tests/benchmarks/report.py [ROWS]

The rows are those of a mosaic of tiles with 2,000 pictures, which need no files.
"""

import resource
import shutil
import sys
import tempfile
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from crackscan.basics.records import (
    MapGrid,
    Result,
    RowOptions,
    ScanOptions,
    TileOptions,
    Trace,
    Window,
    Work,
)
from crackscan.basics.run_facts import ModelFigures, RunFacts, ThresholdFigures
from crackscan.scanning.row_labels import cracked_up_to, label_row
from crackscan.sinks.report.page import write_page
from crackscan.sinks.report.picture_store import PictureStore
from crackscan.sinks.report.pictures import Picture, PictureReader, encode
from crackscan.sinks.report.row_table import Entry, RowTable
from crackscan.sinks.report.selection import page_rows, picture_rows
from crackscan.sinks.report.survey import Survey

TILE = 224
TIMES = """() => [
    performance.getEntriesByName("page drawn")[0].startTime / 1000,
    performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd / 1000,
]"""
MOVES = """async () => {
    const times = [];
    for (let i = 0; i < 100; i += 1) {
        const begin = performance.now();
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - begin);
    }
    return times.sort((a, b) => a - b);
}"""
USES = {
    "slide": "document.getElementById('threshold').value = '0.3'; "
    "document.getElementById('threshold').dispatchEvent(new Event('input'))",
    "find": "document.getElementById('find').value = 'deck'; "
    "document.getElementById('find').dispatchEvent(new Event('input'))",
    "all rows": "document.getElementById('queue').value = 'all'; "
    "document.getElementById('queue').dispatchEvent(new Event('change'))",
    "scroll to the end": "document.getElementById('list').scrollTop = 1e9",
}
OPTIONS = ScanOptions(TileOptions(TILE), RowOptions(0.7))
FIGURES = ModelFigures((ThresholdFigures(0.05, 1.0, 200.0), ThresholdFigures(0.95, 0.8, 1.0)))
GRID = MapGrid("EPSG:32633", (0.005, 0.0, 400_000.0, 0.0, -0.005, 5_000_000.0))


class DrawnReader(PictureReader):
    """Gives a few pictures of grain in place of parts of files."""

    def draw(self, entry: Entry) -> Picture:
        """Return grain for a row's window."""
        assert entry.window is not None
        return Picture(grain(entry.number % 16), entry.window, (100_000, 100_000))

    def overview(self, file: Any) -> None:
        """Give none."""


@cache
def grain(seed: int) -> bytes:
    """Return a picture that looks like concrete to an encoder."""
    noise = np.random.default_rng(seed).normal(150, 12, (96, 96, 3)).clip(0, 255).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(noise).resize((384, 384), Image.Resampling.BICUBIC))
    return encode(pixels, 20_000)


def drawn_rows(count: int) -> Any:
    """Yield the rows of a square mosaic; one in fifty is cracked."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(count)))
    step = 1e-5
    for number in range(count):
        row, col = divmod(number, side)
        probability = float(round(rng.uniform(0.7, 1) if rng.random() < 0.02 else rng.beta(1, 12), 6))
        blind = rng.random() < 0.05
        lon, lat = 15 + col * step, 45 - row * step
        outline = ((lon, lat), (lon, lat - step), (lon + step, lat - step), (lon + step, lat))
        points = tuple((col * TILE + x, row * TILE + 110.0 + 20 * np.sin(x / 30)) for x in range(0, TILE, 12))
        yield Result(
            source="deck.tif",
            kind="tile",
            status="nodata" if blind else "ok",
            probability=None if blind else probability,
            **Window(col * TILE, row * TILE, TILE, TILE)._asdict(),
            lon=lon + step / 2,
            lat=lat - step / 2,
            mm_per_px=5.0,
            outline=outline,
            grid=GRID,
            traces=(Trace(points, 0.8, 2.0, 3.0),) if not blind and probability >= 0.7 else (),
        )


def write(target: Path, count: int) -> None:
    """Write a report, and print its times."""
    work = Work("deck.tif", "deck.tif", "mosaic", OPTIONS.tiles)
    facts = RunFacts("drawn@0", "litert", OPTIONS, FIGURES, partial(cracked_up_to, options=OPTIONS))
    begin = time.monotonic()
    with RowTable() as table, PictureStore() as pictures, target.open("wb") as file:
        for row in drawn_rows(count):
            labelled = label_row(row, OPTIONS)
            table.add(work, labelled, facts.cracked_up_to(labelled))
        added = time.monotonic()
        rows = page_rows(table)
        chosen = picture_rows(rows, OPTIONS.rows.threshold)
        pictures.draw(table, rows, chosen, cracked=table.totals.cracked, reader=DrawnReader())
        drawn = time.monotonic()
        write_page(file, Survey(table, rows, facts, pictures))
    ended = time.monotonic()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"{count:,} rows added in {added - begin:.1f} s")
    print(f"{len(chosen):,} pictures drawn in {drawn - added:.1f} s")
    size = target.stat().st_size / 1e6
    print(f"page of {size:.1f} MB written in {ended - drawn:.1f} s, at most {memory:.0f} MB held")


def use(target: Path) -> None:
    """Open a report in a browser, and print its times: by the clock, and of its main thread alone.

    The second is what counts where other programs use the machine at the same time.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(600_000)
        watch = Watch(page)
        page.goto(target.absolute().as_uri())
        page.wait_for_selector("body[data-loaded]")
        drawn, loaded = page.evaluate(TIMES)
        print(f"list, map and counts are drawn after {drawn:.2f} s, all is loaded after {loaded:.2f} s")
        watch.tell("until then")
        page.wait_for_timeout(2000)
        watch.tell("the printed part")
        moves = page.evaluate(MOVES)
        print(f"next picture: median {moves[50]:.0f} ms, 98 of 100 within {moves[97]:.0f} ms")
        watch.tell("100 pictures")
        for name, script in USES.items():
            took = page.evaluate(
                f"async () => {{ const begin = performance.now(); {script}; "
                "await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame); "
                "return performance.now() - begin; }"
            )
            watch.tell(f"{name}: {took:.0f} ms")
        print(f"{page.locator('.item').count()} items in the list")
        browser.close()


class Watch:
    """Tells the time that the main thread of a page has worked since it last told it, and its memory."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._before = 0.0

    def tell(self, what: str) -> None:
        """Print the time and the memory."""
        figures = {
            item["name"]: item["value"] for item in self._session.send("Performance.getMetrics")["metrics"]
        }
        worked = figures["TaskDuration"]
        memory = figures["JSHeapUsedSize"] / 1e6
        took = worked - self._before
        print(f"  {what}: {took:.2f} s of the main thread, {memory:.0f} MB of JavaScript")
        self._before = worked


if __name__ == "__main__":
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.html")
        write(report, rows)
        use(report)
