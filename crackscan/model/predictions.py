"""Predictions for tiles, and their computation from the raw outputs of a network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from crackscan.basics.arrays import Float32s, Float64s, Pixels
from crackscan.model.context_head import ContextHead
from crackscan.model.network import ACTIVATIONS, FEATURES, PROBABILITY, STRIDE
from crackscan.model.ood import OODDetector


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions for n tiles, or windows of larger images."""

    probabilities: Float32s  # of a crack, (n,), calibrated, 0..1
    activation_maps: (
        Float32s  # logits of each cell of a tile, (n, rows, cols); their mean is the tile's logit
    )
    features: Float32s  # pooled, the input of the head, (n, channels)
    distances: Float32s  # from concrete, (n,), 0 and up, by `ood`; 0 for models without OOD detection


class Classifier(Protocol):
    """The interface of a model for scanning; each worker has its own."""

    model: str  # the name that rows carry
    input_px: int

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Predict tiles, or all windows of larger images in one pass.

        Args:
            tiles: uint8 RGB, (n, input_px, input_px, 3), n >= 1; or larger images, whose height and width
                exceed input_px by multiples of STRIDE px.
            stride_cells: windows of input_px begin every stride_cells * STRIDE px of a larger image.

        Returns: predictions of the tiles, or of the windows of each image row by row. Windows are seen with
            their context, so they differ a little from tiles that are predicted alone.
        """
        ...

    def line_probabilities(self, image: Pixels) -> Float32s | None:
        """Say of each spot of an image how probably a crack's centre line runs through it.

        image: uint8 RGB, (height, width, 3), at the resolution of a tile's input; both sides are multiples
            of STRIDE px. Give 32 px or more around what matters: the network sees context.

        Returns: float32, (height / 2, width / 2), 0..1; None where the model has no line head.
        """
        ...


@dataclass(frozen=True, slots=True)
class Postprocessor:
    """Turns the raw outputs of a model's network into predictions."""

    input_px: int
    ood: OODDetector | None
    context_head: ContextHead | None

    def process(
        self, outputs: Sequence[Mapping[str, Float32s]], images: Pixels, stride_cells: int
    ) -> Predictions:
        """Combine a network's outputs for batches of tiles, or for one image after the other.

        Args:
            outputs: by name, of `network.build_inference_network`; together they are of all images.
            images: uint8 RGB, (n, height, width, 3), as `Classifier.predict` takes them.
            stride_cells: as `Classifier.predict` takes it.
        """
        joined = {name: np.concatenate([batch[name] for batch in outputs]) for name in outputs[0]}
        rows, cols = ((length - self.input_px) // STRIDE + 1 for length in images.shape[1:3])
        strided = np.s_[:, ::stride_cells, ::stride_cells]
        features = joined[FEATURES].reshape(len(images), rows, cols, -1)[strided]
        features = features.reshape(-1, features.shape[-1])
        probabilities = joined[PROBABILITY].reshape(-1, rows, cols)[strided].reshape(-1)
        if self.context_head and rows * cols > 1:
            probabilities = self.context_head.correct(probabilities, features)
        count, height, width = joined[ACTIVATIONS].shape[:3]
        cells, side = joined[ACTIVATIONS].reshape(count, height, width), (height - rows + 1, width - cols + 1)
        return Predictions(
            probabilities=probabilities,
            activation_maps=sliding_window_view(cells, side, axis=(1, 2))[strided].reshape(-1, *side).copy(),
            features=features,
            distances=self._measure_distances(images, stride_cells),
        )

    def _measure_distances(self, images: Pixels, stride_cells: int) -> Float32s:
        windows = sliding_window_view(images, (self.input_px, self.input_px), axis=(1, 2))
        windows = np.moveaxis(windows[:, :: STRIDE * stride_cells, :: STRIDE * stride_cells], 3, -1)
        if self.ood is None:
            return np.zeros(math.prod(windows.shape[:3]), np.float32)
        return self.ood.distances(windows)


def log_odds(probabilities: ArrayLike) -> Float64s:
    """Return the log-odds of probabilities, clipped to 1e-7 from 0 and 1, the resolution of float32."""
    clipped = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.log(clipped / (1 - clipped))
