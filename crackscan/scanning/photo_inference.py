"""Inference of photos: read, cut into tiles, predict, and describe the camera's position."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from crackscan.basics import grid
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Result, RowOptions, Window, Work
from crackscan.geo.pose.camera_view import CameraView
from crackscan.model.predictions import Classifier
from crackscan.reading import Photo, is_one_tile, read_photos
from crackscan.reading.locations import fetch_ahead
from crackscan.scanning.cores import Cores
from crackscan.scanning.rows import (
    join_reasons,
    photo_and_tile_rows,
    photo_row,
    tile_row,
    unreadable_rows,
)
from crackscan.scanning.tiles import Block, Piece, Tile, predict_block, predict_tiles, row_by_row


def photos_rows(works: Sequence[Work], classifier: Classifier, options: RowOptions) -> Iterator[list[Result]]:
    """Yield the rows of each photo; photos that were read together are judged together."""
    remaining, timeout = iter(works), works[0].options.read_timeout
    fetch_ahead([work.path for work in works])  # of a bucket, those of one group at the same time
    for photos in read_photos([work.path for work in works], timeout=timeout):
        pairs = list(zip(islice(remaining, len(photos)), photos, strict=True))
        cut = [_single_pieces(work, photo, classifier.input_px) for work, photo in pairs]
        tiles = predict_tiles(chain.from_iterable(cut), classifier, options)
        for (work, photo), pieces in zip(pairs, cut, strict=True):
            judged = list(islice(tiles, len(pieces))) or _predict_blocks(work, photo, classifier, options)
            yield _rows(work, photo, _traced(work, photo, judged, classifier, options))


def _single_pieces(work: Work, photo: Photo | Unreadable, input_px: int) -> list[Piece]:
    """Cut a photo into tiles that are judged one by one; none if it is judged in blocks."""
    if isinstance(photo, Unreadable) or _in_blocks(work, photo, input_px):
        return []
    windows, tile_px = _windows(work, photo, input_px)
    return [Piece(window, photo.patch.crop(window), tile_px) for window in windows]


def _predict_blocks(
    work: Work, photo: Photo | Unreadable, classifier: Classifier, options: RowOptions
) -> list[Tile]:
    """Predict a photo's tiles block by block."""
    if isinstance(photo, Unreadable):
        return []
    tile_px, overlap = work.options.tile_px, work.options.overlap
    windows = grid.blocks(Window(0, 0, *photo.size), tile_px=tile_px, overlap=overlap)
    blocks = (Block(block, photo.patch.crop(grid.bounding_window(block)), tile_px) for block in windows)
    return row_by_row(predict_block(block, overlap, classifier, options) for block in blocks)


def _traced(
    work: Work,
    photo: Photo | Unreadable,
    tiles: list[Tile],
    classifier: Classifier,
    options: RowOptions,
) -> list[Tile]:
    """Return a photo's tiles with their traces, if cracks are traced."""
    if isinstance(photo, Unreadable) or not work.options.lines:
        return tiles
    from crackscan.scanning.trace_tiles import Tracer  # a scan without lines starts faster without it

    cores = Cores(photo.size, tile_px=work.options.tile_px, overlap=work.options.overlap)
    _, side = _windows(work, photo, classifier.input_px)
    scale = side / classifier.input_px
    return Tracer(classifier, photo.patch.crop, cores, scale, options.line_floor).trace(tiles)


def _in_blocks(work: Work, photo: Photo, input_px: int) -> bool:
    return (
        work.window is None
        and not is_one_tile(*photo.size, input_px=input_px)
        and grid.stride_cells(work.options.overlap) > 0
    )


def _windows(work: Work, photo: Photo, input_px: int) -> tuple[Iterable[Window], int]:
    """Return a photo's tiles and their side: all of a small photo, else tiles at native resolution."""
    width, height = photo.size
    if work.window is not None:
        return [work.window], max(work.window.width, work.window.height)
    if is_one_tile(width, height, input_px=input_px):
        return [Window(0, 0, width, height)], max(width, height)
    tile_px = work.options.tile_px
    return grid.windows(width, height, tile_px=tile_px, overlap=work.options.overlap), tile_px


def _rows(work: Work, photo: Photo | Unreadable, tiles: list[Tile]) -> list[Result]:
    if isinstance(photo, Unreadable):
        return unreadable_rows(work, str(photo))
    if work.options.lines and work.window is None:
        rows = photo_and_tile_rows(work, tiles, photo.patch.valid_fraction)
    elif work.options.per == "tile" or work.window is not None:
        rows = [tile_row(work, tile) for tile in tiles]
    else:
        rows = [photo_row(work, tiles, photo.patch.valid_fraction)]
    view = CameraView.from_photo(photo, work.pose, footprint=work.options.footprint)
    return [_with_camera_view(row, view) for row in rows]


def _with_camera_view(row: Result, view: CameraView) -> Result:
    """Add where and when a photo was taken, and the direction of its camera."""
    outline = view.outline(row.window if row.kind == "tile" else None)
    return replace(row, **view.columns, outline=outline, reason=join_reasons(row.reason, *view.notes))
