"""A model folder becomes something that judges uint8 tiles."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from crackscan.batching import Batches, Network, Note
from crackscan.card import FAMILIAR, KERAS, LITERT, LITERT_INT8, SURROUNDINGS, Card
from crackscan.errors import BrokenModel, MissingExtra
from crackscan.familiar import Familiar
from crackscan.network import (
    EVIDENCE,
    FEATURES,
    PROBABILITY,
    STRIDE,
    import_tensorflow,
    load_network,
    quiet_stderr,
    with_evidence,
)
from crackscan.reading import Pixels
from crackscan.records import Engine
from crackscan.surroundings import Surroundings

Floats = NDArray[np.float32]

DEFAULT_MODEL = "concrete-v2"
TENSORFLOW_BATCH = 32


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model says of n tiles, or windows of larger pictures."""

    probabilities: Floats  # of a crack, (n,), calibrated, 0..1
    evidence: Floats  # logits of each place of a tile, (n, rows, cols); their mean is the tile's
    features: Floats  # that the head decides by, (n, channels)
    distances: Floats  # from the training tiles, (n,), 0 and up; 0 where the model does not know them


class Classifier(Protocol):
    """What scanning needs of a model. Each worker has its own."""

    model: str  # the name that rows carry
    input_px: int

    def judge(self, tiles: Pixels, every: int = 1) -> Judgement:
        """Judge tiles, at least one: uint8 (n, input_px, input_px, 3).

        Pictures may be larger, by a multiple of STRIDE px: in one pass, their windows of a tile's size are
        judged, row by row, that begin at every so many STRIDE px. Each is seen with what is around it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """A model folder whose files were checked against its card; makes a classifier for each worker."""

    card: Card
    classifier: Callable[[], Classifier]
    engine: Engine

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        engine: Engine | None = None,
        batch: int = TENSORFLOW_BATCH,
        note: Note | None = None,
    ) -> Self:
        """Check a model folder and open it, by default for the fastest engine that it has.

        batch: tiles that tensorflow judges at once. note: is told where memory does not suffice for them.

        Raises:
            BrokenModel: a file is missing, or is not the one that the card speaks of, or there is none for
                the engine.
            MissingExtra: the engine is not installed.
        """
        folder = Path(folder)
        card = Card.read(folder)
        card.verify(folder)
        engine = engine or card.engines[0]
        if engine not in card.engines:
            raise BrokenModel(
                f"{folder}: has no file for --engine {engine}; it has {', '.join(card.engines)}."
            )
        engines: dict[Engine, Callable[[Path, Card], Callable[[], Classifier]]] = {
            "litert-int8": _litert_int8,
            "litert": _litert,
            "tensorflow": partial(_tensorflow, batch=batch, note=note),
        }
        return cls(card, engines[engine](folder, card), engine)


class LiteRT:
    """The engine for CPUs. One tile at a time: measured faster than eight, and a score knows no batch."""

    def __init__(
        self,
        content: bytes,
        card: Card,
        familiar: Familiar | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.model, self.input_px = card.model_id, card.input_px
        self._sense = _Sense(card.input_px, familiar, surroundings)
        self._interpreter = _interpreter()(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()

    def judge(self, tiles: Pixels, every: int = 1) -> Judgement:
        """Judge tiles, or larger pictures, as a Classifier does."""
        answers = [self._run(tiles=tile[np.newaxis]) for tile in tiles]
        return self._sense.judgement(answers, tiles, every)


class LiteRTInt8:
    """The fast engine for CPUs: whole numbers, and the float file where their error could decide.

    That is near the card's threshold and near the limit of the familiar. Each tile is still judged alone, so
    that its answer depends on nothing but its pixels.
    """

    def __init__(self, fast: LiteRT, exact: LiteRT, card: Card) -> None:
        self.model, self.input_px = fast.model, fast.input_px
        self._fast, self._exact, self._card = fast, exact, card

    def judge(self, tiles: Pixels, every: int = 1) -> Judgement:
        """Judge tiles as a Classifier does; larger pictures by the float file.

        Nearly each of these has a window that the float file would have to judge again, and all with it.
        """
        if tiles.shape[1:3] != (self.input_px, self.input_px):
            return self._exact.judge(tiles, every)
        found = self._fast.judge(tiles)
        again = undecided(found, self._card)
        if again.any():
            exact = self._exact.judge(tiles[again])
            for field in fields(Judgement):
                getattr(found, field.name)[again] = getattr(exact, field.name)
        return found


def undecided(found: Judgement, card: Card) -> NDArray[np.bool_]:
    """Say of which tiles whole numbers cannot tell on which side of a limit they are, (n,)."""
    if card.quantisation is None:
        return np.ones(len(found.probabilities), np.bool_)
    near = np.abs(log_odds(found.probabilities) - log_odds(card.threshold)) < card.quantisation.log_odds
    if card.familiarity is not None:
        near |= np.abs(found.distances - card.familiarity.limit) < card.quantisation.distance
    return np.asarray(near)


def log_odds(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the log-odds of probabilities, within what a float32 can tell from 0 and 1."""
    kept = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return np.log(kept / (1 - kept))


