"""How Keras judges small tiles by the same model: as a notebook does it, and with decoding left out."""

from collections.abc import Callable, Iterator
from pathlib import Path

from crackscan.card import KERAS
from crackscan.network import import_keras, load_network
from crackscan.reading import Pixels

Peer = tuple[str, Callable[[], int]]  # its name, and what judges tiles and returns how many they are


def peers(folder: Path, tiles: Pixels, model: Path) -> Iterator[Peer]:
    """Yield what judges a folder of tiles, and tiles that are in memory."""
    keras, network = import_keras(), load_network(model / KERAS)

    def notebook() -> int:
        read = keras.utils.image_dataset_from_directory(
            folder, image_size=network.input_shape[1:3], shuffle=False, labels=None, verbose=False
        )
        return len(network.predict(read, verbose=0))

    yield "image_dataset_from_directory + predict", notebook
    yield "engine: Keras predict", lambda: len(network.predict(tiles, verbose=0))
