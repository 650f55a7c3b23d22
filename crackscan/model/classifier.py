"""A model folder becomes something that judges uint8 tiles."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from crackscan import DEFAULT_MODEL
from crackscan.basics.errors import BrokenModel
from crackscan.basics.records import Engine
from crackscan.model.batching import Note
from crackscan.model.card import CONTEXT_FILE, KERAS, LITERT, LITERT_INT8, OOD_FILE, Card
from crackscan.model.context_head import ContextHead
from crackscan.model.engines import TENSORFLOW_BATCH, Cascade, LiteRT, TensorFlow
from crackscan.model.network import FLOAT32, MIXED, quiet_stderr
from crackscan.model.ood import OODDetector
from crackscan.model.predictions import Classifier


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
            BrokenModel: a file is missing, or is not the one that the card speaks of, or the model cannot
                answer by the engine.
            MissingExtra: the engine is not installed.
        """
        folder = Path(folder)
        card = Card.read(folder)
        card.verify(folder)
        engine = engine or card.engines[0]
        if engine not in card.engines:
            raise BrokenModel(f"{folder}: does not know --engine {engine}; it has {', '.join(card.engines)}.")
        engines: dict[Engine, Callable[[Path, Card], Callable[[], Classifier]]] = {
            "litert-int8": _litert_int8,
            "litert": _litert,
            "tensorflow": partial(_tensorflow, batch=batch, note=note),
            "tensorflow-float16": partial(_tensorflow_float16, batch=batch, note=note),
        }
        return cls(card, engines[engine](folder, card), engine)


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
    package = Path(__file__).parents[1]
    return package / "models", package.parent / "models"


def _litert(folder: Path, card: Card) -> Callable[[], LiteRT]:
    content, senses = (folder / LITERT).read_bytes(), _senses(folder, card)
    with quiet_stderr():  # the first interpreter of a process greets
        LiteRT(content, card)  # a missing engine or a broken file is said now, not by a worker
    return lambda: LiteRT(content, card, *senses)


def _litert_int8(folder: Path, card: Card) -> Callable[[], Classifier]:
    exact, content = _litert(folder, card), (folder / LITERT_INT8).read_bytes()
    senses = _senses(folder, card)
    return lambda: Cascade(LiteRT(content, card, *senses), exact(), card)


def _tensorflow(
    folder: Path, card: Card, *, batch: int, note: Note | None, precision: str = FLOAT32
) -> Callable[[], Classifier]:
    senses = _senses(folder, card)
    shared = TensorFlow(folder / KERAS, card, *senses, batch=batch, note=note, precision=precision)
    return lambda: shared


def _tensorflow_float16(
    folder: Path, card: Card, *, batch: int, note: Note | None
) -> Callable[[], Classifier]:
    fast, exact = (
        _tensorflow(folder, card, batch=batch, note=note, precision=precision)()
        for precision in (MIXED, FLOAT32)
    )
    shared = Cascade(fast, exact, card)
    return lambda: shared


def _senses(folder: Path, card: Card) -> tuple[OODDetector | None, ContextHead | None]:
    """Read what a model's folder has beside the network."""
    return (
        OODDetector.load(folder / OOD_FILE) if OOD_FILE in card.files else None,
        ContextHead.load(folder / CONTEXT_FILE) if CONTEXT_FILE in card.files else None,
    )
