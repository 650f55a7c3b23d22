"""Count the multiply-adds of a tile, and how many of them a second the engines do, against the processor.

    python tests/benchmarks/arithmetic.py

All on one thread, in turns; medians count. What the processor can do is told by a product of large matrices
of float32, by NumPy's BLAS. Of whole numbers of 8 bits one instruction (VNNI) takes four times as many.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read as NumPy is imported

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from crackscan.card import KERAS
from crackscan.classifier import Model, find_model
from crackscan.network import load_network
from crackscan.records import Engine

ROUNDS, TILES, SIDE = 7, 64, 2048
AT_ONCE: dict[Engine, int] = {"litert": 1, "litert-int8": 4}  # times the multiply-adds of float32


def main() -> None:
    """Print what a tile takes, by kind of layer, and how fast it is done."""
    counts = Counter[str]()
    for kind, count in multiply_adds(load_network(find_model() / KERAS)):
        counts[kind] += count
    for kind, count in counts.most_common():
        print(f"| {kind} | {count / 1e6:.1f} million multiply-adds |")
    engines = {engine: _judging(engine) for engine in AT_ONCE}
    took: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, run in {"matrix product": _product, **engines}.items():
            took.setdefault(name, []).append(_thread_seconds(run))
    best = SIDE**3 / statistics.median(took["matrix product"])
    print(f"| float32 matrix product | {best / 1e9:.0f} thousand million a second |")
    for engine, more in AT_ONCE.items():
        each = statistics.median(took[engine]) / TILES
        rate = counts.total() / each
        print(
            f"| {engine} | {each * 1e3:.2f} ms a tile, {rate / 1e9:.0f}, {rate / best / more:.0%} of that |"
        )


def multiply_adds(network: Any) -> Iterator[tuple[str, int]]:
    """Yield of each layer with weights its kind, and how many multiply-adds it does for one tile."""
    for layer in network._flatten_layers():
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            depthwise = type(layer).__name__ == "DepthwiseConv2D"
            places = prod(layer.output.shape[1:] if depthwise else layer.output.shape[1:-1])
            each = prod(kernel.shape[:2]) if depthwise else prod(kernel.shape)
            kind = "depthwise" if depthwise else "1 x 1" if prod(kernel.shape[:2]) == 1 else "others"
            yield kind, places * each


def _judging(engine: Engine) -> Callable[[], object]:
    model = Model.load(find_model(), engine=engine)
    side = model.card.input_px
    tiles = np.zeros((TILES, side, side, 3), np.uint8)  # unlike anything: none is judged twice
    return partial(model.classifier().judge, tiles)


def _product() -> object:
    side = np.ones((SIDE, SIDE), np.float32)
    return side @ side


def _thread_seconds(run: Callable[[], object]) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began


if __name__ == "__main__":
    main()
