"""What a training is asked for, and how it says how far it is. Imports no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from crackscan.training.recipe import Recipe


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
