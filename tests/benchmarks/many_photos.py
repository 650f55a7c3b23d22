"""Scan a folder of 50,000 photos with two workers: `python tests/benchmarks/many_photos.py [--photos N]`."""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from measuring import crackscan, show
from PIL import Image

from crackscan.dataset.synthesis.concrete import concrete

DISTINCT = 300  # photos on disk; the others are hard links to them


def make_photos(folder: Path, count: int) -> Path:
    """Make a folder of photos of one tile each, most of them hard links to save space; return it."""
    (folder / "site").mkdir()
    for number in range(count):
        path = folder / "site" / f"DJI_{number:07}.jpg"
        if number < DISTINCT:
            Image.fromarray(concrete(np.random.default_rng(number), 224, 224)).save(path, quality=92)
        else:
            os.link(folder / "site" / f"DJI_{number % DISTINCT:07}.jpg", path)
    return folder / "site"


def main() -> None:
    """Make the photos, scan them, and print the time and memory."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", type=int, default=50_000)
    options.add_argument("--jobs", type=int, default=2)
    arguments = options.parse_args()
    with TemporaryDirectory() as name:
        site, out = make_photos(Path(name), arguments.photos), Path(name, "cracks.csv")
        figures = crackscan("scan", site, "-o", out, "--jobs", arguments.jobs)
        with out.open() as file:
            figures["rows"] = sum(1 for _ in file) - 1
        figures["journal_mb"] = round(Path(f"{out}.journal").stat().st_size / 1e6, 1)
    show({"benchmark": "many_photos", **vars(arguments), **figures})


if __name__ == "__main__":
    main()
