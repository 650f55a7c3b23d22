"""A model, opened for the engine that was asked for, and how many workers suit it."""

from pathlib import Path

import typer

from crackscan.basics.records import Engine
from crackscan.commands import console, cores
from crackscan.model.engines import TENSORFLOW_BATCH
from crackscan.model.loading import Model

BATCHING: tuple[Engine, ...] = ("tensorflow", "tensorflow-float16")  # whose workers share batches

# Workers of these, at least: they wait while a batch of their tiles is judged, so more of them than
# cores fill it. Two workers bring two tiles of photos that have one each, for a batch of 32.
FILLING = 16

# Workers of the other engines beside one for each core: where all wait for one another, or for the disk, a
# core would stand still. On two cores three workers took 0.94 of the time of two; a fourth gave no more.
SPARE = 1


def open_model(folder: Path, *, engine: Engine | None, batch: int | None, quiet: bool) -> Model:
    """Open a model folder; `None` leaves the engine to its card, and the batch to the engine.

    Raises:
        BadParameter: a batch for an engine that judges tile by tile.
        BrokenModel, MissingExtra: as `Model.load`.
    """
    if batch is not None and engine not in BATCHING:
        raise typer.BadParameter("--batch is for --engine tensorflow: the others judge tile by tile.")
    note = None if quiet else console.say
    return Model.load(folder, engine=engine, batch=batch or TENSORFLOW_BATCH, note=note)


def workers(jobs: int | None, model: Model) -> int:
    """Return how many workers to use: as many as asked for, else what suits the machine and the engine."""
    return jobs or (max(cores(), FILLING) if model.engine in BATCHING else cores() + SPARE)
