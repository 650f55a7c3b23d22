"""What a model says of tiles: from the bare answers of its network to crack, place and familiarity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.model.context_head import ContextHead
from crackscan.model.network import ACTIVATIONS, FEATURES, PROBABILITY, STRIDE
from crackscan.model.ood import OODDetector


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of n tiles, or windows of larger pictures."""

    probabilities: Float32s  # of a crack, (n,), calibrated, 0..1
    activation_maps: Float32s  # logits of each place of a tile, (n, rows, cols); their mean is the tile's
    features: Float32s  # that the head decides by, (n, channels)
    distances: Float32s  # from the training tiles, (n,), 0 and up; 0 where the model does not know them


class Classifier(Protocol):
    """What scanning needs of a model. Each worker has its own."""

    model: str  # the name that rows carry
    input_px: int

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Judge tiles, at least one: uint8 (n, input_px, input_px, 3).

        Pictures may be larger, by a multiple of STRIDE px: in one pass, their windows of a tile's size are
        judged, row by row, that begin every `stride_cells` * STRIDE px. Each is seen with what is around it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Postprocessor:
    """What the answers of a model's network mean."""

    input_px: int
    familiar: OODDetector | None
    surroundings: ContextHead | None

    def predictions(
        self, answers: Sequence[Mapping[str, Float32s]], pictures: Pixels, stride_cells: int
    ) -> Predictions:
        """Put together what a network said of one picture, or batch of tiles, after the other."""
        joined = {name: np.concatenate([batch[name] for batch in answers]) for name in answers[0]}
        rows, cols = ((length - self.input_px) // STRIDE + 1 for length in pictures.shape[1:3])
        chosen = np.s_[:, ::stride_cells, ::stride_cells]
        features = joined[FEATURES].reshape(len(pictures), rows, cols, -1)[chosen]
        features = features.reshape(-1, features.shape[-1])
        probabilities = joined[PROBABILITY].reshape(-1, rows, cols)[chosen].reshape(-1)
        if self.surroundings and rows * cols > 1:
            probabilities = self.surroundings.corrected(probabilities, features)
        count, high, wide = joined[ACTIVATIONS].shape[:3]
        places, side = joined[ACTIVATIONS].reshape(count, high, wide), (high - rows + 1, wide - cols + 1)
        return Predictions(
            probabilities=probabilities,
            activation_maps=sliding_window_view(places, side, axis=(1, 2))[chosen].reshape(-1, *side).copy(),
            features=features,
            distances=self._distances(features, pictures, stride_cells),
        )

    def _distances(self, features: Float32s, pictures: Pixels, stride_cells: int) -> Float32s:
        if self.familiar is None:
            return np.zeros(len(features), np.float32)
        windows = sliding_window_view(pictures, (self.input_px, self.input_px), axis=(1, 2))
        windows = np.moveaxis(windows[:, :: STRIDE * stride_cells, :: STRIDE * stride_cells], 3, -1)
        return self.familiar.distances(features, windows)


def log_odds(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the log-odds of probabilities, within what a float32 can tell from 0 and 1."""
    kept = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.log(kept / (1 - kept))
