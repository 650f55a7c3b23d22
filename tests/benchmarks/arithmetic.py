"""Count the multiply-adds of a tile, and compare the engines' rates with the processor's limit.

    python tests/benchmarks/arithmetic.py

All runs use one thread and take turns; the result is the median. The processor's limit is measured by
TensorFlow's product of large float32 matrices. One int8 instruction (VNNI) does four times as many.
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
RELATIVE_LIMIT: dict[Engine, int] = {"litert": 1, "litert-int8": 4}  # times the limit of float32


def main() -> None:
    """Print the multiply-adds of a tile by kind of layer, and the rate of each engine."""
    counts = Counter[str]()
    product = _product()  # first: TensorFlow accepts the number of threads only before its first use
    for kind, count in multiply_adds(_network(Model.load(find_model()).card.input_px)):
        counts[kind] += count
    for kind, count in counts.most_common():
        print(f"| {kind} | {count / 1e6:.1f} million multiply-adds |")
    runs = {"matrix product": product} | {engine: _inference(engine) for engine in RELATIVE_LIMIT}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            seconds[name].append(_seconds(run))
    limit = SIDE**3 / statistics.median(seconds["matrix product"])
    print(f"| float32 matrix product | {limit / 1e9:.0f} thousand million a second |")
    for engine, factor in RELATIVE_LIMIT.items():
        tile_seconds = statistics.median(seconds[engine]) / TILES
        rate = counts.total() / tile_seconds
        print(
            f"| {engine} | {tile_seconds * 1e3:.2f} ms a tile, {rate / 1e9:.0f}, "
            f"{rate / limit / factor:.0%} of its limit |"
        )


def _network(input_px: int) -> Any:
    """Return the backbone for tiles; the head's 1,280 multiply-adds are left out."""
    shape = (input_px, input_px, 3)
    return import_keras().applications.MobileNetV2(input_shape=shape, include_top=False, weights=None)


def multiply_adds(network: Any) -> Iterator[tuple[str, int]]:
    """Yield for each layer with weights its kind and its number of multiply-adds for one tile."""
    for layer in network.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            depthwise = type(layer).__name__ == "DepthwiseConv2D"
            outputs = prod(layer.output.shape[1:] if depthwise else layer.output.shape[1:-1])
            per_output = prod(kernel.shape[:2]) if depthwise else prod(kernel.shape)
            kind = "depthwise" if depthwise else "1 x 1" if prod(kernel.shape[:2]) == 1 else "others"
            yield kind, outputs * per_output


def _inference(engine: Engine) -> Callable[[], object]:
    model = Model.load(find_model(), engine=engine)
    side = model.card.input_px
    tiles = np.zeros(
        (TILES, side, side, 3), np.uint8
    )  # far from the threshold: the cascade does not run the exact model
    return partial(model.classifier().predict, tiles)


def _product() -> Callable[[], object]:
    tensorflow = import_tensorflow()
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    side = tensorflow.ones((SIDE, SIDE))
    compiled = tensorflow.function(tensorflow.matmul)
    return lambda: compiled(side, side).numpy()


def _seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
