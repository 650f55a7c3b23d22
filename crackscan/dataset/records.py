"""The frozen records of labelled data: one example, what was left out and why, and all of it together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from crackscan.basics.records import Label, Window

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

NAMED = 5  # how many files a problem names; its count says how many there are


@dataclass(frozen=True, slots=True)
class Example:
    """An image, or one window of it, whose label is known."""

    path: str  # as it is opened
    source: str  # relative to its DATA, as split.csv and predictions.csv show it
    label: bool  # True is a crack
    window: Window | None = None  # None is all of the image
    group: str = ""  # examples of one group must stay on one side of a split
    split: Split | None = None  # None until it is split, unless a manifest says
    data: str = ""  # the name of the DATA that it comes from
    mask: str | None = None  # where the crack is, as it is opened; upright and as large as the image
    relabelled: bool = False  # a person corrected the label; the DATA says the opposite

    @property
    def name(self) -> str:
        """How a message names it: metu/Positive/00001.jpg, with its corner if it is a window."""
        corner = f" at {self.window.col},{self.window.row}" if self.window else ""
        return f"{self.data}/{self.source}{corner}"

    @property
    def class_name(self) -> Label:
        """The label as every table writes it."""
        return "crack" if self.label else "no-crack"


@dataclass(frozen=True, slots=True)
class FoundImages:
    """An example before it has a group, with what the rules of grouping go by."""

    example: Example
    class_folder: str = ""  # as far down as its class, or a manifest's label; "" with masks
    place: tuple[str, ...] = ()  # the folders above it, less the one that is its class
    columns: tuple[tuple[str, str], ...] = ()  # a manifest's row

    def column(self, name: str) -> str:
        """Return what the manifest says in a column, "" where it says nothing."""
        return dict(self.columns).get(name, "")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the data that a person should know: what, how often, and the first names."""

    what: str  # such as "images without a mask, left out"
    count: int
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {self.count - len(self.names):,} more" if self.count > len(self.names) else ""
        named = f" ({', '.join(self.names)}{more})" if self.names else ""
        return f"{self.what[:1].upper()}{self.what[1:]}: {self.count:,}{named}."


def problems(what: str, names: Sequence[str]) -> tuple[Problem, ...]:
    """Return one problem that names the first few, or none where nothing is the matter."""
    return (Problem(what, len(names), tuple(names[:NAMED])),) if names else ()


@dataclass(frozen=True, slots=True)
class LabelledData:
    """All examples, in natural order within each DATA, and what was left out on the way to them."""

    examples: tuple[Example, ...]
    problems: tuple[Problem, ...] = ()
