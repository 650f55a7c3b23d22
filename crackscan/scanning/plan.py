"""The plan of a scan: files become Work, lazily and in natural order, and none is lost on the way."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from crackscan.basics import grid
from crackscan.basics.errors import NoInputs, Stalled, Unreadable
from crackscan.basics.records import Kind, SourceKind, TileOptions, Window, Work
from crackscan.basics.text_files import Separator
from crackscan.reading.header_limits import LARGEST_PIECE_PX
from crackscan.reading.locations import is_folder
from crackscan.reading.timeouts import call_with_timeout
from crackscan.scanning import resolution
from crackscan.scanning.file_names import JPEG_2000, MOSAIC_ENDINGS, ending
from crackscan.scanning.sources import SourceFile, Sources, describe_ignored

if TYPE_CHECKING:
    from crackscan.geo.areas import Areas, PixelAreas
    from crackscan.geo.georef import Georeference
    from crackscan.geo.pose.table import PoseTable
    from crackscan.reading import Mosaic


class SurveyRaster(NamedTuple):
    """What a plan needs to know of a mosaic."""

    size: tuple[int, int]  # width and height in px
    georef: "Georeference | None"  # if the options or the output need it
    identity: str
    folders: tuple[str, ...]  # in which the parts of a VRT may lie


class Plan:
    """What to scan: an iterable of Work that can be gone through twice, to count it first.

    `outside` counts the tiles and photos that the areas leave out, as of the last pass.
    """

    def __init__(
        self,
        paths: tuple[str, ...],
        options: TileOptions,
        *,
        lists: tuple[str, ...] = (),
        list_separator: Separator = "\n",
        kind: SourceKind | None = None,
        needs_crs: bool = False,
        poses: "PoseTable | None" = None,
        areas: "Areas | None" = None,
    ) -> None:
        """Plan a scan of photos, mosaics and folders of them; no file is opened yet.

        Args:
            paths: of the sources.
            options: how they are cut into tiles.
            lists: files that hold more paths; "-" is stdin.
            list_separator: of the paths in lists.
            kind: treats every source as a photo, or as a mosaic; None decides by file.
            needs_crs: whether the output needs a position for each tile.
            poses: of photos, from a file that the user gave.
            areas: to which the scan is limited.
        """
        self.sources = Sources(paths, lists, options.read_timeout, list_separator)
        self.options, self.kind, self.needs_crs = options, kind, needs_crs
        self.poses, self.areas = poses, areas
        self.outside: Counter[Kind] = Counter()

    @property
    def ignored(self) -> Counter[str]:
        """The files in folders that are not pictures, counted by ending, as of the last pass."""
        return self.sources.ignored

    def count(self) -> int:
        """Return how much Work there is, by going through the plan once.

        Raises:
            MissingCRS: as iterating.
            NoInputs: there is nothing to scan.
        """
        total = sum(1 for _ in self)
        if total == 0:
            raise self.no_inputs()
        return total

    def no_inputs(self) -> NoInputs:
        """Return the error of a plan whose last pass gave no Work."""
        if self.areas and self.outside:
            return NoInputs(
                f"--aoi {self.areas.name}: touches none of {describe_outside(self.outside)}; "
                "check where its areas lie, or leave it out."
            )
        others = f"; ignored {describe_ignored(self.ignored)}" if self.ignored else ""
        return NoInputs(f"{self.sources.names}: no photo or mosaic found{others}.")

    def __iter__(self) -> Iterator[Work]:
        """Yield the Work in natural order.

        Raises:
            MissingCRS: a mosaic has no coordinate system, and the output or the areas need one.
        """
        works = self._works_with_poses()
        yield from works if self.areas is None else self._inside(works, self.areas)

    def _works_with_poses(self) -> Iterator[Work]:
        if self.poses is None:
            return self._works()
        self.poses.count_photos(self._works())
        return map(self.poses.add_pose, self._works())

    def _works(self) -> Iterator[Work]:
        self.outside.clear()
        for file in self.sources:
            yield from self._works_of_file(file)

    def _works_of_file(self, file: SourceFile) -> Iterator[Work]:
        """Yield the Work of a file; a scan's own heatmap in a folder gives none."""
        if file.fault is not None:
            other: SourceKind = "mosaic" if ending(file.path) == ".vrt" else "photo"
            yield self._work(file, self.kind or other, fault=file.fault)
            return
        try:
            raster = self._open_raster(file)
        except Stalled as fault:
            yield self._work(file, self.kind or "photo", fault=str(fault))
        except Unreadable as fault:
            if not self.sources.ignores_heatmap(file):
                yield self._work(file, "mosaic", fault=str(fault))
        else:
            if raster is not None:
                yield from self._bands(file, raster)
            elif not self.sources.ignores_heatmap(file):
                yield self._work(file, "photo")

    def _open_raster(self, file: SourceFile) -> SurveyRaster | None:
        """Open a possible mosaic, once; return None for a photo.

        Raises:
            Stalled: it does not answer.
            Unreadable: it should be a mosaic, and cannot be read.
        """
        end = ending(file.path)
        if self.kind == "photo" or (self.kind is None and not self._may_be_mosaic(file.path, end)):
            return None
        with ExitStack() as stack:
            try:
                mosaic = stack.enter_context(self._open_mosaic(file))
            except Stalled:
                raise
            except Unreadable:
                if self.kind == "mosaic" or end in {".vrt", JPEG_2000} or self._is_damaged_survey(file):
                    raise
                return None  # a broken TIFF may still be a photo that Pillow reads
            if self.kind is None and end != ".vrt" and not _is_survey(mosaic):
                return None
            folders = self._named_folders if mosaic.dataset.driver == "VRT" else ()
            georef = self._georeference(mosaic, file.source)
            return SurveyRaster(mosaic.size, georef, mosaic.identity, folders)

    @contextmanager
    def _open_mosaic(self, file: SourceFile) -> "Iterator[Mosaic]":
        """Open a mosaic, at the second attempt if a read fails once."""
        from crackscan.reading import open_mosaic

        timeout, folders = self.options.read_timeout, self._named_folders
        with ExitStack() as stack:
            try:
                mosaic = stack.enter_context(open_mosaic(file.path, timeout=timeout, folders=folders))
            except Stalled:
                raise
            except Unreadable:
                mosaic = stack.enter_context(open_mosaic(file.path, timeout=timeout, folders=folders))
            yield mosaic

    def _may_be_mosaic(self, path: str, end: str) -> bool:
        """Say by a file's ending, or of a JPEG 2000 by its boxes, whether it may be a mosaic.

        Raises: Stalled: it does not answer.
        """
        if end != JPEG_2000:
            return end in MOSAIC_ENDINGS
        from crackscan.reading.jp2_boxes import has_georeference

        return call_with_timeout(self.options.read_timeout, partial(has_georeference, path))

    def _is_damaged_survey(self, file: SourceFile) -> bool:
        from crackscan.reading.tiff_tags import is_damaged_survey

        return call_with_timeout(self.options.read_timeout, partial(is_damaged_survey, file.path))

    @cached_property
    def _named_folders(self) -> tuple[str, ...]:
        return tuple(filter(is_folder, self.sources.paths))

    def _georeference(self, mosaic: "Mosaic", name: str) -> "Georeference | None":
        """Return a mosaic's georeference, if the options or the output need it.

        Raises: MissingCRS: it has none, and the output or the areas need one.
        """
        from crackscan.geo.georef import read_georeference
        from crackscan.geo.missing_crs import explain_missing_crs

        required = self.needs_crs or self.areas is not None
        if not required and self.options.target_mm_per_px is None:
            return None
        georef = read_georeference(mosaic.dataset, self.options.crs)
        if required and georef is None:
            otherwise = "leave out --aoi" if self.areas else "write CSV instead"
            raise explain_missing_crs(name, mosaic.dataset, self.options.crs, otherwise=otherwise)
        return georef

    def _bands(self, file: SourceFile, raster: SurveyRaster) -> Iterator[Work]:
        options, size, georef = self.options, raster.size, raster.georef
        side = resolution.tile_side(georef.mm_per_px(size) if georef else None, options)
        cutout = self.areas.to_pixels(georef, size) if self.areas and georef else None
        for band in grid.bands(*size, tile_px=side, overlap=options.overlap):
            for part in self._parts_in_areas(band, side, cutout) if cutout else [band]:
                yield replace(
                    self._work(file, "mosaic", window=part),
                    side_px=None if side == options.tile_px else side,
                    identity=raster.identity,
                    folders=raster.folders,
                )

    def _parts_in_areas(self, band: Window, side: int, cutout: "PixelAreas") -> Iterator[Window]:
        """Yield the parts of a band whose tiles touch the areas; cut into tiles, they give just these."""
        tiles = list(grid.tiles(band, tile_px=side, overlap=self.options.overlap))
        runs = list(cutout.runs(tiles))
        if len(runs) > 1 and grid.stride_cells(self.options.overlap):  # then a run is a row of one block
            rows = grid.rows_of_blocks(band, tile_px=side, overlap=self.options.overlap)
            runs = [run for row in rows for run in cutout.runs(row)]
        for run, touches in runs:
            if touches:
                yield grid.bounding_window(run)
            else:
                self.outside["tile"] += len(run)

    def _inside(self, works: Iterator[Work], areas: "Areas") -> Iterator[Work]:
        """Yield the Work that may lie in the areas; count the photos that were taken outside of them."""
        from crackscan.scanning.photo_places import with_places

        with closing(with_places(works)) as placed:
            for work, position in placed:
                if position is None or areas.contains(position):
                    yield work
                else:
                    self.outside["photo"] += 1

    def _work(
        self, file: SourceFile, kind: SourceKind, *, window: Window | None = None, fault: str | None = None
    ) -> Work:
        return Work(file.source, file.path, kind, self.options, window, fault, file.signature)


def describe_outside(counts: Counter[Kind]) -> str:
    """Return what the areas leave out as words: "1,204 tiles and 3 photos"."""
    kinds = [f"{count:,} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items()]
    return " and ".join(kinds)


def _is_survey(mosaic: "Mosaic") -> bool:
    """Say whether a TIFF is a mosaic: it has a position, or is larger than any photo."""
    width, height = mosaic.size
    has_position = not mosaic.dataset.transform.is_identity or bool(mosaic.dataset.gcps[0])
    return has_position or width * height > LARGEST_PIECE_PX
