"""Inference of mosaics: bands are read, cut into tiles, predicted, and placed on the map."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from crackscan.basics import grid
from crackscan.basics.errors import Stalled, Unreadable
from crackscan.basics.records import MapGrid, Result, RowOptions, Window, Work
from crackscan.model.predictions import Classifier
from crackscan.reading import Mosaic, open_mosaic
from crackscan.scanning import resolution
from crackscan.scanning.cores import Cores
from crackscan.scanning.rows import OFF_THE_EARTH, join_reasons, tile_row, unreadable_rows
from crackscan.scanning.tiles import BATCH, Block, Piece, Tile, predict_block, predict_tiles, row_by_row

if TYPE_CHECKING:
    from crackscan.geo.georef import Georeference, GroundLocation


class Predictor(NamedTuple):
    """The model and the rules that predict tiles."""

    classifier: Classifier
    options: RowOptions
    cores: Cores | None = None  # of the mosaic's tiles, if cracks are traced


def bands_rows(works: Sequence[Work], classifier: Classifier, options: RowOptions) -> Iterator[list[Result]]:
    """Yield the rows of each band of one mosaic.

    The mosaic is opened once, and a block of the file that two bands touch is decoded once.
    """
    # both import rasterio, which a scan of photos does not need
    from crackscan.geo.georef import read_georeference
    from crackscan.geo.missing_crs import misplaced_reason

    remaining, one_by_one = deque(works), False
    while remaining:
        first, together = remaining[0], 1
        tile_options = first.options
        try:
            with open_mosaic(first.path, timeout=tile_options.read_timeout, folders=first.folders) as mosaic:
                mosaic.check_identity(first.identity)
                georef = read_georeference(mosaic.dataset, tile_options.crs)
                misplaced = None if georef else misplaced_reason(mosaic.dataset, tile_options.crs)
                predictor = Predictor(classifier, options, _cores(first, mosaic))
                together = len(remaining) if mosaic.in_blocks and not one_by_one else 1
                while remaining:
                    bands = [
                        Band.of_work(work, georef, options, misplaced) for work in islice(remaining, together)
                    ]
                    for rows in _interleaved_rows(bands, mosaic, predictor):
                        remaining.popleft()
                        yield rows
        except Unreadable as fault:  # the next band opens the mosaic again
            if together > 1:
                one_by_one = True  # shows which of the bands cannot be read
            else:
                yield unreadable_rows(remaining.popleft(), str(fault))


class Band(NamedTuple):
    """A band of a mosaic and its tiles."""

    work: Work
    windows: list[Window]
    locations: "Sequence[GroundLocation | None]"  # of the tiles
    map_grid: MapGrid | None
    too_coarse: str | None  # why the tiles are too coarse, if they are
    misplaced: str | None = None  # why tiles without a location have none, where that is a fault

    @classmethod
    def of_work(
        cls, work: Work, georef: "Georeference | None", options: RowOptions, misplaced: str | None = None
    ) -> "Band":
        """Cut a Work into tiles and locate them; misplaced: why there is no georeference."""
        assert work.window is not None, "planning cuts every mosaic into bands"
        windows = list(grid.tiles(work.window, tile_px=work.tile_px, overlap=work.options.overlap))
        if georef is None:
            return cls(work, windows, [None] * len(windows), None, None, misplaced)
        locations = georef.locate_all(windows)
        resolutions = (location.mm_per_px for location in locations if location)
        too_coarse = resolution.too_coarse_reason(resolutions, options)
        return cls(work, windows, locations, georef.grid, too_coarse, OFF_THE_EARTH)

    def rows(self, tiles: Iterable[Tile]) -> list[Result]:
        """Return the rows of the band's tiles, which come in the order of `windows`."""
        return [self._row(tile, location) for tile, location in zip(tiles, self.locations, strict=True)]

    def _row(self, tile: Tile, location: "GroundLocation | None") -> Result:
        tile = tile._replace(reason=join_reasons(self.too_coarse, tile.reason))
        if location is None:
            reason = join_reasons(tile.reason, self.misplaced)
            return tile_row(self.work, tile._replace(reason=reason))
        lon, lat = location.centre
        return tile_row(
            self.work,
            tile,
            grid=self.map_grid,
            lon=lon,
            lat=lat,
            position_from="mosaic",
            mm_per_px=location.mm_per_px,
            outline=location.outline,
        )


