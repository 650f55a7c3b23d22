"""Measure how the speed of a scan depends on workers, number of photos and size of mosaics.

    python tests/benchmarks/scaling.py -o scaling.json

All scans take turns for several rounds; the result is the median. The main thread (planning, journal,
output) limits the speed whatever the number of cores, as each tile takes some of its time.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from speed_inputs import make_mosaic, make_photos, make_tiles
from speed_tables import table

from crackscan.cli import app
from crackscan.scanning.workers import SPARE, cores


class Run(NamedTuple):
    """One scan: its source, number of workers and times."""

    source: str
    gigapixels: float
    workers: int
    tiles: int
    wall_seconds: float
    main_seconds: float  # processor time of the main thread


def main() -> None:
    """Measure, print the tables, write the JSON."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        sources = list(_sources(Path(folder), arguments))
        _scan(*sources[0], workers=cores() + SPARE)  # to warm up
        runs = [run for _ in range(arguments.rounds) for run in _round(sources)]
    medians = [
        _median([run for run in runs if run[:3] == kind]) for kind in dict.fromkeys(r[:3] for r in runs)
    ]
    print("\n".join(table(_rows(medians))))
    if arguments.output:
        all_runs = [run._asdict() for run in runs]
        arguments.output.write_text(
            json.dumps({"cores": cores(), "runs": all_runs}, indent=1) + "\n", "utf-8"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="JSON with all runs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiles", type=int, nargs="*", default=[1_000, 10_000], help="JPEGs of 227 px")
    parser.add_argument("--photos", type=int, nargs="*", default=[10, 40], help="JPEGs of 12 megapixels")
    parser.add_argument("--megapixels", type=int, nargs="*", default=[100, 1000], help="of the mosaics")
    return parser.parse_args()


Source = tuple[str, Path, float]  # its name, its path and its gigapixels


def _sources(folder: Path, arguments: argparse.Namespace) -> Iterator[Source]:
    for count in arguments.tiles:
        small = make_tiles(folder / f"tiles-{count}", count)
        yield f"{count:,} JPEGs of 227 px", small, count * 227 * 227 / 1e9
    for count in arguments.photos:
        yield f"{count:,} 12-megapixel JPEGs", make_photos(folder / f"photos-{count}", count), count * 0.012
    for megapixels in arguments.megapixels:
        for layout in ("tiles", "strips"):
            path = make_mosaic(folder / f"{layout}-{megapixels}.tif", megapixels, tiled=layout == "tiles")
            yield f"a mosaic of {megapixels:,} megapixels in {layout}", path, megapixels / 1e3


def _round(sources: Sequence[Source]) -> Iterator[Run]:
    for source in sources:
        for workers in sorted({1, cores() + SPARE}):
            yield _scan(*source, workers=workers)


def _scan(name: str, source: Path, gigapixels: float, *, workers: int) -> Run:
    """Scan by the command line, including journal and output, but in this process."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows.csv")
        command = ["scan", str(source), "-o", str(rows), "--per", "tile", "--quiet", "--jobs", str(workers)]
        started, main_started = time.perf_counter(), time.thread_time()
        app(command, standalone_mode=False)
        wall, main = time.perf_counter() - started, time.thread_time() - main_started
        with rows.open() as file:
            tiles = sum(1 for _ in file) - 1
    return Run(name, gigapixels, workers, tiles, wall, main)


def _median(runs: Sequence[Run]) -> Run:
    wall, main = (statistics.median(seconds) for seconds in zip(*(run[4:] for run in runs), strict=True))
    return Run(*runs[0][:4], wall, main)


def _rows(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    yield "scan of", "tiles", "workers", "tiles a second", "seconds a gigapixel", "main thread, ms a tile"
    for run in runs:
        yield (
            run.source,
            f"{run.tiles:,}",
            str(run.workers),
            f"{run.tiles / run.wall_seconds:,.0f}",
            f"{run.wall_seconds / run.gigapixels:,.0f}",
            f"{1000 * run.main_seconds / run.tiles:.2f}",
        )


if __name__ == "__main__":
    main()
