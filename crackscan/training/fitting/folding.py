"""Batch normalisation folded into the convolution before it. Importing this imports TensorFlow.

Frozen batch normalisation is the same scale and shift at every step. Scaling a kernel costs almost nothing;
scaling the output of a convolution costs a pass over the memory, and another one for the gradient.
"""

from itertools import pairwise
from typing import Any

from crackscan.model.network import DROPOUT, FEATURES, LOGIT, SCALING, get_backbone, import_keras

keras = import_keras()


class Folded(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """A convolution and its batch normalisation in one layer, on their own weights; only the kernel learns.

    With y the convolution's output, normalisation with stored statistics is g (y - m) / sqrt(v + e) + b
    (Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 2, step 11): a scaled kernel, and a shift.
    """

    def __init__(self, convolution: Any, normalisation: Any) -> None:
        super().__init__(name=convolution.name)
        self.convolution, self.normalisation = convolution, normalisation

    def call(self, pictures: Any) -> Any:
        """Return the normalised output, float32 (n, rows, cols, channels)."""
        norm, layer = self.normalisation, self.convolution
        scale = norm.gamma * keras.ops.rsqrt(norm.moving_variance + norm.epsilon)
        shift = norm.beta - norm.moving_mean * scale
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            convolve, kernel = keras.ops.depthwise_conv, layer.kernel * scale[:, None]
        else:
            convolve, kernel = keras.ops.conv, layer.kernel * scale
        return convolve(pictures, kernel, layer.strides, layer.padding) + shift


def fold_batch_norm(network: Any) -> Any:
    """Return the network up to its logit, with shared weights and with folded batch normalisation."""
    logit = _fold(get_backbone(network))(network.get_layer(SCALING)(network.input))
    for layer in (FEATURES, DROPOUT, LOGIT):
        logit = network.get_layer(layer)(logit)
    return keras.Model(network.input, logit)


def _fold(backbone: Any) -> Any:
    normalised = {
        layer.name: following
        for layer, following in pairwise(backbone.layers)
        if isinstance(following, keras.layers.BatchNormalization) and following.input is layer.output
    }

    def replace_layer(layer: Any) -> Any:
        if layer.name in normalised:
            return Folded(layer, normalised[layer.name])
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.layers.Identity()
        return layer

    def call(layer: Any, pictures: Any, **_: Any) -> Any:  # batch normalisation would be given a mask
        return layer(pictures)

    return keras.models.clone_model(backbone, clone_function=replace_layer, call_function=call)
