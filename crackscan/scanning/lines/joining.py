"""Traces put together to cracks: those that share an end, and those that meet where pictures were cut."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import atan2, degrees, floor, hypot

from crackscan.basics.records import Trace, Window

SEAM_PX = 4.0  # ends of neighbouring pictures that are nearer may be one line
AGREEING = 60.0  # degrees by which the directions of two such ends may differ
ALONG_PX = 8.0  # over which the direction of an end is measured

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Crack:
    """One connected crack with its branches, in px of the upright image."""

    traces: tuple[Trace, ...]
    probability: float  # mean along the traces, 0..1
    length_px: float  # of all traces
    width_px: float | None  # median along the traces whose width is known
    max_width_px: float | None


def join_traces(
    pieces: Iterable[tuple[Window, Sequence[Trace]]], *, threshold: float = 0.0, min_length_px: float = 0.0
) -> Iterator[Crack]:
    """Yield the cracks of one photo or mosaic, each as soon as no later piece can touch it.

    Args:
        pieces: the traces of each Work with the window that they are from, in the order of the plan: no
            piece begins in a row of pixels above the piece before it. Only cracks that reach the
            rows where the last piece begins are held.
        threshold: the least probability of a crack.
        min_length_px: the least length of a crack.
    """
    growing, top = _Growing(), 0
    for window, traces in pieces:
        if window.row > top:
            top = window.row
            yield from _filtered(growing.finished_above(top - SEAM_PX), threshold, min_length_px)
        for trace in traces:
            growing.add(trace)
    yield from _filtered(growing.finished_above(None), threshold, min_length_px)


def crack_of(traces: Sequence[Trace]) -> Crack:
    """Return the crack that the traces make up."""
    lengths = [length_of(trace.points) for trace in traces]
    total = sum(lengths)
    weighted = sum(trace.probability * length for trace, length in zip(traces, lengths, strict=True))
    widest = [trace.max_width_px for trace in traces if trace.max_width_px is not None]
    return Crack(
        tuple(traces),
        weighted / total if total else traces[0].probability,
        total,
        _median_width(traces, lengths),
        max(widest, default=None),
    )


def length_of(points: Sequence[Point]) -> float:
    """Return the length of a polyline."""
    return sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))


def multilinestring(traces: Iterable[Trace]) -> str:
    """Return the traces as WKT: MULTILINESTRING ((col row, col row, ...), ...)."""
    lines = (", ".join(f"{col:.1f} {row:.1f}" for col, row in trace.points) for trace in traces)
    return f"MULTILINESTRING ({', '.join(f'({line})' for line in lines)})"


def _filtered(groups: Iterable[list[Trace]], threshold: float, min_length_px: float) -> Iterator[Crack]:
    for traces in groups:
        crack = crack_of(traces)
        if crack.probability >= threshold and crack.length_px >= min_length_px:
            yield crack


def _median_width(traces: Sequence[Trace], lengths: Sequence[float]) -> float | None:
    """Return the width that half of the measured length is below."""
    known = sorted(
        (trace.width_px, length)
        for trace, length in zip(traces, lengths, strict=True)
        if trace.width_px is not None
    )
    half, passed = sum(length for _, length in known) / 2, 0.0
    for width, length in known:
        passed += length
        if passed >= half:
            return width
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """An end of a trace, with the direction in which the line would go on, degrees."""

    point: Point
    direction: float
    crack: int  # as numbered when it was added


@dataclass(slots=True, eq=False)
class _Growing:
    """Cracks that later traces may touch, with their ends by cell of `SEAM_PX`."""

    traces: dict[int, list[Trace]] = field(default_factory=dict)
    lowest: dict[int, float] = field(default_factory=dict)  # the lowest end of each crack, px
    merged: dict[int, int] = field(default_factory=dict)
    ends: dict[tuple[int, int], list[_End]] = field(default_factory=dict)
    count: int = 0

    def add(self, trace: Trace) -> None:
        """Add a trace to the cracks that it touches, or begin a new one."""
        number = self.count
        self.count += 1
        self.traces[number] = [trace]
        self.lowest[number] = max(trace.points[0][1], trace.points[-1][1])
        ends = [
            _End(trace.points[0], _direction(trace.points), number),
            _End(trace.points[-1], _direction(trace.points[::-1]), number),
        ]
        touched = [other.crack for end in ends for other in self._near(end.point) if _meet(end, other)]
        for end in ends:
            self.ends.setdefault(_cell(end.point), []).append(end)
        for other in touched:
            self._merge(number, other)

    def finished_above(self, row: float | None) -> list[list[Trace]]:
        """Take out the cracks of which all ends are above a row (None: all), the earliest first."""
        done = [number for number, lowest in self.lowest.items() if row is None or lowest < row]
        groups = [self.traces.pop(number) for number in sorted(done)]
        gone = set(done)
        for number in done:
            del self.lowest[number]
        self._forget(gone)
        return groups

    def _forget(self, gone: set[int]) -> None:
        if not gone:
            return
        kept = {
            cell: [end for end in ends if self._root(end.crack) not in gone]
            for cell, ends in self.ends.items()
        }
        self.ends = {cell: ends for cell, ends in kept.items() if ends}
        roots = {number: self._root(number) for number in list(self.merged)}
        self.merged = {number: root for number, root in roots.items() if root not in gone}

    def _near(self, point: Point) -> Iterator[_End]:
        col, row = _cell(point)
        for cell in ((col + right, row + down) for down in (-1, 0, 1) for right in (-1, 0, 1)):
            yield from self.ends.get(cell, ())

    def _merge(self, first: int, second: int) -> None:
        one, other = sorted((self._root(first), self._root(second)))
        if one != other:
            self.merged[other] = one
            self.traces[one].extend(self.traces.pop(other))
            self.lowest[one] = max(self.lowest[one], self.lowest.pop(other))

    def _root(self, number: int) -> int:
        root = number
        while root in self.merged:
            root = self.merged[root]
        while number != root:  # the next search is short
            onward = self.merged[number]
            self.merged[number] = root
            number = onward
        return root


def _cell(point: Point) -> tuple[int, int]:
    return floor(point[0] / SEAM_PX), floor(point[1] / SEAM_PX)


def _meet(end: _End, other: _End) -> bool:
    """Return whether two ends are one place: the same point, or near and each going on as the other came."""
    if end.point == other.point:
        return True
    if hypot(end.point[0] - other.point[0], end.point[1] - other.point[1]) > SEAM_PX:
        return False
    turn = abs(end.direction - other.direction) % 360
    return abs(180 - turn) <= AGREEING


def _direction(points: Sequence[Point]) -> float:
    """Return the direction out of a line at its first point, degrees, measured over its first px."""
    start = points[0]
    away = next(
        (point for point in points if hypot(point[0] - start[0], point[1] - start[1]) >= ALONG_PX), points[-1]
    )
    return degrees(atan2(start[1] - away[1], start[0] - away[0]))
