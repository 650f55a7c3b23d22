"""Judge Work: read, cut into tiles, ask the model, say what was found; what cannot be read is a row, too."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby, islice, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from crackscan.basics import grid
from crackscan.basics.errors import Stalled, Unreadable
from crackscan.basics.records import Kind, MapGrid, Result, Status, Window, Work
from crackscan.geo.pose.camera_view import CameraView
from crackscan.model.predictions import Classifier
from crackscan.reading import Mosaic, Photo, is_one_tile, open_mosaic, read_photos
from crackscan.scanning import resolution
from crackscan.scanning.row_labels import label_row
from crackscan.scanning.tiles import BATCH, UNLIKE, Block, Piece, Tile, predict_block, predict_tiles

if TYPE_CHECKING:
    from crackscan.geo.georef import Georeference, GroundLocation


def infer(work: Work, classifier: Classifier) -> list[Result]:
    """Return the rows of one Work. What cannot be read becomes a row that says so."""
    (rows,) = infer_each([work], classifier)
    return rows


def infer_each(works: Sequence[Work], classifier: Classifier) -> Iterator[list[Result]]:
    """Yield the rows of each Work, as if it were judged alone; neighbours share what reading them costs."""
    for (readable, mosaic), run in groupby(works, key=lambda work: (work.fault is None, work.mosaic)):
        neighbours = list(run)
        if mosaic is not None:
            found = _judge_bands(neighbours, classifier)
        elif readable:
            found = _judge_photos(neighbours, classifier)
        else:
            found = (_unreadable(work, work.fault) for work in neighbours if work.fault is not None)
        for work, rows in zip(neighbours, found, strict=True):
            told = [
                replace(
                    row, model=classifier.model, judged_mm_per_px=resolution.assessed_mm_per_px(row, work)
                )
                for row in rows
            ]
            yield [label_row(row, work.options) for row in told]


def _judge_bands(works: Sequence[Work], classifier: Classifier) -> Iterator[list[Result]]:
    """Yield the rows of bands of one mosaic: opened once, a block that two of them touch is decoded once."""
    from crackscan.geo.georef import read_georeference  # by rasterio, which a run over photos does without

    left, apart = deque(works), False
    while left:
        options, together = left[0].options, 1
        try:
            with open_mosaic(left[0].path, timeout=options.read_timeout) as mosaic:
                ground = read_georeference(mosaic.dataset, options.crs)
                together = len(left) if mosaic.in_blocks and not apart else 1
                while left:
                    bands = [_Band.of(work, ground) for work in islice(left, together)]
                    for rows in _side_by_side(bands, mosaic, classifier):
                        left.popleft()
                        yield rows
        except Unreadable as fault:  # after which the next band opens it afresh
            if together > 1:
                apart = True  # which of them it is shows when each is judged alone
            else:
                yield _unreadable(left.popleft(), str(fault))


class _Band(NamedTuple):
    """A band of a mosaic, and the tiles that it gives."""

    work: Work
    windows: list[Window]
    places: "Sequence[GroundLocation | None]"  # of the tiles, on earth
    map_grid: MapGrid | None
    coarse: str | None  # why the tiles are too coarse, if they are

    @classmethod
    def of(cls, work: Work, ground: "Georeference | None") -> "_Band":
        assert work.window is not None, "planning cuts every mosaic into bands"
        windows = list(grid.tiles(work.window, tile_px=work.tile_px, overlap=work.options.overlap))
        if ground is None:
            return cls(work, windows, [None] * len(windows), None, None)
        places = ground.locate_all(windows)
        coarse = resolution.too_coarse_reason((place.mm_per_px for place in places if place), work.options)
        return cls(work, windows, places, ground.grid, coarse)

    def rows(self, tiles: Iterable[Tile]) -> list[Result]:
        """Return the rows of the tiles, which come as the windows lie."""
        return [self._row(tile, place) for tile, place in zip(tiles, self.places, strict=True)]

    def _row(self, tile: Tile, place: "GroundLocation | None") -> Result:
        tile = tile._replace(reason=_joined(self.coarse, tile.reason))
        if place is None:
            return _tile_row(self.work, tile)
        lon, lat = place.centre
        return _tile_row(
            self.work,
            tile,
            grid=self.map_grid,
            lon=lon,
            lat=lat,
            position_from="mosaic",
            mm_per_px=place.mm_per_px,
            outline=place.outline,
        )


def _side_by_side(bands: list[_Band], mosaic: Mosaic, classifier: Classifier) -> Iterator[list[Result]]:
    """Yield the rows of bands that are judged in turn, a part of each.

    However wide they are, what one has read of a block is still there when the next reads the rest of it.
    """
    turns = zip_longest(*(_parts(band, mosaic, classifier) for band in bands), fillvalue=())
    for band, parts in zip(bands, list(zip(*turns, strict=True)), strict=True):
        yield band.rows(_row_by_row(parts))


def _parts(band: _Band, mosaic: Mosaic, classifier: Classifier) -> Iterator[Iterable[Tile]]:
    """Yield the tiles of a band, some neighbours at a time."""
    work, options = band.work, band.work.options
    decimation = resolution.decimation_of(work.tile_px, options)
    if band.coarse and not options.judge_too_coarse:
        yield [Tile(window, "too_coarse") for window in band.windows]
    elif grid.stride_cells(options.overlap):
        area = grid.bounding_window(tuple(band.windows))
        for block in grid.blocks(area, tile_px=work.tile_px, overlap=options.overlap):
            yield _mosaic_block(work, block, mosaic, classifier, decimation)
    else:
        for at in range(0, len(band.windows), BATCH):
            pieces = _pieces(mosaic, tuple(band.windows[at : at + BATCH]), work.tile_px, decimation)
            yield list(predict_tiles(pieces, classifier, options))


def _mosaic_block(
    work: Work, windows: tuple[Window, ...], mosaic: Mosaic, classifier: Classifier, decimation: int
) -> list[Tile]:
    """Judge tiles in one pass; where they cannot be read at once, each alone."""
    try:
        (patch,) = mosaic.read_tiles([grid.bounding_window(windows)], decimation=decimation)
    except Stalled:
        raise
    except Unreadable:
        pieces = _pieces(mosaic, windows, work.tile_px, decimation)
        return list(predict_tiles(pieces, classifier, work.options))
    return predict_block(Block(windows, patch, work.tile_px), classifier, work.options)


def _row_by_row(parts: Iterable[Iterable[Tile]]) -> list[Tile]:
    """Return the tiles of parts in the order in which one alone after the other would have come."""
    return sorted(chain.from_iterable(parts), key=lambda tile: (tile.window.row, tile.window.col))


def _pieces(mosaic: Mosaic, windows: tuple[Window, ...], tile_px: int, decimation: int) -> list[Piece]:
    """Read neighbouring tiles at once; where that fails, each alone: a bad block costs one tile."""
    try:
        patches = mosaic.read_tiles(windows, decimation=decimation)
    except Stalled:
        raise  # each tile alone would only wait again
    except Unreadable as fault:
        if len(windows) == 1:
            return [Piece(windows[0], None, tile_px, str(fault))]
        return [piece for window in windows for piece in _pieces(mosaic, (window,), tile_px, decimation)]
    return [Piece(window, patch, tile_px) for window, patch in zip(windows, patches, strict=True)]


def _judge_photos(works: Sequence[Work], classifier: Classifier) -> Iterator[list[Result]]:
    """Yield the rows of photos; those that were read together are judged together."""
    following, timeout = iter(works), works[0].options.read_timeout
    for photos in read_photos([work.path for work in works], timeout=timeout):
        read = list(zip(islice(following, len(photos)), photos, strict=True))
        cut = [_cut(work, photo, classifier.input_px) for work, photo in read]
        tiles = predict_tiles(chain.from_iterable(cut), classifier, works[0].options)
        for (work, photo), pieces in zip(read, cut, strict=True):
            alone = list(islice(tiles, len(pieces)))
            yield _photo_rows(work, photo, alone or _photo_blocks(work, photo, classifier))


def _cut(work: Work, photo: Photo | Unreadable, input_px: int) -> list[Piece]:
    """Cut a photo into tiles that are judged alone, if they are."""
    if isinstance(photo, Unreadable) or _in_blocks(work, photo, input_px):
        return []
    windows, tile_px = _photo_windows(work, photo, input_px)
    return [Piece(window, photo.patch.crop(window), tile_px) for window in windows]


def _photo_blocks(work: Work, photo: Photo | Unreadable, classifier: Classifier) -> list[Tile]:
    """Judge a photo's tiles, some in one pass each, if they are judged so."""
    if isinstance(photo, Unreadable):
        return []
    options, whole = work.options, Window(0, 0, *photo.size)
    blocks = grid.blocks(whole, tile_px=options.tile_px, overlap=options.overlap)
    read = (Block(block, photo.patch.crop(grid.bounding_window(block)), options.tile_px) for block in blocks)
    return _row_by_row(predict_block(block, classifier, options) for block in read)


