"""Batch normalisation folded into the convolution before it, for training. Importing this imports TensorFlow.

As it learns nothing here, it is the same scale and shift at every step. Scaling a kernel costs next to
nothing; scaling what comes out of it costs a pass over the memory, and another for the gradient.
"""

from itertools import pairwise
from typing import Any

from crackscan.model.network import DROPOUT, FEATURES, LOGIT, SCALING, get_backbone, import_keras

keras = import_keras()


class Folded(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """A convolution and its batch normalisation in one, by their own weights, which only the former learns.

    With y the convolution's output, g (y - m) / sqrt(v + e) + b, normalisation by kept statistics (Ioffe and
    Szegedy 2015, arXiv:1502.03167, algorithm 2, step 11), is a convolution by a scaled kernel, and a shift.
    """

    def __init__(self, convolution: Any, normalisation: Any) -> None:
        super().__init__(name=convolution.name)
        self.convolution, self.normalisation = convolution, normalisation

    def call(self, pictures: Any) -> Any:
        """Return the normalised output, float32 (n, rows, cols, channels)."""
        kept, learnt = self.normalisation, self.convolution
        scale = kept.gamma * keras.ops.rsqrt(kept.moving_variance + kept.epsilon)
        shift = kept.beta - kept.moving_mean * scale
        if isinstance(learnt, keras.layers.DepthwiseConv2D):
            convolve, kernel = keras.ops.depthwise_conv, learnt.kernel * scale[:, None]
        else:
            convolve, kernel = keras.ops.conv, learnt.kernel * scale
        return convolve(pictures, kernel, learnt.strides, learnt.padding) + shift


def to_train(network: Any) -> Any:
    """Return the network up to its logit, sharing its weights, without passes for what is normalised."""
    logit = _folded(get_backbone(network))(network.get_layer(SCALING)(network.input))
    for layer in (FEATURES, DROPOUT, LOGIT):
        logit = network.get_layer(layer)(logit)
    return keras.Model(network.input, logit)


def _folded(backbone: Any) -> Any:
    normalised = {
        layer.name: following
        for layer, following in pairwise(backbone.layers)
        if isinstance(following, keras.layers.BatchNormalization) and following.input is layer.output
    }

    def shared(layer: Any) -> Any:
        if layer.name in normalised:
            return Folded(layer, normalised[layer.name])
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.layers.Identity()
        return layer

    def call(layer: Any, pictures: Any, **_: Any) -> Any:  # normalisation would take a mask
        return layer(pictures)

    return keras.models.clone_model(backbone, clone_function=shared, call_function=call)