class TensorFlow:
    """The engine for GPUs: the float model, shared by all workers, whose tiles it judges together."""

    def __init__(
        self,
        path: Path,
        card: Card,
        familiar: Familiar | None = None,
        surroundings: Surroundings | None = None,
        *,
        batch: int = TENSORFLOW_BATCH,
        note: Note | None = None,
    ) -> None:
        tensorflow = import_tensorflow()
        self._network = with_evidence(load_network(path))
        self.model, self.input_px = card.model_id, card.input_px
        self._sense = _Sense(card.input_px, familiar, surroundings)
        exhausted = tensorflow.errors.ResourceExhaustedError
        compiled = partial(self._compiled, side=self.input_px)
        self._batches = Batches(compiled, batch, exhausted=exhausted, note=note)
        self._picture = self._compiled(1, side=None)

    def judge(self, tiles: Pixels, every: int = 1) -> Judgement:
        """Judge tiles, or larger pictures, as a Classifier does; of these, one at a time."""
        if tiles.shape[1:3] == (self.input_px, self.input_px):
            answers = [self._batches.judge(tiles)]
        else:
            answers = [self._picture(tile[np.newaxis]) for tile in tiles]
        return self._sense.judgement(answers, tiles, every)

    def _compiled(self, batch: int, side: int | None) -> Network:
        """Return the network for batches of pictures of one size, or of any."""
        tensorflow = import_tensorflow()
        run = tensorflow.function(
            lambda tiles: self._network(tiles, training=False),
            input_signature=[tensorflow.TensorSpec((batch, side, side, 3), tensorflow.uint8)],
        )
        return lambda tiles: {name: answer.numpy() for name, answer in run(tiles).items()}


@dataclass(frozen=True, slots=True)
class _Sense:
    """What the answers of a model's network mean."""

    input_px: int
    familiar: Familiar | None
    surroundings: Surroundings | None

    def judgement(self, answers: Sequence[Mapping[str, Floats]], pictures: Pixels, every: int) -> Judgement:
        """Put together what a network said of one picture, or batch of tiles, after the other."""
        joined = {name: np.concatenate([batch[name] for batch in answers]) for name in answers[0]}
        rows, cols = ((length - self.input_px) // STRIDE + 1 for length in pictures.shape[1:3])
        chosen = np.s_[:, ::every, ::every]
        features = joined[FEATURES].reshape(len(pictures), rows, cols, -1)[chosen]
        features = features.reshape(-1, features.shape[-1])
        probabilities = joined[PROBABILITY].reshape(-1, rows, cols)[chosen].reshape(-1)
        if self.surroundings and rows * cols > 1:
            probabilities = self.surroundings.corrected(probabilities, features)
        count, high, wide = joined[EVIDENCE].shape[:3]
        places, side = joined[EVIDENCE].reshape(count, high, wide), (high - rows + 1, wide - cols + 1)
        return Judgement(
            probabilities=probabilities,
            evidence=sliding_window_view(places, side, axis=(1, 2))[chosen].reshape(-1, *side).copy(),
            features=features,
            distances=self._distances(features, pictures, every),
        )

    def _distances(self, features: Floats, pictures: Pixels, every: int) -> Floats:
        if self.familiar is None:
            return np.zeros(len(features), np.float32)
        windows = sliding_window_view(pictures, (self.input_px, self.input_px), axis=(1, 2))
        windows = np.moveaxis(windows[:, :: STRIDE * every, :: STRIDE * every], 3, -1)
        return self.familiar.distances(features, windows)


def find_model(name: str | None = None) -> Path:
    """Return the folder of a model: a path, the name of a shipped one, or None for the default.

    Raises:
        BrokenModel: there is none.
    """
    shipped = shipped_models()
    for folder in ([Path(name)] if name else []) + [home / (name or DEFAULT_MODEL) for home in shipped]:
        if (folder / "card.json").is_file():
            return folder
    known = sorted(card.parent.name for home in shipped for card in home.glob("*/card.json"))
    raise BrokenModel(
        f"{name or DEFAULT_MODEL}: no model folder with a card.json there; "
        f"shipped with crackscan: {', '.join(known) or 'none'}."
    )


def shipped_models() -> tuple[Path, ...]:
    """Return where shipped models lie: inside an installed package, or at the top of a clone."""
    package = Path(__file__).parent
    return package / "models", package.parent / "models"


def _litert(folder: Path, card: Card) -> Callable[[], LiteRT]:
    content, senses = (folder / LITERT).read_bytes(), _senses(folder, card)
    with quiet_stderr():  # the first interpreter of a process greets
        LiteRT(content, card)  # a missing engine or a broken file is said now, not by a worker
    return lambda: LiteRT(content, card, *senses)


def _litert_int8(folder: Path, card: Card) -> Callable[[], Classifier]:
    exact, content = _litert(folder, card), (folder / LITERT_INT8).read_bytes()
    senses = _senses(folder, card)
    return lambda: LiteRTInt8(LiteRT(content, card, *senses), exact(), card)


def _tensorflow(folder: Path, card: Card, *, batch: int, note: Note | None) -> Callable[[], Classifier]:
    shared = TensorFlow(folder / KERAS, card, *_senses(folder, card), batch=batch, note=note)
    return lambda: shared


def _senses(folder: Path, card: Card) -> tuple[Familiar | None, Surroundings | None]:
    """Read what a model's folder has beside the network."""
    return (
        Familiar.load(folder / FAMILIAR) if FAMILIAR in card.files else None,
        Surroundings.load(folder / SURROUNDINGS) if SURROUNDINGS in card.files else None,
    )


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
