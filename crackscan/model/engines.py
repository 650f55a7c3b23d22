"""The engines that compute a model's network: LiteRT on CPUs, TensorFlow on GPUs, and a cascade of two."""

from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Pixels
from crackscan.basics.errors import BrokenModel
from crackscan.model.batching import Network, Note, SharedBatches
from crackscan.model.card import Card
from crackscan.model.context_head import ContextHead
from crackscan.model.line_head import LineHead
from crackscan.model.litert import import_interpreter
from crackscan.model.network import build_inference_network, import_tensorflow, load_network
from crackscan.model.ood import OODDetector
from crackscan.model.predictions import Classifier, Postprocessor, Predictions, log_odds

TENSORFLOW_BATCH = 32  # tiles


class LiteRT:
    """The engine for CPUs.

    Runs one tile at a time: faster than batches of eight on CPUs, and independent of batch size.
    """

    def __init__(
        self,
        content: bytes,
        card: Card,
        ood: OODDetector | None = None,
        context_head: ContextHead | None = None,
        line_head: LineHead | None = None,
    ) -> None:
        """Open a LiteRT model, given as the bytes of its file.

        Raises: MissingExtra: no LiteRT interpreter is installed.
        """
        self.model, self.input_px = card.model_id, card.input_px
        self._postprocessor = Postprocessor(card.input_px, ood, context_head)
        self._line_head = line_head
        self._interpreter = import_interpreter()(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Predict tiles, or windows of larger images, as a Classifier does."""
        try:
            outputs = [self._run(tiles=tile[np.newaxis]) for tile in tiles]
        except (RuntimeError, ValueError) as error:
            raise BrokenModel(
                f"{self.model}: LiteRT cannot run it ({error}); get the model folder again."
            ) from error
        return self._postprocessor.process(outputs, tiles, stride_cells)

    def line_probabilities(self, image: Pixels) -> Float32s | None:
        """Return where crack lines run, as a Classifier does."""
        return self._line_head.predict(image) if self._line_head else None


class TensorFlow:
    """The engine for GPUs: one float network that all workers share, in shared batches."""

    def __init__(
        self,
        path: Path,
        card: Card,
        ood: OODDetector | None = None,
        context_head: ContextHead | None = None,
        line_head: LineHead | None = None,
        *,
        batch: int = TENSORFLOW_BATCH,
        note: Note | None = None,
    ) -> None:
        """Open a Keras model.

        Args:
            path: of model.keras.
            card: of the same model.
            ood: its OOD detector, if it has one.
            context_head: its head for dense inference, if it has one.
            line_head: its line head, if it has one; LiteRT runs it.
            batch: tiles computed at once, while memory suffices.
            note: called when memory does not suffice for them.

        Raises:
            MissingExtra: TensorFlow is not installed.
            BrokenModel: the file is not a crackscan network.
        """
        tensorflow, self._line_head = import_tensorflow(), line_head
        self._network = build_inference_network(load_network(path))
        self.model, self.input_px = card.model_id, card.input_px
        self._postprocessor = Postprocessor(card.input_px, ood, context_head)
        self._batches = SharedBatches(
            partial(self._compile, side_px=self.input_px),
            batch,
            out_of_memory=tensorflow.errors.ResourceExhaustedError,
            note=note,
        )
        self._run_image = self._compile(1, side_px=None)

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Predict as a Classifier does: tiles in shared batches, larger images one at a time."""
        if tiles.shape[1:3] == (self.input_px, self.input_px):
            outputs = [self._batches.predict(tiles)]
        else:
            outputs = [self._run_image(image[np.newaxis]) for image in tiles]
        return self._postprocessor.process(outputs, tiles, stride_cells)

    def line_probabilities(self, image: Pixels) -> Float32s | None:
        """Return where crack lines run, as a Classifier does."""
        return self._line_head.predict(image) if self._line_head else None

    def _compile(self, batch: int, side_px: int | None) -> Network:
        """Return the network for batches of square images of side_px; None: of any height and width."""
        tensorflow = import_tensorflow()
        run = tensorflow.function(
            lambda tiles: self._network(tiles, training=False),
            input_signature=[tensorflow.TensorSpec((batch, side_px, side_px, 3), tensorflow.uint8)],
        )
        return lambda tiles: {name: output.numpy() for name, output in run(tiles).items()}


class Cascade:
    """A fast, inexact engine (int8), and an exact one for tiles whose result is too close to call.

    These are tiles near the card's threshold. Each tile is still judged alone, so that its result depends on
    its pixels only.
    """

    def __init__(self, fast: Classifier, exact: Classifier, card: Card) -> None:
        self.model, self.input_px = fast.model, fast.input_px
        self._fast, self._exact, self._card = fast, exact, card

    def predict(self, tiles: Pixels, stride_cells: int = 1) -> Predictions:
        """Predict tiles as a Classifier does; larger images by the exact engine alone.

        Nearly every larger image has a window that needs the exact engine, which then computes all of it.
        """
        if tiles.shape[1:3] != (self.input_px, self.input_px):
            return self._exact.predict(tiles, stride_cells)
        predictions = self._fast.predict(tiles)
        close = needs_exact(predictions, self._card)
        if close.any():
            exact = self._exact.predict(tiles[close])
            for field in fields(Predictions):
                getattr(predictions, field.name)[close] = getattr(exact, field.name)
        return predictions

    def line_probabilities(self, image: Pixels) -> Float32s | None:
        """Return where crack lines run, as a Classifier does."""
        return self._exact.line_probabilities(image)


def needs_exact(predictions: Predictions, card: Card) -> Bools:
    """Return which tiles int8 cannot place above or below the threshold for certain, bool, (n,).

    The margin was measured by training. All tiles need the exact engine where the card has no margin.
    """
    if card.quantisation is None:
        return np.ones(len(predictions.probabilities), np.bool_)
    difference = np.abs(log_odds(predictions.probabilities) - log_odds(card.threshold))
    return np.asarray(difference < card.quantisation.log_odds)
