"""Where a training is, on disk, so that a kill costs no more than what came after the last check."""

import csv
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from crackscan.basics.errors import CrackscanError

Row = dict[str, Any]  # one line of history.csv


@dataclass(slots=True)
class State:
    """How far the fine-tuning is. A check is a validation, some of them to a pass over the data."""

    checks: int = 0  # done
    best_loss: float = float("inf")  # the lowest validation loss so far
    waited: int = 0  # checks since then
    seconds: float = 0.0  # spent until the last check, over all the starts
    history: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The folder beside a model in the making; it goes when the model is there."""

    path: Path

    @classmethod
    def open(cls, path: Path, run: Mapping[str, Any], *, resume: bool, force: bool) -> Self:
        """Make the folder for a run, or go on with one that holds the same run.

        run: whatever decides the outcome, by name; as JSON.

        Raises:
            CrackscanError: it holds an unfinished run, and going on with that was not asked for or is not
                possible, because something differs; the text names what.
        """
        folder, given = cls(path), json.loads(json.dumps(run))
        if path.exists() and not (resume or force):
            raise CrackscanError(
                f"{path}: holds an unfinished training; go on with it by --resume, or begin anew by --force."
            )
        if resume and (path / "run.json").is_file():
            folder._check_same(given)
        else:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            _write(path / "run.json", given)
        return folder

    def state(self) -> State | None:
        """Return how far the fine-tuning is, None where it has not begun."""
        path = self.path / "state.json"
        return State(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def latest(self, checks: int) -> Path:
        """Return the weights, with the optimiser's, after so many checks."""
        return self.path / f"check-{checks:04}.weights.h5"

    @property
    def best(self) -> Path:
        """The weights of the lowest validation loss."""
        return self.path / "best.weights.h5"

    def save_best(self, network: Any) -> None:
        """Keep the weights as the best so far."""
        network.save_weights(self.path / "next.weights.h5")
        (self.path / "next.weights.h5").replace(self.best)

    def save(self, network: Any, state: State) -> None:
        """Keep the weights and the state; whenever this is cut short, the state names whole files."""
        network.save_weights(self.latest(state.checks))
        _write(self.path / "state.json", asdict(state))
        for old in self.path.glob("check-*.weights.h5"):
            if old != self.latest(state.checks):
                old.unlink()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path)

    def _check_same(self, given: dict[str, Any]) -> None:
        kept = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        for name in {**kept, **given}:
            if kept.get(name) != given.get(name):
                raise CrackscanError(
                    f"{self.path}: cannot be resumed, because {name} differs: it was {kept.get(name)}, "
                    f"now it is {given.get(name)}; repeat the same command, or begin anew by --force."
                )


def write_history(path: Path, history: Iterable[Row]) -> None:
    """Write the rows of a training as CSV, with every column that one of them has."""
    rows = list(history)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write(path: Path, content: Any) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
