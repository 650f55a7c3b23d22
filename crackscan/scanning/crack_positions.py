"""What the row of a crack has from its photo or mosaic: position, pose, resolution, and lines on the map."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from crackscan.basics.records import Line, Result, Window
from crackscan.scanning import resolution
from crackscan.scanning.input_rows import InputTally
from crackscan.scanning.lines.joining import length_of

Pixel = tuple[float, float]  # (col, row), px


class Located(NamedTuple):
    """A row without what is known of the crack alone, and the crack's lines and scale on the ground."""

    row: Result
    lines: tuple[Line, ...] = ()
    length_m: float | None = None
    width_mm_per_px: float | None = None  # across the lines


def locate(tally: InputTally, lines: Sequence[Sequence[Pixel]], near: Pixel) -> Located:
    """Locate the lines of a crack; near: a pixel of it, whose position the row gets in a mosaic."""
    if tally.photo is not None:
        return _in_photo(tally.photo, tally.extent, lines)
    first = tally.first
    row = Result(source=first.source, kind="crack", status="ok", model=first.model, grid=first.grid)
    if first.grid is None:
        return Located(row)
    from crackscan.geo.lines import locate_lines

    found = locate_lines(first.grid, lines, near)
    if found is None:
        return Located(row)
    lon, lat = found.position
    row = replace(row, lon=lon, lat=lat, position_from="mosaic", mm_per_px=found.mm_per_px, probability=0.0)
    row = replace(row, judged_mm_per_px=resolution.assessed_mm_per_px(row, tally.work))
    return Located(row, found.lines, found.length_m, found.width_mm_per_px)


def _in_photo(photo: Result, extent: Window | None, lines: Sequence[Sequence[Pixel]]) -> Located:
    """Return the row with the photo's pose; the ground is level, so it has one resolution."""
    row = replace(
        photo,
        kind="crack",
        tiles=None,
        crack_tiles=None,
        valid=None,
        outline=None,
        distance=None,
        judged=(),
    )
    mm_per_px = photo.mm_per_px
    length_m = None if mm_per_px is None else mm_per_px / 1000 * sum(map(length_of, lines))
    if photo.outline is None or extent is None:
        return Located(row, (), length_m, mm_per_px)
    from crackscan.geo.pose.footprint import lines_in_outline

    on_map = lines_in_outline(lines, (extent.width, extent.height), photo.outline)
    return Located(row, on_map, length_m, mm_per_px)
