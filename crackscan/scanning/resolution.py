"""At which ground resolution a mosaic is judged: at its own, at the model's, or not at all.

A tile of finer imagery than the model knows is cut larger and brought to the model's input, by means over
whole pixels, which GDAL takes from the overviews where there are any, and then by resizing as for any tile.
"""

from collections.abc import Iterable
from dataclasses import replace

from crackscan.basics.records import Result, ScanOptions, Work

TOO_COARSE = "coarser than the model needs"
SAME = 1.1  # resolutions that differ by less count as one: the model has seen cracks at far more scales


def at_resolution(options: ScanOptions, mm_per_px: float) -> ScanOptions:
    """Return options by which finer imagery is judged at so many mm per px.

    What is too coarse the model's card says, and only where it does not, this figure as well.
    """
    coarsest = mm_per_px if options.max_mm_per_px is None else options.max_mm_per_px
    return replace(options, target_mm_per_px=mm_per_px, max_mm_per_px=coarsest)


def tile_side(mm_per_px: float | None, options: ScanOptions) -> int:
    """Return the side of a mosaic's tiles in its own pixels; where its resolution is unknown, it is kept."""
    if mm_per_px is None or options.target_mm_per_px is None or mm_per_px * SAME >= options.target_mm_per_px:
        return options.tile_px
    side = round(options.tile_px * options.target_mm_per_px / mm_per_px)
    return side - side % decimation_of(side, options)


def decimation_of(side_px: int, options: ScanOptions) -> int:
    """Return of how many pixels of the file, each way, the mean is one that is judged: 1 and up."""
    return max(side_px // options.tile_px, 1)


def too_coarse_reason(mm_per_px: Iterable[float], options: ScanOptions) -> str | None:
    """Return in words that pixels are larger than those that the model was trained on, if any of them is."""
    largest = max(mm_per_px, default=0.0)
    if options.max_mm_per_px is None or largest <= SAME * options.max_mm_per_px:
        return None
    return f"{largest:.3g} mm per px is {TOO_COARSE} (limit {options.max_mm_per_px:g})"


def assessed_mm_per_px(row: Result, work: Work) -> float | None:
    """Return at how many mm per px a row was judged, where that is known."""
    if row.mm_per_px is None or row.probability is None:
        return None
    return row.mm_per_px * work.tile_px / work.options.tile_px
