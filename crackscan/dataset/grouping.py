"""Which examples show the same thing, as far as names and order tell: they must not be split apart."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from crackscan.basics.errors import BadData
from crackscan.dataset.records import Example, FoundImages, Problem, problems

# SDNET2018: CD/7001-101.jpg is tile 101 of photo 7001; D deck, P pavement, W wall, each numbered on its own.
_SDNET_FOLDER = re.compile(r"[CU]([DPW])", re.IGNORECASE)
_SDNET_NAME = re.compile(r"(\d{4})-\d+")
_RUN = re.compile(r"run:([1-9]\d*)")
_NUMBERED = re.compile(r"(.*?)(\d+)")


class Grouping:
    """The rules by which examples are grouped; the first one that covers an example decides.

    1. `rules`, each of them a manifest's column, `run:N` (numbers at the end of the name, N in a row) or a
       regular expression on the source (its first group, else the whole match). `NAME=RULE` holds for
       the DATA of that name only.
    2. A manifest's column `group`.
    3. SDNET2018's names, which tell the photo that a tile was cut from.
    4. `block`: so many in a row, in natural order within a class, of which the last `gap` are left out.
    5. What no rule covers is a group of its own (all tiles of an image together).

    What a column or an expression yields means the same group in all DATA, to be on the safe side: the
    same bridge may occur in two of them. All else is counted within one DATA.
    """

    def __init__(self, rules: Sequence[str] = (), *, block: int | None = None, gap: int = 0) -> None:
        _check_blocks(block, gap)
        self.rules, self.block, self.gap = tuple(rules), block, gap
        self._idle = set(self.rules)

    def group(
        self, found: Sequence[FoundImages], data: str, *, names: Sequence[str] = ()
    ) -> tuple[list[Example], tuple[Problem, ...]]:
        """Give each example of one DATA its group, in the order found, which must be the natural one.

        Args:
            found: the examples.
            data: the name of this DATA.
            names: those of all DATA, for rules of the form `NAME=RULE`.

        Raises:
            BadData: a rule is no regular expression.
        """
        asked = [(rule, text) for text in self.rules if (rule := _for_data(text, data, names))]
        groups = [self._asked(one, asked) or one.column("group") or _sdnet_photo(one) for one in found]
        gaps = self._fill_blocks(found, groups, self.block) if self.block else set()
        examples = [
            replace(one.example, group=groups[place] or _within(one, one.example.source))
            for place, one in enumerate(found)
            if place not in gaps
        ]
        left_out = [found[place].example.name for place in sorted(gaps)]
        return examples, problems("images in the gaps between blocks, left out", left_out)

    def check_used(self, examples: Sequence[Example]) -> None:
        """Refuse a rule that covered nothing: it was mistyped, and the split would leak.

        Raises:
            BadData: there is one.
        """
        for rule in sorted(self._idle):
            likes = examples[0].source if examples else "none"
            raise BadData(f"--group-by {rule!r}: it covers no image; their sources look like {likes!r}.")

    def _asked(self, one: FoundImages, rules: Sequence[tuple[str, str]]) -> str:
        for rule, text in rules:
            if group := _by_rule(one, rule):
                self._idle.discard(text)
                return group
        return ""

    def _fill_blocks(self, found: Sequence[FoundImages], groups: list[str], length: int) -> set[int]:
        """Put what has no group yet in blocks, in place; return where the gaps are."""
        gaps = set()
        for members in _classes(found, groups):
            for first in range(0, len(members), length):
                block = members[first : first + length]
                for place in block:
                    name = f"{found[place].class_folder} {first + 1}-{first + len(block)}"
                    groups[place] = _within(found[place], name)
                if block[-1] != members[-1]:  # the very last block borders on nothing
                    gaps.update(block[len(block) - self.gap :])
        return gaps


def _classes(found: Sequence[FoundImages], groups: Sequence[str]) -> list[list[int]]:
    """Return, class by class, where the examples without a group stand."""
    classes = defaultdict(list)
    for place, one in enumerate(found):
        if one.class_folder and not groups[place]:
            classes[one.class_folder].append(place)
    return list(classes.values())


def _check_blocks(block: int | None, gap: int) -> None:
    if block is None and gap:
        raise BadData(f"--block-gap {gap}: there are no blocks; give --block too.")
    if block is not None and not 0 <= gap < block:
        raise BadData(f"--block-gap {gap}: give at least 0 and less than the block, which is {block}.")


def _for_data(text: str, data: str, names: Sequence[str]) -> str:
    """Return a rule less its `NAME=`, or "" if it is meant for another DATA."""
    name, equals, rule = text.partition("=")
    if equals and name in names:
        return rule if name == data else ""
    return text


def _by_rule(one: FoundImages, rule: str) -> str:
    if any(rule.lower() == name for name, _ in one.columns):
        return one.column(rule.lower())
    if run := _RUN.fullmatch(rule):
        return _run(one, int(run[1]))
    try:
        match = re.search(rule, one.example.source)
    except re.error as error:
        raise BadData(
            f"--group-by {rule!r}: it is no manifest's column, nor run:N, nor a regular expression ({error})."
        ) from error
    return "" if match is None else (match[1] if match.re.groups else match[0]) or ""


def _run(one: FoundImages, length: int) -> str:
    """Return the run that a name's last number falls in: slide101 with 20 is slide100-119."""
    numbered = _NUMBERED.fullmatch(PurePosixPath(one.example.source).stem)
    if numbered is None:
        return ""
    first = int(numbered[2]) // length * length
    return _within(one, "/".join((*one.place, f"{numbered[1]}{first}-{first + length - 1}")))


def _sdnet_photo(one: FoundImages) -> str:
    path = PurePosixPath(one.example.source)
    folder, name = _SDNET_FOLDER.fullmatch(path.parent.name), _SDNET_NAME.fullmatch(path.stem)
    return _within(one, f"{folder[1].upper()}{name[1]}") if folder and name else ""


def _within(one: FoundImages, group: str) -> str:
    """Return a group's name that no other DATA has."""
    return f"{one.example.data}/{group}"
