"""The options of a line head, and what it is made of."""

from dataclasses import dataclass
from pathlib import Path

from crackscan.dataset.records import Example
from crackscan.training.samples.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """The options that decide a line head, besides its data."""

    seed: int = 1
    samples: int = 2000  # that are made, and seen several times
    validation_samples: int = 120
    steps: int = 1000
    batch: int = 8  # samples in a step
    validations: int = 8
    learning_rate: float = 2e-3  # the highest; a cosine leads to 0
    patience: int = 4  # validations without a lower loss before the fit ends


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRun:
    """One line head: its data, its options, and the folder of its unfinished training."""

    examples: tuple[Example, ...]  # with their splits; those with masks are parts of photos
    options: LineOptions
    recipe: Recipe  # of light, camera and look-alikes in its samples
    command: str  # for the card
    work: Path
    jobs: int
