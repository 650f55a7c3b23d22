"""The options of a training, and what is known of its origin. Imports no TensorFlow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from crackscan.basics.errors import BrokenModel
from crackscan.dataset.splitting import SplitData
from crackscan.model.card import Card
from crackscan.training.lines.options import LineOptions
from crackscan.training.samples.recipe import Recipe

_OLDER_RECIPE = {"windows": False, "dirt": 0.0}  # of cards that were written before these ingredients
_CARD_NAMES = {"validations": "checks"}  # options that have another name on the card
_ELSEWHERE = {"weights", "seed", "input_px"}  # options that have their own fields on the card


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """The options that decide a model, besides its data. An epoch has as many samples as there are tiles."""

    weights: str  # "imagenet", "none", a weights file or a model folder
    seed: int = 1
    input_px: int = 224  # MobileNetV2's ImageNet size (arXiv:1801.04381)
    batch: int = 32  # samples in a step
    epochs_head: int = 40  # over the cached features, at most
    epochs_fine_tune: float = 4.0  # at most; 0 leaves the backbone unchanged
    validations: int = 8  # in all, each with a checkpoint: a kill loses at most the work since the last one
    learning_rate_head: float = 1e-3
    learning_rate_fine_tune: float = 3e-4  # the highest; a warm-up leads to it, a cosine leads to 0
    frozen_blocks: int = 0  # of the backbone's 17, from the input on; 0 trains all
    dropout: float = 0.2  # of the features, 0..1
    label_smoothing: float = 0.02  # 0..1
    patience: int = 4  # validations without a lower loss before fine-tuning ends
    recipe: Recipe = field(default_factory=Recipe)  # of the training samples

    @classmethod
    def of_card(cls, card: Card, *, weights: str) -> Self:
        """Return the options that a model was trained with; the card does not know where its weights are.

        Raises:
            BrokenModel: a crackscan with other options trained the model.
        """
        fields = {on_card: name for name, on_card in _CARD_NAMES.items()}
        try:
            recipe_fields = _OLDER_RECIPE | card.options["recipe"]
            recipe = Recipe(**{name: _from_json(value) for name, value in recipe_fields.items()})
            others = {
                fields.get(name, name): value for name, value in card.options.items() if name != "recipe"
            }
            return cls(weights=weights, seed=card.seed, input_px=card.input_px, recipe=recipe, **others)
        except (TypeError, KeyError, AttributeError) as error:
            raise BrokenModel(
                f"{card.name}: another version of crackscan, with other options, trained it ({error})."
            ) from error

    def as_card(self) -> dict[str, Any]:
        """Return the options as a card has them."""
        return {
            _CARD_NAMES.get(name, name): value
            for name, value in asdict(self).items()
            if name not in _ELSEWHERE
        }

    def plan(self, tiles: int) -> tuple[int, int]:
        """Return the steps between two validations, and the number of validations, for a number of tiles."""
        steps = round(self.epochs_fine_tune * self.steps_per_epoch(tiles))
        per_validation = max(round(steps / self.validations), 1)
        return per_validation, round(steps / per_validation)

    def steps_per_epoch(self, tiles: int) -> int:
        """Return the steps of one epoch: as many samples as there are tiles, or a little fewer."""
        return max(tiles // self.batch, 1)

    def steps(self, tiles: int) -> int:
        """Return the steps of fine-tuning on a number of tiles, if it does not end early."""
        per_validation, validations = self.plan(tiles)
        return per_validation * validations

    def in_steps(self, steps: int, tiles: int) -> Self:
        """Return the options with a number of fine-tuning steps on a number of tiles."""
        return replace(self, epochs_fine_tune=steps / self.steps_per_epoch(tiles))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What the card says that training does not know by itself."""

    command: str  # without this machine's folders
    split_rule: str
    split_seed: int
    fractions: Mapping[str, float]  # split → share asked for
    positive_class: str  # the data's name for cracked images
    citations: Mapping[str, str] = field(default_factory=dict)  # dataset → its citation and licence
    mm_per_px: tuple[float, float] | None = None  # smallest and largest, of the training images

    @classmethod
    def of_card(cls, card: Card, *, command: str) -> Self:
        """Return the provenance of another model that is made of the same data."""
        return cls(
            command=command,
            split_rule=card.split.rule,
            split_seed=card.split.seed,
            fractions=card.split.fractions,
            positive_class=card.positive_class,
            citations={dataset.name: dataset.citation for dataset in card.data if dataset.citation},
            mm_per_px=(card.mm_per_px.min, card.mm_per_px.max) if card.mm_per_px else None,
        )


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training: its data, its options, and the model folder that it makes."""

    data: SplitData
    options: TrainOptions
    provenance: Provenance
    folder: Path
    lines: LineOptions | None = None  # of the line head; None: the model gets none


def _from_json(value: Any) -> Any:
    """Return a range as the recipe has it: JSON has lists, no tuples."""
    return tuple(value) if isinstance(value, list) else value
