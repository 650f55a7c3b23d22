"""Fitting of the context head, for tiles that are judged together, from single tiles and mirror images."""

import numpy as np

from crackscan.basics.arrays import Float64s, Indices, evenly_spaced
from crackscan.basics.grid import CELLS
from crackscan.basics.progress import Progress
from crackscan.model.card import CONTEXT_FILE
from crackscan.model.context_head import ContextHead
from crackscan.model.network import STRIDE
from crackscan.model.predictions import log_odds
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.samples.sampler import TileSubset

MAX_TILES = 600  # training tiles of each dataset
MARGIN_CELLS = 3  # of mirror image on each side of a tile
RIDGE = 10.0  # penalty on the weights: 1 and 100 were no better on uav-crack's validation photos


def choose_tiles(subset: TileSubset) -> Indices:
    """Return the positions of some tiles of each dataset, evenly spaced."""
    by_dataset = [np.flatnonzero(subset.datasets == dataset) for dataset in np.unique(subset.datasets)]
    return np.concatenate([tiles[evenly_spaced(len(tiles), MAX_TILES)] for tiles in by_dataset])


def add_context_head(folder: ModelFolder, training: TileSubset, *, progress: Progress) -> None:
    """Fit the head for tiles with context, and write it into the folder.

    A tile with its mirror images around it should get the same log-odds as alone. Ridge regression finds what
    the head must add for that (Hoerl & Kennard 1970, doi 10.1080/00401706.1970.10488634). A model whose input
    is not CELLS by CELLS cells has no such head.

    training: the training tiles, some of which are used.
    """
    if folder.card.input_px != CELLS * STRIDE:
        return
    subset = training.select(choose_tiles(training))
    progress.phase("context head", len(subset))
    features, changes = [], []
    for tile in subset.tiles():
        feature, change = _compare(folder, tile[np.newaxis])
        features.append(feature)
        changes.append(change)
        progress.advance()
    weights, bias = _fit_ridge(np.stack(features), np.array(changes))
    ContextHead(weights.astype(np.float32), bias).save(folder.path / CONTEXT_FILE)
    folder.update_digest(CONTEXT_FILE)


def _compare(folder: ModelFolder, tile: np.ndarray) -> tuple[Float64s, float]:
    """Return a tile's features with mirror images around it, and how much its log-odds differ alone."""
    engine, margin = folder.engine(), (MARGIN_CELLS * STRIDE, MARGIN_CELLS * STRIDE)
    mirrored = np.pad(tile, ((0, 0), margin, margin, (0, 0)), mode="symmetric")
    with_context = engine.predict(mirrored, MARGIN_CELLS)
    middle = len(with_context.probabilities) // 2
    alone = engine.predict(tile).probabilities[0]
    change = log_odds(alone) - log_odds(with_context.probabilities[middle])
    return with_context.features[middle].astype(np.float64), float(change)


def _fit_ridge(features: Float64s, targets: Float64s) -> tuple[Float64s, float]:
    """Return the weights and the bias that map (n, channels) features to the targets."""
    mean = features.mean(axis=0)
    centred = features - mean
    gram = centred.T @ centred + RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (targets - targets.mean()))
    return weights, float(targets.mean() - mean @ weights)
