"""Checkpoints of a training: a kill loses at most the work since the last validation."""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from crackscan.basics.atomic import write_whole
from crackscan.basics.errors import CrackscanError

Row = dict[str, Any]  # one line of history.csv


@dataclass(slots=True)
class State:
    """Progress of the fine-tuning, after its last validation."""

    validations: int = 0  # done
    best_loss: float = float("inf")  # the lowest validation loss so far
    waited: int = 0  # validations since the best one
    seconds: float = 0.0  # of work until the last validation, over all starts
    history: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The folder of an unfinished training, beside its model; it is removed when the model is there."""

    path: Path

    @classmethod
    def open(cls, path: Path, run: Mapping[str, Any], *, resume: bool, force: bool) -> Self:
        """Make the folder for a training, or open it if it holds the same training.

        run: everything that decides the outcome, by name; as JSON.

        Raises:
            CrackscanError: it holds an unfinished training that is not to be resumed, or that cannot be
                resumed because something differs; the text names it.
        """
        folder, given = cls(path), json.loads(json.dumps(run))
        if path.exists() and not (resume or force):
            raise CrackscanError(
                f"{path}: holds an unfinished training; continue it with --resume, "
                "or start again with --force."
            )
        if resume and (path / "run.json").is_file():
            folder._check_same(given)
            for unfinished in path.glob(".*"):  # of `whole_file`, when the training was killed
                unfinished.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            _write(path / "run.json", given)
        return folder

    def state(self) -> State | None:
        """Return the progress of the fine-tuning, None if it has not begun."""
        path = self.path / "state.json"
        return State(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def latest(self, validations: int) -> Path:
        """Return the file of the weights and the optimiser after a number of validations."""
        return self.path / f"validation-{validations:04}.weights.h5"

    @property
    def tiles(self) -> Path:
        """The file of the decoded tiles."""
        return self.path / "tiles.npy"

    @property
    def features(self) -> Path:
        """The file of the backbone's features of these tiles."""
        return self.path / "features.npy"

    @property
    def best(self) -> Path:
        """The file of the weights with the lowest validation loss."""
        return self.path / "best.weights.h5"

    def save_best(self, network: Any) -> None:
        """Save the weights as the best so far."""
        network.save_weights(self.path / "next.weights.h5")
        (self.path / "next.weights.h5").replace(self.best)

    def save(self, network: Any, state: State) -> None:
        """Save the weights, then the state, so that a kill leaves a state that names whole files."""
        network.save_weights(self.latest(state.validations))
        _write(self.path / "state.json", asdict(state))
        for old in self.path.glob("validation-*.weights.h5"):
            if old != self.latest(state.validations):
                old.unlink()

    def move_logs(self, folder: Path) -> None:
        """Move the logs of TensorBoard into a model folder."""
        logs = self.path / "logs"
        if logs.is_dir():
            logs.replace(folder / "logs")

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path)

    def _check_same(self, given: dict[str, Any]) -> None:
        earlier = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        for name in {**earlier, **given}:
            if earlier.get(name) != given.get(name):
                raise CrackscanError(
                    f"{self.path}: cannot be resumed, because {name} differs: it was {earlier.get(name)}, "
                    f"now it is {given.get(name)}; repeat the same command, or start again with --force."
                )


def write_history(path: Path, history: Iterable[Row]) -> None:
    """Write the history of a training as CSV, with all columns that any row has."""
    rows = list(history)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write(path: Path, content: Any) -> None:
    write_whole(path, json.dumps(content).encode())
