"""Measure the speed of scans, of decoding and the engine alone, and of other tools.

    python tests/benchmarks/speed.py -o speed.json

All runs take turns for several rounds; they are compared within a round, and the result is the median. Wall
clock is what a user waits for, with one thread for each core; processor time changes less when other programs
run. Only ratios mean something on another machine. The start of a process is measured separately.
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
from speed_tables import START, Seconds, tables

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.records import Engine
from crackscan.cli import app
from crackscan.model.loading import Model, find_model
from crackscan.model.predictions import Classifier
from crackscan.reading import is_one_tile
from crackscan.scanning.tiles import BATCH
from crackscan.scanning.workers import cores

MODEL = Model.load(find_model())
INPUT_PX = MODEL.card.input_px
SAMPLE = 1024  # tiles of a source, spread over it, for timing the engine

Program = Callable[[], int]  # returns its number of tiles
Decoding = list[Callable[[], list[Pixels]]]  # each returns some tiles of a source


def main() -> None:
    """Measure several rounds, print the tables, write the JSON."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        programs = dict(_programs(Path(folder), arguments))
        tiles = {name: run() for name, run in programs.items()}  # once to warm up
        tiles |= {name.replace("scan ", "decode "): tiles[name] for name in tiles if name.startswith("scan ")}
        rounds = [_round(number, programs) for number in range(arguments.rounds)]
    seconds = {name: [times[name] for times in rounds] for name in programs}
    print(tables([{name: times[name].per_tile(tiles[name]) for name in programs} for times in rounds]))
    if arguments.output:
        header = {"cores": cores(), "model": MODEL.card.model_id, "engine": MODEL.engine}
        figures = {**header, "tiles": tiles, "wall_and_processor_seconds": seconds}
        arguments.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="JSON with all figures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiles", type=int, default=1000, help="JPEGs of 227 px")
    parser.add_argument("--photos", type=int, default=4, help="JPEGs of 12 megapixels")
    parser.add_argument("--megapixels", type=int, default=100, help="of each mosaic")
    parser.add_argument("--no-peers", action="store_true", help="leave out what needs TensorFlow and ONNX")
    return parser.parse_args()


def _round(number: int, programs: dict[str, Program]) -> dict[str, Seconds]:
    print(f"round {number + 1}", file=sys.stderr)
    return {name: _time(run) for name, run in programs.items()}


def _time(run: Program) -> Seconds:
    started, before = time.perf_counter(), os.times()
    run()
    wall, after = time.perf_counter() - started, os.times()
    return Seconds(wall, sum(after[:4]) - sum(before[:4]))


def _programs(folder: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, Program]]:
    """Yield all programs that are measured, with their names."""
    small = make_tiles(folder / "tiles", arguments.tiles)
    photos = make_photos(folder / "photos", arguments.photos)
    sources = {
        "small tiles": (small, _photos(small)),
        "12-megapixel photos": (photos, _photos(photos)),
    }
    for layout in ("tiles", "strips"):
        path = make_mosaic(folder / f"{layout}.tif", arguments.megapixels, tiled=layout == "tiles")
        sources[f"mosaic in {layout}"] = path, _mosaic(path)
    for kind, (source, decoding) in sources.items():
        yield f"decode {kind}", partial(_decode, decoding)
        yield f"predict {kind}", _engine(MODEL.engine, _sample(decoding))
        yield f"scan {kind}", _scan(source, folder / "rows.csv")
    tiles = _sample(sources["small tiles"][1])
    for engine in MODEL.card.engines:
        if not (arguments.no_peers and engine.startswith("tensorflow")):
            yield f"peer: engine: {engine}", _engine(engine, tiles)
    if not arguments.no_peers:
        for name, run in peers(small, tiles, find_model()):
            yield f"peer: {name}", run
    yield from _starts(folder, small / "all" / "000000.jpg")


def _photos(folder: Path) -> Decoding:
    return [partial(_photo, path) for path in sorted(folder.rglob("*.jpg"))]


def _photo(path: Path) -> list[Pixels]:
    pixels: Pixels = simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
    height, width = pixels.shape[:2]
    if is_one_tile(width, height, input_px=INPUT_PX):
        small = Image.fromarray(pixels).resize((INPUT_PX, INPUT_PX), Image.Resampling.BILINEAR)
        return [np.asarray(small)]
    return _cut(pixels)


def _mosaic(path: Path) -> Decoding:
    """Return reads of pieces that share no block, so that each block is decoded once."""
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
    return [
        pixels[window.row : window.row + INPUT_PX, window.col : window.col + INPUT_PX] for window in windows
    ]


def _decode(decoding: Decoding) -> int:
    with ThreadPoolExecutor(cores()) as pool:
        return sum(pool.map(lambda decode: len(decode()), decoding))


def _sample(decoding: Decoding) -> Pixels:
    """Return full-size tiles, spread over a source: the exact model runs more often in some parts of it."""
    selected = decoding[:: max(len(decoding) // SAMPLE, 1)]
    sample = []
    for decode in selected:
        tiles = [tile for tile in decode() if len(tile) == INPUT_PX]
        sample += tiles[:: max(len(tiles) * len(selected) // SAMPLE, 1)]
    return np.stack(sample)


def _engine(engine: Engine, tiles: Pixels) -> Program:
    """Return a program that predicts tiles in memory, with a classifier for each thread."""
    model = Model.load(find_model(), engine=engine)
    classifiers = [model.classifier() for _ in range(cores())]

    def predict(classifier: Classifier, part: Pixels) -> None:
        for start in range(0, len(part), BATCH):
            classifier.predict(part[start : start + BATCH])

    def run() -> int:
        with ThreadPoolExecutor(len(classifiers)) as pool:
            list(pool.map(predict, classifiers, np.array_split(tiles, len(classifiers))))
        return len(tiles)

    return run


def _scan(source: Path, rows: Path) -> Program:
    """Return a program that scans by the command line, including journal and output, in this process."""
    command = ["scan", str(source), "-o", str(rows), "--per", "tile", "--fresh", "--quiet"]

    def run() -> int:
        app(command, standalone_mode=False)
        with rows.open() as file:
            return sum(1 for _ in file) - 1

    return run


def _starts(folder: Path, photo: Path) -> Iterator[tuple[str, Program]]:
    """Yield whole processes: a bare Python, the imports that any such program needs, and crackscan."""
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
