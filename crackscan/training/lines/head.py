"""The fit of a line head, from the labelled images of a model to a network with calibrated probabilities."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from crackscan.basics.errors import BadData
from crackscan.basics.progress import Progress
from crackscan.dataset.masks import masked_photos
from crackscan.dataset.records import Example
from crackscan.model.card import KERAS
from crackscan.model.line_network import build_line_network, scale_logit
from crackscan.model.network import get_backbone, import_keras, load_network
from crackscan.training.fitting.checkpoint import WorkFolder
from crackscan.training.lines.calibration import fit_scale
from crackscan.training.lines.options import LineRun
from crackscan.training.lines.samples import LineSamples
from crackscan.training.lines.store import SampleStore
from crackscan.training.model_folder.folder import ModelFolder


@dataclass(frozen=True, slots=True)
class Fitted:
    """A line network with calibrated probabilities, and what it was trained on."""

    network: Any
    training: SampleStore
    validation: SampleStore
    seconds: float  # of the fit, over all starts


def can_have_lines(examples: Iterable[Example]) -> bool:
    """Return whether there are masks of cracks to train and to validate a line head on."""
    splits = {photo.split for photo in masked_photos(examples) if photo.cracked}
    return {"train", "validation"} <= splits


def fit_line_head(
    folder: ModelFolder, run: LineRun, *, left_out: str | None = None, share: float = 1.0, progress: Progress
) -> Fitted:
    """Make the samples, train the decoder on the model's backbone, and calibrate it.

    left_out: the name of a dataset whose samples are not used. share: of the steps that are made.

    Raises:
        BadData: there are no masks of cracks for training or validation.
    """
    from crackscan.training.lines import fit  # imports TensorFlow

    if not can_have_lines(run.examples):
        raise BadData(
            "A line head needs photos with masks of cracks in the training and in the validation split; give "
            "a dataset with the folders images/ and masks/."
        )
    options = run.options
    work = WorkFolder.open(run.work, _identity(folder, run), resume=True, force=False)
    training, validation = (
        SampleStore.make(_samples(run, split, seed), count, work.path, name=split, progress=progress)
        for split, seed, count in (
            ("train", options.seed, options.samples),
            ("validation", options.seed + 1, options.validation_samples),
        )
    )
    import_keras().utils.set_random_seed(options.seed)
    network = build_line_network(load_network(folder.path / KERAS))
    own, chosen = work, None
    if left_out is not None:
        own = WorkFolder.open(run.work / f"without-{left_out}", {"share": share}, resume=True, force=False)
        chosen = training.without(left_out), validation.without(left_out)
    options = replace(options, steps=max(round(options.steps * share), 1))
    state = fit.fit_lines(network, training, validation, options, chosen=chosen, work=own, progress=progress)
    logits = fit.compute_logits(network, validation, options.batch)
    scale, shift = fit_scale(logits, validation.targets)
    scale_logit(network, scale=scale, shift=shift)
    return Fitted(network, training, validation, state.seconds)


def _samples(run: LineRun, split: str, seed: int) -> LineSamples:
    examples = [example for example in run.examples if example.split == split]
    photos = tuple(photo for photo in masked_photos(examples) if photo.cracked)
    plain = tuple(example for example in examples if not example.label)
    return LineSamples(photos, plain, seed, run.recipe)


def _identity(folder: ModelFolder, run: LineRun) -> dict[str, Any]:
    """Return what a resumed training must have in common with the interrupted one."""
    network = load_network(folder.path / KERAS)
    backbone = sha256(b"".join(weights.tobytes() for weights in get_backbone(network).get_weights()))
    data = Counter((example.data, example.split, example.label) for example in run.examples)
    return {
        "backbone": backbone.hexdigest(),  # calibration does not change it
        "data": sorted(f"{name} {split} {label}: {count}" for (name, split, label), count in data.items()),
        "options": asdict(run.options),
        "recipe": asdict(run.recipe),
    }
