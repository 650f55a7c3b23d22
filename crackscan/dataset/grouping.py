"""Grouping of examples that show the same thing, by their names and order: a group is never split."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from crackscan.basics.errors import BadData
from crackscan.dataset.records import Example, Problem, UngroupedExample, problems

# SDNET2018: CD/7001-101.jpg is tile 101 of photo 7001; D deck, P pavement, W wall, each numbered on its own.
_SDNET_FOLDER = re.compile(r"[CU]([DPW])", re.IGNORECASE)
_SDNET_NAME = re.compile(r"(\d{4})-\d+")
_RUN = re.compile(r"run:([1-9]\d*)")
_NUMBERED = re.compile(r"(.*?)(\d+)")


class Grouping:
    """The rules that group examples; the first rule that covers an example decides.

    1. `rules`: each is a column of the manifest, `run:N` (numbers at the end of the name, N in a row) or a
       regular expression on the source (its first group, otherwise the whole match). `NAME=RULE` is for
       the dataset of that name only.
    2. The manifest's column `group`.
    3. The names of SDNET2018, which name the photo that a tile was cut from.
    4. `block`: this many examples in a row, in natural order within a class; the last `gap` are left out.
    5. An image that no rule covers is a group of its own (with all its tiles).

    A value of a column or an expression means the same group in all datasets, to be on the safe side: the
    same bridge may occur in two of them. The other rules make groups within one dataset.
    """

    def __init__(self, rules: Sequence[str] = (), *, block: int | None = None, gap: int = 0) -> None:
        _check_blocks(block, gap)
        self.rules, self.block, self.gap = tuple(rules), block, gap
        self._unused_rules = set(self.rules)

    def group(
        self, ungrouped: Sequence[UngroupedExample], dataset: str, *, names: Sequence[str] = ()
    ) -> tuple[list[Example], tuple[Problem, ...]]:
        """Give each example of one dataset its group; the examples must come in natural order.

        Args:
            ungrouped: the examples.
            dataset: the name of this dataset.
            names: the names of all datasets, for rules of the form `NAME=RULE`.

        Raises:
            BadData: a rule is not a regular expression.
        """
        rules = [(rule, text) for text in self.rules if (rule := _rule_for_dataset(text, dataset, names))]
        groups = [
            self._group_by_rules(item, rules) or item.column("group") or _sdnet_photo(item)
            for item in ungrouped
        ]
        gaps = self._fill_blocks(ungrouped, groups, self.block) if self.block else set()
        examples = [
            replace(item.example, group=groups[index] or _within_dataset(item, item.example.source))
            for index, item in enumerate(ungrouped)
            if index not in gaps
        ]
        left_out = [ungrouped[index].example.name for index in sorted(gaps)]
        return examples, problems("images in the gaps between blocks, left out", left_out)

    def check_used(self, examples: Sequence[Example]) -> None:
        """Check that each rule covered an example: with a mistyped rule the split would leak.

        Raises:
            BadData: a rule covered nothing.
        """
        for rule in sorted(self._unused_rules):
            example_source = examples[0].source if examples else "none"
            raise BadData(
                f"--group-by {rule!r}: the rule covers no image; sources look like {example_source!r}."
            )

    def _group_by_rules(self, item: UngroupedExample, rules: Sequence[tuple[str, str]]) -> str:
        for rule, text in rules:
            if group := _apply_rule(item, rule):
                self._unused_rules.discard(text)
                return group
        return ""

    def _fill_blocks(self, examples: Sequence[UngroupedExample], groups: list[str], length: int) -> set[int]:
        """Set the missing groups, in place, to blocks; return the indices of the gaps."""
        gaps = set()
        for members in _missing_by_class(examples, groups):
            for first in range(0, len(members), length):
                block = members[first : first + length]
                for index in block:
                    name = f"{examples[index].class_folder} {first + 1}-{first + len(block)}"
                    groups[index] = _within_dataset(examples[index], name)
                if block[-1] != members[-1]:  # no block follows the last one
                    gaps.update(block[len(block) - self.gap :])
        return gaps


def _missing_by_class(examples: Sequence[UngroupedExample], groups: Sequence[str]) -> list[list[int]]:
    """Return, class by class, the indices of the examples without a group."""
    classes = defaultdict(list)
    for index, example in enumerate(examples):
        if example.class_folder and not groups[index]:
            classes[example.class_folder].append(index)
    return list(classes.values())


def _check_blocks(block: int | None, gap: int) -> None:
    if block is None and gap:
        raise BadData(f"--block-gap {gap}: a gap needs blocks; give --block too.")
    if block is not None and not 0 <= gap < block:
        raise BadData(
            f"--block-gap {gap}: the gap must be at least 0 and less than --block, which is {block}."
        )


def _rule_for_dataset(text: str, dataset: str, names: Sequence[str]) -> str:
    """Return a rule without its `NAME=`, or "" if it is for another dataset."""
    name, equals, rule = text.partition("=")
    if equals and name in names:
        return rule if name == dataset else ""
    return text


def _apply_rule(item: UngroupedExample, rule: str) -> str:
    if any(rule.lower() == name for name, _ in item.columns):
        return item.column(rule.lower())
    if run := _RUN.fullmatch(rule):
        return _run_group(item, int(run[1]))
    try:
        match = re.search(rule, item.example.source)
    except re.error as error:
        raise BadData(
            f"--group-by {rule!r}: not a column of the CSV, run:N or a regular expression ({error})."
        ) from error
    return "" if match is None else (match[1] if match.re.groups else match[0]) or ""


def _run_group(item: UngroupedExample, length: int) -> str:
    """Return the run that contains a name's last number: slide101 with 20 is slide100-119."""
    numbered = _NUMBERED.fullmatch(PurePosixPath(item.example.source).stem)
    if numbered is None:
        return ""
    first = int(numbered[2]) // length * length
    run = f"{numbered[1]}{first}-{first + length - 1}"
    return _within_dataset(item, "/".join((*item.parents, run)))


def _sdnet_photo(item: UngroupedExample) -> str:
    path = PurePosixPath(item.example.source)
    folder, name = _SDNET_FOLDER.fullmatch(path.parent.name), _SDNET_NAME.fullmatch(path.stem)
    return _within_dataset(item, f"{folder[1].upper()}{name[1]}") if folder and name else ""


def _within_dataset(item: UngroupedExample, group: str) -> str:
    """Return a group name that no other dataset has."""
    return f"{item.example.data}/{group}"
