"""Out-of-distribution detection: prototypes of the training tiles, and the limit of the distance to them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels, evenly_spaced
from crackscan.basics.errors import BadData, Unreadable
from crackscan.basics.progress import Progress
from crackscan.dataset.records import Example
from crackscan.model.card import OOD_FILE
from crackscan.model.card_records import OODLimit
from crackscan.model.ood import OODDetector, describe_tiles
from crackscan.reading import read_tile
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.samples.sampler import TileSubset
from crackscan.training.samples.subsets import Subsets

PROTOTYPES = 128  # 300 detect no more, and their file is larger than 1 MB
MAX_TILES = 5000  # of the training tiles, evenly spaced
MAX_LOST = 0.01  # share of the concrete tiles of each class of each dataset that may be unfamiliar
MARGIN = 1.25  # a model of METU alone lost 0.4 % of the cracked and 1.1 % of the uncracked tiles of uav-crack
# cards have these texts, and UNSEEN_RULE is recognised by its own: leave them as they are
UNSEEN_RULE = (
    "the smallest that loses at most 1 % of the cracked and 1 % of the uncracked tiles of each source of "
    "genuine concrete on which it was not trained"
)
CROSS_DATASET_RULE = (
    "{factor:.2f} times the largest distance of the validation split: the smallest factor from 1 up at which "
    "models made without one of the sources lose at most 1 % of its cracked and 1 % of its uncracked tiles"
)
VALIDATION = "the validation split"  # the name on the card of the tiles that a limit was chosen on
MARGIN_RULE = (
    f"{MARGIN:g} times the largest distance of the validation split, for want of concrete of other "
    "structures, so how much of that it loses is not known"
)


def add_ood(folder: ModelFolder, subsets: Subsets, *, progress: Progress) -> None:
    """Write the prototypes of the training tiles into the folder, and put the limit onto the card.

    The limit comes from the images of `--unseen`, or from the validation split if there are none.

    Raises:
        BadData: there are such images, but none can be read.
    """
    unseen, validation = subsets.data.unseen, subsets.validation
    training = subsets.train.select(evenly_spaced(len(subsets.train), MAX_TILES))
    progress.phase("out-of-distribution limit", len(training) + len(unseen or validation))
    prototypes = _prototypes(_describe(folder, training, progress), seed=folder.card.seed)
    OODDetector(prototypes).save(folder.path / OOD_FILE)
    folder.update_digest(OOD_FILE)
    if unseen:
        tiles = _read_concrete(unseen, input_px=folder.card.input_px)
        distances = _distances(folder, tiles, progress)
        limit, rule = _limit_losing_few(distances), UNSEEN_RULE
    else:
        distances = _distances(folder, _named(validation), progress)
        limit, rule = MARGIN * float(distances[VALIDATION].max()), MARGIN_RULE
    folder.card = replace(folder.card, familiarity=_ood_limit(distances, limit, rule))


def limit_factor(distances: Mapping[str, Float32s], limit: float) -> float:
    """Return the factor by which a dataset that the model was not trained on is farther than validation.

    That is the limit at which at most MAX_LOST of either class are lost, divided by the largest distance of
    the model's validation split.

    Args:
        distances: of the tiles of each class.
        limit: of the model, found without images of `--unseen`.
    """
    return _limit_losing_few(distances) * MARGIN / limit


def set_cross_dataset_limit(folder: ModelFolder, validation: TileSubset, *, progress: Progress) -> None:
    """Put onto the card the limit that suits the held-out datasets; a limit from `--unseen` stays."""
    card = folder.card
    held_out = card.left_out.sources.values() if card.left_out else ()
    factors = [dataset.reach for dataset in held_out if dataset.reach is not None]
    if card.familiarity is None or card.familiarity.rule == UNSEEN_RULE or not factors:
        return
    progress.phase("out-of-distribution limit", len(validation))
    distances = _distances(folder, _named(validation), progress)
    factor = max(1.0, *factors)
    limit = factor * float(distances[VALIDATION].max())
    rule = CROSS_DATASET_RULE.format(factor=factor)
    folder.card = replace(card, familiarity=_ood_limit(distances, limit, rule))


def _describe(folder: ModelFolder, training: TileSubset, progress: Progress) -> Float32s:
    descriptions, engine = [], folder.engine()
    for pixels in training.tiles():
        tile = pixels[np.newaxis]
        descriptions.append(describe_tiles(engine.predict(tile).features, tile))
        progress.advance()
    return np.concatenate(descriptions)


def _prototypes(descriptions: Float32s, *, seed: int) -> Float32s:
    """Return the centres of k-means."""
    from sklearn.cluster import MiniBatchKMeans  # of the extra `train`, which scanning does not need

    count = min(PROTOTYPES, len(descriptions))
    means = MiniBatchKMeans(count, n_init=1, random_state=seed, batch_size=512, max_iter=20)
    centres: Float32s = means.fit(descriptions).cluster_centers_.astype(np.float32)
    return centres


def _named(validation: TileSubset) -> Iterator[tuple[str, Pixels]]:
    return ((VALIDATION, tile) for tile in validation.tiles())


def _read_concrete(examples: Iterable[Example], *, input_px: int) -> Iterator[tuple[str, Pixels]]:
    """Yield the tile of each example that can be read, with its dataset and class.

    Raises:
        BadData: none can be read.
    """
    count = 0
    for example in examples:
        with suppress(Unreadable):
            tile = read_tile(example.path, example.window, input_px=input_px)
            yield f"{example.data}, {example.class_name}", tile
            count += 1
    if not count:
        raise BadData("None of the images of --unseen can be read; give photos of concrete.")


def _distances(
    folder: ModelFolder, tiles: Iterable[tuple[str, Pixels]], progress: Progress
) -> dict[str, Float32s]:
    """Return the distances of the tiles by their name."""
    distances: dict[str, list[float]] = {}
    engine = folder.engine()
    for name, tile in tiles:
        distances.setdefault(name, []).append(float(engine.predict(tile[np.newaxis]).distances[0]))
        progress.advance()
    return {name: np.array(values, np.float32) for name, values in distances.items()}


def _limit_losing_few(distances: Mapping[str, Float32s]) -> float:
    return max(float(np.quantile(values, 1 - MAX_LOST, method="higher")) for values in distances.values())


def _ood_limit(distances: Mapping[str, Float32s], limit: float, rule: str) -> OODLimit:
    limit = math.ceil(1000 * limit) / 1000  # three decimals, as in rows
    return OODLimit(
        limit=limit,
        rule=rule,
        tiles={name: len(values) for name, values in distances.items()},
        lost={name: float((values > limit).mean()) for name, values in distances.items()},
    )
