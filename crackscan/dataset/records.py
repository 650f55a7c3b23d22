"""Records of labelled data: one example, one problem with the data, and all examples together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from crackscan.basics.records import Label, Window

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

NAMED = 5  # files that a problem names; its count includes the others


@dataclass(frozen=True, slots=True)
class Example:
    """An image, or one window of it, whose label is known."""

    path: str  # to open it
    source: str  # relative to its dataset, as split.csv and predictions.csv show it
    label: bool  # True is a crack
    window: Window | None = None  # None is the whole image
    group: str = ""  # all examples of a group must get the same split
    split: Split | None = None  # None before splitting, unless a manifest gives it
    data: str = ""  # name of the dataset, as the column `data` of the CSVs
    mask: str | None = None  # path of the mask of the crack; upright and as large as the image
    relabelled: bool = False  # a person corrected the label; the dataset says the opposite

    @property
    def name(self) -> str:
        """The name in messages: metu/Positive/00001.jpg, with the corner if it is a window."""
        corner = f" at {self.window.col},{self.window.row}" if self.window else ""
        return f"{self.data}/{self.source}{corner}"

    @property
    def class_name(self) -> Label:
        """The label in tables and CSVs."""
        return "crack" if self.label else "no-crack"


@dataclass(frozen=True, slots=True)
class UngroupedExample:
    """An example before it has a group, with the information that the grouping rules use."""

    example: Example
    class_folder: str = ""  # path down to the class folder, or the label in a manifest; "" with masks
    parents: tuple[str, ...] = ()  # the folders above it, without the class folder
    columns: tuple[tuple[str, str], ...] = ()  # the row of a manifest

    def column(self, name: str) -> str:
        """Return the value of a column of the manifest, "" where it has none."""
        return dict(self.columns).get(name, "")


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding about the data that a person should know: what, how often, and the first names."""

    what: str  # such as "images without a mask, left out"
    count: int
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {self.count - len(self.names):,} more" if self.count > len(self.names) else ""
        named = f" ({', '.join(self.names)}{more})" if self.names else ""
        return f"{self.what[:1].upper()}{self.what[1:]}: {self.count:,}{named}."


def problems(what: str, names: Sequence[str]) -> tuple[Problem, ...]:
    """Return one problem that names the first few names, or none if there are no names."""
    return (Problem(what, len(names), tuple(names[:NAMED])),) if names else ()


@dataclass(frozen=True, slots=True)
class LabelledData:
    """All examples, in natural order within each dataset, and the problems met while loading them."""

    examples: tuple[Example, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def files(self) -> list[str]:
        """The paths of the images and their masks."""
        return [path for example in self.examples for path in (example.path, example.mask) if path]
