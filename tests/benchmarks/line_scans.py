"""Compare scans with and without lines, of surveys of which few and all tiles are cracked, in pairs.

`python tests/benchmarks/line_scans.py [--model MODEL] [--megapixels N] [--rounds N]`
"""

import argparse
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rasterio
from measuring import crackscan, show
from rasterio.transform import from_origin
from rasterio.windows import Window

from crackscan.dataset.synthesis import concrete, draw_crack

TILE_PX = 224
ROW_TILES = 20  # in a row of the mosaic
SHARES = {"few": 0.05, "all": 1.0}  # of cracked tiles
VARIANTS = 40  # different tiles of each kind: drawing takes longer than judging


def make_survey(path: Path, megapixels: float, share: float) -> Path:
    """Write a mosaic of drawn concrete; the cracked tiles lie in runs, as those of real cracks do."""
    rng = np.random.default_rng(1)
    plain = [concrete(np.random.default_rng(number), TILE_PX, TILE_PX) for number in range(VARIANTS)]
    cracked = [draw_crack(rng, tile, width_px=4.0)[0] for tile in plain]
    rows = max(round(megapixels * 1e6 / (TILE_PX**2 * ROW_TILES)), 1)
    count = rows * ROW_TILES
    settings = {
        "driver": "GTiff",
        "width": ROW_TILES * TILE_PX,
        "height": rows * TILE_PX,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32633",
        "transform": from_origin(400_000.0, 5_000_000.0, 0.005, 0.005),
        "tiled": True,
        "compress": "deflate",
    }
    with rasterio.open(path, "w", **settings) as dataset:
        for number in range(count):
            row, col = divmod(number, ROW_TILES)
            in_run = (number // 3) % round(1 / share) == 0  # runs of three tiles
            tile = (cracked if in_run else plain)[number % VARIANTS]
            window = Window(col * TILE_PX, row * TILE_PX, TILE_PX, TILE_PX)
            dataset.write(np.moveaxis(tile, -1, 0), window=window)
    return path


def compare(survey: Path, folder: Path, *options: object, rounds: int) -> dict[str, Any]:
    """Scan without and with lines in turns; return the medians of both and of their ratios.

    Other programs on the machine change the time more than the processor time.
    """
    plain, lines = [], []
    for _ in range(rounds):
        for found, more in ((plain, ()), (lines, ("--lines",))):
            out = folder / "cracks.gpkg"
            found.append(crackscan("scan", survey, "-o", out, "--fresh", *options, *more))
    figures: dict[str, Any] = {}
    for unit, ratio in (("seconds", "time_ratio"), ("cpu_seconds", "cpu_ratio")):
        before, after = ([run[unit] for run in runs] for runs in (plain, lines))
        figures[unit] = statistics.median(before)
        figures[f"{unit}_with_lines"] = statistics.median(after)
        figures[ratio] = round(
            statistics.median(late / early for early, late in zip(before, after, strict=True)), 2
        )
    return figures | {
        "peak_rss_mb": max(run["peak_rss_mb"] for run in plain),
        "peak_rss_mb_with_lines": max(run["peak_rss_mb"] for run in lines),
        "messages": lines[-1]["stderr"],
    }


def main() -> None:
    """Make the surveys, scan them, and print time and memory with and without lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="concrete-v4")
    parser.add_argument("--megapixels", type=float, default=100.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=3)
    given = parser.parse_args()
    figures: dict[str, Any] = {"benchmark": "line_scans", **vars(given)}
    with TemporaryDirectory() as name:
        for kind, share in SHARES.items():
            survey = make_survey(Path(name, f"{kind}.tif"), given.megapixels, share)
            options = ("--model", given.model, "--jobs", given.jobs)
            figures[kind] = compare(survey, Path(name), *options, rounds=given.rounds)
    show(figures)


if __name__ == "__main__":
    main()
