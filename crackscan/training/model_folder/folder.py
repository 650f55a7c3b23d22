"""A model folder that is being made or changed: its path, its card and its engine."""

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from crackscan.basics.atomic import write_whole
from crackscan.model.card import (
    CARD,
    CONTEXT_FILE,
    KERAS,
    LINES_FILE,
    LITERT,
    LITERT_INT8,
    OOD_FILE,
    SCHEMA_VERSION,
    Card,
    sha256_of,
)
from crackscan.model.engines import LiteRT
from crackscan.model.network import export_litert, quiet_stderr
from crackscan.model.ood import OODDetector
from crackscan.training.model_folder.readme import README, list_pictures, model_readme

# files whose digests are on the card
DIGESTED = (KERAS, LITERT, LITERT_INT8, OOD_FILE, CONTEXT_FILE, LINES_FILE)


class ModelFolder:
    """The files of a model and its card. Steps change both; `save` writes the card and README."""

    def __init__(self, path: Path, card: Card) -> None:
        self.path, self.card = path, card
        self._engine: LiteRT | None = None
        self._engine_files: tuple[str | None, ...] = ()

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a model folder, and check that its files match its card.

        Raises:
            BrokenModel: the card is missing or not understood, or a file is missing or another one.
        """
        card = Card.read(path)
        card.verify(path)
        return cls(Path(path), card)

    @classmethod
    def create(cls, path: Path, card: Card) -> Self:
        """Make an empty folder, in place of an unfinished one."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return cls(path, card)

    @contextmanager
    def edit(self) -> Iterator["ModelFolder"]:
        """Give a copy to change, which is saved and takes this folder's place in one step.

        The copy lies alone in a temporary folder, where other files may be stored meanwhile. After an error
        the folder is as it was.
        """
        path = self.path.resolve()
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as parent:
            copy = ModelFolder(Path(parent) / "model", self.card)
            shutil.copytree(path, copy.path)
            yield copy
            copy.save()
            copy.move_to(path)
        self.card = copy.card

    def engine(self) -> LiteRT:
        """Return LiteRT on model.tflite, opened once, and again when the file or the detector changed."""
        files = self.card.files.get(LITERT), self.card.files.get(OOD_FILE)
        if self._engine is None or self._engine_files != files:
            self._engine = self.open_engine((self.path / LITERT).read_bytes())
            self._engine_files = files
        return self._engine

    def open_engine(self, content: bytes) -> LiteRT:
        """Open LiteRT on the content of a file, with the folder's out-of-distribution detector."""
        detector = OODDetector.load(self.path / OOD_FILE) if OOD_FILE in self.card.files else None
        with quiet_stderr():  # the first interpreter of a process prints a greeting
            return LiteRT(content, self.card, detector)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, and keep its digest on the card if it is one of the model's."""
        (self.path / name).write_bytes(content)
        self.update_digest(name)

    def update_digest(self, name: str) -> None:
        """Keep on the card the digest of a file that was written."""
        if name in DIGESTED:
            self.card = replace(self.card, files={**self.card.files, name: sha256_of(self.path / name)})

    def remove(self, name: str) -> None:
        """Remove a file, if it exists, and its digest."""
        (self.path / name).unlink(missing_ok=True)
        files = {file: digest for file, digest in self.card.files.items() if file != name}
        self.card = replace(self.card, files=files)

    def write_network(self, network: Any) -> None:
        """Write the network as model.keras and model.tflite; the int8 file of an earlier network goes."""
        network.save(self.path / KERAS)
        self.update_digest(KERAS)
        self.export(network)

    def export(self, network: Any) -> None:
        """Write the network as model.tflite; the int8 file of an earlier one goes."""
        export_litert(network, self.path / LITERT)
        self.update_digest(LITERT)
        self.remove(LITERT_INT8)
        self.card = replace(self.card, schema_version=SCHEMA_VERSION)

    def replace_pictures(self, pictures: Mapping[str, bytes], *, names: Collection[str]) -> None:
        """Write pictures, and remove others of these names, which belong to an earlier card."""
        for name in names:
            if name in pictures:
                self.write(name, pictures[name])
            else:
                (self.path / name).unlink(missing_ok=True)

    def save(self) -> None:
        """Write the card, and README from it."""
        write_whole(self.path / CARD, self.card.text().encode())
        text = model_readme(self.card, pictures=list_pictures(self.path))
        write_whole(self.path / README, text.encode())

    def move_to(self, path: Path) -> None:
        """Move the folder to another path; a folder that is there is put beside this one, as `before`."""
        before = self.path.with_name("before")
        if path.exists():
            path.replace(before)
        try:
            self.path.replace(path)
        except OSError:
            if before.exists():
                before.replace(path)
            raise
        self.path = path
