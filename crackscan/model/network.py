"""The network, MobileNetV2 with a linear head, and its export.

TensorFlow and Keras are imported inside functions: scanning does without them.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from crackscan.basics.errors import BrokenModel, MissingExtra

BLOCKS = 17  # inverted residual blocks of MobileNetV2 (arXiv:1801.04381), from the input to the features
STRIDE = 32  # px of the input per cell of the feature map: MobileNetV2 halves an image five times
SCALING, FEATURES, DROPOUT, LOGIT = "scaling", "features", "dropout", "logit"  # names of layers
PROBABILITY, ACTIVATIONS = (
    "probability",
    "evidence",
)  # outputs by name, with FEATURES; files contain the names


def import_keras() -> Any:
    """Import Keras on TensorFlow without their messages on a user's terminal.

    Raises: MissingExtra: TensorFlow is not installed.
    """
    import_tensorflow()
    return importlib.import_module("keras")


def import_tensorflow() -> Any:
    """Import TensorFlow without its messages on a user's terminal.

    Raises: MissingExtra: it is not installed.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # overrules the user's keras.json: the export needs it
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            tensorflow = importlib.import_module("tensorflow")
    except ImportError as error:
        raise MissingExtra(
            f'TensorFlow cannot be imported ({error}); install the extra: pip install "crackscan[train]".'
        ) from error
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what native code writes to stderr.

    TensorFlow prints start-up messages before the log level applies, and its converter ignores it. Python's
    stderr is the same file descriptor, so crackscan must not write messages meanwhile.
    """
    _flush_stderr()
    try:
        stderr = os.dup(2)
    except OSError:  # there is none, as in a service
        yield
        return
    with tempfile.TemporaryFile() as discarded:
        os.dup2(discarded.fileno(), 2)
        try:
            yield
        finally:
            _flush_stderr()
            os.dup2(stderr, 2)
            os.close(stderr)


def _flush_stderr() -> None:
    with suppress(OSError, ValueError, AttributeError):  # full, closed, or None as in a program with windows
        sys.stderr.flush()


def build_network(*, input_px: int, dropout: float) -> Any:
    """Build the network of training, with random weights.

    It takes uint8 RGB, (n, input_px, input_px, 3), and returns the probability of a crack, float32, (n, 1).

    Args:
        input_px: side of a tile.
        dropout: share of the features that training drops, 0..1.
    """
    keras = import_keras()
    layers = keras.layers
    backbone = _build_backbone()
    tiles = keras.Input((input_px, input_px, 3), dtype="uint8", name="tiles")
    scaled = layers.Rescaling(1 / 127.5, offset=-1, name=SCALING)(tiles)
    features = layers.GlobalAveragePooling2D(name=FEATURES)(backbone(scaled, training=False))
    dropped = layers.Dropout(dropout, name=DROPOUT)(features)
    logit = layers.Dense(1, dtype="float32", name=LOGIT)(dropped)
    probability = layers.Activation("sigmoid", dtype="float32", name=PROBABILITY)(logit)
    return keras.Model(tiles, probability, name="crackscan")


def _build_backbone() -> Any:
    return import_keras().applications.MobileNetV2(
        input_shape=(None, None, 3), include_top=False, weights=None
    )


def load_network(path: str | Path) -> Any:
    """Load a model.keras, to run it or for its weights.

    Raises:
        BrokenModel: the file is not a crackscan network, or contains code to execute.
        MissingExtra: TensorFlow is not installed.
    """
    keras = import_keras()
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        get_backbone(network)
    except (OSError, ValueError, TypeError, KeyError, StopIteration) as error:
        raise BrokenModel(f"{path}: cannot be opened as a crackscan network ({error}).") from error
    return network


def get_backbone(network: Any) -> Any:
    """Return the MobileNetV2 inside the network."""
    model_type = import_keras().Model
    return next(layer for layer in network.layers if isinstance(layer, model_type))


def truncate_network(network: Any, layer: str) -> Any:
    """Return the network up to a layer, by name; both share their weights."""
    return import_keras().Model(network.input, network.get_layer(layer).output)


def freeze(network: Any, blocks: int) -> None:
    """Freeze the first blocks of the backbone, 0..BLOCKS; BLOCKS leaves only its last convolution trainable.

    All batch normalisation is frozen: the statistics of 32 tiles are worse than ImageNet's. Each layer needs
    the flag itself: in `fit`, Keras 3 overrules the training=False with which the backbone is called.
    """
    first_trained = "Conv1" if blocks == 0 else f"block_{blocks}_expand" if blocks < BLOCKS else "Conv_1"
    normalisation, trainable = import_keras().layers.BatchNormalization, False
    for layer in get_backbone(network).layers:
        trainable = trainable or layer.name == first_trained
        layer.trainable = trainable and not isinstance(layer, normalisation)


def fold_scaling(network: Any, temperature: float, shift: float = 0.0) -> None:
    """Change the head's weights, so that its logits are divided by the temperature and then shifted."""
    head = network.get_layer(LOGIT)
    kernel, bias = (weights / temperature for weights in head.get_weights())
    head.set_weights([kernel, bias + shift])


