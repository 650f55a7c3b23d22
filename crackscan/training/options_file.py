"""The options file of `crackscan train --options`: TOML with the options that few trainings need."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crackscan.training.samples.recipe import Ingredient, Recipe


@dataclass(frozen=True, slots=True)
class _Number:
    """A number from `low` to `high`; without `high` there is no upper limit."""

    low: float
    high: float | None = None
    whole: bool = True

    def accepts(self, value: object) -> bool:
        numbers = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers):
            return False
        return self.low <= value and (value < float("inf") if self.high is None else value <= self.high)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} {'up' if self.high is None else f'to {self.high:g}'}"


NUMBERS = {
    "epochs_head": _Number(0),
    "learning_rate": _Number(0, whole=False),
    "frozen_blocks": _Number(0, 17),
    "validations": _Number(1),
    "patience": _Number(1),
    "batch": _Number(1),
    "label_smoothing": _Number(0, 0.5, whole=False),
}
WITHOUT = "without"
_FIELDS = {"learning_rate": "learning_rate_fine_tune"}  # fields of TrainOptions that have another name


def read_options_file(path: Path) -> dict[str, Any]:
    """Return the fields of TrainOptions that an options file sets.

    Raises:
        ValueError: the file cannot be read, or a key or a value is not allowed; the text names the file, the
            key, what was found and what is allowed.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); name a TOML file.") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise ValueError(f"{path}: is not TOML ({error}); write lines such as patience = 8.") from error
    return dict(_check(path, key, value) for key, value in values.items())


def _check(path: Path, key: str, value: Any) -> tuple[str, Any]:
    if key == WITHOUT:
        return "recipe", Recipe().without(_ingredients(path, value))
    if key not in NUMBERS:
        raise ValueError(f"{path}: {key} is not an option; allowed are {', '.join([*NUMBERS, WITHOUT])}.")
    if not NUMBERS[key].accepts(value):
        raise ValueError(f"{path}: {key} is {value!r}; it must be {NUMBERS[key]}.")
    number = value if NUMBERS[key].whole else float(value)
    return _FIELDS.get(key, key), number


def _ingredients(path: Path, value: Any) -> list[Ingredient]:
    known = isinstance(value, list) and all(item in list(Ingredient) for item in value)
    if not known:
        raise ValueError(
            f"{path}: {WITHOUT} is {value!r}; it must be a list of ingredients: {', '.join(Ingredient)}."
        )
    return [Ingredient(item) for item in value]
