"""Paths, folders and lists become Work, lazily and in natural order, and nothing on the way is lost."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from crackscan.basics import grid
from crackscan.basics.errors import NoInputs, Stalled, Unreadable
from crackscan.basics.records import Kind, Position, ScanOptions, SourceKind, Window, Work
from crackscan.reading.header_limits import LARGEST_PIECE_PX
from crackscan.reading.timeouts import call_with_timeout
from crackscan.scanning import resolution
from crackscan.scanning.file_names import JOURNAL, MOSAIC_ENDINGS, ending, is_picture, shown_as
from crackscan.scanning.listing import Listing

if TYPE_CHECKING:
    from crackscan.geo.areas import Areas, PixelAreas
    from crackscan.geo.georef import Georeference
    from crackscan.geo.pose.table import PoseTable
    from crackscan.reading import Mosaic

STDIN = "-"
MOST_ENDINGS = 1000  # of ignored files, told apart


class Raster(NamedTuple):
    """What a plan needs to know of a survey raster."""

    size: tuple[int, int]  # width and height in px
    ground: "Georeference | None"  # where it lies, if anything wants to know


@dataclass(frozen=True, slots=True)
class Plan:
    """What to scan: an iterable of Work that can be gone through again, to count it first.

    `ignored` counts, by ending, the files in folders that are no pictures, and `outside` the tiles and
    photos that the areas leave out, as of the last pass.
    """

    sources: tuple[str, ...]
    options: ScanOptions
    lists: tuple[str, ...] = ()  # files that hold more paths, one a line; "-" is stdin
    kind: SourceKind | None = None  # takes every source for this; None decides by file
    needs_crs: bool = False  # the output wants a position for each tile
    poses: "PoseTable | None" = None  # of photos, from a file that the user gave
    areas: "Areas | None" = None  # what does not touch them is left out
    ignored: Counter[str] = field(default_factory=Counter)
    outside: Counter[Kind] = field(default_factory=Counter)

    @property
    def countable(self) -> bool:
        """Say whether a second pass finds the same: what comes on stdin comes once."""
        return STDIN not in self.lists

    def count(self) -> int:
        """Return how much Work there is, by going through the plan once.

        Raises:
            MissingCRS: as iterating.
            NoInputs: there is nothing at all.
        """
        total = sum(1 for _ in self)
        if total == 0:
            raise self.nothing()
        return total

    def nothing(self) -> NoInputs:
        """Return the error of a plan in whose last pass there was no Work."""
        if self.areas and self.outside:
            return NoInputs(
                f"--aoi {self.areas.name}: touches none of {describe_outside(self.outside)}; "
                "check where its areas lie, or leave it out."
            )
        found = f"; {describe_ignored(self.ignored)} there are no pictures" if self.ignored else ""
        return NoInputs(f"{', '.join(self.sources + self.lists)}: no photo or mosaic found{found}.")

    def __iter__(self) -> Iterator[Work]:
        """Yield the Work in natural order.

        Raises:
            MissingCRS: a mosaic has no coordinate system, and the output or the areas need one.
        """
        works = self._posed()
        yield from works if self.areas is None else filter(self._inside, works)

    def _posed(self) -> Iterator[Work]:
        if self.poses is None:
            return self._works()
        self.poses.count_photos(self._works())
        return map(self.poses.add_pose, self._works())

    def _inside(self, work: Work) -> bool:
        """Say whether a Work is not of a photo that was taken outside of the areas; count those that are."""
        if self.areas is None or work.kind == "mosaic" or work.fault is not None:
            return True
        position = _position(work)
        if position is None or self.areas.contains(position):
            return True
        self.outside["photo"] += 1
        return False

    def _works(self) -> Iterator[Work]:
        self.ignored.clear()
        self.outside.clear()
        root = self._only_folder()
        for path in self._paths():
            if os.path.isdir(path):  # noqa: PTH112 - a path may hold bytes that pathlib would not print
                yield from self._folder(path, root, ())
            else:
                yield from self._file(path, root)

    def _only_folder(self) -> str | None:
        """Return the one scanned folder, to which the rows' sources are relative."""
        only = self.sources[0] if len(self.sources) == 1 and not self.lists else None
        return only if only and Path(only).is_dir() else None

    def _paths(self) -> Iterator[str]:
        yield from self.sources
        for name in self.lists:
            with nullcontext(sys.stdin.buffer) if name == STDIN else Path(name).open("rb") as stream:
                yield from read_lines(stream)

    def _folder(self, folder: str, root: str | None, above: tuple[str, ...]) -> Iterator[Work]:
        place = os.path.realpath(folder)
        if place in above:  # a symbolic link to a folder that holds it
            return
        try:
            listing = call_with_timeout(self.options.read_timeout, partial(Listing, folder))
        except (OSError, Unreadable) as error:
            why = error.strerror if isinstance(error, OSError) else error
            yield self._work(folder, root, "photo", fault=f"cannot be listed: {why}")
            return
        with listing:
            for name, is_folder in listing:
                path = os.path.join(folder, name)  # noqa: PTH118
                if is_folder:
                    yield from self._folder(path, root, (*above, place))
                elif is_picture(name):
                    yield from self._file(path, root, found=True)
                elif not JOURNAL.search(name):
                    self._ignore(name)

    def _ignore(self, name: str) -> None:
        """Count a file that is no picture, by its ending, or with all the rest where there are too many."""
        kind = ending(name) or PurePath(name).name
        known = kind in self.ignored or len(self.ignored) < MOST_ENDINGS
        self.ignored[kind if known else "..."] += 1

    def _file(self, path: str, root: str | None, *, found: bool = False) -> Iterator[Work]:
        """Yield the Work of a file; a scan's own heatmap that was found in a folder is none."""
        timeout = self.options.read_timeout
        try:
            raster = self._raster(path, root)
        except Stalled as fault:
            yield self._work(path, root, self.kind or "photo", fault=str(fault))
        except Unreadable as fault:
            if found and _is_heatmap(path, timeout):
                self._ignore(path)
            else:
                yield self._work(path, root, "mosaic", fault=str(fault))
        else:
            if raster is not None:
                yield from self._bands(path, root, raster)
            elif found and _is_heatmap(path, timeout):
                self._ignore(path)
            else:
                yield self._work(path, root, "photo")

    def _raster(self, path: str, root: str | None) -> Raster | None:
        """Open what may be a survey raster, once; return None for what is a photo.

        Raises:
            Stalled: it does not answer.
            Unreadable: it should be a survey raster, and cannot be read.
        """
        end = ending(path)
        if self.kind == "photo" or (self.kind is None and end not in MOSAIC_ENDINGS):
            return None
        from crackscan.reading import open_mosaic

        with ExitStack() as opened:
            try:
                mosaic = opened.enter_context(open_mosaic(path, timeout=self.options.read_timeout))
            except Stalled:
                raise
            except Unreadable:
                if self.kind == "mosaic" or end == ".vrt":
                    raise
                return None  # a broken TIFF may still be a photo that Pillow reads
            if self.kind is None and end != ".vrt" and not _is_survey(mosaic):
                return None
            return Raster(mosaic.size, self._ground(mosaic, shown_as(path, root)))

    def _bands(self, path: str, root: str | None, raster: Raster) -> Iterator[Work]:
        options, (size, ground) = self.options, raster
        side = resolution.tile_side(ground.mm_per_px(size) if ground else None, options)
        cutout = self.areas.to_pixels(ground, size) if self.areas and ground else None
        for band in grid.bands(*size, tile_px=side, overlap=options.overlap):
            for part in self._touched(band, side, cutout) if cutout else [band]:
                work = self._work(path, root, "mosaic", window=part)
                yield work if side == options.tile_px else replace(work, side_px=side)

    def _touched(self, band: Window, side: int, cutout: "PixelAreas") -> Iterator[Window]:
        """Yield the parts of a band that hold the tiles to judge: cut into tiles, they give just these."""
        tiles = list(grid.tiles(band, tile_px=side, overlap=self.options.overlap))
        runs = list(cutout.runs(tiles))
        if len(runs) > 1 and grid.stride_cells(self.options.overlap):  # a run is a row of one block, then
            rows = grid.rows_of_blocks(band, tile_px=side, overlap=self.options.overlap)
            runs = [run for row in rows for run in cutout.runs(row)]
        for run, touches in runs:
            if touches:
                yield grid.bounding_window(run)
            else:
                self.outside["tile"] += len(run)

    def _ground(self, mosaic: "Mosaic", name: str) -> "Georeference | None":
        """Return what ties a mosaic to the earth, if anything wants to know.

        Raises: MissingCRS: nothing does, and something must know.
        """
        from crackscan.geo.georef import explain_missing_crs, read_georeference

        needed = self.needs_crs or self.areas is not None
        if not needed and self.options.target_mm_per_px is None:
            return None
        ground = read_georeference(mosaic.dataset, self.options.crs)
        if needed and ground is None:
            otherwise = "leave out --aoi" if self.areas else "write CSV instead"
            raise explain_missing_crs(name, mosaic.dataset, otherwise=otherwise)
        return ground

    def _work(
        self,
        path: str,
        root: str | None,
        kind: SourceKind,
        *,
        window: Window | None = None,
        fault: str | None = None,
    ) -> Work:
        return Work(shown_as(path, root), path, kind, self.options, window, fault)