def build_inference_network(network: Any) -> Any:
    """Return the network with all outputs that inference needs, sharing its weights.

    It takes uint8 RGB, (n, height, width, 3). Images may be larger than a tile by multiples of STRIDE px:
    then one pass judges all windows of a tile's size that begin every STRIDE px, each with its context. A
    tile has one window.

    The outputs, float32, by name: PROBABILITY (n, window rows, window cols, 1), ACTIVATIONS (n, cell rows,
    cell cols, 1) and FEATURES (n, window rows, window cols, channels). The head is linear after the pooling,
    so at each cell of the feature map it gives a logit, and a tile's logit is their mean: an exact class
    activation map (Zhou et al. 2016, arXiv:1512.04150).
    """
    keras = import_keras()
    backbone, head = accept_any_size(get_backbone(network)), network.get_layer(LOGIT)
    tile_cells = -(-network.input_shape[1] // STRIDE)
    images = keras.Input((None, None, 3), dtype="uint8", name="tiles")
    cells = backbone(network.get_layer(SCALING)(images), training=False)
    features = keras.layers.AveragePooling2D(tile_cells, strides=1, name=FEATURES)(cells)
    outputs = {
        PROBABILITY: keras.layers.Activation("sigmoid", name=PROBABILITY)(head(features)),
        ACTIVATIONS: head(cells),
        FEATURES: features,
    }
    return keras.Model(images, outputs, name=network.name)


def accept_any_size(backbone: Any) -> Any:
    """Return a backbone that takes images of any size; those made before 2026-11-24 take tiles alone."""
    if backbone.input_shape[1] is None:
        return backbone
    flexible = _build_backbone()
    flexible.set_weights(backbone.get_weights())
    return flexible


def export_litert(network: Any, path: Path) -> None:
    """Write the network of `build_inference_network` as a LiteRT model for one image at a time.

    Raises: OSError: the file cannot be written.
    """
    path.write_bytes(convert_to_litert(build_inference_network(network), default_px=network.input_shape[1]))


def convert_to_litert(network: Any, *, default_px: int) -> bytes:
    """Return a network as the content of a LiteRT file that takes one uint8 image, (1, height, width, 3).

    Its default input has sides of `default_px`; images of other sizes need a resized input. ExportArchive is
    used because the converter's own import of Keras models writes a model without weights.
    """
    keras, tensorflow = import_keras(), import_tensorflow()
    archive, name = keras.export.ExportArchive(), network.input.name
    archive.track(network)
    archive.add_endpoint(
        "serve",
        lambda images: network(images, training=False),
        input_signature=[tensorflow.TensorSpec((1, None, None, 3), tensorflow.uint8, name=name)],
    )
    with tempfile.TemporaryDirectory() as folder, quiet_stderr():
        archive.write_out(folder, verbose=False)
        content = tensorflow.lite.TFLiteConverter.from_saved_model(folder).convert()
    return _set_default_input(content, default_px)


def _set_default_input(content: bytes, input_px: int) -> bytes:
    """Set the input shape of a LiteRT model to that of a tile; the converter makes unknown sizes 1 px."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, input_px, input_px, 3]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def draw_network(network: Any, path: Path) -> str | None:
    """Draw the layers into a PNG; return None, or what is missing where a program for it is not installed."""
    try:
        import_keras().utils.plot_model(network, path, show_shapes=True, show_layer_names=True, dpi=110)
    except (ImportError, OSError) as error:
        return str(error)
    return None
