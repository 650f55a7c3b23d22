"""From a trained network to the folder that people use: calibrated, measured, described."""

import importlib.metadata
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from crackscan import __version__
from crackscan.basics.arrays import Float32s
from crackscan.basics.errors import CrackscanError
from crackscan.dataset.records import Split
from crackscan.dataset.split_csv import SPLIT_CSV, write_split_csv
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.metrics import measure
from crackscan.model.card import KERAS, LITERT, Card, sha256_of
from crackscan.model.card_records import Calibration, Scale, SplitSummary
from crackscan.model.network import draw_network, export_litert, fold_temperature
from crackscan.training.fitting.checkpoint import State, WorkFolder, write_history
from crackscan.training.fitting.weights import Weights
from crackscan.training.model_folder.calibration import THRESHOLD_RULE, fit_temperature, sigmoid
from crackscan.training.model_folder.context_head import add_context_head
from crackscan.training.model_folder.measure import measure_model
from crackscan.training.model_folder.ood_limit import VALIDATION, add_ood, readable, spread
from crackscan.training.model_folder.readme import README, model_readme, pictures_in
from crackscan.training.model_folder.rebuild import add_int8_from_subsets
from crackscan.training.options import Progress, Provenance, TrainOptions
from crackscan.training.samples.sampler import SampleStream, TileSubset
from crackscan.training.samples.subsets import sources_of

PACKAGES = ("tensorflow", "keras", "numpy", "pillow")  # that decide the outcome


@dataclass(frozen=True, slots=True)
class Trained:
    """A network after both phases, and what it came from."""

    network: Any
    state: State
    weights: Weights
    parts: Mapping[Split, TileSubset]


def publish(
    trained: Trained,
    data: SplitData,
    options: TrainOptions,
    provenance: Provenance,
    *,
    folder: Path,
    work: WorkFolder,
    progress: Progress,
) -> Card:
    """Calibrate the network, write the model folder, measure what was written, and put it in its place."""
    made = work.path / "model"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    calibration = _calibrate(trained, options)
    trained.network.save(made / KERAS)
    export_litert(trained.network, made / LITERT)
    write_split_csv(made / SPLIT_CSV, data.rows)
    card = _card(trained, data, options, provenance, made=made, name=folder.name, calibration=calibration)
    card = measure_model(card, trained.network, trained.parts, data, folder=made, progress=progress)
    card = _acquainted(card, trained, data, made=made, progress=progress)
    card = add_context_head(made, card, trained.parts["train"], progress=progress)
    card = _quantised(card, trained, data, options, made=made, progress=progress)
    card.write(made)
    write_history(made / "history.csv", trained.state.history)
    _draw(trained, made, progress)
    (made / README).write_text(model_readme(card, pictures=pictures_in(made)), encoding="utf-8")
    _put_in_place(made, folder, work)
    return card


def versions() -> dict[str, str]:
    """Return the versions of what decides the outcome."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"crackscan": __version__, "python": platform.python_version(), **packages}


def _calibrate(trained: Trained, options: TrainOptions) -> Calibration:
    """Find the temperature on samples made of validation tiles, and put it into the network's weights.

    They are harder than the tiles, as other structures are: on the tiles alone the network would become too
    sure elsewhere (Tomani et al. 2021, arXiv:2012.10988).
    """
    from crackscan.training.fitting.fit import logits  # imports TensorFlow

    drawing = SampleStream(trained.parts["validation"], options.batch, options.seed, options.recipe)
    samples = drawing.samples()
    found = logits(trained.network, samples, options.batch)
    temperature = fit_temperature(found, samples.labels)
    fold_temperature(trained.network, temperature)
    before, after = (
        _calibration_error(samples, sigmoid(found / scale).astype(np.float32)) for scale in (1.0, temperature)
    )
    return Calibration(method="temperature", temperature=temperature, ece_before=before, ece_after=after)


def _calibration_error(part: TileSubset, probabilities: Float32s) -> float:
    return measure(part.labels, probabilities, threshold=0.5).figures["calibration_error"].value or 0.0


def _card(
    trained: Trained,
    data: SplitData,
    options: TrainOptions,
    provenance: Provenance,
    *,
    made: Path,
    name: str,
    calibration: Calibration,
) -> Card:
    """Write down all that is known before the files are measured."""
    scale = provenance.mm_per_px
    asked = {
        key: value for key, value in asdict(options).items() if key not in {"weights", "seed", "input_px"}
    }
    return Card(
        name=name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        positive_class=provenance.positive_class,
        input_px=options.input_px,
        threshold=0.5,
        threshold_rule=THRESHOLD_RULE,
        threshold_table=(),
        calibration=calibration,
        mm_per_px=Scale(min=scale[0], max=scale[1]) if scale else None,
        data=sources_of(data.rows, provenance.citations),
        split=SplitSummary(
            seed=provenance.split_seed,
            rule=provenance.split_rule,
            fractions=provenance.fractions,
            counts={split: dict(labels.items()) for split, labels in data.counts().items()},
            sha256=sha256_of(made / SPLIT_CSV),
        ),
        metrics={},
        largest_difference=0.0,
        weights=trained.weights.text,
        command=provenance.command,
        seed=options.seed,
        options=asked,
        seconds=round(trained.state.seconds, 1),
        versions=versions(),
        files={file: sha256_of(made / file) for file in (KERAS, LITERT)},
    )


def _acquainted(card: Card, trained: Trained, data: SplitData, *, made: Path, progress: Progress) -> Card:
    """Tell what is familiar, and from which distance on a tile is not."""
    part, validation = trained.parts["train"], trained.parts["validation"]
    places = part.places[spread(len(part))]
    progress.phase("what is familiar", len(places) + len(data.familiar or validation))
    genuine = (
        readable(data.familiar, input_px=card.input_px)
        if data.familiar
        else ((VALIDATION, part.pixels[place]) for place in validation.places)
    )
    tiles = (part.pixels[place] for place in places)
    return add_ood(made, card, tiles, genuine, validated=bool(data.familiar), step=progress.step)


def _quantised(
    card: Card, trained: Trained, data: SplitData, options: TrainOptions, *, made: Path, progress: Progress
) -> Card:
    """Add the file in whole numbers, if its answers are close enough; a model is whole without it, too."""
    try:
        card = add_int8_from_subsets(
            made, card, data, trained.parts, progress=progress, recipe=options.recipe
        )
    except CrackscanError as error:
        progress.note(f"It has no engine litert-int8. {error}")
        return card
    if "litert-int8" not in card.engines:
        progress.note("It has no engine litert-int8: in whole numbers its answers would change too much.")
    return card


def _draw(trained: Trained, made: Path, progress: Progress) -> None:
    from crackscan.training.model_folder.curves import draw_curves  # needs matplotlib

    history = trained.state.history
    kept = min(history, key=lambda row: row["val_loss"])["check"]
    (made / "curves.png").write_bytes(draw_curves(history, kept=kept))
    if missing := draw_network(trained.network, made / "architecture.png"):
        progress.note(f"No picture of the architecture: {missing}")


def _put_in_place(made: Path, folder: Path, work: WorkFolder) -> None:
    """Move the finished folder to its name, an older one out of the way, and clear up."""
    logs = work.path / "logs"
    if logs.is_dir():
        logs.replace(made / "logs")
    old = work.path / "replaced"
    if folder.exists():
        folder.replace(old)
    made.replace(folder)
    work.remove()
