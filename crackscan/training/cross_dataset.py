"""How well a way of making a model does on structures that it never saw: each source is left out in turn."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Float32s
from crackscan.basics.errors import BadData, BrokenModel
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import LabelledData
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.evaluate import Evaluation, answers, evaluate
from crackscan.evaluation.report import left_out_pictures
from crackscan.evaluation.widths import count_tiles, measure_widths
from crackscan.model.card import Card, CrossDataset, HeldOutDataset
from crackscan.model.classifier import Model
from crackscan.model.predictions import log_odds
from crackscan.training import train
from crackscan.training.fitting.weights import find_weights
from crackscan.training.model_folder.calibration import fit_temperature
from crackscan.training.model_folder.external import write_card
from crackscan.training.model_folder.ood_limit import reach
from crackscan.training.model_folder.readme_external import LEFT_OUT_PICTURES
from crackscan.training.options import Progress, Provenance, TrainOptions
from crackscan.training.samples.subsets import names_of


@dataclass(frozen=True, slots=True)
class HeldOutModel:
    """One source left out: what a model without it was made from, and what it made of that source."""

    evaluation: Evaluation
    trained_on: tuple[str, ...]
    steps: int


def evaluate_cross_dataset(
    folder: Path,
    card: Card,
    data: SplitData,
    *,
    weights: str,
    steps: int | None,
    command: str,
    widths: bool,
    jobs: int,
    progress: Progress,
) -> Card:
    """Train the model anew without each of its DATA, judge that DATA, and put the figures onto the card.

    What is done is kept in a folder beside the model's until all is: the same call goes on with it.

    Args:
        folder: the model's.
        card: its card.
        data: all images of its splits, and what further windows it was made from.
        weights: what it was trained from.
        steps: of each fine-tuning; None is as many as the model's own.
        command: what the cards of the models in between name as theirs.
        widths: also draw cracks of known widths on the uncracked images left out.
        jobs: workers that judge.
        progress: is told how far it is.

    Raises:
        BadData: the model has one source only, or splits would lack a class.
        BrokenModel: other weights or options than today's made it.
    """
    names = names_of(data)
    if len(names) < 2:
        raise BadData(f"{card.name}: learned from {names[0]} alone, so that nothing is left without it.")
    if find_weights(weights).text != card.weights:
        raise BrokenModel(f"{card.name}: was trained from {card.weights}; give these by --weights.")
    options = TrainOptions.of_card(card, weights=weights)
    own = options.steps(_trained(data))
    steps = steps or own
    options = replace(options, checks=max(round(options.checks * steps / max(own, 1)), 1))
    kept = folder.with_name(f"{folder.name}.left-out-{card.model_id.partition('@')[2]}-{steps}")
    kept.mkdir(exist_ok=True)
    found = {}
    for name in names:
        others = _without(data, name)
        without = kept / f"without-{name}"
        if not without.is_dir():
            _train(
                others,
                card,
                options=options.in_steps(steps, _trained(others)),
                folder=without,
                command=command,
                progress=progress,
            )
        left = [row for row in data.rows if row.example.data == name]
        evaluation = _judge(left, Model.load(without), widths=widths, jobs=jobs, progress=progress)
        trained_on = tuple(other for other in names if other != name)
        found[name] = HeldOutModel(evaluation, trained_on, steps)
    if Card.read(folder).model_id != card.model_id:
        raise BrokenModel(f"{folder}: is now another model than {card.model_id}, which was measured.")
    sources = {name: _on_card(left) for name, left in found.items()}
    together = _temperature([left.evaluation for left in found.values()])
    card = replace(card, left_out=CrossDataset(temperature=together, sources=sources))
    pictures = left_out_pictures([left.evaluation for left in found.values()], of=card.model_id)
    write_card(folder, card, dict(zip(LEFT_OUT_PICTURES, pictures, strict=False)), names=LEFT_OUT_PICTURES)
    shutil.rmtree(kept)
    return card


def _without(data: SplitData, name: str) -> SplitData:
    rows = tuple(row for row in data.rows if row.example.data != name)
    return SplitData(rows, (), windows=tuple(window for window in data.windows if window.data != name))


def _trained(data: SplitData) -> int:
    return len(data.part("train"))


def _train(
    data: SplitData,
    card: Card,
    *,
    options: TrainOptions,
    folder: Path,
    command: str,
    progress: Progress,
) -> None:
    provenance = Provenance(
        command=command,
        split_rule=card.split.rule,
        split_seed=card.split.seed,
        fractions=card.split.fractions,
        positive_class=card.positive_class,
    )
    progress.note(f"{folder.name}: {_trained(data):,} tiles to learn from.")
    train.train(data, options, provenance, folder=folder, progress=progress, resume=True)


def _judge(
    rows: Sequence[Fingerprinted], model: Model, *, widths: bool, jobs: int, progress: Progress
) -> Evaluation:
    """Judge a source by the model that has not learned from it."""
    examples = tuple(replace(row.example, split=None) for row in rows)
    progress.phase("judging what was left out", len(examples))
    evaluation = evaluate(
        LabelledData(examples, ()),
        model.classifier,
        options=model.card.scan_options.with_rows(judge_unfamiliar=True),
        jobs=jobs,
        advance=lambda *_: progress.step(),
    )
    if not widths:
        return evaluation
    progress.phase("drawing cracks on it", count_tiles(evaluation))

    def count(tiles: int) -> None:
        for _ in range(tiles):
            progress.step()

    return replace(evaluation, widths=measure_widths(evaluation, model.classifier, jobs=jobs, on_done=count))


def _on_card(left: HeldOutModel) -> HeldOutDataset:
    ((data, metrics),) = left.evaluation.by_data.items()
    widths = {source.data: source.as_json() for source in left.evaluation.widths}
    gated, limit = left.evaluation.unfamiliar.values(), left.evaluation.options.rows.max_distance
    return HeldOutDataset(
        metrics=metrics.as_json(),
        widths=widths.get(data),
        trained_on=left.trained_on,
        steps=left.steps,
        temperature=_temperature([left.evaluation]),
        unfamiliar=sum(one.lost for one in gated) / sum(one.images for one in gated) if gated else None,
        reach=reach(_distances(left.evaluation), limit) if limit else None,
    )


def _distances(evaluation: Evaluation) -> dict[str, Float32s]:
    found: dict[str, list[float]] = {}
    for prediction in evaluation.assessed:
        found.setdefault(prediction.example.class_name, []).append(prediction.result.distance or 0.0)
    return {name: np.array(of, np.float32) for name, of in found.items()}


def _temperature(evaluations: Sequence[Evaluation]) -> float:
    """Find the temperature that suits several sources best, each counting the same."""
    labels, probabilities, weights = [], [], []
    for evaluation in evaluations:
        its_labels, its_probabilities = answers(evaluation.assessed)
        labels += its_labels
        probabilities += its_probabilities
        weights += [1 / len(its_labels)] * len(its_labels)
    return fit_temperature(log_odds(probabilities), labels, weights)
