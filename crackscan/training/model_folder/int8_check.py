"""Whether the file in whole numbers may stand in for the float one: made, compared with it, written down."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Pixels, evenly_spaced
from crackscan.evaluation.metrics import measure
from crackscan.model.card import LITERT, LITERT_INT8, OOD_FILE, Card, sha256_of
from crackscan.model.card_records import Int8Agreement, Quantisation
from crackscan.model.engines import LiteRT, needs_exact
from crackscan.model.network import quiet_stderr
from crackscan.model.ood import OODDetector
from crackscan.model.predictions import Predictions, log_odds
from crackscan.training.model_folder.int8 import quantise
from crackscan.training.samples.recipe import Recipe
from crackscan.training.samples.sampler import SampleStream, TileSubset

CALIBRATING = 512  # tiles, half of them made into samples, that the ranges of whole numbers come from
BATCH = 16  # samples drawn at once
COMPARED = 512  # samples of the validation tiles that say how much distances change
SPREADS = 4.0  # of the answers' change, from a limit on, within which the float file judges
DOUBTFUL = (0.02, 0.98)  # probabilities whose change counts for that: beyond, it decides nothing
FAR = 0.5  # of the limit of the familiar: the change of smaller distances, which is larger, decides nothing
MOST_AGAIN = 0.05  # of the tiles may need the float file, else too little time is won

# What engine litert-int8 must keep, on all of the validation split and on each DATA of it.
EQUAL_OVERALL, EQUAL = 0.998, 0.99
CHANGE, AUC_LOSS = 0.01, 0.002


@dataclass(frozen=True, slots=True)
class _Compared:
    """What both files say of some tiles."""

    labels: Bools
    fast: Predictions
    exact: Predictions

    def moved(self) -> Float32s:
        """Return by how much the log-odds change, of the tiles that are not decided anyhow."""
        change = log_odds(self.fast.probabilities) - log_odds(self.exact.probabilities)
        low, high = DOUBTFUL
        doubtful = (self.exact.probabilities > low) & (self.exact.probabilities < high)
        return np.asarray(change[doubtful] if doubtful.any() else change, np.float32)

    def drifted(self, limit: float) -> Float32s:
        """Return by how much the distances change, of the tiles that are not familiar anyhow."""
        change = self.fast.distances - self.exact.distances
        far = self.exact.distances > FAR * limit
        return np.asarray(change[far] if far.any() else change, np.float32)


def _calibrating(part: TileSubset, *, seed: int, recipe: Recipe) -> Iterator[Pixels]:
    """Yield training tiles, as many of each DATA, and samples made of them as for training."""
    sources = np.unique(part.sources)
    for source in sources:
        places = part.places[part.sources == source]
        yield from part.pixels[places[evenly_spaced(len(places), CALIBRATING // 2 // len(sources))]]
    drawing = SampleStream(part, BATCH, seed, recipe)
    for number in range(CALIBRATING // 2 // BATCH):
        yield from drawing.batch(number)[0]


def add_int8(
    folder: Path,
    card: Card,
    training: TileSubset,
    validation: TileSubset,
    *,
    names: Sequence[str],
    recipe: Recipe,
    step: Callable[[], None] = lambda: None,
) -> Card:
    """Write the file in whole numbers into a model folder if it keeps the mark; return the card with it.

    The card is not yet written; it says what was found, also of a file that missed the mark.

    Args:
        folder: of the model, with all its other files.
        card: of the model.
        training: the training split, from which come the ranges of whole numbers.
        validation: the validation split.
        names: of its DATA, by their numbers.
        recipe: by which samples are made.
        step: is told of each tile of that.
    """
    content = (folder / LITERT).read_bytes()
    small = quantise(content, _calibrating(training, seed=card.seed, recipe=recipe))
    familiar = OODDetector.load(folder / OOD_FILE) if OOD_FILE in card.files else None
    with quiet_stderr():  # the first interpreter of a process greets
        engines = LiteRT(small, card, familiar), LiteRT(content, card, familiar)
    found = {
        names[source]: _compared(validation.of(np.flatnonzero(validation.sources == source)), *engines, step)
        for source in np.unique(validation.sources).tolist()
    }
    found_out = Quantisation(
        log_odds=SPREADS * max(float(of.moved().std()) for of in found.values()),
        distance=SPREADS * _drift(validation, engines, card, recipe),
        agreement={},
    )
    card = replace(card, quantisation=found_out)
    agreement = {name: _agreement(of, card) for name, of in found.items()}
    card = replace(card, quantisation=replace(found_out, agreement=agreement))
    files = {name: digest for name, digest in card.files.items() if name != LITERT_INT8}
    if within_tolerance(agreement):
        (folder / LITERT_INT8).write_bytes(small)
        files[LITERT_INT8] = sha256_of(folder / LITERT_INT8)
    return replace(card, files=files)


def _drift(validation: TileSubset, engines: tuple[LiteRT, LiteRT], card: Card, recipe: Recipe) -> float:
    """Return the spread of the distances' change near the limit.

    Of samples: few tiles as they are come near it.
    """
    if card.familiarity is None:
        return 0.0
    samples = SampleStream(validation, BATCH, card.seed, recipe).samples(COMPARED)
    return float(_compared(samples, *engines, lambda: None).drifted(card.familiarity.limit).std())


def within_tolerance(agreement: Mapping[str, Int8Agreement]) -> bool:
    """Say whether the answers are close enough to the float file's, and enough time is won."""
    all_of = list(agreement.values())
    images = [of.images for of in all_of]
    return (
        bool(np.average([of.equal for of in all_of], weights=images) >= EQUAL_OVERALL)
        and bool(np.average([of.again for of in all_of], weights=images) <= MOST_AGAIN)
        and all(of.equal >= EQUAL and of.change <= CHANGE for of in all_of)
        and all((of.auc_loss or 0.0) <= AUC_LOSS for of in all_of)
    )


def _compared(part: TileSubset, fast: LiteRT, exact: LiteRT, step: Callable[[], None]) -> _Compared:
    judged = []
    for tile, *_ in part.batches(1):
        judged.append((fast.predict(tile), exact.predict(tile)))
        step()
    both = zip(*judged, strict=True)
    return _Compared(part.labels, *(_joined(of) for of in both))


def _joined(judged: Iterable[Predictions]) -> Predictions:
    parts = [(one.probabilities, one.activation_maps, one.features, one.distances) for one in judged]
    return Predictions(*(np.concatenate(of) for of in zip(*parts, strict=True)))


def _agreement(found: _Compared, card: Card) -> Int8Agreement:
    again = needs_exact(found.fast, card)
    exact = found.exact.probabilities
    kept = np.where(again, exact, found.fast.probabilities)
    before, after = (_auc(found.labels, of) for of in (exact, kept))
    return Int8Agreement(
        images=len(kept),
        equal=float(((kept >= card.threshold) == (exact >= card.threshold)).mean()),
        change=float(np.abs(kept - exact).mean()),
        auc_loss=None if before is None or after is None else before - after,
        again=float(again.mean()),
    )


def _auc(labels: Bools, probabilities: Float32s) -> float | None:
    return measure(labels, probabilities, threshold=0.5).figures["roc_auc"].value
