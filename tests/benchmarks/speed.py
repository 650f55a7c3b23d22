"""Measure how fast tiles are judged, against what the arithmetic allows and against peers.

    python tests/benchmarks/speed.py -o speed.json

All is measured in turns, several times, in one process on as many threads as there are cores; medians count.
Only ratios mean anything on another machine. A peer that is not installed is left out, and named.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from speed_inputs import drawn_tiles, make_mosaic, make_photos, make_tiles
from speed_peers import peers

from crackscan import grid
from crackscan.classifier import Classifier, Model, find_model
from crackscan.cli import app
from crackscan.commands import cores
from crackscan.planning import Plan
from crackscan.reading import Pixels, fit, open_mosaic, read_photo
from crackscan.records import ScanOptions, Work
from crackscan.scanning import BATCH

Timed = Callable[[], int]  # does something, and returns for how many tiles


def main() -> None:
    """Measure, print the tables, write the JSON."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        timed = dict(_all(Path(folder), asked))
        seconds: dict[str, list[float]] = {name: [] for name in timed}
        tiles: dict[str, int] = {}
        for name, run in timed.items():
            print(f"{name} ...", file=sys.stderr)
            tiles[name] = run()  # once to warm up
        for _ in range(asked.rounds):
            for name, run in timed.items():
                began = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - began)
    rates = {name: tiles[name] / statistics.median(of) for name, of in seconds.items()}
    found = {
        "machine": {"cores": cores(), "processor": platform.processor() or platform.machine()},
        "model": Model.load(find_model()).card.model_id,
        "seconds": seconds,
        "tiles": tiles,
        "tiles_per_second": rates,
        "share_of_the_bare_rate": dict(_shares(rates)),
    }
    print(_table(rates))
    if asked.output:
        asked.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="JSON with all figures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiles", type=int, default=2000, help="small tiles, 227 px JPEG")
    parser.add_argument("--photos", type=int, default=8, help="photos of 12 megapixels")
    parser.add_argument("--megapixels", type=int, default=300, help="of each mosaic")
    return parser.parse_args()


def _all(folder: Path, asked: Any) -> Iterator[tuple[str, Timed]]:
    """Give all that is measured, by its name."""
    tiles = drawn_tiles(256)
    for engine in Model.load(find_model()).card.engines:
        yield f"engine {engine}", _engine(engine, tiles)
    sources = {
        "small tiles": make_tiles(folder / "tiles", asked.tiles),
        "photos": make_photos(folder / "photos", asked.photos),
        "tiled mosaic": make_mosaic(folder / "tiled.tif", asked.megapixels, tiled=True),
        "striped mosaic": make_mosaic(folder / "striped.tif", asked.megapixels, tiled=False),
    }
    options = Model.load(find_model()).card.scan_options
    for kind, source in sources.items():
        yield f"reading {kind}", _reading(source, options)
        yield f"scan of {kind}", _scan(source, folder / "rows.csv")
    for name, run in peers(sources["small tiles"], find_model()):
        yield f"peer: {name}", run


def _engine(engine: Any, tiles: Pixels) -> Timed:
    """Judge tiles that are in memory, each thread with its classifier."""
    model, jobs = Model.load(find_model(), engine=engine), cores()
    classifiers = [model.classifier() for _ in range(jobs)]

    def judge(classifier: Classifier, part: Pixels) -> None:
        for at in range(0, len(part), BATCH):
            classifier.judge(part[at : at + BATCH])

    def run() -> int:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(judge, classifiers, np.array_split(tiles, jobs)))
        return len(tiles)

    return run


def _reading(source: Path, options: ScanOptions) -> Timed:
    """Decode and resize all tiles of a source, and do nothing with them."""

    def run() -> int:
        with ThreadPoolExecutor(cores()) as pool:
            return sum(pool.map(lambda work: _read(work, options), Plan((str(source),), options)))

    return run


def _read(work: Work, options: ScanOptions) -> int:
    tile_px = options.tile_px
    if work.kind == "mosaic":
        assert work.window is not None
        windows = list(grid.tiles(work.window, tile_px=tile_px, overlap=0))
        with open_mosaic(work.path) as mosaic:
            for at in range(0, len(windows), BATCH):
                mosaic.read(grid.around(windows[at : at + BATCH]))
        return len(windows)
    photo = read_photo(work.path)
    if max(photo.size) > 1.5 * tile_px:
        return len(list(grid.windows(*photo.size, tile_px=tile_px, overlap=0)))
    fit(photo.patch.filled(), max(photo.size), tile_px)
    return 1


def _scan(source: Path, rows: Path) -> Timed:
    """Scan a source from the command line, journal and output included, without starting a process."""

    def run() -> int:
        app(["scan", str(source), "-o", str(rows), "--fresh", "--quiet"], standalone_mode=False)
        return tiles

    tiles = _reading(source, Model.load(find_model()).card.scan_options)()
    return run


def _shares(rates: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Give each scan's rate as a share of what reading and the engine, each on its own, add up to."""
    engine = next(rate for name, rate in rates.items() if name.startswith("engine "))
    for name, rate in rates.items():
        kind = name.removeprefix("scan of ")
        if kind != name:
            yield kind, rate * (1 / engine + 1 / rates[f"reading {kind}"])


def _table(rates: dict[str, float]) -> str:
    shares = dict(_shares(rates))
    first = next(iter(rates.values()))
    lines = ["| what | tiles a second | of the first | of reading and engine together |", "| --- " * 4 + "|"]
    for name, rate in rates.items():
        share = shares.get(name.removeprefix("scan of "))
        cell = f"{share:.0%}" if share and name.startswith("scan of ") else ""
        lines.append(f"| {name} | {rate:.0f} | {rate / first:.2f} | {cell} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
