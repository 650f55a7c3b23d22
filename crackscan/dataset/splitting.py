"""Splitting into train, validation and test, so that no two splits show the same thing."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from crackscan.basics.errors import BadData
from crackscan.basics.records import Label
from crackscan.dataset.duplicates import keep_together, leave_out_contradictions
from crackscan.dataset.fingerprints import Fingerprinted, duplicate_pairs, fingerprint_all
from crackscan.dataset.not_concrete import NotConcrete
from crackscan.dataset.records import SPLITS, Example, LabelledData, Problem, Split

_PAIRS_NAMED = 5  # by the error for leaks
_CLASSES: tuple[Label, Label] = ("crack", "no-crack")

_Stratum = tuple[str, bool]  # dataset and label: each dataset is split, even if another one is much larger


class Fractions(NamedTuple):
    """The share of each class of each dataset that a split gets; the shares add up to 1."""

    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15


FRACTIONS = Fractions()


@dataclass(frozen=True, slots=True)
class SplitData:
    """All examples with their split, in the order of the data, and the problems met on the way."""

    rows: tuple[Fingerprinted, ...]
    problems: tuple[Problem, ...]
    not_concrete: NotConcrete | None = None  # pictures of other things, which become `unfamiliar`
    unseen: tuple[Example, ...] = ()  # concrete outside training that must not become `unfamiliar`
    windows: tuple[Example, ...] = ()  # additional windows of training photos, for training samples only

    def part(self, split: Split) -> list[Fingerprinted]:
        """Return the examples of one split."""
        return [row for row in self.rows if row.example.split == split]

    def counts(self) -> dict[Split, dict[Label, int]]:
        """Count the examples of each class in each split."""
        counts = Counter((row.example.split, row.example.class_name) for row in self.rows)
        return {split: {name: counts[split, name] for name in _CLASSES} for split in SPLITS}

    def groups(self) -> dict[Split, int]:
        """Count the groups in each split."""
        return {split: len({row.example.group for row in self.part(split)}) for split in SPLITS}


def split_examples(
    data: LabelledData,
    *,
    seed: int,
    fractions: Fractions = FRACTIONS,
    input_px: int = 224,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> SplitData:
    """Split labelled data by groups; each class of each dataset is split by the given shares.

    Groups are never divided, so the shares are approximate. The same data in the same order and the same seed
    give the same split on every machine. A split given by a manifest is kept. Duplicates get the same split:
    see `duplicates.keep_together`.

    Args:
        data: the result of `load_examples`.
        seed: decides which group gets which split.
        fractions: the shares.
        input_px: input size of the model that the images are for.
        jobs: reading threads; None is one per core.
        on_done: called with the number of images that were just read.

    Raises:
        BadData: there are too few groups for the splits, or an image is in two given splits.
    """
    _check_fractions(fractions)
    rows, unreadable = fingerprint_all(data.examples, input_px=input_px, jobs=jobs, on_done=on_done)
    rows, contradicting = leave_out_contradictions(rows)
    rows, duplicates = keep_together(rows)
    rows = _set_splits(rows, _assign(rows, fractions, seed))
    check_leaks(rows)
    _check_complete(rows, fractions)
    return SplitData(tuple(rows), (*data.problems, *unreadable, *contradicting, *duplicates))


def check_leaks(rows: Sequence[Fingerprinted]) -> None:
    """Check that no two splits share a group or an exact or near duplicate.

    Raises:
        BadData: two splits do; names the pairs.
    """
    assigned = [row for row in rows if row.example.split is not None]
    duplicates = duplicate_pairs([row.fingerprint for row in assigned])
    _check_pairs(assigned, duplicates, "copies of one picture")
    firsts: dict[str, int] = {}
    pairs = [(firsts.setdefault(row.example.group, index), index) for index, row in enumerate(assigned)]
    _check_pairs(assigned, pairs, "images of one group")


def _check_pairs(rows: Sequence[Fingerprinted], pairs: Iterable[tuple[int, int]], what: str) -> None:
    examples = ((rows[first].example, rows[second].example) for first, second in pairs)
    leaks = [(first, second) for first, second in examples if first.split != second.split]
    if leaks:
        named = "; ".join(
            f"{first.name} ({first.split}) and {second.name} ({second.split})"
            for first, second in leaks[:_PAIRS_NAMED]
        )
        more = f"; and {len(leaks) - _PAIRS_NAMED:,} more pairs" if len(leaks) > _PAIRS_NAMED else ""
        raise BadData(
            f"The splits leak: {what} are in different splits: {named}{more}. "
            "Correct the column split, or leave it empty, and crackscan chooses the splits."
        )


def _check_fractions(fractions: Fractions) -> None:
    if min(fractions) < 0 or fractions.train == 0 or abs(sum(fractions) - 1) > 1e-6:
        shares = ", ".join(f"{share:g}" for share in fractions)
        raise BadData(f"Fractions {shares}: give train, validation and test shares that add up to 1.")


def _assign(rows: Sequence[Fingerprinted], fractions: Fractions, seed: int) -> Mapping[str, Split]:
    """Choose the split of each group: large groups first, each to the split with the largest deficit."""
    sizes: defaultdict[str, Counter[_Stratum]] = defaultdict(Counter)
    splits: dict[str, Split] = {}
    for example, _ in rows:
        sizes[example.group][_stratum(example)] += 1
        if example.split is not None:
            splits[example.group] = example.split
    deficits = _Deficits(fractions, Counter(_stratum(example) for example, _ in rows))
    for group, split in splits.items():
        deficits.add(split, sizes[group])
    for group in sorted(sizes.keys() - splits.keys(), key=lambda name: _sort_key(name, sizes[name], seed)):
        splits[group] = deficits.find_largest(sizes[group])
        deficits.add(splits[group], sizes[group])
    return splits


def _stratum(example: Example) -> _Stratum:
    # the label before correction: correcting one must not move other images to another split
    return example.data, example.label != example.relabelled


class _Deficits:
    """Compares the examples of each stratum in each split with the split's share."""

    def __init__(self, fractions: Fractions, totals: Counter[_Stratum]) -> None:
        self._shares = {split: share for split, share in _by_split(fractions) if share > 0}
        self._totals = totals
        self._counts = {split: Counter[_Stratum]() for split in SPLITS}

    def add(self, split: Split, group: Counter[_Stratum]) -> None:
        """Add the counts of a group to a split."""
        self._counts[split] += group

    def find_largest(self, group: Counter[_Stratum]) -> Split:
        """Return the split with the largest deficit in the strata of a group; of equals the first."""
        return max(self._shares, key=lambda split: self._deficit(split, group))

    def _deficit(self, split: Split, group: Counter[_Stratum]) -> float:
        """Return how far a split is from its share; 1 if it is empty, so that each gets a group first."""
        return sum(
            count
            / self._totals[stratum]
            * (1 - self._counts[split][stratum] / self._shares[split] / self._totals[stratum])
            for stratum, count in sorted(group.items())
        )


