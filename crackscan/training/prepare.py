"""Preparation of labelled images for a training: their split, larger windows, and unseen concrete."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crackscan.basics.errors import BadData
from crackscan.basics.progress import Progress
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.loading import MIN_CRACK_PX, TILE_PX, load_examples
from crackscan.dataset.not_concrete import NotConcrete
from crackscan.dataset.records import Example, LabelledData
from crackscan.dataset.splitting import Fractions, SplitData, split_examples
from crackscan.dataset.windows import training_windows
from crackscan.training.fitting.weights import find_weights
from crackscan.training.known_images import leave_out_known
from crackscan.training.samples.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """How labelled images become training data."""

    fractions: Fractions
    seed: int
    recipe: Recipe  # of the training samples
    min_crack_px: int | None = None  # mask pixels that make a tile cracked; None is the default
    unseen: Sequence[Path] = ()  # labelled concrete that is not trained on
    not_concrete: Sequence[Path] = ()  # pictures of other things, and CSVs of what they show
    weights: str = "none"  # that the training begins with; images that they know are not used for tests


def prepare_data(labelled: LabelledData, options: SplitOptions, progress: Progress) -> SplitData:
    """Split the images, say how, and add larger windows and unseen concrete.

    Raises:
        BadData: the images cannot be split so, or unseen concrete is trained on.
        BrokenModel: the weights are those of a model whose training images are unknown.
    """
    progress.phase("looking for copies", len(labelled.examples))
    split = split_examples(labelled, seed=options.seed, fractions=options.fractions, on_done=progress.advance)
    split = leave_out_known(split, find_weights(options.weights))
    for problem in split.problems:
        progress.note(str(problem))
    groups = split.groups()
    for name, counts in split.counts().items():
        progress.note(
            f"{name}: {counts['crack']:,} crack, {counts['no-crack']:,} no-crack, {groups[name]:,} groups."
        )
    windows = find_windows(split.rows, options.recipe, min_crack_px=options.min_crack_px)
    others = NotConcrete(options.not_concrete) if options.not_concrete else None
    unseen = _load_unseen(options.unseen, split)
    return replace(split, windows=windows, unseen=unseen, not_concrete=others)


def find_windows(
    rows: Iterable[Fingerprinted], recipe: Recipe, *, min_crack_px: int | None
) -> tuple[Example, ...]:
    """Return the larger windows of photos with masks, if the recipe uses them."""
    if not recipe.windows:
        return ()
    examples = (row.example for row in rows)
    return training_windows(examples, tile_px=TILE_PX, min_crack_px=min_crack_px or MIN_CRACK_PX)


def _load_unseen(folders: Sequence[Path], split: SplitData) -> tuple[Example, ...]:
    """Return the examples that the out-of-distribution limit is chosen on.

    Raises:
        BadData: some of them are trained on, so they do not show how others are judged.
    """
    if not folders:
        return ()
    examples = load_examples(folders).examples
    own = {Path(row.example.path).resolve() for row in split.rows}
    shared = [example for example in examples if Path(example.path).resolve() in own]
    if shared:
        raise BadData(f"--unseen: {shared[0].name} is trained on; give concrete of other structures.")
    return examples
