"""Other ways to run the same model on small tiles: a Keras notebook, and a loop with ONNX Runtime."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import tf2onnx
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.model.card import KERAS
from crackscan.model.network import import_keras, import_tensorflow, load_network

BATCH = 32  # tiles: the default of Keras

Peer = tuple[str, Callable[[], int]]  # its name, and a function that predicts tiles and returns their number


def peers(folder: Path, tiles: Pixels, model: Path) -> Iterator[Peer]:
    """Yield ways to predict a folder of tiles, and tiles in memory."""
    keras, network = import_keras(), load_network(model / KERAS)

    def notebook() -> int:
        dataset = keras.utils.image_dataset_from_directory(
            folder, image_size=network.input_shape[1:3], shuffle=False, labels=None, verbose=False
        )
        return len(network.predict(dataset, verbose=0))

    session = _session(network)

    def run(decoded: Pixels) -> int:
        starts = range(0, len(decoded), BATCH)
        return sum(len(session.run(None, {"tiles": decoded[start : start + BATCH]})[0]) for start in starts)

    def loop() -> int:
        paths, side = sorted(folder.rglob("*.jpg")), network.input_shape[1]
        starts = range(0, len(paths), BATCH)
        return sum(
            run(np.stack([_tile(path, side) for path in paths[start : start + BATCH]])) for start in starts
        )

    yield "image_dataset_from_directory + predict", notebook
    yield "Pillow + ONNX Runtime, float", loop
    yield "engine: Keras predict", lambda: len(network.predict(tiles, verbose=0))
    yield "engine: ONNX Runtime, float", lambda: run(tiles)


def _session(network: Any) -> Any:
    """Return the network in ONNX Runtime, with its default of all cores."""
    tensorflow = import_tensorflow()
    tiles = tensorflow.TensorSpec(network.input_shape, tensorflow.uint8, name="tiles")
    model, _ = tf2onnx.convert.from_keras(network, input_signature=[tiles])
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _tile(path: Path, side: int) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
