"""Gaps in lines, bridged where the direction of a line and the darkness of the picture agree.

From each free end the way of least light leads to another line ahead, within a bounded box
(`skimage.graph`). It counts if it is about as dark as the line itself: the longer, the darker.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s, Indices
from crackscan.scanning.lines.skeleton import Graph

GAP_PX = 40.0  # longest gap
SIDE_GAP_PX = 20.0  # to the side of another line, not to its end
BACK_PX = 16.0  # over which the direction and the darkness of a line are measured
BORDER_PX = 6.0  # a line that ends so near to the border goes on outside
SHORTEST_CELLS = 4  # a shorter line has no direction
CONE = 0.5  # cosine of the angle to each side of its direction in which a line may go on
NEAR_CELLS = 2.5  # to all sides
BACKGROUND_PX = 32.0  # side of the square whose mean light is the background
MOST_ENDS = 12  # that are looked at for each 224 x 224 px, so that noise costs little
TILE_PX = 224
FAINTEST = (
    0.05  # darkness that each cell has at least, as a fraction of the line's, so that no way is endless
)
DARK = 0.4  # least darkness of a bridge, as a fraction of the line's, and ...
DARKER_PER_PX = 0.01  # how much more of it for each px of the gap
AGREEING = 0.4  # least cosine between a bridge and the line that it leads to
DETOUR = 1.4  # a bridge may be longer than the straight way by this factor


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """Free ends: cells (row, col) int64 (n, 2), directions out of the line (unit vectors), their paths."""

    cells: Indices
    ahead: Float64s
    paths: Indices


@dataclass(frozen=True, slots=True, eq=False)
class _Cone:
    """Where a line may go on: the cells of a box that a bridge may use, and those of other lines."""

    corner: Indices  # (row, col) of the box
    allowed: Bools  # (h, w), with the end itself
    targets: Bools  # (h, w)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What a bridge is looked for in: lines and darkness, at the resolution of the probabilities."""

    graph: Graph
    owner: Indices  # (h, w), the path of each cell, the number of paths for branch points, -1 for none
    darkness: Float32s  # (h, w), levels of light below the surroundings
    scale: float  # px of the picture for each cell


def bridges(graph: Graph, shape: tuple[int, ...], light: Float32s) -> list[Indices]:
    """Return the cells (row, col) that close gaps of a skeleton, int64 (n, 2) for each gap.

    Args:
        graph: of the skeleton.
        shape: of the skeleton.
        light: of the picture, float32, of the same resolution or a multiple of it.
    """
    scale = light.shape[0] / shape[0]
    ends = _ends(graph, shape, scale)
    if not len(ends.cells) or len(graph.first) < 2:
        return []
    owner, reach = _owners(graph, shape), round(GAP_PX / scale)
    cones = [
        _ahead(owner, cell, ahead, path=path, reach=reach)
        for cell, ahead, path in zip(ends.cells, ends.ahead, ends.paths.tolist(), strict=True)
    ]
    if not any(cones):
        return []
    scene = _Scene(graph, owner, _darkness(light, shape, scale), scale)
    return list(_bridges(scene, ends, cones))


def _ends(graph: Graph, shape: tuple[int, ...], scale: float) -> _Ends:
    """Return the free ends that are not at the border, of the longest lines if they are many."""
    back = np.minimum(round(BACK_PX / scale), graph.counts - 1)
    last = graph.first + graph.counts - 1
    cells = graph.pixels[graph.order[np.concatenate([graph.first, last])]]
    behind = graph.pixels[graph.order[np.concatenate([graph.first + back, last - back])]]
    paths = np.tile(np.arange(len(graph.first)), 2)
    margin = BORDER_PX / scale
    inside = np.all((cells >= margin) & (cells < np.array(shape) - margin), axis=1)
    long = graph.counts[paths] >= SHORTEST_CELLS
    free = np.flatnonzero((graph.nodes.T.ravel() < 0) & ~graph.closed[paths] & inside & long)
    most = max(round(MOST_ENDS * shape[0] * shape[1] * (scale / TILE_PX) ** 2), 1)
    chosen = free[np.argsort(-graph.counts[paths[free]], kind="stable")][:most]
    return _Ends(cells[chosen], _unit(cells[chosen] - behind[chosen]), paths[chosen])


def _owners(graph: Graph, shape: tuple[int, ...]) -> Indices:
    owner = np.full(shape, -1)
    rows, cols = graph.pixels.T
    owner[rows, cols] = len(graph.first)
    rows, cols = graph.pixels[graph.order].T
    owner[rows, cols] = graph.path_of
    return owner


