"""Measure how fast tiles are judged, against what decoding and the engine alone take, and against peers.

    python tests/benchmarks/speed.py -o speed.json

All is done in turns, several times; what is compared, is so within a turn, and medians count. Time by the
clock is what a user waits, on as many threads as there are cores; processor time is what it costs, and
changes less where other programs run. Only ratios mean anything on another machine. A scan is measured
without the start of its process, given apart.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import simplejpeg
from measuring import ROOT
from PIL import Image
from rasterio.windows import Window
from speed_inputs import make_mosaic, make_photos, make_tiles
from speed_peers import peers
from speed_tables import START, Took, tables

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.records import Engine
from crackscan.cli import app
from crackscan.model.classifier import Model, find_model
from crackscan.model.predictions import Classifier
from crackscan.reading import judged_whole
from crackscan.scanning.tiles import BATCH
from crackscan.scanning.workers import cores

MODEL = Model.load(find_model())
INPUT_PX = MODEL.card.input_px
SAMPLE = 1024  # tiles of a source, from all over it, that its engine is timed on

Timed = Callable[[], int]  # does something, and returns for how many tiles
Decoding = list[Callable[[], list[Pixels]]]  # each gives some tiles of a source


def main() -> None:
    """Measure in turns, print the tables, write the JSON."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        timed = dict(_all(Path(folder), asked))
        tiles = {name: run() for name, run in timed.items()}  # once to warm up
        tiles |= {name.replace("scan ", "decode "): tiles[name] for name in tiles if name.startswith("scan ")}
        rounds = [_round(at, timed) for at in range(asked.rounds)]
    took = {name: [each[name] for each in rounds] for name in timed}
    print(tables([{name: each[name].each(tiles[name]) for name in timed} for each in rounds]))
    if asked.output:
        said = {"cores": cores(), "model": MODEL.card.model_id, "engine": MODEL.engine}
        found = {**said, "tiles": tiles, "wall_and_processor_seconds": took}
        asked.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="JSON with all figures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiles", type=int, default=1000, help="JPEGs of 227 px")
    parser.add_argument("--photos", type=int, default=4, help="JPEGs of 12 megapixels")
    parser.add_argument("--megapixels", type=int, default=100, help="of each mosaic")
    parser.add_argument("--no-peers", action="store_true", help="leave out what needs TensorFlow and ONNX")
    return parser.parse_args()


def _round(number: int, timed: dict[str, Timed]) -> dict[str, Took]:
    print(f"round {number + 1}", file=sys.stderr)
    return {name: _took(run) for name, run in timed.items()}


def _took(run: Timed) -> Took:
    began, before = time.perf_counter(), os.times()
    run()
    wall, after = time.perf_counter() - began, os.times()
    return Took(wall, sum(after[:4]) - sum(before[:4]))


def _all(folder: Path, asked: argparse.Namespace) -> Iterator[tuple[str, Timed]]:
    """Give all that is measured, by its name."""
    small = make_tiles(folder / "tiles", asked.tiles)
    photos = make_photos(folder / "photos", asked.photos)
    sources = {
        "small tiles": (small, _photos(small)),
        "12-megapixel photos": (photos, _photos(photos)),
    }
    for layout in ("tiles", "strips"):
        path = make_mosaic(folder / f"{layout}.tif", asked.megapixels, tiled=layout == "tiles")
        sources[f"mosaic in {layout}"] = path, _mosaic(path)
    for kind, (source, decoding) in sources.items():
        yield f"decode {kind}", partial(_decode, decoding)
        yield f"judge {kind}", _engine(MODEL.engine, _sample(decoding))
        yield f"scan {kind}", _scan(source, folder / "rows.csv")
    tiles = _sample(sources["small tiles"][1])
    for engine in MODEL.card.engines:
        if not (asked.no_peers and engine.startswith("tensorflow")):
            yield f"peer: engine: {engine}", _engine(engine, tiles)
    if not asked.no_peers:
        for name, run in peers(small, tiles, find_model()):
            yield f"peer: {name}", run
    yield from _starts(folder, small / "all" / "000000.jpg")


