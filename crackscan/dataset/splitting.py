"""Train, validation and test, with nothing that shows the same thing on two sides."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from crackscan.basics.errors import BadData
from crackscan.basics.records import Label
from crackscan.dataset.duplicates import keep_together, leave_out_contradictions
from crackscan.dataset.fingerprints import Fingerprinted, duplicate_pairs, fingerprint_all
from crackscan.dataset.records import SPLITS, Example, LabelledData, Problem, Split

_PAIRS_NAMED = 5
_CLASSES: tuple[Label, Label] = ("crack", "no-crack")

_Kind = tuple[str, bool]  # DATA and its label: each DATA is shared out, however small beside another


class Fractions(NamedTuple):
    """What share of each class of each DATA goes where; they add up to 1."""

    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15


FRACTIONS = Fractions()


@dataclass(frozen=True, slots=True)
class SplitData:
    """All examples with their split, in the order of the data, and what was left out of it."""

    rows: tuple[Fingerprinted, ...]
    problems: tuple[Problem, ...]
    unseen: tuple[Example, ...] = ()  # concrete that is not trained on, and must not be called unfamiliar
    windows: tuple[Example, ...] = ()  # further ones of training photos, for making samples alone

    def part(self, split: Split) -> list[Fingerprinted]:
        """Return the examples of one split."""
        return [row for row in self.rows if row.example.split == split]

    def counts(self) -> dict[Split, dict[Label, int]]:
        """Return how many examples of each class each split has."""
        met = Counter((row.example.split, row.example.class_name) for row in self.rows)
        return {split: {name: met[split, name] for name in _CLASSES} for split in SPLITS}

    def groups(self) -> dict[Split, int]:
        """Return how many groups each split has."""
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
    """Split labelled data by groups, each class of each DATA in the given shares as its groups permit.

    The same data in the same order and the same seed give the same split on every machine; a split that
    a manifest gives is kept. Copies never part: see `copies.keep_together`.

    Args:
        data: what `load_examples` found.
        seed: decides which group goes where.
        fractions: the shares.
        input_px: of the model that the images are for.
        jobs: threads that read; None is one a core.
        on_done: is told how many more images are read.

    Raises:
        BadData: the groups are too few for the splits, or given splits share an image.
    """
    _check_fractions(fractions)
    marked, unreadable = fingerprint_all(data.examples, input_px=input_px, jobs=jobs, on_done=on_done)
    marked, contradicting = leave_out_contradictions(marked)
    marked, copies = keep_together(marked)
    rows = _with_splits(marked, _assign(marked, fractions, seed))
    check_leaks(rows)
    _check_complete(rows, fractions)
    return SplitData(tuple(rows), (*data.problems, *unreadable, *contradicting, *copies))


def check_leaks(rows: Sequence[Fingerprinted]) -> None:
    """Make sure that no group and no picture, exact or nearly, is in two splits.

    Raises:
        BadData: one is; names the pairs.
    """
    given = [row for row in rows if row.example.split is not None]
    copies = duplicate_pairs([row.fingerprint for row in given])
    _refuse_parted(given, copies, "copies of one picture")
    firsts: dict[str, int] = {}
    groups = [(firsts.setdefault(row.example.group, place), place) for place, row in enumerate(given)]
    _refuse_parted(given, groups, "images of one group")


def _refuse_parted(rows: Sequence[Fingerprinted], pairs: Iterable[tuple[int, int]], what: str) -> None:
    parted = [
        (one, other) for a, b in pairs if (one := rows[a].example).split != (other := rows[b].example).split
    ]
    if parted:
        named = "; ".join(
            f"{one.name} ({one.split}) and {other.name} ({other.split})"
            for one, other in parted[:_PAIRS_NAMED]
        )
        more = f"; and {len(parted) - _PAIRS_NAMED:,} more pairs" if len(parted) > _PAIRS_NAMED else ""
        raise BadData(
            f"The splits leak, {what} are on two sides: {named}{more}. "
            "Correct the column split, or leave it empty and let them be split here."
        )


def _check_fractions(fractions: Fractions) -> None:
    if min(fractions) < 0 or fractions.train == 0 or abs(sum(fractions) - 1) > 1e-6:
        shares = ", ".join(f"{share:g}" for share in fractions)
        raise BadData(f"Fractions {shares}: give train, validation and test shares that add up to 1.")


def _assign(marked: Sequence[Fingerprinted], fractions: Fractions, seed: int) -> Mapping[str, Split]:
    """Decide the split of each group: large ones first, each to where its classes lack most."""
    sizes: defaultdict[str, Counter[_Kind]] = defaultdict(Counter)
    splits: dict[str, Split] = {}
    for example, _ in marked:
        sizes[example.group][_kind(example)] += 1
        if example.split is not None:
            splits[example.group] = example.split
    shares = _Shares(fractions, Counter(_kind(example) for example, _ in marked))
    for group, split in splits.items():
        shares.add(split, sizes[group])
    for group in sorted(sizes.keys() - splits.keys(), key=lambda name: _turn(name, sizes[name], seed)):
        splits[group] = shares.neediest(sizes[group])
        shares.add(splits[group], sizes[group])
    return splits


def _kind(example: Example) -> _Kind:
    # by the label that the data give: a corrected one must not move other images to another split
    return example.data, example.label != example.relabelled


class _Shares:
    """Keeps count of what each split has of each class, against its share of it."""

    def __init__(self, fractions: Fractions, totals: Counter[_Kind]) -> None:
        self._shares = {split: share for split, share in _by_split(fractions) if share > 0}
        self._totals = totals
        self._have = {split: Counter[_Kind]() for split in SPLITS}

    def add(self, split: Split, group: Counter[_Kind]) -> None:
        """Count a group in."""
        self._have[split] += group

    def neediest(self, group: Counter[_Kind]) -> Split:
        """Return the split that lacks most of what a group holds; of equals the first."""
        return max(self._shares, key=lambda split: self._lack(split, group))

    def _lack(self, split: Split, group: Counter[_Kind]) -> float:
        """Return how far a split is from its share, 1 while it has nothing: so each gets something first."""
        return sum(
            count
            / self._totals[kind]
            * (1 - self._have[split][kind] / self._shares[split] / self._totals[kind])
            for kind, count in sorted(group.items())
        )


def _by_split(fractions: Fractions) -> list[tuple[Split, float]]:
    return list(zip(SPLITS, fractions, strict=True))


def _turn(group: str, sizes: Counter[_Kind], seed: int) -> tuple[int, str]:
    """Return when a group's turn is: by size in powers of two, within them by the seed.

    A hash and no random numbers: a group that is new or gone does not shuffle the others.
    """
    return -sizes.total().bit_length(), hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


def _with_splits(marked: Sequence[Fingerprinted], splits: Mapping[str, Split]) -> list[Fingerprinted]:
    """Set the splits that are not given."""
    return [
        row
        if row.example.split
        else row._replace(example=replace(row.example, split=splits[row.example.group]))
        for row in marked
    ]


def _check_complete(rows: Sequence[Fingerprinted], fractions: Fractions) -> None:
    """Make sure that each split has both classes."""
    met = {(row.example.split, row.example.class_name) for row in rows}
    wanted = [split for split, share in _by_split(fractions) if share > 0]
    for name in _CLASSES:
        lacking = [split for split in wanted if (split, name) not in met]
        if lacking:
            groups = len({row.example.group for row in rows if row.example.class_name == name})
            raise BadData(
                f"No {name} images are left for {' and '.join(lacking)}: once copies are brought together, "
                f"{name} images are in {groups:,} of the groups, and each of {', '.join(wanted)} needs one. "
                "Give more images, group them more finely (--group-by, --block), or correct the given splits."
            )
