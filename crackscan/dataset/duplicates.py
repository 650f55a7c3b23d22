"""Handling of duplicate images: they may have contradicting labels, or sit in several groups."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from crackscan.dataset.fingerprints import Fingerprinted, duplicate_pairs
from crackscan.dataset.records import Problem, problems

# Two groups show the same scene if duplicates make at least this share of the smaller one; with fewer, the
# odd duplicate is left out instead. METU in blocks of 500: the first and the last block of cracks share 59 %,
# because they hold the same photos; any two of the twelve blocks of shuffled other images share at most 1 %,
# but merging at every duplicate would chain all twelve into one.
SAME_SCENE = 0.05


def leave_out_contradictions(
    rows: Sequence[Fingerprinted],
) -> tuple[list[Fingerprinted], tuple[Problem, ...]]:
    """Leave out all images that have equal pixels but different labels: which label is right is unknown."""
    labels = defaultdict(set)
    for example, fingerprint in rows:
        labels[fingerprint.sha256].add(example.label)
    consistent = [row for row in rows if len(labels[row.fingerprint.sha256]) == 1]
    contradicting = [row for row in rows if len(labels[row.fingerprint.sha256]) > 1]
    contradicting.sort(key=lambda row: row.fingerprint.sha256)  # name equal images side by side
    names = [f"{row.example.name} ({row.example.class_name})" for row in contradicting]
    return consistent, problems("equal images of both classes, all left out", names)


def keep_together(
    rows: Sequence[Fingerprinted],
) -> tuple[list[Fingerprinted], tuple[Problem, ...]]:
    """Merge groups that show the same scene, judged by shared duplicates, and leave out other duplicates.

    Afterwards two groups share no duplicate, unless a manifest gives the splits of both images.
    """
    clusters = _clusters(duplicate_pairs([row.fingerprint for row in rows]), rows)
    groups = _merge_groups(clusters, rows)
    merged = [row._replace(example=replace(row.example, group=groups[row.example.group])) for row in rows]
    strays = {
        index
        for members in clusters
        for index in members[1:]
        if merged[index].example.group != merged[members[0]].example.group
        and merged[index].example.split is None
    }
    remaining = [row for index, row in enumerate(merged) if index not in strays]
    names = [merged[index].example.name for index in sorted(strays)]
    return remaining, problems("copies of an image in another group, left out", names)


def _clusters(pairs: Iterable[tuple[int, int]], rows: Sequence[Fingerprinted]) -> list[list[int]]:
    """Return clusters of the indices of duplicates; in each, images with a given split come first."""
    sets = _UnionFind(len(rows))
    for first, second in pairs:
        sets.union(first, second)
    clusters = defaultdict(list)
    for index in range(len(rows)):
        clusters[sets.find(index)].append(index)
    return [
        sorted(members, key=lambda index: (rows[index].example.split is None, index))
        for members in clusters.values()
        if len(members) > 1
    ]


def _merge_groups(clusters: Sequence[Sequence[int]], rows: Sequence[Fingerprinted]) -> dict[str, str]:
    """Return the new name of each group, after groups that show the same scene are merged."""
    sizes = Counter(row.example.group for row in rows)
    names = list(sizes)
    indices = {name: index for index, name in enumerate(names)}
    shared: Counter[tuple[str, str]] = Counter()
    for members in clusters:
        first = rows[members[0]].example.group
        shared.update({(first, rows[index].example.group) for index in members})
    sets = _UnionFind(len(names))
    for (first, second), count in shared.items():
        if count >= SAME_SCENE * min(sizes[first], sizes[second]):
            sets.union(indices[first], indices[second])
    return {name: names[sets.find(index)] for name, index in indices.items()}


class _UnionFind:
    """Disjoint sets of 0..n-1, each represented by its smallest member."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def find(self, member: int) -> int:
        """Return the representative of a member's set."""
        while self._parents[member] != member:
            self._parents[member] = self._parents[self._parents[member]]
            member = self._parents[member]
        return member

    def union(self, first: int, second: int) -> None:
        """Merge the sets of two members."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parents[high] = low
