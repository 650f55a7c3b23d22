"""A model folder as bytes, which travels once to each node of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from crackscan.basics.records import Engine
from crackscan.model.card import CARD, Card
from crackscan.model.engines import TENSORFLOW_BATCH
from crackscan.model.loading import Model


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model, and how it is opened."""

    files: Mapping[str, bytes]
    engine: Engine
    batch: int = TENSORFLOW_BATCH

    @classmethod
    def read(cls, folder: Path, *, engine: Engine, batch: int | None = None) -> Self:
        """Read the files that the card of a model folder names.

        Raises:
            BrokenModel: the card cannot be read.
            OSError: a file cannot be read.
        """
        names = [CARD, *Card.read(folder).files]
        files = {name: (folder / name).read_bytes() for name in names}
        return cls(files, engine, batch or TENSORFLOW_BATCH)

    def open(self) -> Model:
        """Open the model on another machine.

        Raises:
            BrokenModel: a file is not the one of the card.
            MissingExtra: the engine is not installed here.
        """
        with TemporaryDirectory(prefix="crackscan-") as name:
            for file, content in self.files.items():
                Path(name, file).write_bytes(content)
            return Model.load(name, engine=self.engine, batch=self.batch)