def _photos(folder: Path) -> Decoding:
    return [partial(_photo, path) for path in sorted(folder.rglob("*.jpg"))]


def _photo(path: Path) -> list[Pixels]:
    pixels: Pixels = simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
    height, width = pixels.shape[:2]
    if judged_whole(width, height, input_px=INPUT_PX):
        small = Image.fromarray(pixels).resize((INPUT_PX, INPUT_PX), Image.Resampling.BILINEAR)
        return [np.asarray(small)]
    return _cut(pixels)


def _mosaic(path: Path) -> Decoding:
    """Read pieces that share no block, so that each is decoded once."""
    with rasterio.open(path) as raster:
        width, height, block = raster.width, raster.height, raster.block_shapes[0][0]
    rows = -(-INPUT_PX // block) * block
    pieces = [Window(0, top, width, min(rows, height - top)) for top in range(0, height, rows)]
    return [partial(_piece, path, piece) for piece in pieces]


def _piece(path: Path, window: Window) -> list[Pixels]:
    with rasterio.open(path) as raster:
        return _cut(np.ascontiguousarray(np.moveaxis(raster.read(window=window), 0, -1)))


def _cut(pixels: Pixels) -> list[Pixels]:
    height, width = pixels.shape[:2]
    windows = grid.windows(width, height, tile_px=INPUT_PX)
    return [pixels[at.row : at.row + INPUT_PX, at.col : at.col + INPUT_PX] for at in windows]


def _decode(decoding: Decoding) -> int:
    with ThreadPoolExecutor(cores()) as pool:
        return sum(pool.map(lambda decode: len(decode()), decoding))


def _sample(decoding: Decoding) -> Pixels:
    """Return whole tiles from all over a source: how many are judged again differs from part to part."""
    few = decoding[:: max(len(decoding) // SAMPLE, 1)]
    found = []
    for decode in few:
        tiles = [tile for tile in decode() if len(tile) == INPUT_PX]
        found += tiles[:: max(len(tiles) * len(few) // SAMPLE, 1)]
    return np.stack(found)


def _engine(engine: Engine, tiles: Pixels) -> Timed:
    """Judge tiles that are in memory, each thread with its classifier."""
    model = Model.load(find_model(), engine=engine)
    classifiers = [model.classifier() for _ in range(cores())]

    def predict(classifier: Classifier, part: Pixels) -> None:
        for at in range(0, len(part), BATCH):
            classifier.predict(part[at : at + BATCH])

    def run() -> int:
        with ThreadPoolExecutor(len(classifiers)) as pool:
            list(pool.map(predict, classifiers, np.array_split(tiles, len(classifiers))))
        return len(tiles)

    return run


def _scan(source: Path, rows: Path) -> Timed:
    """Scan a source from the command line, journal and output included, without starting a process."""
    command = ["scan", str(source), "-o", str(rows), "--per", "tile", "--fresh", "--quiet"]

    def run() -> int:
        app(command, standalone_mode=False)
        with rows.open() as file:
            return sum(1 for _ in file) - 1

    return run


def _starts(folder: Path, photo: Path) -> Iterator[tuple[str, Timed]]:
    """Give whole processes: the least that Python does, what any such program imports, and ours."""
    scan = ["-m", "crackscan", "scan", str(photo), "-o", str(folder / "one.csv"), "--fresh", "--quiet"]
    commands: dict[str, list[str]] = {
        "python -c pass": ["-c", "pass"],
        'python -c "import numpy, PIL"': ["-c", "import numpy, PIL"],
        "crackscan --help": ["-m", "crackscan", "--help"],
        "crackscan scan, one photo": scan,
    }
    for name, arguments in commands.items():
        yield START + name, partial(_process, arguments)


def _process(arguments: list[str]) -> int:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    return 1


if __name__ == "__main__":
    main()
