"""A heatmap: a Cloud-Optimised GeoTIFF of crack probabilities, one pixel for each tile of a mosaic."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError  # where GDAL fails in a way that rasterio does not translate
from rasterio.errors import RasterioError

from crackscan.basics.arrays import Float32s
from crackscan.basics.errors import CrackscanError
from crackscan.basics.grid import step_px
from crackscan.basics.records import MapGrid, Result, Window
from crackscan.reading.own_heatmap import BAND, is_heatmap
from crackscan.sinks.cog import BLOCK, write_cog
from crackscan.sinks.gdal_file import GDALFile
from crackscan.sinks.heatmap_errors import no_mosaic_error, several_mosaics_error

GDAL_OPTIONS = {
    "GDAL_CACHEMAX": 64,  # MB; the default is 5 % of the machine's memory
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "YES",
    "GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE": "SIBLING_OR_CHILD_OF_VRT_PATH",
}
BATCH = 65_536  # pixels held in memory before they are written to a temporary file
PIXEL = np.dtype([("col", "<u4"), ("row", "<u4"), ("probability", "<f4")])


class HeatmapGrid(NamedTuple):
    """The grid that the tiles of one mosaic form, and its pixels."""

    source: str
    map_grid: MapGrid  # of the mosaic
    tile: tuple[int, int]  # width, height, px
    step: tuple[int, int]  # from one tile to the next, px

    @classmethod
    def from_tile(cls, source: str, map_grid: MapGrid, window: Window, overlap: float) -> Self:
        """Return the grid that a mosaic's tile belongs to."""
        tile = window.width, window.height
        return cls(source, map_grid, tile, (step_px(tile[0], overlap), step_px(tile[1], overlap)))

    def pixel(self, window: Window) -> tuple[int, int]:
        """Return a tile's col, row: rounded up, as the last tiles are moved back to end with the mosaic."""
        return -(-window.col // self.step[0]), -(-window.row // self.step[1])

    @property
    def transform(self) -> Affine:
        """Pixels to map: a pixel has the centre of its tile, except for tiles that were moved back."""
        (width, height), (right, down) = self.tile, self.step
        begin = Affine.translation((width - right) / 2, (height - down) / 2)
        transform: Affine = Affine(*self.map_grid.transform) * begin * Affine.scale(right, down)
        return transform


class Heatmap(GDALFile):
    """Probabilities of one mosaic's tiles, NaN where they were not assessed. Photos are left out.

    Its size is known only at the end, so until then the pixels are kept in a temporary file without a name.
    """

    needs_crs = True
    shows_tiles_only = True

    def __init__(self, target: Path, *, overlap: float = 0.0) -> None:
        super().__init__(target)
        self._overlap = overlap
        self._grid: HeatmapGrid | None = None
        self._buffer: list[tuple[int, int, float]] = []
        self._size = (0, 0)  # cols, rows

    def __enter__(self) -> Self:
        """Make sure that the file can be written, and open the temporary file for the pixels.

        Raises:
            CrackscanError: as a FileSink.
        """
        super().__enter__()
        with self._user_errors():
            self._pixel_file = tempfile.TemporaryFile(dir=self._target.parent)
        return self

    def _check_target(self) -> None:
        super()._check_target()
        if self._target.exists() and not is_heatmap(str(self._target)):
            raise CrackscanError(
                f"{self._name}: exists, and is not a heatmap of crackscan; "
                "choose another name with -o, or remove it."
            )

    def _add(self, result: Result) -> None:
        grid = self._grid_of(result)
        if grid is None or result.window is None:
            return
        col, row = grid.pixel(result.window)
        self._size = max(self._size[0], col + 1), max(self._size[1], row + 1)
        self._buffer.append((col, row, np.nan if result.probability is None else result.probability))
        if len(self._buffer) == BATCH:
            self._flush()

    def _grid_of(self, result: Result) -> HeatmapGrid | None:
        """Return a row's grid; None for photos, and for tiles before the first one with a position."""
        if self._grid and result.source == self._grid.source:
            return self._grid
        if result.grid is None or result.window is None:
            return None
        if self._grid:
            raise several_mosaics_error(self._name, self._grid.source, result.source)
        self._grid = HeatmapGrid.from_tile(result.source, result.grid, result.window, self._overlap)
        return self._grid

    def _flush(self) -> None:
        self._pixel_file.write(np.array(self._buffer, PIXEL).tobytes())
        self._buffer.clear()

    def _end(self) -> None:
        if self._grid is None:
            raise no_mosaic_error(self._name)
        self._flush()
        self._pixel_file.seek(0)
        cols, rows = self._size
        profile: dict[str, Any] = {
            "width": cols,
            "height": rows,
            "crs": self._grid.map_grid.crs,
            "transform": self._grid.transform,
        }
        # Env also sends GDAL's messages to the log
        with rasterio.Env(**GDAL_OPTIONS), self._system_errors(RasterioError, CPLE_BaseError):
            write_cog(self._partial.path, self._strips(), profile, name=BAND)

    def _strips(self) -> Iterator[Float32s]:
        """Yield the pixels in strips of BLOCK rows.

        Tiles come in the order of their rows, except within a band, which has fewer than BLOCK rows of tiles.
        So two strips are open at a time.
        """
        cols, rows = self._size
        strips, top = np.full((2 * BLOCK, cols), np.nan, np.float32), 0
        while content := self._pixel_file.read(BATCH * PIXEL.itemsize):
            pixels = np.frombuffer(content, PIXEL)
            while len(pixels):
                is_open = pixels["row"] < top + 2 * BLOCK
                inside, pixels = pixels[is_open], pixels[~is_open]
                strips[inside["row"] - top, inside["col"]] = inside["probability"]
                if len(pixels):
                    yield strips[:BLOCK].copy()
                    top += BLOCK
                    strips[:BLOCK], strips[BLOCK:] = strips[BLOCK:], np.nan
        last = strips[: rows - top]
        yield from (last[start : start + BLOCK] for start in range(0, len(last), BLOCK))

    def _close(self) -> None:
        super()._close()
        self._pixel_file.close()
