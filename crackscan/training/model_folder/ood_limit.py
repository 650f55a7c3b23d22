"""What a model is familiar with, and from which distance on a tile is unlike all of that."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Float32s, Pixels, evenly_spaced
from crackscan.basics.errors import BadData, Unreadable
from crackscan.dataset.records import Example
from crackscan.model.card import LITERT, OOD_FILE, Card, sha256_of
from crackscan.model.card_records import OODLimit
from crackscan.model.engines import LiteRT
from crackscan.model.network import quiet_stderr
from crackscan.model.ood import OODDetector, describe_tiles
from crackscan.reading import read_tile

PROTOTYPES = 128  # 300 find no more, and their file is above 1 MB
TILES = 5000  # of the training tiles, at most, spread over all of them
LOST = 0.01  # of the genuine tiles of each class of each DATA, at most, are called unfamiliar
MARGIN = 1.25  # a model of METU alone lost 0.4 % of the cracked and 1.1 % of the uncracked tiles of uav-crack
VALIDATED = (
    "the smallest that loses at most 1 % of the cracked and 1 % of the uncracked tiles of each source of "
    "genuine concrete on which it was not trained"
)
ELSEWHERE = (
    "{factor:.2f} times the largest distance of the validation split: the smallest factor from 1 up at which "
    "models made without one of the sources lose at most 1 % of its cracked and 1 % of its uncracked tiles"
)
VALIDATION = "the validation split"  # as cards name what a limit was found on
UNVALIDATED = (
    f"{MARGIN:g} times the largest distance of the validation split, for want of concrete of other "
    "structures, so how much of that it loses is not known"
)


def add_ood(
    folder: Path,
    card: Card,
    training: Iterable[Pixels],
    genuine: Iterable[tuple[str, Pixels]],
    *,
    validated: bool,
    step: Callable[[], None] = lambda: None,
) -> Card:
    """Write what a model is familiar with into its folder; return the card with it, not yet written.

    Args:
        folder: of the model.
        card: of the model.
        training: tiles that it was trained on, as they are, uint8 (input_px, input_px, 3) each.
        genuine: concrete that must not be called unfamiliar, at least one tile, each with what it is of.
        validated: whether that is of other structures than the training tiles, or the validation split.
        step: is told of each tile.
    """
    content = (folder / LITERT).read_bytes()
    with quiet_stderr():  # the first interpreter of a process greets
        engine = LiteRT(content, card)
    familiar = _typical(_described(engine, training, step), seed=card.seed)
    familiar.save(folder / OOD_FILE)
    distances = _distances(LiteRT(content, card, familiar), genuine, step)
    files = dict(card.files) | {OOD_FILE: sha256_of(folder / OOD_FILE)}
    largest = max(float(of.max()) for of in distances.values())
    found = (
        _familiarity(distances, _losing_few(distances), VALIDATED)
        if validated
        else _familiarity(distances, MARGIN * largest, UNVALIDATED)
    )
    return replace(card, files=files, familiarity=found)


def reach(distances: Mapping[str, Float32s], limit: float) -> float:
    """Return by how much a source goes beyond what a model knows that has not learned from it.

    That is the limit at which at most LOST of either class are lost, by the largest distance of the model's
    validation split.

    Args:
        distances: of the tiles of each class.
        limit: the model's, found without other concrete.
    """
    return _losing_few(distances) * MARGIN / limit


def with_limit_elsewhere(
    folder: Path, card: Card, validation: Iterable[Pixels], *, step: Callable[[], None] = lambda: None
) -> Card:
    """Return the card with the limit that suits the sources left out; one by --familiar stays.

    Args:
        folder: of the model, with its files.
        card: of the model, not yet written.
        validation: the tiles of the validation split.
        step: is told of each of them.
    """
    found, sources = card.familiarity, card.left_out.sources.values() if card.left_out else ()
    reaches = [one.reach for one in sources if one.reach is not None]
    if found is None or found.rule == VALIDATED or not reaches:
        return card
    with quiet_stderr():
        engine = LiteRT((folder / LITERT).read_bytes(), card, OODDetector.load(folder / OOD_FILE))
    distances = _distances(engine, ((VALIDATION, tile) for tile in validation), step)
    factor = max(1.0, *reaches)
    limit = factor * float(distances[VALIDATION].max())
    return replace(card, familiarity=_familiarity(distances, limit, ELSEWHERE.format(factor=factor)))


def spread(count: int) -> NDArray[np.int64]:
    """Return which of so many training tiles are looked at."""
    return evenly_spaced(count, TILES)


def _described(engine: LiteRT, tiles: Iterable[Pixels], step: Callable[[], None]) -> Float32s:
    found = []
    for tile in tiles:
        found.append(describe_tiles(engine.predict(tile[np.newaxis]).features, tile[np.newaxis]))
        step()
    return np.concatenate(found)


def _typical(tiles: Float32s, *, seed: int) -> OODDetector:
    """Find the tiles' prototypes: the centres of k-means."""
    from sklearn.cluster import MiniBatchKMeans  # of the extra, which scanning does without

    count = min(PROTOTYPES, len(tiles))
    means = MiniBatchKMeans(count, n_init=1, random_state=seed, batch_size=512, max_iter=20).fit(tiles)
    return OODDetector(means.cluster_centers_.astype(np.float32))


def readable(examples: Iterable[Example], *, input_px: int) -> Iterator[tuple[str, Pixels]]:
    """Yield the tile of each example, with its DATA and class; what cannot be read says nothing of concrete.

    Raises:
        BadData: none can be read.
    """
    count = 0
    for example in examples:
        with suppress(Unreadable):
            yield (
                f"{example.data}, {example.class_name}",
                read_tile(example.path, example.window, input_px=input_px),
            )
            count += 1
    if not count:
        raise BadData("None of the images of --familiar can be read; give photos of concrete.")


def _distances(
    engine: LiteRT, genuine: Iterable[tuple[str, Pixels]], step: Callable[[], None]
) -> dict[str, Float32s]:
    """Return the distances of the tiles by what they are of."""
    found: dict[str, list[float]] = {}
    for name, tile in genuine:
        found.setdefault(name, []).append(float(engine.predict(tile[np.newaxis]).distances[0]))
        step()
    return {name: np.array(distances, np.float32) for name, distances in found.items()}


def _losing_few(distances: Mapping[str, Float32s]) -> float:
    return max(float(np.quantile(of, 1 - LOST, method="higher")) for of in distances.values())


def _familiarity(distances: Mapping[str, Float32s], limit: float, rule: str) -> OODLimit:
    limit = math.ceil(1000 * limit) / 1000  # three decimals, as rows give it
    return OODLimit(
        limit=limit,
        rule=rule,
        tiles={name: len(of) for name, of in distances.items()},
        lost={name: float((of > limit).mean()) for name, of in distances.items()},
    )
