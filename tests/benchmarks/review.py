"""Times of a review of many drawn rows: until its address is printed, and in a browser; and its memory.

    python tests/benchmarks/review.py [ROWS] [--photos]

The rows are tiles of a mosaic, or photos of 20 tiles. Their files do not exist: pictures only say so.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from report import FIGURES, MOVES, OPTIONS, TIMES, Watch, drawn_rows

from crackscan.basics.records import Result, ScanOptions, Window, Work
from crackscan.scanning.journal_file import open_journal
from crackscan.scanning.run_settings import RunSettings

BAND = 447  # tiles


def in_groups(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Yield items in lists of so many."""
    while group := list(islice(items, size)):
        yield group


def mosaic(count: int, options: ScanOptions) -> Iterator[tuple[Work, list[Result]]]:
    """Yield the bands of a mosaic."""
    for number, rows in enumerate(in_groups(drawn_rows(count), BAND)):
        window = Window(0, number * 224, 100_000, 224)
        yield Work("deck.tif", "/nowhere/deck.tif", "mosaic", options.tiles, window), list(rows)


def photos(count: int, options: ScanOptions) -> Iterator[tuple[Work, list[Result]]]:
    """Yield photos of 20 tiles; one in 20 is cracked."""
    rng = np.random.default_rng(0)
    for number in range(count):
        probabilities = np.round(rng.beta(1, 12, 20), 6)
        if rng.random() < 0.05:
            probabilities[7:11] = np.round(rng.uniform(0.7, 1, 4), 6)
        judged = tuple(
            (Window(224 * (i % 5), 224 * (i // 5), 224, 224), float(each))
            for i, each in enumerate(probabilities)
        )
        window, most = max(judged, key=lambda tile: tile[1])
        name = f"flight-{number // 1000}/DJI_{number:06}.jpg"
        row = Result(
            source=name,
            kind="photo",
            status="ok",
            probability=most,
            **window._asdict(),
            tiles=20,
            valid=1.0,
            lon=15 + 1e-4 * (number % 300),
            lat=45 + 1e-4 * (number // 300),
            position_from="exif",
            captured_at="2026-05-01T12:00:00",
            judged=judged,
        )
        yield Work(name, f"/nowhere/{name}", "photo", options.tiles), [row]


def write_journal(path: Path, kind: Any, count: int) -> None:
    """Write a journal, as a scan would."""
    with open_journal(path, RunSettings("drawn@00000000", "litert", OPTIONS, FIGURES)) as journal:
        journal.plan(work for work, _ in kind(count, OPTIONS))
        for group in in_groups(kind(count, OPTIONS), 64):
            journal.record(group)


def use(journal: Path) -> None:
    """Open a review, use it in a browser, and print its times by the clock and of the processor."""
    began = time.monotonic()
    command = [sys.executable, "-m", "crackscan", "review", str(journal), "--no-browser"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, bufsize=1)
    assert process.stderr is not None
    address = next(line.strip() for line in process.stderr if line.startswith("http://"))
    print(f"address after {time.monotonic() - began:.1f} s")
    browse(address)
    process.send_signal(signal.SIGINT)
    _, _, used = os.wait4(process.pid, 0)
    seconds = used.ru_utime + used.ru_stime
    print(f"{seconds:.1f} s of processor time until the end, {used.ru_maxrss / 1000:.0f} MB at most")


def browse(address: str) -> None:
    """Open a review in a browser, and go through 100 rows."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(600_000)
        watch = Watch(page)
        page.goto(address)
        page.wait_for_selector("body[data-review=ready]")
        drawn, loaded = page.evaluate(TIMES)
        print(f"list, map and counts are drawn after {drawn:.2f} s, all is loaded after {loaded:.2f} s")
        watch.tell("until then")
        page.wait_for_timeout(2000)
        watch.tell("the printed part")
        moves = page.evaluate(MOVES)
        print(f"next picture: median {moves[50]:.0f} ms, 98 of 100 within {moves[97]:.0f} ms")
        watch.tell("100 pictures")
        browser.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("rows", type=int, nargs="?", default=100_000)
    options.add_argument("--photos", action="store_true")
    chosen = options.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder, "drawn.csv.journal")
        write_journal(path, photos if chosen.photos else mosaic, chosen.rows)
        use(path)
