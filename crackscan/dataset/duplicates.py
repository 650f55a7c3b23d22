"""What becomes of copies of one picture in labelled data: they may contradict, or sit in several groups."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from crackscan.dataset.fingerprints import Fingerprinted, duplicate_pairs
from crackscan.dataset.records import Problem, problems

# Two groups show the same scene if copies make at least this share of the smaller one; with fewer, the
# odd copy is left out instead. METU in blocks of 500: the first and the last block of cracks share 59 %,
# they are the same photos again; any two of the twelve blocks of shuffled others share 1 % at most, but
# merging at every copy would chain all twelve into one.
SAME_SCENE = 0.05


def leave_out_contradictions(
    marked: Sequence[Fingerprinted],
) -> tuple[list[Fingerprinted], tuple[Problem, ...]]:
    """Leave out images that are equal to the pixel but not in their label, all of them: which is right?"""
    labels = defaultdict(set)
    for example, fingerprint in marked:
        labels[fingerprint.sha256].add(example.label)
    kept = [row for row in marked if len(labels[row.fingerprint.sha256]) == 1]
    out = [row for row in marked if len(labels[row.fingerprint.sha256]) > 1]
    out.sort(key=lambda row: row.fingerprint.sha256)  # so that what contradicts is named together
    what = "equal images of both classes, all left out"
    return kept, problems(what, [f"{row.example.name} ({row.example.class_name})" for row in out])


def keep_together(
    marked: Sequence[Fingerprinted],
) -> tuple[list[Fingerprinted], tuple[Problem, ...]]:
    """Merge groups that show the same scene, by the copies they share, and leave out other copies.

    After it no two groups share a copy, except where both sides are given by a manifest.
    """
    clusters = _clusters(duplicate_pairs([row.fingerprint for row in marked]), marked)
    groups = _merged(clusters, marked)
    rows = [row._replace(example=replace(row.example, group=groups[row.example.group])) for row in marked]
    strays = {
        place
        for members in clusters
        for place in members[1:]
        if rows[place].example.group != rows[members[0]].example.group and rows[place].example.split is None
    }
    kept = [row for place, row in enumerate(rows) if place not in strays]
    out = [rows[place].example.name for place in sorted(strays)]
    return kept, problems("copies of an image in another group, left out", out)


def _clusters(pairs: Iterable[tuple[int, int]], marked: Sequence[Fingerprinted]) -> list[list[int]]:
    """Return the places of images that are copies of each other, those with a given split first."""
    joined = _Joined(len(marked))
    for one, other in pairs:
        joined.join(one, other)
    clusters = defaultdict(list)
    for place in range(len(marked)):
        clusters[joined.root(place)].append(place)
    return [
        sorted(members, key=lambda place: (marked[place].example.split is None, place))
        for members in clusters.values()
        if len(members) > 1
    ]


def _merged(clusters: Sequence[Sequence[int]], marked: Sequence[Fingerprinted]) -> dict[str, str]:
    """Return the name that each group has once groups of the same scene are one."""
    sizes = Counter(row.example.group for row in marked)
    names = list(sizes)
    places = {name: place for place, name in enumerate(names)}
    shared: Counter[tuple[str, str]] = Counter()
    for members in clusters:
        first = marked[members[0]].example.group
        shared.update({(first, marked[place].example.group) for place in members})
    joined = _Joined(len(names))
    for (one, other), count in shared.items():
        if count >= SAME_SCENE * min(sizes[one], sizes[other]):
            joined.join(places[one], places[other])
    return {name: names[joined.root(place)] for name, place in places.items()}


class _Joined:
    """Disjoint sets of 0..n-1, each represented by its smallest member."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, place: int) -> int:
        """Return the smallest member of a set."""
        while self._parents[place] != place:
            self._parents[place] = self._parents[self._parents[place]]
            place = self._parents[place]
        return place

    def join(self, one: int, other: int) -> None:
        """Make two sets one."""
        low, high = sorted((self.root(one), self.root(other)))
        self._parents[high] = low
