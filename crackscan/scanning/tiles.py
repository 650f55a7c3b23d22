"""Pieces of images become tiles that were judged, or say why they were not; a few at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import ceil
from typing import NamedTuple

import numpy as np

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.records import DECIMALS, ScanOptions, Status, Window
from crackscan.model.network import STRIDE
from crackscan.model.predictions import Classifier, Predictions
from crackscan.reading import Patch, fit, fit_to
from crackscan.scanning.activation_map import CellPosition, peak_pixel, strongest_cells

UNLIKE = "unlike anything the model was trained on"
MIN_VALID = 0.5  # a tile with less data than this is not assessed
BATCH = 16  # tiles judged at once: few enough to stay in cache, enough to share what a call costs


class Piece(NamedTuple):
    """What was read of an image for one tile."""

    window: Window
    patch: Patch | None  # None: it could not be read
    tile_px: int  # side of the tile; a smaller window is filled up to it
    fault: str | None = None  # why


class Block(NamedTuple):
    """What was read of an image for tiles that are judged in one pass, each with the others around it."""

    windows: tuple[Window, ...]  # row by row, in even steps, as `grid.blocks` gives them
    patch: Patch  # around them all
    tile_px: int

    def pieces(self) -> Iterator[Piece]:
        """Yield what was read for each tile."""
        area, patch = grid.bounding_window(self.windows), self.patch
        empty = patch.valid is not None and not patch.valid.any()
        for window in self.windows:
            inside = Window(*(length // patch.decimation for length in grid.relative_to(window, area)))
            yield Piece(window, patch if empty else patch.crop(inside), self.tile_px)

    def picture(self, input_px: int, overlap: float) -> Pixels:
        """Return what the model sees, uint8 (height, width, 3): tiles at its scale, so many places apart."""
        counts = [len({window[axis] for window in self.windows}) - 1 for axis in (1, 0)]
        step, apart = grid.step_px(self.tile_px, overlap), grid.stride_cells(overlap) * STRIDE
        height, width = (ceil((self.tile_px + step * count) / self.patch.decimation) for count in counts)
        rows, cols = (input_px + apart * count for count in counts)
        return fit_to(self.patch.filled(), (height, width), (rows, cols))


class Tile(NamedTuple):
    """What became of one tile."""

    window: Window
    status: Status
    valid: float | None = None
    probability: float | None = None
    peak: tuple[int, int] | None = None  # col, row
    distance: float | None = None  # from the training tiles
    reason: str | None = None


def predict_tiles(pieces: Iterable[Piece], classifier: Classifier, options: ScanOptions) -> Iterator[Tile]:
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


def predict_block(block: Block, classifier: Classifier, options: ScanOptions) -> list[Tile]:
    """Return what becomes of tiles that are judged in one pass, in order, as of those that are alone."""
    tiles = [_unjudged(piece) for piece in block.pieces()]
    if all(tile.status == "nodata" for tile in tiles):
        return tiles
    picture = block.picture(classifier.input_px, options.overlap)
    answers = _told(classifier.predict(picture[np.newaxis], grid.stride_cells(options.overlap)))
    return [
        _gated(_judged(tile, *answer, block.tile_px), options) if tile.status == "ok" else tile
        for tile, answer in zip(tiles, answers, strict=True)
    ]


def _unjudged(piece: Piece) -> Tile:
    if piece.patch is None:
        return Tile(piece.window, "unreadable", reason=piece.fault)
    valid = piece.patch.valid_fraction
    return Tile(piece.window, "ok" if valid >= MIN_VALID else "nodata", valid)


def _input(piece: Piece, classifier: Classifier) -> Pixels:
    assert piece.patch is not None, "else it is unreadable"
    return fit(piece.patch.filled(), piece.tile_px // piece.patch.decimation, classifier.input_px)


def _answers(inputs: list[Pixels], classifier: Classifier) -> Iterator[tuple[float, CellPosition, float]]:
    if inputs:
        yield from _told(classifier.predict(np.stack(inputs)))


def _told(found: Predictions) -> Iterator[tuple[float, CellPosition, float]]:
    places = strongest_cells(found.activation_maps)
    return zip(found.probabilities.tolist(), places, found.distances.tolist(), strict=True)


def _judged(tile: Tile, probability: float, place: CellPosition, distance: float, tile_px: int) -> Tile:
    return tile._replace(
        probability=round(probability, DECIMALS["probability"]),
        peak=peak_pixel(place, tile.window, tile_px),
        distance=round(distance, DECIMALS["distance"]),
    )


def _gated(tile: Tile, options: ScanOptions) -> Tile:
    """Take back what was said of a tile that is unlike anything that the model was trained on."""
    if tile.distance is None or options.max_distance is None or tile.distance <= options.max_distance:
        return tile
    reason = f"{UNLIKE} (distance {tile.distance:g}, limit {options.max_distance:g})"
    if options.judge_unfamiliar:
        return tile._replace(reason=reason)
    return tile._replace(status="unfamiliar", probability=None, peak=None, reason=reason)
