"""The network, MobileNetV2 under a linear head, and its export. TensorFlow is imported inside functions."""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crackscan.basics.errors import BrokenModel, MissingExtra

BLOCKS = 17  # inverted residual blocks of MobileNetV2 (arXiv:1801.04381), from the input to the features
STRIDE = 32  # px of the input to one place of the feature map
SCALING, FEATURES, DROPOUT, LOGIT = "scaling", "features", "dropout", "logit"  # layers asked for by name
FLOAT32, MIXED = "float32", "mixed_float16"  # dtype policies of Keras
PROBABILITY, ACTIVATIONS = "probability", "evidence"  # with FEATURES, what a network answers when it judges


def import_keras() -> Any:
    """Import Keras on TensorFlow without the noise that they make on a user's terminal.

    Raises:
        MissingExtra: TensorFlow is not installed.
    """
    import_tensorflow()
    return importlib.import_module("keras")


def import_tensorflow() -> Any:
    """Import TensorFlow without the noise that it makes on a user's terminal.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's keras.json says: the export needs it
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
    """Keep what native code writes to stderr off the terminal.

    TensorFlow greets before its log level counts, and its converter chats past it. Python's stderr is the
    same file descriptor, so nothing of ours should be written meanwhile.
    """
    with tempfile.TemporaryFile() as noise:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(noise.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def build_network(*, input_px: int, dropout: float) -> Any:
    """Build the network with random weights: uint8 (n, input_px, input_px, 3) in, probability (n, 1) out."""
    keras = import_keras()
    layers = keras.layers
    backbone = _backbone()
    tiles = keras.Input((input_px, input_px, 3), dtype="uint8", name="tiles")
    scaled = layers.Rescaling(1 / 127.5, offset=-1, name=SCALING)(tiles)
    features = layers.GlobalAveragePooling2D(name=FEATURES)(backbone(scaled, training=False))
    kept = layers.Dropout(dropout, name=DROPOUT)(features)
    logit = layers.Dense(1, dtype="float32", name=LOGIT)(kept)
    probability = layers.Activation("sigmoid", dtype="float32", name=PROBABILITY)(logit)
    return keras.Model(tiles, probability, name="crackscan")


def _backbone() -> Any:
    return import_keras().applications.MobileNetV2(
        input_shape=(None, None, 3), include_top=False, weights=None
    )


def load_network(path: str | Path) -> Any:
    """Open a model.keras, for judging or for its weights.

    Raises:
        BrokenModel: it is not one of ours, or asks for code to be run.
    """
    keras = import_keras()
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        backbone_of(network)
    except (OSError, ValueError, TypeError, KeyError, StopIteration) as error:
        raise BrokenModel(f"{path}: cannot be opened as a crackscan network ({error}).") from error
    return network


def backbone_of(network: Any) -> Any:
    """Return the MobileNetV2 inside the network."""
    model_type = import_keras().Model
    return next(layer for layer in network.layers if isinstance(layer, model_type))


def part_of(network: Any, layer: str) -> Any:
    """Return the network up to one of its layers, sharing its weights."""
    return import_keras().Model(network.input, network.get_layer(layer).output)


def freeze(network: Any, blocks: int) -> None:
    """Keep the first blocks of the backbone as they are; 0 trains all, BLOCKS only its last convolution.

    Batch normalisation is kept everywhere: the statistics of 32 tiles are worse than ImageNet's. It has to
    be said to each layer: in `fit`, Keras 3 passes training=True over the False of the backbone's call.
    """
    open_from = "Conv1" if blocks == 0 else f"block_{blocks}_expand" if blocks < BLOCKS else "Conv_1"
    normalisation, trainable = import_keras().layers.BatchNormalization, False
    for layer in backbone_of(network).layers:
        trainable = trainable or layer.name == open_from
        layer.trainable = trainable and not isinstance(layer, normalisation)


def fold_temperature(network: Any, temperature: float) -> None:
    """Divide the head by the temperature, so that what comes out is the calibrated probability."""
    head = network.get_layer(LOGIT)
    head.set_weights([weights / temperature for weights in head.get_weights()])


def with_activation_map(network: Any, *, precision: str = FLOAT32) -> Any:
    """Return the network with all that judging asks of it, by name, sharing its weights.

    By MIXED precision the backbone computes in float16; what is made of its places stays in float32, and so
    do its weights, copied then.

    Pictures may be larger than a tile, by a multiple of STRIDE px: then each window of a tile's size that
    begins at every STRIDE px is judged, in one pass, with what is around it. Of a tile that is one window.

    PROBABILITY (n, windows' rows, cols, 1), EVIDENCE (n, places' rows, cols, 1) and FEATURES (n, windows'
    rows, cols, channels), float32. The head is linear after the pooling, so the head at each place of the
    feature map gives logits whose mean is the tile's: they say exactly where its evidence lies (class
    activation, Zhou et al. 2016, arXiv:1512.04150).
    """
    keras = import_keras()
    backbone, head = _of_any_size(backbone_of(network)), network.get_layer(LOGIT)
    if precision != FLOAT32:
        backbone = _in_precision(backbone, precision)
    side = -(-network.input_shape[1] // STRIDE)
    pictures = keras.Input((None, None, 3), dtype="uint8", name="tiles")
    places = backbone(network.get_layer(SCALING)(pictures), training=False)
    features = keras.layers.AveragePooling2D(side, strides=1, name=FEATURES)(places)
    answers = {
        PROBABILITY: keras.layers.Activation("sigmoid", name=PROBABILITY)(head(features)),
        ACTIVATIONS: head(places),
        FEATURES: features,
    }
    return keras.Model(pictures, answers, name=network.name)


def _of_any_size(backbone: Any) -> Any:
    """Return a backbone that takes pictures of any size; one made before 2026-11-24 takes tiles alone."""
    if backbone.input_shape[1] is None:
        return backbone
    free = _backbone()
    free.set_weights(backbone.get_weights())
    return free


def _in_precision(backbone: Any, precision: str) -> Any:
    """Return a copy of a backbone that computes by a dtype policy of Keras."""

    def in_precision(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() | {"dtype": precision})

    copied = import_keras().models.clone_model(backbone, clone_function=in_precision)
    copied.set_weights(backbone.get_weights())
    return copied


def export_litert(network: Any, path: Path) -> None:
    """Write the network, with its activation map, as a LiteRT model for one picture at a time.

    It opens for tiles, and takes larger pictures, too. Through ExportArchive: the converter's own way in from
    Keras writes a model without weights.
    """
    keras, tensorflow = import_keras(), import_tensorflow()
    predict = with_activation_map(network)
    archive = keras.export.ExportArchive()
    archive.track(predict)
    archive.add_endpoint(
        "serve",
        lambda tiles: predict(tiles, training=False),
        input_signature=[tensorflow.TensorSpec((1, None, None, 3), tensorflow.uint8)],
    )
    with tempfile.TemporaryDirectory() as folder, quiet_stderr():
        archive.write_out(folder, verbose=False)
        content = tensorflow.lite.TFLiteConverter.from_saved_model(folder).convert()
    path.write_bytes(_opened_for_tiles(content, network.input_shape[1]))


def _opened_for_tiles(content: bytes, input_px: int) -> bytes:
    """Return a LiteRT model whose picture has the size of a tile until another is asked for, not 1 px."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, input_px, input_px, 3]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def draw_network(network: Any, path: Path) -> str | None:
    """Draw the layers into a PNG; where that needs a program that is not there, return what is missing."""
    try:
        import_keras().utils.plot_model(network, path, show_shapes=True, show_layer_names=True, dpi=110)
    except (ImportError, OSError) as error:
        return str(error)
    return None
