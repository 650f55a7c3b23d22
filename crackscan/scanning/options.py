"""Options of a scan, and how a model fills in those that the user leaves open."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from crackscan.basics.errors import CrackscanError, MissingExtra
from crackscan.basics.grid import snap_overlap_to_grid
from crackscan.basics.records import (
    MAX_OVERLAP,
    MIN_TILE_PX,
    READ_TIMEOUT,
    Per,
    ScanOptions,
    SourceKind,
)
from crackscan.basics.text_files import Separator
from crackscan.scanning.plan import Plan
from crackscan.scanning.resolution import at_resolution

if TYPE_CHECKING:
    from crackscan.geo.areas import Areas
    from crackscan.model.card import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The less common options of a scan, as `crackscan scan` has them.

    Raises: ValueError: a value is outside of its range.
    """

    kind: SourceKind | None = None  # treats every source as a photo or a mosaic; None decides by file
    tile_px: int | None = None  # side of a tile, 16 or more; None is the model's input
    crs: str | None = None  # of mosaics that name no coordinate system, such as "EPSG:32633"
    geo: str | Path | None = None  # file with positions of photos: a geo.txt, or a table of exiftool -csv -n
    footprint: bool = False  # photos that look straight down get the ground they show as their outline
    aoi: str | Path | None = None  # GeoJSON or GeoPackage with the areas that the scan is limited to
    mm_per_px: float | Literal["auto", "keep"] = "auto"  # finer mosaics are judged at this resolution
    judge_too_coarse: bool = False  # judge mosaics that are coarser than the model needs, too
    judge_unfamiliar: bool = False  # judge surfaces that are unlike the training data, too
    read_timeout: float | None = READ_TIMEOUT  # seconds; None waits for ever
    lines: bool = False  # traces cracks, as per="crack" does, also where rows are those of photos or tiles
    min_length_px: float | None = None  # shorter cracks get no row; None is 40 px as judged

    def __post_init__(self) -> None:
        _check(self.kind is None or self.kind in get_args(SourceKind), "kind", self.kind, "photo or mosaic")
        tile_px, timeout = self.tile_px, self.read_timeout
        _check(tile_px is None or tile_px >= MIN_TILE_PX, "tile_px", tile_px, f"{MIN_TILE_PX} or more")
        _check(timeout is None or timeout > 0, "read_timeout", timeout, "seconds, or None to wait for ever")
        length_px = self.min_length_px
        _check(length_px is None or 0 <= length_px < math.inf, "min_length_px", length_px, "0 or more")
        known = self.mm_per_px in {"auto", "keep"}
        figure = math.nan if isinstance(self.mm_per_px, str) else self.mm_per_px
        _check(
            known or 0 < figure < math.inf, "mm_per_px", self.mm_per_px, "auto, keep or a number, such as 1.5"
        )


def scan_options(
    card: "Card", more: Options, *, threshold: float | None, per: Per, overlap: float, aoi: str | None
) -> ScanOptions:
    """Return the options of a scan with a model.

    Args:
        card: of the model, which decides what the user leaves open.
        more: the less common options.
        threshold: a tile, or per crack a line, of this probability or more is cracked, 0..1; None is the
            model's own.
        per: one row for each photo, for each of its tiles, or for each crack.
        overlap: fraction of a tile that it shares with the next, 0..0.95; rounded up to a multiple of 1/7
            if the model can judge tiles together with their neighbours.
        aoi: digest of the areas.

    Raises:
        ValueError: a value is outside of its range.
        CrackscanError: cracks are to be traced, and the model cannot do that.
        MissingExtra: the libraries for it are not installed.
    """
    _check(threshold is None or 0 <= threshold <= 1, "threshold", threshold, "a probability from 0 to 1")
    _check(per in get_args(Per), "per", per, "photo, tile or crack")
    _check(0 <= overlap <= MAX_OVERLAP, "overlap", overlap, f"a fraction from 0 to {MAX_OVERLAP}")
    lines = more.lines or per == "crack"
    if lines:
        _check_tracing(card)
    own = card.scan_options
    options = ScanOptions(
        tiles=replace(
            own.tiles,
            tile_px=more.tile_px or own.tiles.tile_px,
            overlap=snap_overlap_to_grid(overlap) if card.has_dense_inference else overlap,
            per=per,
            lines=lines,
            input_px=own.tiles.tile_px if lines else None,
            crs=more.crs,
            footprint=more.footprint,
            read_timeout=more.read_timeout,
        ),
        rows=replace(
            own.rows,
            min_length_px=more.min_length_px,
            judge_unfamiliar=more.judge_unfamiliar,
            judge_too_coarse=more.judge_too_coarse,
        ),
        aoi=aoi,
    )
    return with_threshold(_with_resolution(options, more.mm_per_px), threshold)


def with_threshold(options: ScanOptions, threshold: float | None) -> ScanOptions:
    """Return options with the threshold of the rows that are written: of cracks, else of tiles."""
    if threshold is None:
        return options
    if options.tiles.per == "crack":
        return options.with_rows(crack_threshold=threshold)
    return options.with_rows(threshold=threshold)


def read_areas(more: Options) -> "Areas | None":
    """Return the areas that a scan is limited to, if it is; check the coordinate system on the way.

    Raises:
        CrackscanError: the areas or the coordinate system cannot be read.
        MissingExtra: the libraries that read areas are not installed.
    """
    if more.crs is not None:
        from crackscan.geo.georef import parse_crs

        parse_crs(more.crs)
    if more.aoi is None:
        return None
    from crackscan.geo.areas import Areas

    return Areas.read(Path(more.aoi))


@contextmanager
def open_plan(
    paths: tuple[str, ...],
    options: ScanOptions,
    more: Options,
    *,
    lists: tuple[str, ...] = (),
    list_separator: Separator = "\n",
    needs_crs: bool = False,
    areas: "Areas | None" = None,
) -> Iterator[Plan]:
    """Open the plan of a scan, and with it the file of positions, if there is one.

    Raises: CrackscanError: the file of positions cannot be read.
    """
    plan = partial(
        Plan,
        paths,
        options.tiles,
        lists=lists,
        list_separator=list_separator,
        kind=more.kind,
        needs_crs=needs_crs,
        areas=areas,
    )
    if more.geo is None:
        yield plan()
        return
    from crackscan.geo.pose.table import open_pose_table

    with open_pose_table(Path(more.geo)) as poses:
        yield plan(poses=poses)


def _with_resolution(options: ScanOptions, mm_per_px: float | str) -> ScanOptions:
    if mm_per_px == "auto":
        return options
    if isinstance(mm_per_px, str):
        return replace(options, tiles=replace(options.tiles, target_mm_per_px=None))
    return at_resolution(options, mm_per_px)


def _check_tracing(card: "Card") -> None:
    """Make sure that a model and this installation can trace cracks.

    Raises: CrackscanError, MissingExtra: one of them cannot.
    """
    if not card.has_lines:
        raise CrackscanError(
            f"{card.model_id}: has no line head, so it cannot trace cracks; choose another --model, or leave "
            "out --per crack and --lines."
        )
    missing = next((name for name in ("skimage", "scipy") if find_spec(name) is None), None)
    if missing:
        raise MissingExtra(
            f'Tracing cracks needs {missing}; install the extra: pip install "crackscan[lines]".'
        )


def _check(valid: object, name: str, value: object, expected: str) -> None:
    if not valid:
        raise ValueError(f"{name} {value}: give {expected}.")
