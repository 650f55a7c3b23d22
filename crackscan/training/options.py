"""What a training is asked for, and how it says how far it is. Imports no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from crackscan.basics.errors import BrokenModel
from crackscan.model.card import Card
from crackscan.training.samples.recipe import Recipe

_BEFORE = {"windows": False, "dirt": 0.0}  # what cards do not name that were written before there was such


class Progress(Protocol):
    """Told how far a training is; shows it, or not."""

    def phase(self, name: str, total: int) -> None:
        """Begin a phase of so many steps."""

    def step(self, loss: float | None = None, accuracy: float | None = None) -> None:
        """Count one step of the phase, with its figures so far where there are any."""

    def note(self, text: str) -> None:
        """Say something that a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """All that decides a model besides its data. A pass (epoch) is as many samples as there are tiles."""

    weights: str  # "imagenet", "none", a weights file or a model folder
    seed: int = 1
    input_px: int = 224  # MobileNetV2's ImageNet size (arXiv:1801.04381)
    batch: int = 32  # tiles a step
    epochs_head: int = 40  # passes over the cached features, at most
    epochs_fine_tune: float = 4.0  # passes; 0 leaves the backbone as it came
    checks: int = 8  # validations and checkpoints in all: a kill costs no more than one
    learning_rate_head: float = 1e-3
    learning_rate_fine_tune: float = 3e-4  # the highest; it rises to that, then falls to 0 along a cosine
    frozen_blocks: int = 0  # of the backbone's 17, from the input on; 0 trains all
    dropout: float = 0.2  # of the features, 0..1
    label_smoothing: float = 0.02  # 0..1
    patience: int = 4  # checks without a lower validation loss before fine-tuning ends
    recipe: Recipe = field(default_factory=Recipe)  # what training samples are made of

    @classmethod
    def of_card(cls, card: Card, *, weights: str) -> Self:
        """Return the options that a model was made with; the card does not say where its weights lie.

        Raises:
            BrokenModel: it was made by a crackscan whose options were others.
        """
        try:
            made = _BEFORE | card.options["recipe"]
            recipe = Recipe(**{name: _as_given(value) for name, value in made.items()})
            others = {name: value for name, value in card.options.items() if name != "recipe"}
            return cls(weights=weights, seed=card.seed, input_px=card.input_px, recipe=recipe, **others)
        except (TypeError, KeyError, AttributeError) as error:
            raise BrokenModel(
                f"{card.name}: was made by another crackscan, with other options than today's ({error})."
            ) from error

    def plan(self, tiles: int) -> tuple[int, int]:
        """Return the steps between two checks, and the number of checks, of fine-tuning on so many tiles."""
        steps = round(self.epochs_fine_tune * self.per_epoch(tiles))
        per_check = max(round(steps / self.checks), 1)
        return per_check, round(steps / per_check)

    def per_epoch(self, tiles: int) -> int:
        """Return the steps of one pass: as many samples as there are tiles, or a little fewer."""
        return max(tiles // self.batch, 1)

    def steps(self, tiles: int) -> int:
        """Return the steps of fine-tuning on so many tiles, if it does not end early."""
        per_check, checks = self.plan(tiles)
        return per_check * checks

    def in_steps(self, steps: int, tiles: int) -> Self:
        """Return the options with so many steps of fine-tuning on so many tiles."""
        return replace(self, epochs_fine_tune=steps / self.per_epoch(tiles))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What the card says that training does not know by itself."""

    command: str  # without this machine's folders
    split_rule: str
    split_seed: int
    fractions: Mapping[str, float]  # split → share asked for
    positive_class: str  # what the data calls cracked
    citations: Mapping[str, str] = field(default_factory=dict)  # DATA → how to cite it, and its licence
    mm_per_px: tuple[float, float] | None = None  # smallest and largest, of the training images


def _as_given(value: Any) -> Any:
    """Return a range as the recipe has it: JSON knows lists alone."""
    return tuple(value) if isinstance(value, list) else value
