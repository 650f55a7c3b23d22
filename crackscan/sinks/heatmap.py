"""A heatmap: a Cloud-Optimised GeoTIFF of crack probabilities, one pixel for each tile of a mosaic."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from crackscan.basics.errors import CrackscanError
from crackscan.basics.grid import step_px
from crackscan.basics.records import MapGrid, Result, Window
from crackscan.reading.own_heatmap import BAND, is_heatmap
from crackscan.sinks.cog import BLOCK, write_cog
from crackscan.sinks.gdal_file import LibraryFile
from crackscan.sinks.heatmap_checks import no_mosaic_error, several_mosaics_error

CACHE_MB = 64  # GDAL's own is 5 % of the machine's memory
BATCH = 65_536  # tiles held in memory before they go to disk
SPOT = np.dtype([("col", "<u4"), ("row", "<u4"), ("probability", "<f4")])


class Lattice(NamedTuple):
    """How the tiles of a mosaic become pixels."""

    source: str
    grid: MapGrid
    tile: tuple[int, int]  # width, height, px
    step: tuple[int, int]  # from one tile to the next, px

    @classmethod
    def of(cls, source: str, grid: MapGrid, window: Window, overlap: float) -> Self:
        """Return the lattice that a tile of a mosaic lies on."""
        tile = window.width, window.height
        return cls(source, grid, tile, (step_px(tile[0], overlap), step_px(tile[1], overlap)))

    def pixel(self, window: Window) -> tuple[int, int]:
        """Return a tile's col, row: rounded up, for a last one is shifted back to end with the mosaic."""
        return -(-window.col // self.step[0]), -(-window.row // self.step[1])

    @property
    def transform(self) -> Affine:
        """Return where the pixels are: each has the centre of its tile, but for those that were shifted."""
        (width, height), (right, down) = self.tile, self.step
        begin = Affine.translation((width - right) / 2, (height - down) / 2)
        transform: Affine = Affine(*self.grid.transform) * begin * Affine.scale(right, down)
        return transform


class Heatmap(LibraryFile):
    """Probabilities of one mosaic's tiles, NaN where they were not assessed. Photos are passed over.

    How large it becomes is known at the end, so until then the tiles are kept in a file without a name.
    """

    needs_crs = True

    def __init__(self, target: Path, *, overlap: float = 0.0) -> None:
        super().__init__(target)
        self._overlap = overlap
        self._lattice: Lattice | None = None
        self._pending: list[tuple[int, int, float]] = []
        self._size = (0, 0)  # cols, rows

    def __enter__(self) -> Self:
        """Make sure that the file can be written, and begin the one for the tiles.

        Raises: CrackscanError: as a FileSink.
        """
        super().__enter__()
        with self._sentences():
            self._spots = tempfile.TemporaryFile(dir=self._target.parent)
        return self

    def _resolve_target(self) -> None:
        super()._resolve_target()
        if self._target.exists() and not is_heatmap(str(self._target)):
            raise CrackscanError(
                f"{self._name}: is there, and no heatmap of ours; choose another name with -o, or remove it."
            )

    def _add(self, result: Result) -> None:
        lattice = self._lattice_of(result)
        if lattice is None or result.window is None:
            return
        col, row = lattice.pixel(result.window)
        self._size = max(self._size[0], col + 1), max(self._size[1], row + 1)
        self._pending.append((col, row, np.nan if result.probability is None else result.probability))
        if len(self._pending) == BATCH:
            self._spill()

    def _lattice_of(self, result: Result) -> Lattice | None:
        """Return a row's lattice; None for photos, and for tiles before the first that has a place."""
        if self._lattice and result.source == self._lattice.source:
            return self._lattice
        if result.grid is None or result.window is None:
            return None
        if self._lattice:
            raise several_mosaics_error(self._name, self._lattice.source, result.source)
        self._lattice = Lattice.of(result.source, result.grid, result.window, self._overlap)
        return self._lattice

    def _spill(self) -> None:
        self._spots.write(np.array(self._pending, SPOT).tobytes())
        self._pending.clear()

    def _end(self) -> None:
        if self._lattice is None:
            raise no_mosaic_error(self._name)
        self._spill()
        self._spots.seek(0)
        cols, rows = self._size
        profile: dict[str, Any] = {
            "width": cols,
            "height": rows,
            "crs": self._lattice.grid.crs,
            "transform": self._lattice.transform,
        }
        with rasterio.Env(GDAL_CACHEMAX=CACHE_MB), self._writing(RasterioError):  # its words go to the log
            write_cog(self._temporary, self._strips(), profile, name=BAND)

    def _strips(self) -> Iterator[NDArray[np.float32]]:
        """Yield the pixels in strips of BLOCK rows.

        The tiles come in the order of their rows but for those of a band, which has fewer than BLOCK of them.
        """
        cols, rows = self._size
        strips, top = np.full((2 * BLOCK, cols), np.nan, np.float32), 0
        while content := self._spots.read(BATCH * SPOT.itemsize):
            spots = np.frombuffer(content, SPOT)
            while len(spots):
                inside = spots["row"] < top + 2 * BLOCK
                here = spots[inside]
                strips[here["row"] - top, here["col"]] = here["probability"]
                spots = spots[~inside]
                if len(spots):
                    yield strips[:BLOCK].copy()
                    top += BLOCK
                    strips[:BLOCK], strips[BLOCK:] = strips[BLOCK:], np.nan
        left = strips[: rows - top]
        yield from (left[at : at + BLOCK] for at in range(0, len(left), BLOCK))

    def _close(self) -> None:
        super()._close()
        self._spots.close()
