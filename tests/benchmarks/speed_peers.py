"""How others judge a folder of small tiles: the way of a student's notebook, and an ONNX Runtime loop."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from crackscan.card import KERAS
from crackscan.network import import_keras, load_network

FEW = 400  # tiles are enough for them


def peers(folder: Path, model: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    """Give each peer that is installed, and what judges a folder of tiles by it; the others are named."""
    for name, make in (("image_dataset_from_directory + predict", _keras), ("ONNX Runtime + Pillow", _onnx)):
        try:
            yield name, make(folder, model)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def _keras(folder: Path, model: Path) -> Callable[[], int]:
    keras, network = import_keras(), load_network(model / KERAS)

    def run() -> int:
        tiles = keras.utils.image_dataset_from_directory(
            folder, image_size=(224, 224), batch_size=32, shuffle=False, verbose=False
        )
        return len(network.predict(tiles.map(lambda pixels, _: pixels).take(FEW // 32), verbose=0))

    return run


def _onnx(folder: Path, model: Path) -> Callable[[], int]:
    import onnxruntime
    import tf2onnx  # noqa: F401 - Keras exports by it

    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "model.onnx"
        load_network(model / KERAS).export(path, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(path.read_bytes())
    (given,) = session.get_inputs()
    paths = sorted(folder.rglob("*.jpg"))[:FEW]

    def run() -> int:
        for tile in paths:
            with Image.open(tile) as image:
                pixels = np.asarray(image.convert("RGB").resize((224, 224)))
            session.run(
                None, {given.name: pixels[np.newaxis].astype(given.type[7:-1].replace("float", "float32"))}
            )
        return len(paths)

    return run
