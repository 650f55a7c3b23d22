"""Publication of a trained network as a model folder: calibrated, measured and described."""

import importlib.metadata
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from crackscan import __version__
from crackscan.basics.errors import CrackscanError
from crackscan.basics.progress import Progress
from crackscan.model.card import Card
from crackscan.model.card_records import Calibration, Scale, SplitSummary
from crackscan.model.network import draw_network
from crackscan.scanning.workers import cores
from crackscan.training.fitting.checkpoint import State, WorkFolder, write_history
from crackscan.training.fitting.weights import Weights
from crackscan.training.lines.head import can_have_lines, fit_line_head
from crackscan.training.lines.options import LineRun
from crackscan.training.lines.publish import Publication
from crackscan.training.model_folder.calibration import THRESHOLD_RULE, calibrate_network
from crackscan.training.model_folder.context_head import add_context_head
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.int8_check import add_int8
from crackscan.training.model_folder.measure import measure_model
from crackscan.training.model_folder.ood_limit import add_ood
from crackscan.training.model_folder.split import write_split
from crackscan.training.options import TrainingRun
from crackscan.training.samples.subsets import Subsets

PACKAGES = ("tensorflow", "keras", "numpy", "pillow")  # whose versions decide the outcome


@dataclass(frozen=True, slots=True)
class Trained:
    """A network after both phases of training, and what it was trained from."""

    network: Any
    state: State
    weights: Weights
    subsets: Subsets


def publish(trained: Trained, run: TrainingRun, *, work: WorkFolder, progress: Progress) -> Card:
    """Calibrate the network, write the model folder, measure its files, and move the folder to its name."""
    network, subsets = trained.network, trained.subsets
    folder = ModelFolder.create(work.path / "model", _describe(trained, run))
    calibration = calibrate_network(network, subsets.validation, run.options)
    folder.card = replace(folder.card, calibration=calibration)
    folder.write_network(network)
    write_split(folder, run.data.rows, run.provenance.citations)
    measure_model(folder, subsets, network, progress=progress)
    add_ood(folder, subsets, trained.weights.path, progress=progress)
    add_context_head(folder, subsets.train, progress=progress)
    _add_int8_if_possible(folder, trained, run, progress)
    _add_lines_if_possible(folder, run, work, progress)
    _add_history(folder, trained, progress)
    folder.save()
    work.move_logs(folder.path)
    folder.move_to(run.folder)
    work.remove()
    return folder.card


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that decide the outcome."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"crackscan": __version__, "python": platform.python_version(), **packages}


def _describe(trained: Trained, run: TrainingRun) -> Card:
    """Write a card of what is known before there are files."""
    options, provenance = run.options, run.provenance
    scale = provenance.mm_per_px
    split = SplitSummary(
        seed=provenance.split_seed,
        rule=provenance.split_rule,
        fractions=provenance.fractions,
        counts={},
        sha256="",
    )
    return Card(
        name=run.folder.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        positive_class=provenance.positive_class,
        input_px=options.input_px,
        threshold=0.5,
        threshold_rule=THRESHOLD_RULE,
        threshold_table=(),
        calibration=Calibration(method="temperature", temperature=1.0, ece_before=0.0, ece_after=0.0),
        mm_per_px=Scale(min=scale[0], max=scale[1]) if scale else None,
        data=(),
        split=split,
        metrics={},
        largest_difference=0.0,
        weights=trained.weights.text,
        command=provenance.command,
        seed=options.seed,
        options=options.as_card(),
        seconds=round(trained.state.seconds, 1),
        versions=package_versions(),
        files={},
    )


def _add_int8_if_possible(
    folder: ModelFolder, trained: Trained, run: TrainingRun, progress: Progress
) -> None:
    """Add the int8 file if its results are close enough; the model is complete without it."""
    try:
        add_int8(folder, trained.subsets, recipe=run.options.recipe, progress=progress)
    except CrackscanError as error:
        progress.note(f"The model has no engine litert-int8. {error}")
        return
    if "litert-int8" not in folder.card.engines:
        progress.note("The model has no engine litert-int8: int8 would change its results too much.")


def _add_lines_if_possible(
    folder: ModelFolder, run: TrainingRun, work: WorkFolder, progress: Progress
) -> None:
    """Add a line head where the data has masks of cracks."""
    examples = tuple(row.example for row in run.data.rows)
    if run.lines is None or not can_have_lines(examples):
        return
    lines = LineRun(
        examples=examples,
        options=run.lines,
        recipe=run.options.recipe,
        command=run.provenance.command,
        work=work.path / "lines",
        jobs=cores(),
    )
    Publication(folder, fit_line_head(folder, lines, progress=progress), lines, progress).publish()


def _add_history(folder: ModelFolder, trained: Trained, progress: Progress) -> None:
    from crackscan.training.model_folder.curves import draw_curves  # needs matplotlib

    if missing := draw_network(trained.network, folder.path / "architecture.png"):
        progress.note(f"There is no picture of the architecture: {missing}")
    history = trained.state.history
    if not history:  # of an average
        return
    write_history(folder.path / "history.csv", history)
    best = min(history, key=lambda row: row["val_loss"])["check"]
    folder.write("curves.png", draw_curves(history, best=best))
