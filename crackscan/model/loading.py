"""Loading of a model folder: from its name to classifiers for all workers."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from crackscan import DEFAULT_MODEL
from crackscan.basics.errors import BrokenModel
from crackscan.basics.records import Engine
from crackscan.model.batching import Note
from crackscan.model.broken_files import broken_model_errors
from crackscan.model.card import CARD, CONTEXT_FILE, KERAS, LINES_FILE, LITERT, LITERT_INT8, OOD_FILE, Card
from crackscan.model.context_head import ContextHead
from crackscan.model.engines import TENSORFLOW_BATCH, Cascade, LiteRT, TensorFlow
from crackscan.model.line_head import LineHead
from crackscan.model.network import STRIDE, quiet_stderr
from crackscan.model.ood import OODDetector
from crackscan.model.predictions import Classifier

ClassifierFactory = Callable[[], Classifier]
Parts = tuple[OODDetector | None, ContextHead | None, LineHead | None]  # of a model beside its network


@dataclass(frozen=True, slots=True)
class Model:
    """A model folder whose files match its card; makes a classifier for each worker."""

    card: Card
    classifier: ClassifierFactory
    engine: Engine

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        engine: Engine | None = None,
        batch: int = TENSORFLOW_BATCH,
        note: Note | None = None,
        lines: bool = True,
    ) -> Self:
        """Check a model folder and load it for an engine.

        Args:
            folder: the model folder.
            engine: None is the fastest one that the model has.
            batch: tiles that TensorFlow computes at once.
            note: called when memory does not suffice for them.
            lines: try its line head, too; without this it is opened when it is first asked.

        Raises:
            BrokenModel: a file is missing or does not match the card, or the model lacks the engine.
            MissingExtra: the engine is not installed.
        """
        folder = Path(folder)
        card = Card.read(folder)
        card.verify(folder)
        engine = engine or card.engines[0]
        if engine not in card.engines:
            raise BrokenModel(f"{folder}: cannot use --engine {engine}; it has {', '.join(card.engines)}.")
        loaders: dict[Engine, Callable[[Path, Card, Parts], ClassifierFactory]] = {
            "litert-int8": _load_litert_int8,
            "litert": _load_litert,
            "tensorflow": partial(_load_tensorflow, batch=batch, note=note),
        }
        return cls(card, loaders[engine](folder, card, _load_parts(folder, card, lines=lines)), engine)


def find_model(name: str | None = None) -> Path:
    """Return the folder of a model.

    name: a path, or the name of a shipped model; None is the default model.

    Raises: BrokenModel: there is no such folder with a card.json.
    """
    homes = _shipped_homes()
    for folder in ([Path(name)] if name else []) + [home / (name or DEFAULT_MODEL) for home in homes]:
        if (folder / CARD).is_file():
            return folder
    known = sorted(card.parent.name for home in homes for card in home.glob(f"*/{CARD}"))
    raise BrokenModel(
        f"{name or DEFAULT_MODEL}: neither a model folder (one with a {CARD}) nor a shipped model; "
        f"shipped with crackscan: {', '.join(known) or 'none'}."
    )


def _shipped_homes() -> tuple[Path, ...]:
    """Return the folders that may hold shipped models: in an installed package, or at the top of a clone."""
    package = Path(__file__).parents[1]
    return package / "models", package.parent / "models"


def _load_litert(folder: Path, card: Card, parts: Parts) -> Callable[[], LiteRT]:
    return _load_lite_network(folder / LITERT, card, parts)


def _load_litert_int8(folder: Path, card: Card, parts: Parts) -> ClassifierFactory:
    exact, fast = _load_litert(folder, card, parts), _load_lite_network(folder / LITERT_INT8, card, parts)
    return lambda: Cascade(fast(), exact(), card)


def _load_lite_network(path: Path, card: Card, parts: Parts) -> Callable[[], LiteRT]:
    content = path.read_bytes()
    with broken_model_errors(path), quiet_stderr():  # the first interpreter of a process prints messages
        # so that a missing engine or a broken file shows now, not in a worker
        first = LiteRT(content, card, *parts)
        _check_network(first, card, parts[1])
    opened = [first]

    def open_network() -> LiteRT:
        with suppress(IndexError):
            return opened.pop()  # which is atomic: only one worker gets it
        try:
            return LiteRT(content, card, *parts)
        except RuntimeError as error:  # it could be opened above, so only memory can lack
            raise MemoryError(str(error)) from error

    return open_network


def _check_network(network: LiteRT, card: Card, head: ContextHead | None) -> None:
    """Judge one grey tile.

    Raises: ValueError: the network, or a file beside it, is not one of crackscan.
    """
    side = card.input_px
    predictions = network.predict(np.full((1, side, side, 3), 128, np.uint8))
    (probability,), (features,) = predictions.probabilities.tolist(), predictions.features
    if not 0 <= probability <= 1 or not np.isfinite(predictions.distances).all():
        raise ValueError(f"it judges a grey tile with the probability {probability}")
    if head is not None and len(head.weights) != len(features):
        raise ValueError(f"it has {len(features)} features, and {CONTEXT_FILE} {len(head.weights)}")


def _load_tensorflow(
    folder: Path, card: Card, parts: Parts, *, batch: int, note: Note | None
) -> ClassifierFactory:
    with broken_model_errors(folder / KERAS):
        shared = TensorFlow(folder / KERAS, card, *parts, batch=batch, note=note)
    return lambda: shared


def _load_parts(folder: Path, card: Card, *, lines: bool) -> Parts:
    """Load the parts of a model beside its network, where it has them."""
    return (
        OODDetector.load(folder / OOD_FILE) if OOD_FILE in card.files else None,
        ContextHead.load(folder / CONTEXT_FILE) if CONTEXT_FILE in card.files else None,
        _load_line_head(folder / LINES_FILE, tried=lines) if LINES_FILE in card.files else None,
    )


def _load_line_head(path: Path, *, tried: bool) -> LineHead:
    """Load the line head; `tried` on a grey image, a broken file shows now, not in a worker."""
    with broken_model_errors(path), quiet_stderr():
        head = LineHead(path.read_bytes())
        if tried:
            highest = float(head.predict(np.full((STRIDE, STRIDE, 3), 128, np.uint8)).max())
            if not 0 <= highest <= 1:
                raise ValueError(f"it judges a grey image with the probability {highest}")
    return head
