"""From probabilities of a centre line to traces: thinned, without spurs, smooth, cut to the core."""

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s
from crackscan.basics.records import Trace, Window
from crackscan.scanning.lines.bridging import bridges
from crackscan.scanning.lines.middles import moved_to_middles
from crackscan.scanning.lines.paths import Paths, cut_to
from crackscan.scanning.lines.profiles import centred
from crackscan.scanning.lines.skeleton import Graph, graph_of
from crackscan.scanning.lines.widths import NARROWEST_PX, measure_widths

LOW = 0.2  # lines are followed down to this probability
HIGH = 0.35  # where they somewhere reach this one
SPUR_PX = 20.0  # shorter side branches are the thinning's
SHORTEST_PX = 10.0  # shorter lines are noise, unless they leave the picture
ROUNDS = 2  # of pruning: a spur may hide another
REACH_PX = 8.0  # lines farther from the core are not moved into it
SMOOTHING = 4  # passes over a line of pixels: takes the steps away, and keeps bends of a few px
SAMPLE_PX = 2.0  # between the places where light and width are measured
POINT_PX = 4.0  # between the points of a trace


def trace_lines(
    probabilities: Float32s, light: Float32s, core: Window, *, low: float = LOW, high: float = HIGH
) -> list[Trace]:
    """Return the crack lines inside `core`, in px of the picture.

    Lines are cut at the border of the core, so that they meet those of the neighbours' cores.

    Args:
        probabilities: of a crack's centre line, float32 (h, w) or at half the resolution, 0..1.
        light: of the picture, float32 (h, w), 0..255.
        core: the part of the picture whose lines are wanted; the rest is surroundings.
        low: lines are followed down to this probability.
        high: where they somewhere reach this one.
    """
    scale = light.shape[0] / probabilities.shape[0]
    graph, probabilities = _graph(probabilities, light, low=low, high=high)
    if not len(graph.first):
        return []
    paths = _paths(graph, scale)
    evidence = graph.sums(probabilities) / graph.counts
    long = (paths.lengths >= SHORTEST_PX) | (graph.nodes >= 0).any(axis=1)
    wanted = long & paths.near(core, REACH_PX)
    paths, evidence = paths.select(wanted), evidence[wanted]
    if not len(paths):
        return []
    paths = centred(light, paths.smoothed(SMOOTHING).resampled(SAMPLE_PX)).smoothed(1)
    widths = measure_widths(light, paths)
    return _traces(paths, evidence, widths, core)


def _mask(probabilities: Float32s, low: float, high: float) -> Bools:
    """Return where probabilities are above `low`, in areas that somewhere are above `high`."""
    from scipy.ndimage import label

    areas, count = label(probabilities > low)
    kept = np.zeros(count + 1, bool)
    kept[areas[probabilities > high]] = True
    return np.asarray(kept[areas])


def _thinned(mask: Bools) -> Bools:
    from skimage.morphology import skeletonize

    return np.asarray(skeletonize(mask)) if mask.any() else mask


def _graph(probabilities: Float32s, light: Float32s, *, low: float, high: float) -> tuple[Graph, Float32s]:
    """Return the graph of the lines, without spurs and with gaps closed, and probabilities along it."""
    scale = light.shape[0] / probabilities.shape[0]
    skeleton = _thinned(_mask(probabilities, low, high))
    graph = _prune(skeleton, scale)
    moved = (
        moved_to_middles(skeleton, _paths(graph, scale), probabilities, light) if len(graph.first) else None
    )
    if moved is not None:
        mask, probabilities = moved
        skeleton = _thinned(mask)
        graph = _prune(skeleton, scale)
    gaps = bridges(graph, skeleton.shape, light)
    if not gaps:
        return graph, probabilities
    rows, cols = np.concatenate(gaps).T
    skeleton[rows, cols] = True
    return _prune(_thinned(skeleton), scale), probabilities


def _prune(skeleton: Bools, scale: float) -> Graph:
    """Take short side branches out of the skeleton and return the graph of what is left.

    The longest branch goes on where a line would end otherwise.
    """
    graph = graph_of(skeleton)
    for _ in range(ROUNDS):
        spurs = _spurs(graph, scale)
        if not spurs.any():
            break
        rows, cols = graph.pixels[graph.order[spurs[graph.path_of]]].T
        skeleton[rows, cols] = False
        graph = graph_of(skeleton)
    return graph


def _spurs(graph: Graph, scale: float) -> Bools:
    """Return which paths are short, end freely and begin at a branch point that does not need them."""
    free = (graph.nodes < 0).sum(axis=1) == 1
    short = free & (graph.counts * scale < SPUR_PX)
    node = graph.nodes.max(axis=1)
    degree = np.bincount(graph.nodes[graph.nodes >= 0], minlength=len(graph.node_points))
    kept_otherwise = degree - np.bincount(node[short], minlength=len(graph.node_points))
    ranked = np.lexsort((-graph.counts, node))
    ranked = ranked[short[ranked]]
    longest = ranked[np.append(True, np.diff(node[ranked]) > 0)] if len(ranked) else ranked
    needed = np.zeros(len(short), bool)
    needed[longest] = kept_otherwise[node[longest]] <= 1
    return np.asarray(short & ~needed)


def _paths(graph: Graph, scale: float) -> Paths:
    """Return the graph's paths in px of the picture, with their nodes as end points."""
    count = len(graph.first)
    before, after = graph.nodes.T
    starts, ends = np.flatnonzero(before >= 0), np.flatnonzero(after >= 0)
    rings = np.flatnonzero(graph.closed)
    points = np.concatenate(
        [
            graph.pixels[graph.order],
            graph.node_points[before[starts]],
            graph.node_points[after[ends]],
            graph.pixels[graph.order[graph.first[rings]]],
        ]
    )
    path_of = np.concatenate([graph.path_of, starts, ends, rings])
    place = np.repeat([1, 0, 2, 2], [len(graph.order), len(starts), len(ends), len(rings)])
    order = np.lexsort((place, path_of))
    counts = np.bincount(path_of, minlength=count)
    first = np.cumsum(counts) - counts
    return Paths((points[order][:, ::-1] + 0.5) * scale, first, graph.nodes)


def _traces(paths: Paths, evidence: Float64s, widths: Float64s, core: Window) -> list[Trace]:
    traces = []
    for path, part, points in cut_to(paths, core):
        rounded = _rounded(points)
        if len(rounded) > 1:
            traces.append(Trace(rounded, round(float(evidence[path]), 4), *_summary(widths[part])))
    return traces


def _rounded(points: Float64s) -> tuple[tuple[float, float], ...]:
    """Return every second point to 0.1 px, with both ends, and none twice."""
    kept = np.append(np.arange(0, len(points) - 1, max(round(POINT_PX / SAMPLE_PX), 1)), len(points) - 1)
    found = [(round(col, 1), round(row, 1)) for col, row in points[kept].tolist()]
    return tuple(point for index, point in enumerate(found) if index == 0 or point != found[index - 1])


def _summary(widths: Float64s) -> tuple[float | None, float | None]:
    """Return the median and the greatest width, None where half of them cannot be told or are too narrow."""
    told = widths[np.isfinite(widths)]
    if len(told) * 2 <= len(widths):
        return None, None
    median, greatest = np.percentile(told, (50, 95)).tolist()
    return (round(median, 2), round(greatest, 2)) if median >= NARROWEST_PX else (None, None)
