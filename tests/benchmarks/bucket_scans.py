"""Measure scans of photos and of a mosaic in a bucket, 50 ms away, against scans of a disk.

The store is rclone's server on this machine, behind a proxy that waits. "one by one" fetches nothing ahead.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import from_origin

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from buckets import BUCKET, Proxy, environment, rclone_server  # noqa: E402 - of the tests

ONE_BY_ONE = (
    "import sys; from crackscan.scanning import executor, photo_inference;"
    "executor.fetch_ahead = photo_inference.fetch_ahead = lambda names: None;"
    "from crackscan.cli import main; main()"
)
PLAIN = "from crackscan.cli import main; main()"


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=24, help="of 12 megapixels")
    parser.add_argument("--small", type=int, default=400, help="photos of 224 px")
    parser.add_argument("--mosaic", type=int, default=6000, help="px of each side")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that each request takes more")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / BUCKET
        make_photos(made / "large", arguments.photos, (4000, 3000))
        make_photos(made / "small", arguments.small, (224, 224))
        make_mosaic(made / "mosaic" / "cog.tif", arguments.mosaic)
        with rclone_server(folder) as url, Proxy(url, delay=arguments.delay).running() as proxy:
            os.environ.update(environment(proxy.url))
            for kind in ("large", "small", "mosaic"):
                print(json.dumps({kind: measure(kind, made, proxy, arguments.rounds)}), flush=True)


def measure(kind: str, made: Path, proxy: Proxy, rounds: int) -> dict[str, object]:
    """Return seconds, processor seconds, requests and bytes of each way, medians of some rounds."""
    ways = {
        "disk": (PLAIN, str(made / kind)),
        "bucket": (PLAIN, f"s3://{BUCKET}/{kind}/"),
        "one by one": (ONE_BY_ONE, f"s3://{BUCKET}/{kind}/"),
    }
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (program, source) in ways.items():
            if way == "one by one" and kind == "mosaic":
                continue
            asked = len(proxy.requests)
            seconds, processor = run(program, source)
            seen = proxy.requests[asked:]
            found[way].append((seconds, processor, len(seen), sum(request.sent for request in seen)))
    figures = {
        way: [round(float(x), 2) for x in np.median(runs, axis=0)] for way, runs in found.items() if runs
    }
    return {"seconds, processor seconds, requests, bytes": figures}


def run(program: str, source: str) -> tuple[float, float]:
    """Return the seconds and processor seconds of a scan by the default model."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program, "scan", source, "-o", "-", "--quiet"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write photos of noise."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(160, 12, (*size[::-1], 3)).clip(0, 255).astype(np.uint8)
    for number in range(count):
        Image.fromarray(np.roll(noise, number * 7, axis=1)).save(folder / f"{number}.jpg", quality=80)


def make_mosaic(path: Path, side: int) -> None:
    """Write a Cloud Optimized GeoTIFF of noise."""
    path.parent.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(160, 12, (3, side, side)).clip(0, 255).astype(np.uint8)
    settings = {"width": side, "height": side, "count": 3, "dtype": "uint8", "crs": "EPSG:32633"}
    place = from_origin(400_000.0, 5_000_000.0, 0.001, 0.001)
    with rasterio.open(path, "w", driver="COG", compress="JPEG", transform=place, **settings) as dataset:
        dataset.write(noise)


if __name__ == "__main__":
    main()