def _in_blocks(work: Work, photo: Photo, input_px: int) -> bool:
    return (
        work.window is None
        and not is_one_tile(*photo.size, input_px=input_px)
        and grid.stride_cells(work.options.overlap) > 0
    )


def _photo_rows(work: Work, photo: Photo | Unreadable, tiles: list[Tile]) -> list[Result]:
    if isinstance(photo, Unreadable):
        return _unreadable(work, str(photo))
    options = work.options
    if options.per == "tile" or work.window is not None:
        rows = [_tile_row(work, tile) for tile in tiles]
    else:
        rows = [_photo_row(work, tiles, photo.patch.valid_fraction)]
    shot = CameraView.from_photo(photo, work.pose, footprint=options.footprint)
    return [_as_photographed(row, shot) for row in rows]


def _as_photographed(row: Result, shot: CameraView) -> Result:
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
    if is_one_tile(width, height, input_px=input_px):
        return [Window(0, 0, width, height)], max(width, height)
    options = work.options
    tiles = grid.windows(width, height, tile_px=options.tile_px, overlap=options.overlap)
    return tiles, options.tile_px


def _unreadable(work: Work, reason: str) -> list[Result]:
    """Return a row for a photo, or one for each tile that a mosaic's band would have given."""
    if work.window is None:
        kind: Kind = "photo" if work.kind == "photo" else "tile"
        return [Result(source=work.source, kind=kind, status="unreadable", reason=reason)]
    if work.kind == "photo":
        return [_tile_row(work, Tile(work.window, "unreadable", reason=reason))]
    windows = grid.tiles(work.window, tile_px=work.tile_px, overlap=work.options.overlap)
    return [_tile_row(work, Tile(window, "unreadable", reason=reason)) for window in windows]


def _tile_row(work: Work, tile: Tile, **known: Any) -> Result:
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
        **known,
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
