"""Pieces of images become tiles that were judged, or say why they were not; a few at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from crackscan.classifier import Classifier
from crackscan.evidence import Evidence, peak
from crackscan.reading import Patch, Pixels, fit
from crackscan.records import DECIMALS, ScanOptions, Status, Window

UNLIKE = "unlike anything the model was trained on"
MIN_VALID = 0.5  # a tile with less data than this is not assessed
BATCH = 16  # tiles judged at once: few enough to stay in cache, enough to share what a call costs


class Piece(NamedTuple):
    """What was read of an image for one tile."""

    window: Window
    patch: Patch | None  # None: it could not be read
    tile_px: int  # side of the tile; a smaller window is filled up to it
    fault: str | None = None  # why


class Tile(NamedTuple):
    """What became of one tile."""

    window: Window
    status: Status
    valid: float | None = None
    probability: float | None = None
    peak: tuple[int, int] | None = None  # col, row
    distance: float | None = None  # from the training tiles
    reason: str | None = None


def judged_tiles(pieces: Iterable[Piece], classifier: Classifier, options: ScanOptions) -> Iterator[Tile]:
    """Yield what becomes of each piece, in order; one that is mostly without data is not judged."""
    pieces = iter(pieces)
    while batch := list(islice(pieces, BATCH)):
        tiles = [_unjudged(piece) for piece in batch]
        together = list(zip(batch, tiles, strict=True))
        seen = [_input(piece, classifier) for piece, tile in together if tile.status == "ok"]
        answers = iter(_answers(seen, classifier))
        for piece, tile in together:
            if tile.status == "ok":
                yield _gated(_judged(tile, *next(answers), piece.tile_px), options)
            else:
                yield tile


def _unjudged(piece: Piece) -> Tile:
    if piece.patch is None:
        return Tile(piece.window, "unreadable", reason=piece.fault)
    valid = piece.patch.valid_fraction
    return Tile(piece.window, "ok" if valid >= MIN_VALID else "nodata", valid)


def _input(piece: Piece, classifier: Classifier) -> Pixels:
    assert piece.patch is not None, "else it is unreadable"
    return fit(piece.patch.filled(), piece.tile_px // piece.patch.mean_of, classifier.input_px)


def _answers(inputs: list[Pixels], classifier: Classifier) -> Iterator[tuple[float, Evidence, float]]:
    if inputs:
        found = classifier.judge(np.stack(inputs))
        yield from zip(found.probabilities.tolist(), found.evidence, found.distances.tolist(), strict=True)


def _judged(tile: Tile, probability: float, evidence: Evidence, distance: float, tile_px: int) -> Tile:
    return tile._replace(
        probability=round(probability, DECIMALS["probability"]),
        peak=peak(evidence, tile.window, tile_px),
        distance=round(distance, DECIMALS["distance"]),
    )


def _gated(tile: Tile, options: ScanOptions) -> Tile:
    """Take back what was said of a tile that is unlike anything that the model was trained on."""
    if tile.distance is None or options.farthest is None or tile.distance <= options.farthest:
        return tile
    reason = f"{UNLIKE} (distance {tile.distance:g}, limit {options.farthest:g})"
    if options.judge_unfamiliar:
        return tile._replace(reason=reason)
    return tile._replace(status="unfamiliar", probability=None, peak=None, reason=reason)
