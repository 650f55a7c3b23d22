"""Rows of cracks: the traces of a photo or mosaic are joined, and each connected crack becomes one row.

A photo or mosaic without a crack, or of which not all was assessed, keeps a row of its own after its cracks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil, floor

from crackscan.basics import grid
from crackscan.basics.records import Result, RowOptions, ScanOptions, Trace, Window, Work
from crackscan.scanning import resolution
from crackscan.scanning.crack_positions import locate
from crackscan.scanning.input_rows import InputTally
from crackscan.scanning.lines.joining import Crack, join_traces
from crackscan.sinks.wkt import multi_line_string

# Least length of a crack that is written, px as judged, unless the user says otherwise: shorter lines are
# mostly texture.
MIN_LENGTH_PX = 40.0

Judged = tuple[Work, list[Result]]
Point = tuple[float, float]  # (col, row), px


def crack_rows(judged: Iterable[Judged], options: ScanOptions) -> Iterator[Result]:
    """Yield the rows of cracks and of inputs, input by input.

    judged: Work with all of its labelled rows, in plan order; it was scanned for lines.
    """
    for _, works in groupby(judged, key=_InputCounter()):
        yield from _Input(options.rows).rows(works)


class _InputCounter:
    """Numbers the photos and mosaics that Work belongs to; a mosaic may be named twice."""

    def __init__(self) -> None:
        self._number = 0
        self._first: Work | None = None

    def __call__(self, judged: Judged) -> int:
        work, _ = judged
        first, window = self._first, work.window
        continues = (
            first is not None
            and (first.source, first.kind) == (work.source, work.kind)
            and None not in {first.window, window}
            and window != first.window
        )
        if not continues:
            self._number += 1
            self._first = work
        return self._number


class _Input:
    """The cracks of one photo or mosaic, joined while its Work comes in."""

    def __init__(self, options: RowOptions) -> None:
        self._options = options
        self._tally: InputTally | None = None
        self._scale = 1.0  # px of the image that are one px as judged
        self._remarks: dict[tuple[Point, ...], str] = {}  # on tiles, by the traces that begin there

    def rows(self, works: Iterable[Judged]) -> Iterator[Result]:
        """Yield a row for each crack, and one for the input if that is needed."""
        found = 0
        for joined in join_traces(self._pieces(works)):
            crack = _scaled(joined, self._scale)
            remarks = [self._remarks.pop(trace.points, None) for trace in crack.traces]
            least_px = self._options.min_length_px
            least_px = MIN_LENGTH_PX * self._scale if least_px is None else least_px
            if crack.probability >= self._options.crack_threshold and crack.length_px >= least_px:
                found += 1
                assert self._tally is not None, "cracks come from Work"
                yield _crack_row(crack, self._tally, next(filter(None, remarks), None))
        if self._tally is not None and (row := self._tally.row(cracks=found)) is not None:
            yield row

    def _pieces(self, works: Iterable[Judged]) -> Iterator[tuple[Window, list[Trace]]]:
        """Yield the traces of each Work in px as judged, in which the limits of joining are."""
        lowest = 0
        for work, rows in works:
            self._tally = self._tally or InputTally(work, rows[0])
            self._tally.add(rows)
            self._scale = resolution.px_per_judged_px(work, rows)
            window = work.window or Window(0, 0, 1, 1)
            lowest = max(lowest, window.row)
            traces: list[Trace] = []
            for row in rows:
                traces += row.traces
                if row.reason and row.kind == "tile":
                    self._remarks |= {trace.points: row.reason for trace in row.traces}
            begins = floor((lowest - _unordered_px(work)) / self._scale)
            yield window._replace(row=begins), [_divided(trace, self._scale) for trace in traces]


def _unordered_px(work: Work) -> int:
    """Return by how many rows of pixels a later Work of a mosaic may begin above this one."""
    overlap = work.options.overlap
    return (grid.tiles_per_pass(overlap) - 1) * grid.step_px(work.tile_px, overlap)


def _divided(trace: Trace, scale: float) -> Trace:
    return trace._replace(points=tuple((col / scale, row / scale) for col, row in trace.points))


def _scaled(crack: Crack, scale: float) -> Crack:
    """Return a crack in px of the image; its points are again those of the traces, to 0.1 px."""
    traces = tuple(
        trace._replace(
            points=tuple((round(col * scale, 1), round(row * scale, 1)) for col, row in trace.points)
        )
        for trace in crack.traces
    )
    return replace(crack, traces=traces, length_px=crack.length_px * scale)


def _crack_row(crack: Crack, tally: InputTally, remark: str | None) -> Result:
    """Return the row of a crack; remark: of a tile in which it lies."""
    surest = max(crack.traces, key=lambda trace: (trace.probability, len(trace.points)))
    middle = surest.points[len(surest.points) // 2]
    located = locate(tally, [trace.points for trace in crack.traces], middle)
    area = _bounding_window(crack.traces)
    widths = [
        None if px is None or located.width_mm_per_px is None else px * located.width_mm_per_px
        for px in (crack.width_px, crack.max_width_px)
    ]
    return replace(
        located.row,
        label="crack",
        probability=round(crack.probability, 6),
        **area._asdict(),
        peak_col=floor(middle[0]),
        peak_row=floor(middle[1]),
        length_px=crack.length_px,
        width_px=crack.width_px,
        max_width_px=crack.max_width_px,
        length_m=located.length_m,
        width_mm=widths[0],
        max_width_mm=widths[1],
        reason=remark or located.row.reason,
        pixels=_pixels(crack.traces),
        traces=crack.traces,
        lines=located.lines,
    )


def _pixels(traces: Sequence[Trace]) -> str:
    lines = [[(f"{col:.1f}", f"{row:.1f}") for col, row in trace.points] for trace in traces]
    return multi_line_string(lines, gap=" ")


def _bounding_window(traces: Sequence[Trace]) -> Window:
    cols, rows = zip(*(point for trace in traces for point in trace.points), strict=True)
    left, top = floor(min(cols)), floor(min(rows))
    return Window(left, top, max(ceil(max(cols)) - left, 1), max(ceil(max(rows)) - top, 1))