def read_lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Yield the paths of a list, one a line; blank lines are passed over, any bytes are kept."""
    for line in stream:
        path = line.rstrip(b"\r\n")
        if path.strip():
            yield os.fsdecode(path)


def describe_ignored(ignored: Counter[str]) -> str:
    """Return what was ignored as words: "12 other files (.txt 10, .db 2)"."""
    kinds = ", ".join(f"{ending} {count}" for ending, count in ignored.most_common(5))
    return f"{ignored.total()} other file{'s' if ignored.total() > 1 else ''} ({kinds})"


def describe_outside(counts: Counter[Kind]) -> str:
    """Return how much areas leave out as words: "1,204 tiles and 3 photos"."""
    kinds = [f"{count:,} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items()]
    return " and ".join(kinds)


def _position(photo: Work) -> Position | None:
    """Return where a photo was taken, if that is known."""
    from crackscan.geo.pose.camera_view import locate_photo
    from crackscan.reading import read_metadata

    try:
        return locate_photo(*read_metadata(photo.path, timeout=photo.options.read_timeout), photo.pose)
    except Unreadable:  # judging it will say why
        return None


def _is_survey(mosaic: "Mosaic") -> bool:
    """Say whether a TIFF is a survey raster: it has a position, or is larger than a photo would be."""
    width, height = mosaic.size
    placed = not mosaic.dataset.transform.is_identity or bool(mosaic.dataset.gcps[0])
    return placed or width * height > LARGEST_PIECE_PX


def _is_heatmap(path: str, timeout: float | None) -> bool:
    """Say whether a file in a folder is a scan's own output: it would pass for a mosaic."""
    if ending(path) not in MOSAIC_ENDINGS:
        return False
    from crackscan.reading.decoding import check_file_type
    from crackscan.reading.own_heatmap import is_heatmap

    def found() -> bool:
        check_file_type(path)
        return is_heatmap(path)

    try:
        return call_with_timeout(timeout, found)
    except Unreadable:  # taken for a mosaic, or a photo, it will say why
        return False
