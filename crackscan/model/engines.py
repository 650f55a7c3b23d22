"""The engines: what computes a model's network, on CPUs and GPUs, to judge uint8 tiles by it."""

import os
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import MissingExtra
from crackscan.model.batching import Network, Note, SharedBatches
from crackscan.model.card import Card
from crackscan.model.context_head import ContextHead
from crackscan.model.network import FLOAT32, import_tensorflow, load_network, with_activation_map
from crackscan.model.ood import OODDetector
from crackscan.model.predictions import Classifier, Postprocessor, Predictions, log_odds

TENSORFLOW_BATCH = 32


class LiteRT:
    """The engine for CPUs. One tile at a time: measured faster than eight, and a score knows no batch."""

    def __init__(
        self,
        content: bytes,
        card: Card,
        familiar: OODDetector | None = None,
        surroundings: ContextHead | None = None,
    ) -> None:
        self.model, self.input_px = card.model_id, card.input_px
        self._sense = Postprocessor(card.input_px, familiar, surroundings)
        self._interpreter = _interpreter()(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Judge tiles, or larger pictures, as a Classifier does."""
        answers = [self._run(tiles=tile[np.newaxis]) for tile in tiles]
        return self._sense.predictions(answers, tiles, stride_cells)


class TensorFlow:
    """The engine for GPUs: the float model, shared by all workers, whose tiles it judges together."""

    def __init__(
        self,
        path: Path,
        card: Card,
        familiar: OODDetector | None = None,
        surroundings: ContextHead | None = None,
        *,
        batch: int = TENSORFLOW_BATCH,
        note: Note | None = None,
        precision: str = FLOAT32,
    ) -> None:
        tensorflow = import_tensorflow()
        self._network = with_activation_map(load_network(path), precision=precision)
        self.model, self.input_px = card.model_id, card.input_px
        self._sense = Postprocessor(card.input_px, familiar, surroundings)
        exhausted = tensorflow.errors.ResourceExhaustedError
        compiled = partial(self._compiled, side=self.input_px)
        self._batches = SharedBatches(compiled, batch, exhausted=exhausted, note=note)
        self._picture = self._compiled(1, side=None)

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Judge tiles, or larger pictures, as a Classifier does; of these, one at a time."""
        if tiles.shape[1:3] == (self.input_px, self.input_px):
            answers = [self._batches.predict(tiles)]
        else:
            answers = [self._picture(tile[np.newaxis]) for tile in tiles]
        return self._sense.predictions(answers, tiles, stride_cells)

    def _compiled(self, batch: int, side: int | None) -> Network:
        """Return the network for batches of pictures of one size, or of any."""
        tensorflow = import_tensorflow()
        run = tensorflow.function(
            lambda tiles: self._network(tiles, training=False),
            input_signature=[tensorflow.TensorSpec((batch, side, side, 3), tensorflow.uint8)],
        )
        return lambda tiles: {name: answer.numpy() for name, answer in run(tiles).items()}


class Cascade:
    """A fast engine, in whole numbers or in float16, and an exact one where its error could decide.

    That is near the card's threshold and near the limit of the familiar. Each tile is still judged alone, so
    that its answer depends on nothing but its pixels.
    """

    def __init__(self, fast: Classifier, exact: Classifier, card: Card) -> None:
        self.model, self.input_px = fast.model, fast.input_px
        self._fast, self._exact, self._card = fast, exact, card

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Judge tiles as a Classifier does; larger pictures by the exact engine.

        Nearly each of these has a window that it would have to judge again, and all with it.
        """
        if tiles.shape[1:3] != (self.input_px, self.input_px):
            return self._exact.predict(tiles, stride_cells)
        found = self._fast.predict(tiles)
        again = needs_exact(found, self._card)
        if again.any():
            exact = self._exact.predict(tiles[again])
            for field in fields(Predictions):
                getattr(found, field.name)[again] = getattr(exact, field.name)
        return found


def needs_exact(found: Predictions, card: Card) -> NDArray[np.bool_]:
    """Say of which tiles whole numbers cannot tell on which side of a limit they are, (n,).

    Nor can float16, whose error is a sixth of theirs.
    """
    if card.quantisation is None:
        return np.ones(len(found.probabilities), np.bool_)
    near = np.abs(log_odds(found.probabilities) - log_odds(card.threshold)) < card.quantisation.log_odds
    if card.familiarity is not None:
        near |= np.abs(found.distances - card.familiarity.limit) < card.quantisation.distance
    return np.asarray(near)


def _interpreter() -> Any:
    """Return LiteRT's interpreter, or TensorFlow's own where LiteRT has no wheel."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tensorflow.lite import Interpreter
        except ImportError:
            raise MissingExtra(
                'ai-edge-litert has no wheel for this machine; install "crackscan[train]" instead.'
            ) from None
    return Interpreter
