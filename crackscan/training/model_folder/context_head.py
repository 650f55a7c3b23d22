"""A model learns to judge tiles with their surroundings, from tiles alone: mirror images continue them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Float64s, Indices, evenly_spaced
from crackscan.basics.grid import CELLS
from crackscan.model.card import CONTEXT_FILE, LITERT, Card, sha256_of
from crackscan.model.context_head import ContextHead
from crackscan.model.engines import LiteRT
from crackscan.model.network import STRIDE, quiet_stderr
from crackscan.model.predictions import log_odds
from crackscan.training.options import Progress
from crackscan.training.samples.sampler import TileSubset

TILES = 600  # training tiles of each DATA, at most
MARGIN = 3  # places of the feature map, all around a tile, that show its mirror image
SHRINKING = 10.0  # of the weights, the ridge: 1 and 100 were no better on uav-crack's validation photos


def chosen(part: TileSubset) -> Indices:
    """Return where the training tiles stand that are looked at: some of each DATA, spread over all of it."""
    of_each = [np.flatnonzero(part.sources == source) for source in np.unique(part.sources)]
    spread = [evenly_spaced(len(of), TILES) for of in of_each]
    return np.concatenate([of[places] for of, places in zip(of_each, spread, strict=True)])


def add_context_head(folder: Path, card: Card, training: TileSubset, *, progress: Progress) -> Card:
    """Write the head for tiles with surroundings into a model folder; return the card, not yet written.

    Each tile should be called the same with its mirror images around it as alone. What the head must add for
    that is found by ridge regression (Hoerl & Kennard 1970, doi 10.1080/00401706.1970.10488634). Models of
    other inputs than grid.PLACES places go without.

    Args:
        folder: of the model.
        card: of the model.
        training: of whose tiles some are looked at.
        progress: is told of each of them.
    """
    if card.input_px != CELLS * STRIDE:
        return card
    with quiet_stderr():  # the first interpreter of a process greets
        engine = LiteRT((folder / LITERT).read_bytes(), card)
    features, wanted = [], []
    places = training.places[chosen(training)]
    progress.phase("surroundings", len(places))
    for place in places:
        tile = training.pixels[place][np.newaxis]
        margin = (MARGIN * STRIDE, MARGIN * STRIDE)
        around = engine.predict(np.pad(tile, ((0, 0), margin, margin, (0, 0)), mode="symmetric"), MARGIN)
        middle = len(around.probabilities) // 2
        features.append(around.features[middle].astype(np.float64))
        odds = (log_odds(of) for of in (engine.predict(tile).probabilities[0], around.probabilities[middle]))
        wanted.append(float(np.subtract(*odds)))
        progress.step()
    weights, bias = _ridge(np.stack(features), np.array(wanted))
    ContextHead(weights.astype(np.float32), bias).save(folder / CONTEXT_FILE)
    return replace(card, files=dict(card.files) | {CONTEXT_FILE: sha256_of(folder / CONTEXT_FILE)})


def _ridge(features: Float64s, wanted: Float64s) -> tuple[Float64s, float]:
    """Return the weights and the bias that give what is wanted of (n, channels) features."""
    mean = features.mean(axis=0)
    centred = features - mean
    gram = centred.T @ centred + SHRINKING * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (wanted - wanted.mean()))
    return weights, float(wanted.mean() - mean @ weights)