def _interleaved_rows(bands: list[Band], mosaic: Mosaic, predictor: Predictor) -> Iterator[list[Result]]:
    """Yield the rows of each band, while the bands are judged in turns, a few tiles of each.

    However wide they are, the blocks that one band has read are still in GDAL's cache for the next band.
    """
    turns = zip_longest(*(_parts(band, mosaic, predictor) for band in bands), fillvalue=())
    for band, parts in zip(bands, list(zip(*turns, strict=True)), strict=True):
        yield band.rows(row_by_row(parts))


def _cores(work: Work, mosaic: Mosaic) -> Cores | None:
    """Return the cores of a mosaic's tiles, if cracks are traced."""
    if not work.options.lines:
        return None
    return Cores(mosaic.size, tile_px=work.tile_px, overlap=work.options.overlap)


def _parts(band: Band, mosaic: Mosaic, predictor: Predictor) -> Iterator[Iterable[Tile]]:
    """Yield the tiles of a band, some neighbours at a time, with their traces."""
    if predictor.cores is None:
        yield from _judged_parts(band, mosaic, predictor)
        return
    from crackscan.scanning.trace_tiles import Tracer  # a scan without lines starts faster without it

    decimation = resolution.decimation_of(band.work.tile_px, band.work.options)
    tracer = Tracer(
        predictor.classifier,
        partial(mosaic.read, decimation=decimation),
        predictor.cores,
        band.work.tile_px / predictor.classifier.input_px,
        predictor.options.line_floor,
        decimation,
    )
    for part in _judged_parts(band, mosaic, predictor):
        yield tracer.trace(list(part))


def _judged_parts(band: Band, mosaic: Mosaic, predictor: Predictor) -> Iterator[Iterable[Tile]]:
    work, options = band.work, band.work.options
    decimation = resolution.decimation_of(work.tile_px, options)
    if band.too_coarse and not predictor.options.judge_too_coarse:
        yield [Tile(window, "too_coarse") for window in band.windows]
    elif grid.stride_cells(options.overlap):
        area = grid.bounding_window(tuple(band.windows))
        for block in grid.blocks(area, tile_px=work.tile_px, overlap=options.overlap):
            yield _predict_block(work, block, mosaic, predictor, decimation)
    else:
        for start in range(0, len(band.windows), BATCH):
            windows = tuple(band.windows[start : start + BATCH])
            yield list(
                predict_tiles(
                    _pieces(mosaic, windows, work.tile_px, decimation),
                    predictor.classifier,
                    predictor.options,
                )
            )


def _predict_block(
    work: Work, windows: tuple[Window, ...], mosaic: Mosaic, predictor: Predictor, decimation: int
) -> list[Tile]:
    """Predict tiles in one pass; if they cannot be read together, one by one."""
    try:
        (patch,) = mosaic.read_tiles([grid.bounding_window(windows)], decimation=decimation)
    except Stalled:
        raise
    except Unreadable:
        return list(
            predict_tiles(
                _pieces(mosaic, windows, work.tile_px, decimation), predictor.classifier, predictor.options
            )
        )
    return predict_block(
        Block(windows, patch, work.tile_px), work.options.overlap, predictor.classifier, predictor.options
    )


def _pieces(mosaic: Mosaic, windows: tuple[Window, ...], tile_px: int, decimation: int) -> list[Piece]:
    """Read neighbouring tiles together; if that fails, one by one, so that a bad block costs one tile."""
    try:
        patches = mosaic.read_tiles(windows, decimation=decimation)
    except Stalled:
        raise  # reading one by one would only wait again
    except Unreadable as fault:
        if len(windows) == 1:
            return [Piece(windows[0], None, tile_px, str(fault))]
        return [piece for window in windows for piece in _pieces(mosaic, (window,), tile_px, decimation)]
    return [Piece(window, patch, tile_px) for window, patch in zip(windows, patches, strict=True)]