def _by_split(fractions: Fractions) -> list[tuple[Split, float]]:
    return list(zip(SPLITS, fractions, strict=True))


def _sort_key(group: str, sizes: Counter[_Stratum], seed: int) -> tuple[int, str]:
    """Return the order in which groups are assigned: by size in powers of two, then by the seed.

    A hash instead of random numbers: adding or removing a group does not shuffle the others.
    """
    return -sizes.total().bit_length(), hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


def _set_splits(rows: Sequence[Fingerprinted], splits: Mapping[str, Split]) -> list[Fingerprinted]:
    """Set the splits that a manifest does not give."""
    return [
        row
        if row.example.split
        else row._replace(example=replace(row.example, split=splits[row.example.group]))
        for row in rows
    ]


def _check_complete(rows: Sequence[Fingerprinted], fractions: Fractions) -> None:
    """Check that each split has both classes."""
    present = {(row.example.split, row.example.class_name) for row in rows}
    required = [split for split, share in _by_split(fractions) if share > 0]
    for name in _CLASSES:
        missing = [split for split in required if (split, name) not in present]
        if missing:
            groups = len({row.example.group for row in rows if row.example.class_name == name})
            raise BadData(
                f"No {name} images are left for {' and '.join(missing)}: once copies are brought together, "
                f"{groups:,} groups have {name} images, and each of {', '.join(required)} needs one. "
                "Give more images, make smaller groups (--group-by, --block), or correct the given splits."
            )
