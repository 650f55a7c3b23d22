"""Judge Work: read, cut into tiles, ask the model, say what was found; on all cores, in plan order."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from crackscan import grid, resolution
from crackscan.classifier import Classifier, Judgement
from crackscan.errors import Stalled, Unreadable
from crackscan.evidence import Evidence, peak
from crackscan.labels import labelled
from crackscan.pose.shot import Shot
from crackscan.reading import Mosaic, Patch, Photo, Pixels, fit, judged_whole, open_mosaic, read_photo
from crackscan.records import DECIMALS, Kind, Result, ScanOptions, Status, Window, Work

if TYPE_CHECKING:
    from crackscan.georef import Place

UNLIKE = "unlike anything the model was trained on"
MIN_VALID = 0.5  # a tile with less data than this is not assessed
BATCH = 16  # tiles read and judged at once: few enough to stay in cache, enough to share one read
IN_FLIGHT = 4  # Work per worker ahead of what is written: bounds memory, and hides uneven Work

Batch = tuple[Window, ...]  # of neighbouring tiles
Read = Callable[[Batch], list[Patch]]


class Tile(NamedTuple):
    """What became of one tile."""

    window: Window
    status: Status
    valid: float | None = None
    probability: float | None = None
    peak: tuple[int, int] | None = None  # col, row
    distance: float | None = None  # from the training tiles
    reason: str | None = None


def scan(
    works: Iterable[Work], load: Callable[[], Classifier], *, jobs: int
) -> Generator[tuple[Work, list[Result]], None, None]:
    """Judge Work on `jobs` threads, each with its own classifier, and yield the results in plan order.

    Threads serve: decoding and the interpreters run outside Python's lock. Whoever stops early does not
    wait for them: each gives up its Work at the next batch.
    """
    local, ended = threading.local(), threading.Event()

    def run(work: Work) -> list[Result]:
        if not hasattr(local, "classifier"):
            local.classifier = _Stoppable(load(), ended)
        return judge(work, local.classifier)

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="crackscan")
    pending: deque[tuple[Work, Future[list[Result]]]] = deque()
    try:
        for work in works:
            pending.append((work, pool.submit(run, work)))
            if len(pending) >= IN_FLIGHT * jobs:
                yield _next(pending)
        while pending:
            yield _next(pending)
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


class _Stoppable:
    """A classifier that judges no more once nobody wants to know."""

    def __init__(self, classifier: Classifier, ended: threading.Event) -> None:
        self.model, self.input_px = classifier.model, classifier.input_px
        self._classifier, self._ended = classifier, ended

    def judge(self, tiles: Pixels) -> Judgement:
        """Judge tiles.

        Raises: CancelledError: the scan has ended.
        """
        if self._ended.is_set():
            raise CancelledError
        return self._classifier.judge(tiles)


def _next(pending: deque[tuple[Work, Future[list[Result]]]]) -> tuple[Work, list[Result]]:
    work, future = pending.popleft()
    return work, future.result()


def judge(work: Work, classifier: Classifier) -> list[Result]:
    """Return the rows of one Work. What cannot be read becomes a row that says so."""
    if work.fault is not None:
        rows = _unreadable(work, work.fault)
    else:
        try:
            rows = _judge_photo(work, classifier) if work.kind == "photo" else _judge_band(work, classifier)
        except Unreadable as fault:
            rows = _unreadable(work, str(fault))
    rows = [resolution.told(replace(row, model=classifier.model), work) for row in rows]
    return [labelled(row, work.options) for row in rows]


def _unreadable(work: Work, reason: str) -> list[Result]:
    """Return a row for a photo, or one for each tile that a mosaic's band would have given."""
    if work.window is None:
        kind: Kind = "photo" if work.kind == "photo" else "tile"
        return [Result(source=work.source, kind=kind, status="unreadable", reason=reason)]
    if work.kind == "photo":
        return [_tile_row(work, Tile(work.window, "unreadable", reason=reason))]
    windows = grid.tiles(work.window, tile_px=work.tile_px, overlap=work.options.overlap)
    return [_tile_row(work, Tile(window, "unreadable", reason=reason)) for window in windows]


def _judge_band(work: Work, classifier: Classifier) -> list[Result]:
    from crackscan.georef import georeference  # by rasterio, which a run over photos does without

    assert work.window is not None, "planning cuts every mosaic into bands"
    windows = list(grid.tiles(work.window, tile_px=work.tile_px, overlap=work.options.overlap))
    with open_mosaic(work.path, timeout=work.options.read_timeout) as mosaic:
        ground = georeference(mosaic.dataset, work.options.crs)
        places = [None] * len(windows) if ground is None else ground.places(windows)
        coarse = resolution.too_coarse((place.mm_per_px for place in places if place), work.options)
        if coarse and not work.options.judge_too_coarse:
            tiles = [Tile(window, "too_coarse") for window in windows]
        else:
            tiles = _mosaic_tiles(work, windows, mosaic, classifier)
    map_grid = None if ground is None else ground.grid
    rows = [
        replace(_tile_row(work, tile), grid=map_grid, reason=_joined(coarse, tile.reason)) for tile in tiles
    ]
    return [_placed(row, place) for row, place in zip(rows, places, strict=True)]


