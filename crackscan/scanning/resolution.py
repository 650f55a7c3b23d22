"""Ground resolution: whether a mosaic is judged at its own, is resampled to the model's, or is too coarse.

A tile of finer imagery than the model needs is cut larger and reduced to the model's input: first by means
over whole pixels, which GDAL takes from overviews where there are any, then by resizing as for any tile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from crackscan.basics.records import Result, RowOptions, ScanOptions, TileOptions, Work

TOO_COARSE = "coarser than the model needs"
SAME = 1.1  # resolutions that differ by less count as equal: the model was trained on many more scales


def at_resolution(options: ScanOptions, mm_per_px: float) -> ScanOptions:
    """Return options that resample finer mosaics to a resolution in mm per px.

    The limit of what is too coarse is that of the model's card; without one it is the same resolution.
    """
    coarsest = mm_per_px if options.rows.max_mm_per_px is None else options.rows.max_mm_per_px
    return replace(
        options,
        tiles=replace(options.tiles, target_mm_per_px=mm_per_px),
        rows=replace(options.rows, max_mm_per_px=coarsest),
    )


def tile_side(mm_per_px: float | None, options: TileOptions) -> int:
    """Return the side of a mosaic's tiles in its own pixels; without a known resolution, that of options."""
    if mm_per_px is None or options.target_mm_per_px is None or mm_per_px * SAME >= options.target_mm_per_px:
        return options.tile_px
    side = round(options.tile_px * options.target_mm_per_px / mm_per_px)
    return side - side % decimation_of(side, options)


def decimation_of(side_px: int, options: TileOptions) -> int:
    """Return how many pixels of the file, each way, are averaged to one that is judged: 1 or more."""
    return max(side_px // options.tile_px, 1)


def px_per_judged_px(work: Work, rows: Sequence[Result]) -> float:
    """Return how many pixels of the image, each way, are one pixel as the model sees it.

    rows: of the Work; a small photo is a single tile, whatever its size.
    """
    windows = [row.window for row in rows if row.kind == "tile" and row.window]
    alone = work.kind == "photo" and len(windows) == 1
    side = max(windows[0].width, windows[0].height) if alone else work.tile_px
    return side / (work.options.input_px or work.options.tile_px)


def too_coarse_reason(mm_per_px: Iterable[float], options: RowOptions) -> str | None:
    """Return the reason if any pixel is coarser than the model needs, else None."""
    largest = max(mm_per_px, default=0.0)
    if options.max_mm_per_px is None or largest <= SAME * options.max_mm_per_px:
        return None
    return f"{largest:.3g} mm per px is {TOO_COARSE} (limit {options.max_mm_per_px:g})"


def assessed_mm_per_px(row: Result, work: Work) -> float | None:
    """Return the resolution in mm per px at which a row was judged, if it is known."""
    if row.mm_per_px is None or row.probability is None:
        return None
    return row.mm_per_px * work.tile_px / work.options.tile_px
