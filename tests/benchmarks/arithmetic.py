"""Count the multiply-adds of a tile, and how many of them a second the engines do, against the processor.

    python tests/benchmarks/arithmetic.py

All on one thread, in turns; medians count. What the processor can do is told by a product of large matrices
of float32, by TensorFlow. Of whole numbers of 8 bits one instruction (VNNI) takes four times as many.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from crackscan.basics.records import Engine
from crackscan.model.loading import Model, find_model
from crackscan.model.network import import_keras, import_tensorflow

ROUNDS, TILES, SIDE = 7, 64, 2048
AT_ONCE: dict[Engine, int] = {"litert": 1, "litert-int8": 4}  # times the multiply-adds of float32


def main() -> None:
    """Print what a tile takes, by kind of layer, and how fast it is done."""
    counts = Counter[str]()
    product = _product()  # first, while TensorFlow can still be told to keep to one thread
    for kind, count in multiply_adds(_network(Model.load(find_model()).card.input_px)):
        counts[kind] += count
    for kind, count in counts.most_common():
        print(f"| {kind} | {count / 1e6:.1f} million multiply-adds |")
    runs = {"matrix product": product} | {engine: _judging(engine) for engine in AT_ONCE}
    took: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            took[name].append(_seconds(run))
    best = SIDE**3 / statistics.median(took["matrix product"])
    print(f"| float32 matrix product | {best / 1e9:.0f} thousand million a second |")
    for engine, more in AT_ONCE.items():
        each = statistics.median(took[engine]) / TILES
        rate = counts.total() / each
        print(
            f"| {engine} | {each * 1e3:.2f} ms a tile, {rate / 1e9:.0f}, {rate / best / more:.0%} of that |"
        )


def _network(input_px: int) -> Any:
    """Return the backbone, for tiles of one size: the head's 1,280 multiply-adds do not count."""
    shape = (input_px, input_px, 3)
    return import_keras().applications.MobileNetV2(input_shape=shape, include_top=False, weights=None)


def multiply_adds(network: Any) -> Iterator[tuple[str, int]]:
    """Yield of each layer with weights its kind, and how many multiply-adds it does for one tile."""
    for layer in network.layers:
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
    return partial(model.classifier().predict, tiles)


def _product() -> Callable[[], object]:
    tensorflow = import_tensorflow()
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    side = tensorflow.ones((SIDE, SIDE))
    compiled = tensorflow.function(tensorflow.matmul)
    return lambda: compiled(side, side).numpy()


def _seconds(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


if __name__ == "__main__":
    main()