def _darkness(light: Float32s, shape: tuple[int, ...], scale: float) -> Float32s:
    """Return how much darker each cell is than its surroundings, in levels of light, float32 (h, w)."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    step = round(scale)
    cells = sum(
        light[down : shape[0] * step : step, right : shape[1] * step : step]
        for down in range(step)
        for right in range(step)
    ) / np.float32(step**2)
    around = uniform_filter(cells, round(BACKGROUND_PX / scale), mode="nearest")
    return np.asarray(around - gaussian_filter(cells, 0.7, mode="nearest"), np.float32)


def _bridges(scene: _Scene, ends: _Ends, cones: list[_Cone | None]) -> Iterator[Indices]:
    """Yield the cells of each bridge, int64 (n, 2), from an end to another line."""
    for cell, path, cone in zip(ends.cells, ends.paths.tolist(), cones, strict=True):
        own = _darkness_of_end(scene, cell, path) if cone else 0.0
        way = _way(scene, cell, cone, own) if cone and own > 0 else None
        if way is not None and _counts(scene, way, own=own):
            yield way


def _darkness_of_end(scene: _Scene, cell: Indices, path: int) -> float:
    """Return the median darkness of a line near its end."""
    line = _cells_of(scene.graph, path)
    rows, cols = line[np.hypot(*(line - cell).T) <= BACK_PX / scene.scale].T
    return float(median(scene.darkness[rows, cols].tolist()))


def _ahead(owner: Indices, cell: Indices, ahead: Float64s, *, path: int, reach: int) -> _Cone | None:
    """Return where a line may go on from its end; None if no other line is there."""
    top, left = np.maximum(cell - reach, 0)
    near = owner[top : cell[0] + reach + 1, left : cell[1] + reach + 1]
    row, col = np.ogrid[: near.shape[0], : near.shape[1]]
    down, right = row - (cell[0] - top), col - (cell[1] - left)
    away = np.hypot(down, right)
    in_cone = (down * ahead[0] + right * ahead[1] >= CONE * away) & (away <= reach)
    allowed = (in_cone | (away <= NEAR_CELLS)) & (near != path)
    targets = allowed & (near >= 0)
    if not targets.any():
        return None
    allowed[cell[0] - top, cell[1] - left] = True
    rows, cols = (np.flatnonzero(allowed.any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    return _Cone(np.array([top + rows[0], left + cols[0]]), allowed[box], targets[box])


def _way(scene: _Scene, cell: Indices, cone: _Cone, own: float) -> Indices | None:
    """Return the cells of the darkest way from an end to another line ahead; None where there is none."""
    from skimage.graph import MCP_Geometric

    top, left = cone.corner
    height, width = cone.allowed.shape
    darkness = scene.darkness[top : top + height, left : left + width]
    costs = np.where(cone.allowed, 1 / np.clip(darkness / own, FAINTEST, 1), np.inf)
    search = MCP_Geometric(costs)
    start = (int(cell[0] - top), int(cell[1] - left))
    totals, _ = search.find_costs([start], np.argwhere(cone.targets).tolist(), find_all_ends=False)
    totals = np.where(cone.targets, totals, np.inf)
    nearest = np.unravel_index(totals.argmin(), totals.shape)
    if not np.isfinite(totals[nearest]):
        return None
    return np.asarray(np.array(search.traceback(nearest)) + cone.corner)


def _counts(scene: _Scene, way: Indices, *, own: float) -> bool:
    """Return whether a way is dark and straight enough for a bridge, and goes on in the line it meets."""
    chord = (way[-1] - way[0]).astype(np.float64)
    gap_px = float(np.hypot(*chord)) * scene.scale
    rows, cols = (way[1:-1] if len(way) > 2 else way).T
    dark = float(scene.darkness[rows, cols].mean()) / own
    detour = float(np.hypot(*np.diff(way, axis=0).T).sum()) * scene.scale / max(gap_px, 1e-9)
    if dark < DARK + DARKER_PER_PX * gap_px or detour > DETOUR:
        return False
    onward = _onward(scene.graph, way[-1], int(scene.owner[tuple(way[-1])]))
    if onward is None:
        return gap_px <= SIDE_GAP_PX
    return float(onward @ _unit(chord[None])[0]) >= AGREEING


def _onward(graph: Graph, cell: Indices, path: int) -> Float64s | None:
    """Return the direction into a line from its free end near a cell, (2,); None: the cell is at its side."""
    if path == len(graph.first):
        return None
    line, nodes = _cells_of(graph, path), graph.nodes[path]
    place = int(np.abs(line - cell).sum(axis=1).argmin())
    for end, onward, node in ((place, line, nodes[0]), (len(line) - 1 - place, line[::-1], nodes[1])):
        if end < SHORTEST_CELLS and node < 0 and not graph.closed[path]:
            return np.asarray(_unit((onward[min(2 * SHORTEST_CELLS, len(line) - 1)] - onward[0])[None])[0])
    return None


def _cells_of(graph: Graph, path: int) -> Indices:
    first = graph.first[path]
    return graph.pixels[graph.order[first : first + graph.counts[path]]]


def _unit(vectors: Indices | Float64s) -> Float64s:
    """Return vectors (n, 2) of length one; those of no length stay."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
