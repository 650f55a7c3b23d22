"""Many polylines in one array, so that all lines of a picture are handled at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crackscan.basics.arrays import Bools, Float64s, Indices, Points
from crackscan.basics.records import Window


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Polylines, one after the other.

    points: float64 (n, 2), (col, row). first: int64 (k,), the index of each path's first point.
    nodes: int64 (k, 2), the branch point at which each path begins and ends; -1 is a free end.
    """

    points: Points
    first: Indices
    nodes: Indices

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Points]:
        return iter(np.split(self.points, self.first[1:])) if len(self) else iter(())

    @property
    def last(self) -> Indices:
        """The index of each path's last point."""
        return np.append(self.first[1:], len(self.points))[: len(self)] - 1

    @property
    def path_of(self) -> Indices:
        """The path of each point, int64 (n,)."""
        return np.repeat(np.arange(len(self)), self.last - self.first + 1)

    @property
    def is_end(self) -> Bools:
        """Whether each point is the first or last of its path, (n,)."""
        ends = np.zeros(len(self.points), bool)
        ends[self.first] = ends[self.last] = True
        return ends

    @property
    def is_shared(self) -> Bools:
        """Whether each point is at a branch point, or both ends of a ring, (n,)."""
        shared = np.zeros(len(self.points), bool)
        ring = np.all(self.points[self.first] == self.points[self.last], axis=1)
        shared[self.first[ring | (self.nodes[:, 0] >= 0)]] = True
        shared[self.last[ring | (self.nodes[:, 1] >= 0)]] = True
        return shared

    @property
    def lengths(self) -> Float64s:
        """The length of each path in px, (k,)."""
        along = self._along()
        return np.asarray(along[self.last] - along[self.first])

    def breaks(self) -> Bools:
        """Return whether the step from each point to the next leads to another path, (n - 1,)."""
        breaks = np.zeros(max(len(self.points) - 1, 0), bool)
        breaks[self.first[1:] - 1] = True
        return breaks

    def select(self, kept: Bools) -> "Paths":
        """Return the paths for which `kept`, shape (k,), is true."""
        counts = (self.last - self.first + 1)[kept]
        return Paths(self.points[kept[self.path_of]], _firsts(counts), self.nodes[kept])

    def near(self, window: Window, reach_px: float) -> Bools:
        """Return which paths have a point in a window or so near to it, (k,)."""
        low = np.array([window.col, window.row]) - reach_px
        high = low + np.array([window.width, window.height]) + 2 * reach_px
        inside = np.all((self.points >= low) & (self.points < high), axis=1)
        return np.asarray(np.bincount(self.path_of, inside, len(self)) > 0)

    def smoothed(self, passes: int) -> "Paths":
        """Return the paths after so many averages of neighbours (1 2 1) / 4; the ends stay where they are."""
        points = np.where(self.is_end[:, None], self.points, self.blended(self.points, 1))
        for _ in range(passes - 1):
            points = np.where(self.is_end[:, None], self.points, self.blended(points, 1))
        return Paths(points, self.first, self.nodes)

    def blended(self, values: Float64s, passes: int) -> Float64s:
        """Return values at the points, (n, ...), after averages (1 2 1) / 4 along each path."""
        firsts, lasts = self.first, self.last
        for _ in range(passes):
            blended = 2 * values
            blended[1:] += values[:-1]
            blended[:-1] += values[1:]
            blended[firsts[1:]] += values[firsts[1:]] - values[lasts[:-1]]
            blended[lasts[:-1]] += values[lasts[:-1]] - values[firsts[1:]]
            blended[firsts[:1]] += values[firsts[:1]]
            blended[lasts[-1:]] += values[lasts[-1:]]
            values = blended / 4
        return values

    def resampled(self, step_px: float) -> "Paths":
        """Return the paths with evenly spaced points, about `step_px` apart; the ends stay."""
        along = self._along()
        counts = np.maximum(np.rint((along[self.last] - along[self.first]) / step_px), 1).astype(np.int64) + 1
        first = _firsts(counts)
        path_of = np.repeat(np.arange(len(self)), counts)
        share = (np.arange(counts.sum()) - first[path_of]) / (counts[path_of] - 1)
        start, end = along[self.first][path_of], along[self.last][path_of]
        positions = start + share * (end - start)
        points = np.stack([np.interp(positions, along, axis) for axis in self.points.T], axis=1)
        ends = np.append(first[1:], counts.sum())[: len(self)] - 1
        points[first], points[ends] = self.points[self.first], self.points[self.last]
        return Paths(points, first, self.nodes)

    def normals(self) -> Points:
        """Return the unit vectors across the paths at each point, (n, 2)."""
        ahead = np.zeros_like(self.points)
        ahead[:-1] += np.diff(self.points, axis=0) * ~self.breaks()[:, None]
        ahead[1:] += np.diff(self.points, axis=0) * ~self.breaks()[:, None]
        ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
        return np.asarray(ahead[:, ::-1] * (-1, 1))

    def _along(self) -> Float64s:
        """Return the position of each point along all paths, px; from one path to the next is one px."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return np.asarray(np.concatenate([[0.0], np.cumsum(np.where(self.breaks(), 1.0, steps))]))


def cut_to(paths: Paths, core: Window) -> list[tuple[int, slice, Points]]:
    """Return the parts of the paths that lie inside a window, with new end points on its border.

    Returns: for each part its path, the slice of the path's points that are inside, and its points.
    """
    low = np.array([core.col, core.row], np.float64)
    high = low + np.array([core.width, core.height])
    inside = np.all((paths.points >= low) & (paths.points < high), axis=1)
    if inside.all():
        return [
            (path, slice(int(start), int(end) + 1), paths.points[start : end + 1])
            for path, (start, end) in enumerate(zip(paths.first, paths.last, strict=True))
        ]
    starts = inside & ~np.append(False, inside[:-1] & ~paths.breaks())
    ends = inside & ~np.append(inside[1:] & ~paths.breaks(), False)
    path_of, first, last = paths.path_of, set(paths.first.tolist()), set(paths.last.tolist())
    parts = []
    for start, end in zip(np.flatnonzero(starts).tolist(), np.flatnonzero(ends).tolist(), strict=True):
        points = [paths.points[start : end + 1]]
        if start not in first:
            points.insert(0, _border(paths.points[start], paths.points[start - 1], low, high))
        if end not in last:
            points.append(_border(paths.points[end], paths.points[end + 1], low, high))
        parts.append((int(path_of[start]), slice(start, end + 1), np.concatenate(points)))
    return parts


def _border(inside: Points, outside: Points, low: Points, high: Points) -> Points:
    """Return where the way from a point inside to one outside leaves the window, shape (1, 2)."""
    step = outside - inside
    limit = np.where(step > 0, high, low)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(step == 0, np.inf, (limit - inside) / step).min()
    place = np.clip(inside + np.clip(share, 0, 1) * step, low, high)
    return np.asarray(place[None])


def _firsts(counts: Indices) -> Indices:
    return np.cumsum(counts) - counts
