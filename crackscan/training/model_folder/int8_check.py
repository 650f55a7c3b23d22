"""The int8 model: made, compared with the float model, and kept only if its results match."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float32s, Pixels, evenly_spaced
from crackscan.basics.progress import Progress
from crackscan.evaluation.metrics import measure
from crackscan.model.card import LITERT, LITERT_INT8, Card
from crackscan.model.card_records import Int8Agreement, Quantisation
from crackscan.model.engines import LiteRT, needs_exact
from crackscan.model.predictions import Predictions, log_odds
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.int8 import quantise
from crackscan.training.samples.recipe import Recipe
from crackscan.training.samples.sampler import SampleStream, TileSubset
from crackscan.training.samples.subsets import THINNED_TO, Subsets

BATCH = 16  # samples drawn at once
DEVIATIONS = 4.0  # standard deviations of int8's error; nearer to a limit, the float model decides
UNCERTAIN = (0.02, 0.98)  # probabilities whose change counts for that: beyond these, no decision changes
MAX_AGAIN = 0.05  # share of tiles that may need the float model; with more, int8 is not much faster

# what engine litert-int8 must reach, on the whole validation split and on each dataset
MIN_EQUAL_OVERALL, MIN_EQUAL = 0.998, 0.99
MAX_CHANGE, MAX_AUC_LOSS = 0.01, 0.002
MIN_ALONE = 100  # images: one of fewer is more than 1 - MIN_EQUAL, so small datasets are compared as one


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The predictions of both models for the same tiles."""

    labels: Bools
    fast: Predictions
    exact: Predictions

    def log_odds_errors(self) -> Float32s:
        """Return the change of the log-odds of the uncertain tiles."""
        change = log_odds(self.fast.probabilities) - log_odds(self.exact.probabilities)
        low, high = UNCERTAIN
        uncertain = (self.exact.probabilities > low) & (self.exact.probabilities < high)
        return np.asarray(change[uncertain] if uncertain.any() else change, np.float32)


def add_int8(
    folder: ModelFolder, subsets: Subsets, *, progress: Progress, recipe: Recipe | None = None
) -> None:
    """Quantise the model, and write the int8 file into the folder if its results match the float model's.

    The card gets the results of the comparison in any case.

    Args:
        folder: of the model, with all its other files.
        subsets: training tiles give the ranges of the tensors, validation tiles the comparison.
        progress: counts the compared tiles.
        recipe: of the training samples; the default recipe if it is not known.

    Raises:
        CrackscanError: the network cannot be quantised.
    """
    recipe, validation = recipe or Recipe(), subsets.validation
    progress.phase("int8 model", len(validation))
    tiles = _calibration_tiles(subsets.train, seed=folder.card.seed, recipe=recipe)
    content = quantise((folder.path / LITERT).read_bytes(), tiles)
    engines = folder.open_engine(content), folder.engine()
    comparisons = {
        ", ".join(subsets.names[number] for number in numbers): _compare(
            validation.select(np.flatnonzero(np.isin(validation.datasets, numbers))), engines, progress
        )
        for numbers in compared_together(validation.datasets)
    }
    errors = [comparison.log_odds_errors().std() for comparison in comparisons.values()]
    log_odds_error = DEVIATIONS * max(float(error) for error in errors)
    quantisation = Quantisation(log_odds=log_odds_error, agreement={})
    card = replace(folder.card, quantisation=quantisation)
    agreement = {name: _agreement(comparison, card) for name, comparison in comparisons.items()}
    folder.card = replace(card, quantisation=replace(quantisation, agreement=agreement))
    folder.remove(LITERT_INT8)
    if within_tolerance(agreement):
        folder.write(LITERT_INT8, content)


def within_tolerance(agreement: Mapping[str, Int8Agreement]) -> bool:
    """Say whether the int8 model's results are close enough to the float model's, and it is fast enough."""
    datasets = list(agreement.values())
    images = [dataset.images for dataset in datasets]
    return (
        bool(np.average([dataset.equal for dataset in datasets], weights=images) >= MIN_EQUAL_OVERALL)
        and bool(np.average([dataset.again for dataset in datasets], weights=images) <= MAX_AGAIN)
        and all(dataset.equal >= MIN_EQUAL and dataset.change <= MAX_CHANGE for dataset in datasets)
        and all((dataset.auc_loss or 0.0) <= MAX_AUC_LOSS for dataset in datasets)
    )


def compared_together(datasets: NDArray[np.int64]) -> list[list[int]]:
    """Return the numbers of the datasets that are compared alone, and then of all small ones as one.

    datasets: the number of each image's dataset.
    """
    numbers, counts = np.unique(datasets, return_counts=True)
    large, small = numbers[counts >= MIN_ALONE].tolist(), numbers[counts < MIN_ALONE].tolist()
    return [*([number] for number in large), *([small] if small else [])]


def _calibration_tiles(training: TileSubset, *, seed: int, recipe: Recipe) -> Iterator[Pixels]:
    """Yield equally many training tiles of each dataset, then training samples."""
    numbers = np.unique(training.datasets)
    for number in numbers:
        indices = training.indices[training.datasets == number]
        yield from training.pixels[indices[evenly_spaced(len(indices), THINNED_TO // 2 // len(numbers))]]
    stream = SampleStream(training, BATCH, seed, recipe)
    for number in range(THINNED_TO // 2 // BATCH):
        yield from stream.batch(number)[0]


def _compare(subset: TileSubset, engines: tuple[LiteRT, LiteRT], progress: Progress) -> _Comparison:
    predictions = []
    for pixels in subset.tiles():
        tile = pixels[np.newaxis]
        predictions.append([engine.predict(tile) for engine in engines])
        progress.advance()
    fast, exact = (_join(of_engine) for of_engine in zip(*predictions, strict=True))
    return _Comparison(subset.labels, fast, exact)


def _join(predictions: Iterable[Predictions]) -> Predictions:
    parts = [
        (tile.probabilities, tile.activation_maps, tile.features, tile.distances) for tile in predictions
    ]
    return Predictions(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _agreement(comparison: _Comparison, card: Card) -> Int8Agreement:
    again = needs_exact(comparison.fast, card)
    exact = comparison.exact.probabilities
    final = np.where(again, exact, comparison.fast.probabilities)
    before, after = (_auc(comparison.labels, probabilities) for probabilities in (exact, final))
    return Int8Agreement(
        images=len(final),
        equal=float(((final >= card.threshold) == (exact >= card.threshold)).mean()),
        change=float(np.abs(final - exact).mean()),
        auc_loss=None if before is None or after is None else before - after,
        again=float(again.mean()),
    )


def _auc(labels: Bools, probabilities: Float32s) -> float | None:
    return measure(labels, probabilities, threshold=0.5).figures["roc_auc"].value
