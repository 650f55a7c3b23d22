"""From a skeleton to its graph: paths of pixels between ends and branch points."""

from dataclasses import dataclass

import numpy as np

from crackscan.basics.arrays import Bools, Float32s, Float64s, Indices, Points

LATER = ((0, 1), (1, 0), (1, 1), (1, -1))  # (row, col) to the neighbours that come later in reading order


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
    neighbours = _neighbours(pixels, skeleton.shape)
    node_of = _node_of(neighbours)
    chains, open_count = _chains(neighbours, node_of)
    nodes = [_nodes_of_chain(chain, neighbours, node_of) for chain in chains]
    counts = np.array([len(chain) for chain in chains], np.int64)
    return Graph(
        pixels,
        _node_points(pixels, np.array(node_of, np.int64)),
        np.array([pixel for chain in chains for pixel in chain], np.int64),
        np.cumsum(counts) - counts,
        np.array(nodes, np.int64).reshape(-1, 2),
        np.arange(len(chains)) >= open_count,
    )


def _neighbours(pixels: Indices, shape: tuple[int, ...]) -> list[list[int]]:
    """Return the neighbours of each pixel; a diagonal counts where no other way leads across."""
    number = np.full((shape[0] + 2, shape[1] + 2), -1)
    rows, cols = pixels.T + 1
    number[rows, cols] = np.arange(len(pixels))
    neighbours: list[list[int]] = [[] for _ in pixels]
    for down, right in LATER:
        there = number[rows + down, cols + right]
        linked = there >= 0
        if down and right:
            linked &= (number[rows + down, cols] < 0) & (number[rows, cols + right] < 0)
        for one, other in zip(np.flatnonzero(linked).tolist(), there[linked].tolist(), strict=True):
            neighbours[one].append(other)
            neighbours[other].append(one)
    return neighbours


def _node_of(neighbours: list[list[int]]) -> list[int]:
    """Return the node of each pixel, -1 for none; branch pixels that touch are one node."""
    node_of = [-1] * len(neighbours)
    branching = [pixel for pixel, around in enumerate(neighbours) if len(around) > 2]
    count = 0
    for first in branching:
        if node_of[first] < 0:
            waiting = [first]
            while waiting:
                pixel = waiting.pop()
                node_of[pixel] = count
                waiting += [n for n in neighbours[pixel] if len(neighbours[n]) > 2 and node_of[n] < 0]
            count += 1
    return node_of


def _node_points(pixels: Indices, node_of: Indices) -> Points:
    """Return the mean place of each node's pixels, float64 (m, 2)."""
    branching = node_of >= 0
    counts = np.bincount(node_of[branching])
    sums = [np.bincount(node_of[branching], axis) for axis in pixels[branching].T]
    return np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]


def _chains(neighbours: list[list[int]], node_of: list[int]) -> tuple[list[list[int]], int]:
    """Return the pixels between nodes and ends, in order, and how many of these chains are no rings.

    Rings come last; each begins where reading comes to it first.
    """
    taken = [node >= 0 for node in node_of]
    ends = [
        pixel
        for pixel, around in enumerate(neighbours)
        if not taken[pixel] and (len(around) < 2 or taken[around[0]] or taken[around[1]])
    ]
    chains = [_follow(pixel, neighbours, taken) for pixel in ends if not taken[pixel]]
    rings = [_follow(pixel, neighbours, taken) for pixel in range(len(neighbours)) if not taken[pixel]]
    return chains + rings, len(chains)


def _follow(pixel: int, neighbours: list[list[int]], taken: list[bool]) -> list[int]:
    """Return the chain of free pixels from one on, and take them."""
    chain = [pixel]
    taken[pixel] = True
    for last in chain:  # which grows
        for other in neighbours[last]:
            if not taken[other]:
                taken[other] = True
                chain.append(other)
                break
    return chain


def _nodes_of_chain(chain: list[int], neighbours: list[list[int]], node_of: list[int]) -> tuple[int, int]:
    """Return the node before and after a chain, -1 for none."""
    before, after = (
        [node_of[n] for n in neighbours[end] if node_of[n] >= 0] for end in (chain[0], chain[-1])
    )
    if len(chain) == 1:  # both nodes are the neighbours of its one pixel
        before, after = before[:1], after[1:]
    return (before[0] if before else -1), (after[0] if after else -1)
