"""The splits of the data of a line head: the model's own, and new ones for datasets that are new to it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import Example, Split
from crackscan.evaluation.unseen import example_key

SHARES: tuple[tuple[float, Split], ...] = ((0.7, "train"), (0.85, "validation"), (1.0, "test"))


def split_for_lines(
    examples: Sequence[Example], known: Iterable[Fingerprinted], *, seed: int
) -> tuple[Example, ...]:
    """Give each example the split and the group that the model's split.csv has for it.

    Examples of the model's datasets that are not in split.csv were left out of its training, and are left out
    here. Datasets that the model was not trained on are split by groups, cracked and uncracked ones alike.
    """
    rows = {example_key(row.example): row.example for row in known}
    datasets = {row.data for row in rows.values()}
    own = [
        replace(example, split=row.split, group=row.group)
        for example in examples
        if (row := rows.get(example_key(example))) is not None
    ]
    return (*own, *_split_groups([item for item in examples if item.data not in datasets], seed))


def _split_groups(examples: Sequence[Example], seed: int) -> list[Example]:
    cracked: defaultdict[str, bool] = defaultdict(bool)
    data: dict[str, str] = {}
    for example in examples:
        cracked[_group(example)] |= example.label
        data[_group(example)] = example.data
    kinds: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for group in sorted(cracked, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()):
        kinds[data[group], cracked[group]].append(group)
    splits = {
        group: next(split for share, split in SHARES if (index + 0.5) / len(groups) <= share)
        for groups in kinds.values()
        for index, group in enumerate(groups)
    }
    return [replace(item, split=splits[_group(item)], group=_group(item)) for item in examples]


def _group(example: Example) -> str:
    return example.group or f"{example.data}/{example.source}"
