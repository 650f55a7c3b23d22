"""Prediction of tiles: pieces of images become tiles with a status, and a probability where assessed."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from math import ceil
from typing import NamedTuple

import numpy as np

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.records import DECIMALS, RowOptions, Status, Trace, Window
from crackscan.model.network import STRIDE
from crackscan.model.predictions import Classifier, Predictions
from crackscan.reading import Patch, fit, fit_to
from crackscan.scanning.activation_map import CellPosition, peak_pixel, strongest_cells

UNFAMILIAR = "unlike concrete in any light"
MIN_VALID = 0.5  # a tile whose valid fraction is below this is not assessed
BATCH = 16  # tiles per call of the model: few enough to stay in cache, enough to share the cost of a call


class Piece(NamedTuple):
    """The pixels that were read for one tile."""

    window: Window
    patch: Patch | None  # None: it could not be read
    tile_px: int  # side of the tile; a smaller window is filled up to it
    fault: str | None = None  # why it could not be read


class Block(NamedTuple):
    """The pixels that were read for tiles that are judged in one pass, each with its neighbours."""

    windows: tuple[Window, ...]  # row by row, evenly spaced, as `grid.blocks` gives them
    patch: Patch  # that covers them all
    tile_px: int

    def pieces(self) -> Iterator[Piece]:
        """Yield the pixels of each tile."""
        area, patch = grid.bounding_window(self.windows), self.patch
        empty = patch.valid is not None and not patch.valid.any()
        for window in self.windows:
            inside = Window(*(length // patch.decimation for length in grid.relative_to(window, area)))
            yield Piece(window, patch if empty else patch.crop(inside), self.tile_px)

    def picture(self, input_px: int, overlap: float) -> Pixels:
        """Return the block at the model's scale, uint8 (height, width, 3); tiles lie whole cells apart."""
        counts = [len({window[axis] for window in self.windows}) - 1 for axis in (1, 0)]
        step, input_step = grid.step_px(self.tile_px, overlap), grid.stride_cells(overlap) * STRIDE
        height, width = (ceil((self.tile_px + step * count) / self.patch.decimation) for count in counts)
        rows, cols = (input_px + input_step * count for count in counts)
        return fit_to(self.patch.filled(), (height, width), (rows, cols))


class Tile(NamedTuple):
    """The result for one tile."""

    window: Window
    status: Status
    valid: float | None = None
    probability: float | None = None
    peak: tuple[int, int] | None = None  # col, row
    distance: float | None = None  # from concrete
    reason: str | None = None
    traces: tuple[Trace, ...] = ()  # of cracks that begin in it


Prediction = tuple[float, CellPosition, float]  # probability, strongest cell, distance


def predict_tiles(pieces: Iterable[Piece], classifier: Classifier, options: RowOptions) -> Iterator[Tile]:
    """Yield the result for each piece, in order; a piece that is mostly without data is not judged."""
    pieces = iter(pieces)
    while batch := list(islice(pieces, BATCH)):
        tiles = [_tile_before_prediction(piece) for piece in batch]
        pairs = list(zip(batch, tiles, strict=True))
        inputs = [_model_input(piece, classifier) for piece, tile in pairs if tile.status == "ok"]
        predictions = iter(_predictions_per_tile(classifier.predict(np.stack(inputs))) if inputs else ())
        for piece, tile in pairs:
            if tile.status == "ok":
                yield _reject_ood(_with_prediction(tile, next(predictions), piece.tile_px), options)
            else:
                yield tile


def predict_block(block: Block, overlap: float, classifier: Classifier, options: RowOptions) -> list[Tile]:
    """Return the results for tiles that are judged in one pass, in the order of the block's windows."""
    tiles = [_tile_before_prediction(piece) for piece in block.pieces()]
    if all(tile.status == "nodata" for tile in tiles):
        return tiles
    picture = block.picture(classifier.input_px, overlap)
    predictions = _predictions_per_tile(classifier.predict(picture[np.newaxis], grid.stride_cells(overlap)))
    return [
        _reject_ood(_with_prediction(tile, prediction, block.tile_px), options)
        if tile.status == "ok"
        else tile
        for tile, prediction in zip(tiles, predictions, strict=True)
    ]


def row_by_row(parts: Iterable[Iterable[Tile]]) -> list[Tile]:
    """Return the tiles of several parts in the order in which a scan tile by tile would give them."""
    return sorted(chain.from_iterable(parts), key=lambda tile: (tile.window.row, tile.window.col))


def _tile_before_prediction(piece: Piece) -> Tile:
    if piece.patch is None:
        return Tile(piece.window, "unreadable", reason=piece.fault)
    valid = piece.patch.valid_fraction
    return Tile(piece.window, "ok" if valid >= MIN_VALID else "nodata", valid)


def _model_input(piece: Piece, classifier: Classifier) -> Pixels:
    assert piece.patch is not None, "else it is unreadable"
    return fit(piece.patch.filled(), piece.tile_px // piece.patch.decimation, classifier.input_px)


def _predictions_per_tile(predictions: Predictions) -> Iterator[Prediction]:
    cells = strongest_cells(predictions.activation_maps)
    return zip(predictions.probabilities.tolist(), cells, predictions.distances.tolist(), strict=True)


def _with_prediction(tile: Tile, prediction: Prediction, tile_px: int) -> Tile:
    probability, cell, distance = prediction
    return tile._replace(
        probability=round(probability, DECIMALS["probability"]),
        peak=peak_pixel(cell, tile.window, tile_px),
        distance=round(distance, DECIMALS["distance"]),
    )


def _reject_ood(tile: Tile, options: RowOptions) -> Tile:
    """Remove the prediction of a tile that does not look like concrete."""
    if tile.distance is None or options.max_distance is None or tile.distance <= options.max_distance:
        return tile
    reason = f"{UNFAMILIAR} (distance {tile.distance:g}, limit {options.max_distance:g})"
    if options.judge_unfamiliar:
        return tile._replace(reason=reason)
    return tile._replace(status="unfamiliar", probability=None, peak=None, reason=reason)
