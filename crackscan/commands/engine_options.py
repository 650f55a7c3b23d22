"""Opening of a model for the engine that a user chose."""

from pathlib import Path

import typer

from crackscan.basics.progress import Progress
from crackscan.basics.records import Engine
from crackscan.model.engines import TENSORFLOW_BATCH
from crackscan.model.loading import Model
from crackscan.scanning.workers import BATCHING


def open_model(
    folder: Path, *, engine: Engine | None, batch: int | None, progress: Progress, lines: bool = True
) -> Model:
    """Open a model folder; `None` leaves the engine to the model's card, and the batch to the engine.

    lines: whether cracks will be traced, so that the line head must be whole.

    Raises:
        BadParameter: a batch for an engine that judges tile by tile.
        BrokenModel, MissingExtra: as `Model.load`.
    """
    if batch is not None and engine != BATCHING:
        raise typer.BadParameter("--batch needs --engine tensorflow: the other engines judge tile by tile.")
    return Model.load(folder, engine=engine, batch=batch or TENSORFLOW_BATCH, note=progress.note, lines=lines)
