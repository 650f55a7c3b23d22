"""Leave datasets out: how well a way of training does on structures that the model has never seen."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.basics.progress import Progress
from crackscan.dataset.records import Example, LabelledData
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.evaluate import Evaluation, evaluate, labels_and_probabilities
from crackscan.evaluation.report import cross_dataset_pictures
from crackscan.evaluation.widths import count_tiles, measure_widths
from crackscan.model.card import Card
from crackscan.model.card_records import CrossDataset, HeldOutDataset
from crackscan.model.loading import Model
from crackscan.model.predictions import log_odds
from crackscan.training.fitting.weights import find_weights
from crackscan.training.folds import Fold, plan_folds
from crackscan.training.known_images import check_left_out
from crackscan.training.model_folder.calibration import Scaling, fit_scaling
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.readme_external import LEFT_OUT_PICTURES
from crackscan.training.options import Provenance, TrainingRun, TrainOptions
from crackscan.training.samples.subsets import dataset_names
from crackscan.training.train import train


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossDatasetOptions:
    """The options of a cross-dataset evaluation."""

    weights: str  # that the trainings begin with; they know none of the model's images
    command: str  # for the cards of the models in between
    jobs: int  # workers of the evaluations
    steps: int | None = None  # of each fine-tuning; None is as many as the model's own
    leave_out: tuple[str, ...] = ()  # datasets that a training leaves out, as `plan_folds` reads them
    widths: bool = False  # also measure recall by crack width


@dataclass(frozen=True, slots=True)
class HeldOutEvaluation:
    """The evaluation of one structure by a model that was trained without its datasets."""

    evaluation: Evaluation
    trained_on: tuple[str, ...]
    steps: int

    def as_card(self) -> HeldOutDataset:
        """Return what the card has of it."""
        ((data, metrics),) = self.evaluation.by_data.items()
        widths = {dataset.data: dataset.as_json() for dataset in self.evaluation.widths}
        return HeldOutDataset(
            metrics=metrics.as_json(),
            widths=widths.get(data),
            trained_on=self.trained_on,
            steps=self.steps,
            temperature=_scaling([self.evaluation]).temperature,
        )


def evaluate_cross_dataset(
    folder: ModelFolder, data: SplitData, options: CrossDatasetOptions, *, progress: Progress
) -> None:
    """Train models without some of the datasets, and put the figures on these datasets onto the card.

    Finished trainings are kept in a folder beside the model's until the end, and a second call uses them.

    data: all images of the model's splits, and the further windows that it was trained on.

    Raises:
        BadData: the model was trained on one dataset only, or splits would lack a class; or the folds name
            other datasets; or the weights know images that would be left out.
        BrokenModel: the model was trained from other weights, or with other options than today's.
    """
    names, card = dataset_names(data), folder.card
    if len(names) < 2:
        raise BadData(f"{card.name}: was trained on {names[0]} alone, so there would be nothing to train on.")
    weights = find_weights(options.weights)
    check_left_out(card, weights, data.rows)
    folds = plan_folds(names, options.leave_out)
    steps, train_options = _plan(card, data, options)
    trainings = folder.path.with_name(
        f"{folder.path.name}.left-out-{card.model_id.partition('@')[2]}-{steps}"
    )
    trainings.mkdir(exist_ok=True)
    results = {}
    for fold in folds:
        others = _leave_out(data, fold)
        run = TrainingRun(
            data=others,
            options=train_options.in_steps(steps, _training_tiles(others)),
            provenance=Provenance.of_card(card, command=options.command),
            folder=trainings / fold.folder_name,
        )
        _train_once(run, progress)
        model, trained_on = Model.load(run.folder), tuple(name for name in names if name not in fold.datasets)
        for structure in fold.structures:
            evaluation = _evaluate(structure.select(data.rows), model, options, progress)
            results[structure.name] = HeldOutEvaluation(evaluation, trained_on, steps)
    _put_onto_card(folder, results, None if weights.text == card.weights else weights.text)
    shutil.rmtree(trainings)


def _plan(card: Card, data: SplitData, options: CrossDatasetOptions) -> tuple[int, TrainOptions]:
    """Return the steps of each training, and its options with as many validations as the steps need."""
    train_options = TrainOptions.of_card(card, weights=options.weights)
    own = train_options.steps(_training_tiles(data))
    steps = options.steps or own
    validations = max(round(train_options.validations * steps / max(own, 1)), 1)
    return steps, replace(train_options, validations=validations)


def _leave_out(data: SplitData, fold: Fold) -> SplitData:
    rows = tuple(row for row in data.rows if row.example.data not in fold.datasets)
    windows = tuple(window for window in data.windows if window.data not in fold.datasets)
    return SplitData(rows, (), windows=windows)


def _training_tiles(data: SplitData) -> int:
    return len(data.part("train"))


def _train_once(run: TrainingRun, progress: Progress) -> None:
    """Train, or resume a training, unless its model exists."""
    if not run.folder.is_dir():
        progress.note(f"{run.folder.name}: {_training_tiles(run.data):,} training tiles.")
        train(run, progress=progress, resume=True)


def _evaluate(
    examples: tuple[Example, ...], model: Model, options: CrossDatasetOptions, progress: Progress
) -> Evaluation:
    """Evaluate a model on a structure that it was not trained on."""
    progress.phase("evaluating what was left out", len(examples))
    evaluation = evaluate(
        LabelledData(examples, ()),
        model.classifier,
        options=model.card.scan_options.with_rows(judge_unfamiliar=True),
        jobs=options.jobs,
        advance=lambda works, _: progress.advance(works),
    )
    if not options.widths:
        return evaluation
    progress.phase("synthetic cracks", count_tiles(evaluation))
    widths = measure_widths(evaluation, model.classifier, jobs=options.jobs, on_done=progress.advance)
    return replace(evaluation, widths=widths)


def _put_onto_card(folder: ModelFolder, results: dict[str, HeldOutEvaluation], weights: str | None) -> None:
    if Card.read(folder.path).model_id != folder.card.model_id:
        raise BrokenModel(
            f"{folder.path}: is now another model than {folder.card.model_id}, which was evaluated; run the "
            "command again."
        )
    evaluations = [result.evaluation for result in results.values()]
    scaling = _scaling(evaluations)
    left_out = CrossDataset(
        temperature=scaling.temperature,
        shift=scaling.shift,
        weights=weights,
        sources={name: result.as_card() for name, result in results.items()},
    )
    pictures = cross_dataset_pictures(evaluations, model=folder.card.model_id)
    with folder.edit() as copy:
        copy.card = replace(copy.card, left_out=left_out)
        copy.replace_pictures(dict(zip(LEFT_OUT_PICTURES, pictures, strict=False)), names=LEFT_OUT_PICTURES)


def _scaling(evaluations: Sequence[Evaluation]) -> Scaling:
    """Find the scaling of log-odds that suits several datasets best, each with the same weight."""
    labels, probabilities, weights = [], [], []
    for evaluation in evaluations:
        its_labels, its_probabilities = labels_and_probabilities(evaluation.assessed)
        labels += its_labels
        probabilities += its_probabilities
        weights += [1 / len(its_labels)] * len(its_labels)
    return fit_scaling(log_odds(probabilities), labels, weights)
