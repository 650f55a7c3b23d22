"""The line network: the backbone of a model, and a decoder that says along which line a crack runs.

TensorFlow and Keras are imported inside functions: scanning does without them.
"""

from typing import Any

from crackscan.model.line_head import IMAGES, LINES
from crackscan.model.network import (
    SCALING,
    accept_any_size,
    convert_to_litert,
    get_backbone,
    import_keras,
    import_tensorflow,
)

# The layers whose maps the decoder joins, from the deepest on: stride in px, and channels that it keeps of
# them. Those of stride 2 are the narrow ones: at a quarter of the pixels, each channel costs as much as 64
# of stride 16. (U-Net, Ronneberger et al. 2015, arXiv:1505.04597)
SKIPS = (
    ("out_relu", 64),  # stride 32, 1280 channels, what the classifier judges by
    ("block_13_expand_relu", 48),  # stride 16
    ("block_6_expand_relu", 32),  # stride 8
    ("block_3_expand_relu", 24),  # stride 4
    ("Conv1_relu", 12),  # stride 2
)
FINEST = "expanded_conv_project_BN"  # stride 2, 16 channels, joined as it is
WIDTHS = (64, 48, 32, 16)  # channels of the decoder after each join
LINE_LOGIT = "line_logit"  # the last layer
TAPS = "mobilenetv2_taps"  # the backbone: `model_folder.int8` knows its layers by the first word
MOMENTUM = 0.95  # of the batch normalisation: a training has about a thousand steps


def build_line_network(network: Any) -> Any:
    """Build a decoder of random weights on a copy of a classifier's backbone.

    It takes uint8 RGB, (n, height, width, 3), whose sides are multiples of STRIDE px, and returns logits,
    float32, (n, height / 2, width / 2, 1).
    """
    keras = import_keras()
    backbone = _copy(accept_any_size(get_backbone(network)))
    names = [name for name, _ in SKIPS] + [FINEST]
    taps = keras.Model(backbone.input, [backbone.get_layer(name).output for name in names], name=TAPS)
    images = keras.Input((None, None, 3), dtype="uint8", name=IMAGES)
    *maps, finest = taps(keras.layers.Rescaling(1 / 127.5, offset=-1, name=SCALING)(images), training=False)
    skips = [
        _convolve(map_, width, f"skip_{at}")
        for at, (map_, (_, width)) in enumerate(zip(maps, SKIPS, strict=True))
    ]
    decoded = skips[0]
    for at, (skip, width) in enumerate(zip(skips[1:], WIDTHS, strict=True)):
        if at == len(WIDTHS) - 1:
            decoded = _convolve(decoded, width, "narrow")  # before it gets four times as large
        joined = keras.layers.Concatenate(name=f"join_{at}")(
            [_enlarge(decoded, f"up_{at}"), skip, *([finest] if at == len(WIDTHS) - 1 else [])]
        )
        decoded = _separate(joined, width, f"decode_{at}")
        decoded = _separate(decoded, width, f"refine_{at}") if at >= len(WIDTHS) - 2 else decoded
    logit = keras.layers.Conv2D(1, 1, name=LINE_LOGIT)(decoded)
    return keras.Model(images, logit, name="crackscan_lines")


def _copy(backbone: Any) -> Any:
    copied = import_keras().models.clone_model(backbone)
    copied.set_weights(backbone.get_weights())
    copied.trainable = False
    return copied


def _enlarge(maps: Any, name: str) -> Any:
    """Return maps with each value four times, in a square.

    LiteRT knows the shape of this before it runs, other than that of a resize. So the whole network stays
    with the fast kernels, for images of any size.
    """
    layers, tensorflow = import_keras().layers, import_tensorflow()
    copies = layers.Concatenate(name=f"{name}_copies")([maps] * 4)
    return layers.Lambda(lambda four: tensorflow.nn.depth_to_space(four, 2), name=name)(copies)


def _convolve(maps: Any, width: int, name: str) -> Any:
    """Return a 1x1 convolution, normalised and rectified."""
    layers = import_keras().layers
    return _activate(layers.Conv2D(width, 1, use_bias=False, name=name)(maps), name)


def _separate(maps: Any, width: int, name: str) -> Any:
    """Return a separable 3x3 convolution, normalised and rectified."""
    layers = import_keras().layers
    return _activate(layers.SeparableConv2D(width, 3, padding="same", use_bias=False, name=name)(maps), name)


def _activate(maps: Any, name: str) -> Any:
    layers = import_keras().layers
    return layers.ReLU(name=f"{name}_relu")(
        layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(maps)
    )


def scale_logit(network: Any, *, scale: float, shift: float) -> None:
    """Change the last layer so that each logit z becomes scale * z + shift."""
    layer = network.get_layer(LINE_LOGIT)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * scale, bias * scale + shift])


def export_line_network(network: Any, *, default_px: int) -> bytes:
    """Return the network with probabilities in place of logits, as the content of lines.tflite."""
    keras = import_keras()
    outputs = {LINES: keras.layers.Activation("sigmoid", name=LINES)(network.output)}
    return convert_to_litert(keras.Model(network.input, outputs, name=network.name), default_px=default_px)
