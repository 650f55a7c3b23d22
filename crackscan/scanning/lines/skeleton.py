"""From a mask to the graph of its centre lines: paths between ends and branch points."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float32s, Float64s, Indices, Points

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # (row, col) to the neighbours that come later in reading order


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Paths of pixels between nodes.

    pixels: int64 (n, 2), (row, col) of all pixels of the skeleton. node_points: float64 (m, 2), (row, col)
    of the branch points. order: int64, indices of pixels path by path. first: int64 (k,), where each path
    begins in `order`. nodes: int64 (k, 2), the node before and after each path; -1 is a free end.
    closed: bool (k,), rings without a node.
    """

    pixels: Indices
    node_points: Points
    order: Indices
    first: Indices
    nodes: Indices
    closed: Bools

    @property
    def counts(self) -> Indices:
        """The number of pixels of each path."""
        return np.diff(np.append(self.first, len(self.order)))

    @property
    def path_of(self) -> Indices:
        """The path of each entry of `order`."""
        return np.repeat(np.arange(len(self.first)), self.counts)

    def sums(self, values: Float32s | Float64s) -> Float64s:
        """Return the sum over each path of a map's values, shape (k,)."""
        rows, cols = self.pixels[self.order].T
        return np.asarray(np.bincount(self.path_of, values[rows, cols], len(self.first)))


def graph_of(skeleton: Bools) -> Graph:
    """Return the graph of a skeleton one pixel wide."""
    pixels = np.argwhere(skeleton)
    links = _links(skeleton)
    degree = np.bincount(links.ravel(), minlength=len(pixels))
    branching = degree > 2
    node_of, node_points = _nodes(pixels, links, branching)
    inner = links[~branching[links].any(axis=1)]
    order, first, closed = _ordered(len(pixels), inner, branching)
    outer = links[branching[links].sum(axis=1) == 1]
    on_path = np.where(branching[outer[:, 0]], outer[:, 1], outer[:, 0])
    node = node_of[np.where(branching[outer[:, 0]], outer[:, 0], outer[:, 1])]
    nodes = _attached(len(pixels), order, first, on_path, node)
    return Graph(pixels, node_points, order, first, nodes, closed)


def _links(skeleton: Bools) -> Indices:
    """Return the pairs of neighbouring pixels, (l, 2); a diagonal counts where no other way leads across."""
    height, width = skeleton.shape
    number = np.full((height + 2, width + 2), -1)
    number[1:-1, 1:-1][skeleton] = np.arange(np.count_nonzero(skeleton))
    found = []
    here = number[1:-1, 1:-1]
    for row, col in STEPS:
        there = number[1 + row : height + 1 + row, 1 + col : width + 1 + col]
        linked = (here >= 0) & (there >= 0)
        if row and col:
            linked &= (number[1 + row : height + 1 + row, 1:-1] < 0) & (
                number[1:-1, 1 + col : width + 1 + col] < 0
            )
        found.append(np.stack([here[linked], there[linked]], axis=1))
    return np.concatenate(found)


def _components(count: int, links: Indices) -> tuple[int, NDArray[np.integer]]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(count, count))
    number, labels = connected_components(graph.tocsr(), directed=False)
    return int(number), labels


def _nodes(pixels: Indices, links: Indices, branching: Bools) -> tuple[Indices, Points]:
    """Return the node of each pixel (-1: none) and where the nodes are; branch pixels that touch are one."""
    if not branching.any():
        return np.full(len(pixels), -1), np.zeros((0, 2))
    _, labels = _components(len(pixels), links[branching[links].all(axis=1)])
    _, labels = np.unique(labels[branching], return_inverse=True)
    node_of = np.full(len(pixels), -1)
    node_of[branching] = labels
    counts = np.bincount(labels)
    points = [np.bincount(labels, axis) / counts for axis in pixels[branching].T]
    return node_of, np.stack(points, axis=1)


def _ordered(count: int, links: Indices, branching: Bools) -> tuple[Indices, Indices, Bools]:
    """Return the pixels of the paths in order, where each path begins, and which are rings."""
    from scipy.sparse.csgraph import dijkstra

    members = np.flatnonzero(~branching)
    if len(members) == 0:
        return members, members, np.zeros(0, bool)
    _, labels = _components(count, links)
    _, labels = np.unique(labels[members], return_inverse=True)
    degree = np.bincount(links.ravel(), minlength=count)[members]
    # The first pixel is an end, the one that is read first; in a ring any, so the one that is read first.
    rank = np.lexsort((members, degree > 1, labels))
    starts = members[rank[np.append(True, np.diff(labels[rank]) > 0)]]
    closed = np.bincount(labels, degree < 2) == 0
    graph = _without_first_links(count, links, starts[closed])
    depth = dijkstra(graph, directed=False, indices=starts, unweighted=True, min_only=True)
    order = np.lexsort((depth[members], labels))
    first = np.flatnonzero(np.append(True, np.diff(labels[order]) > 0))
    return members[order], first, closed


def _without_first_links(count: int, links: Indices, starts: Indices) -> Any:
    """Return the links as a sparse matrix, each ring opened at its start."""
    from scipy.sparse import coo_array

    opened = np.isin(links, starts)
    owner = np.where(opened[:, 0], links[:, 0], np.where(opened[:, 1], links[:, 1], -1))
    at_start = np.flatnonzero(owner >= 0)
    _, dropped = np.unique(owner[at_start], return_index=True)
    kept = np.ones(len(links), bool)
    kept[at_start[dropped]] = False
    links = links[kept]
    return coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count)).tocsr()


def _attached(count: int, order: Indices, first: Indices, on_path: Indices, node: Indices) -> Indices:
    """Return the nodes before and after each path, (k, 2), from links of a path's pixel with a node."""
    nodes = np.full((len(first), 2), -1)
    if len(first) == 0:
        return nodes
    last = np.append(first[1:], len(order)) - 1
    path_at = np.full((2, count), -1)
    path_at[0, order[first]] = np.arange(len(first))
    path_at[1, order[last]] = np.arange(len(first))
    before, after = path_at[0, on_path], path_at[1, on_path]
    alone = (before >= 0) & (before == after)  # a path of one pixel takes its second link at its other end
    _, earliest = np.unique(np.where(alone, before, -1 - np.arange(len(before))), return_index=True)
    second = alone.copy()
    second[earliest] = False
    at_start = (before >= 0) & ~second
    at_end = (after >= 0) & (~alone | second)
    nodes[before[at_start], 0] = node[at_start]
    nodes[after[at_end], 1] = node[at_end]
    return nodes