def _mosaic_tiles(work: Work, windows: list[Window], mosaic: Mosaic, classifier: Classifier) -> list[Tile]:
    mean_of = resolution.shrinking(work.tile_px, work.options)

    def read(batch: Batch) -> list[Patch]:
        return mosaic.read_tiles(batch, mean_of=mean_of)

    judged = _judge_tiles(read, windows, work.tile_px, classifier)
    return [_gated(tile, work.options) for tile in judged]


def _placed(row: Result, place: "Place | None") -> Result:
    if place is None:
        return row
    lon, lat = place.centre
    return replace(
        row, lon=lon, lat=lat, position_from="mosaic", mm_per_px=place.mm_per_px, outline=place.outline
    )


def _judge_photo(work: Work, classifier: Classifier) -> list[Result]:
    options = work.options
    photo = read_photo(work.path, timeout=options.read_timeout)
    windows, tile_px = _photo_windows(work, photo, classifier.input_px)
    judged = _judge_tiles(photo.patch.crops, windows, tile_px, classifier)
    tiles = [_gated(tile, options) for tile in judged]
    if options.per == "tile" or work.window is not None:
        rows = [_tile_row(work, tile) for tile in tiles]
    else:
        rows = [_photo_row(work, tiles, photo.patch.valid_fraction)]
    shot = Shot.of(photo, work.pose, footprint=options.footprint)
    return [_as_photographed(row, shot) for row in rows]


def _as_photographed(row: Result, shot: Shot) -> Result:
    """Add where, when and whither the camera looked."""
    outline = shot.outline(row.window if row.kind == "tile" else None)
    return replace(row, **shot.columns, outline=outline, reason=_joined(row.reason, *shot.notes))


def _joined(*reasons: str | None) -> str | None:
    return "; ".join(filter(None, reasons)) or None


def _photo_windows(work: Work, photo: Photo, input_px: int) -> tuple[Iterable[Window], int]:
    """Return a photo's tiles and their side: the whole of a small one, else tiles at native resolution."""
    width, height = photo.size
    if work.window is not None:
        return [work.window], max(work.window.width, work.window.height)
    if judged_whole(width, height, input_px=input_px):
        return [Window(0, 0, width, height)], max(width, height)
    options = work.options
    tiles = grid.windows(width, height, tile_px=options.tile_px, overlap=options.overlap)
    return tiles, options.tile_px


def _judge_tiles(
    read: Read, windows: Iterable[Window], tile_px: int, classifier: Classifier
) -> Iterator[Tile]:
    windows = iter(windows)
    while batch := tuple(islice(windows, BATCH)):
        yield from _judge_batch(read, batch, tile_px, classifier)


def _judge_batch(read: Read, batch: Batch, tile_px: int, classifier: Classifier) -> Iterator[Tile]:
    """Judge neighbouring tiles with one read; where that fails, each alone: a bad block costs one tile."""
    try:
        pieces = read(batch)
    except Stalled:
        raise  # each tile alone would only wait again
    except Unreadable as fault:
        if len(batch) == 1:
            yield Tile(batch[0], "unreadable", reason=str(fault))
            return
        for window in batch:
            yield from _judge_batch(read, (window,), tile_px, classifier)
        return
    tiles = [_unjudged(window, piece) for window, piece in zip(batch, pieces, strict=True)]
    seen = [
        fit(piece.filled(), tile_px // piece.mean_of, classifier.input_px)
        for piece, tile in zip(pieces, tiles, strict=True)
        if tile.status == "ok"
    ]
    answers = iter(_answers(seen, classifier))
    for tile in tiles:
        yield _judged(tile, *next(answers), tile_px) if tile.status == "ok" else tile


def _unjudged(window: Window, piece: Patch) -> Tile:
    valid = piece.valid_fraction
    return Tile(window, "ok" if valid >= MIN_VALID else "nodata", valid)


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


def _tile_row(work: Work, tile: Tile) -> Result:
    peak_col, peak_row = tile.peak or (None, None)
    return Result(
        source=work.source,
        kind="tile",
        status=tile.status,
        probability=tile.probability,
        **tile.window._asdict(),
        peak_col=peak_col,
        peak_row=peak_row,
        valid=tile.valid,
        reason=tile.reason,
        distance=tile.distance,
    )


def _photo_row(work: Work, tiles: list[Tile], valid: float) -> Result:
    assessed = [tile for tile in tiles if tile.status == "ok"]
    unfamiliar = [tile for tile in tiles if tile.status == "unfamiliar"]
    distance = min((tile.distance for tile in tiles if tile.distance is not None), default=None)
    if not assessed:
        status: Status = "unfamiliar" if unfamiliar else "nodata"
        reason = min(unfamiliar, key=lambda tile: tile.distance or 0.0).reason if unfamiliar else None
        return Result(
            source=work.source,
            kind="photo",
            status=status,
            tiles=0,
            crack_tiles=0,
            valid=valid,
            reason=reason,
            distance=distance,
        )
    strongest = max(assessed, key=lambda tile: tile.probability or 0.0)
    return replace(
        _tile_row(work, strongest),
        kind="photo",
        tiles=len(assessed),
        valid=valid,
        reason=_joined(strongest.reason, _left_out(unfamiliar, tiles)),
        distance=distance,
        judged=tuple((tile.window, tile.probability or 0.0) for tile in assessed),
    )


def _left_out(unfamiliar: list[Tile], tiles: list[Tile]) -> str | None:
    return f"{len(unfamiliar):,} of {len(tiles):,} tiles are {UNLIKE}" if unfamiliar else None
