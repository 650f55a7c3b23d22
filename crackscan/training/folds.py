"""Folds of datasets: which are left out of one training, and which are judged as one structure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from crackscan.basics.errors import BadData
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import Example


@dataclass(frozen=True, slots=True)
class Structure:
    """Datasets that are judged as one, such as cracked and uncracked pictures of the same kind of wall."""

    datasets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in tables."""
        return " + ".join(self.datasets)

    def select(self, rows: Iterable[Fingerprinted]) -> tuple[Example, ...]:
        """Return the examples of these datasets as one dataset without splits."""
        examples = (row.example for row in rows if row.example.data in self.datasets)
        return tuple(replace(example, split=None, data=self.name) for example in examples)


@dataclass(frozen=True, slots=True)
class Fold:
    """Structures that are left out of the same training."""

    structures: tuple[Structure, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names of all datasets that are left out."""
        return tuple(name for structure in self.structures for name in structure.datasets)

    @property
    def folder_name(self) -> str:
        """The name of the folder of the model that was trained without them."""
        return "without-" + "-".join(self.datasets)


def plan_folds(names: Sequence[str], leave_out: Sequence[str]) -> list[Fold]:
    """Return the folds that the user asks for, or one for each dataset.

    Args:
        names: of all datasets.
        leave_out: one text for each fold, such as `metu,deck-a` for two structures, or `walls+joints` for two
            datasets that are judged as one. Datasets that no text names are never left out.

    Raises:
        BadData: a text names an unknown dataset, or one twice; or a fold leaves nothing to train on.
    """
    folds = [_parse_fold(text) for text in leave_out] or [Fold((Structure((name,)),)) for name in names]
    _check_names([name for fold in folds for name in fold.datasets], names)
    for fold in folds:
        if len(fold.datasets) == len(names):
            raise BadData(
                "--leave-out names all datasets, so there would be nothing to train on; name fewer."
            )
    return folds


def _parse_fold(text: str) -> Fold:
    structures = (part.split("+") for part in text.split(","))
    return Fold(tuple(Structure(tuple(name.strip() for name in structure)) for structure in structures))


def _check_names(mentioned: Sequence[str], names: Sequence[str]) -> None:
    if unknown := [name for name in mentioned if name not in names]:
        raise BadData(
            f"--leave-out: the model was not trained on {unknown[0]!r}; its datasets are {', '.join(names)}."
        )
    name, count = Counter(mentioned).most_common(1)[0]
    if count > 1:
        raise BadData(f"--leave-out names {name!r} {count} times; name each dataset once.")
