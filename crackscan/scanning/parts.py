"""Parts of a scan: each machine judges the Work of one part, and keeps it in a journal of its own."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, Self

from crackscan.basics.records import Work

MOST_PARTS = 1000  # the journals of all parts are open at once when they are joined
RUN = 7  # bands of a mosaic that stay in one part: a block of 512 px is decoded 1.3 times instead of 3.3


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts into which a scan is shared out."""

    number: int  # 1..count
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the part that "3/16" means.

        Raises: ValueError: the text is no such part.
        """
        match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        part = cls(int(match[1]), int(match[2])) if match else cls(0, 0)
        if not 1 <= part.number <= part.count <= MOST_PARTS:
            raise ValueError(
                f"--part {text}: give the number of the part and of all parts, such as 3/16, "
                f"at most {MOST_PARTS:,}."
            )
        return part


class WholePlan(NamedTuple):
    """What parts of one scan have in common."""

    planned: int  # Work of all parts
    digest: str  # of this Work, but not of the times of its files: copies may have others


class Share:
    """The Work of one part, picked from a plan; when that is done, it also knows the whole plan.

    Each part gets every n-th photo, and of a mosaic every n-th run of neighbouring bands.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self._planned, self._digest = 0, blake2b(digest_size=16)

    def pick(self, works: Iterable[Work]) -> Iterator[tuple[int, Work]]:
        """Yield the Work of the part, each with its place in the whole plan, 1 and up."""
        file_size = lru_cache(maxsize=1)(_file_size)
        for position, run, work in _runs(works):
            self._planned = position
            self._digest.update(_identity(work, file_size(work.mosaic) if work.mosaic else None))
            if run % self.part.count == self.part.number - 1:
                yield position, work

    @property
    def whole(self) -> WholePlan:
        """The plan from which all was picked."""
        return WholePlan(self._planned, self._digest.hexdigest())


def number_ranges(numbers: Iterable[int]) -> str:
    """Return rising numbers as words: "2, 5-16"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, ends)) for ends in ranges)


def _runs(works: Iterable[Work]) -> Iterator[tuple[int, int, Work]]:
    """Yield Work with its place in the plan, 1 and up, and the number of its run, 0 and up."""
    run, length, mosaic = -1, 0, None
    for position, work in enumerate(works, start=1):
        if work.mosaic is None or work.mosaic != mosaic or length == RUN:
            run, length, mosaic = run + 1, 0, work.mosaic
        length += 1
        yield position, run, work


def _identity(work: Work, file_size: int | None) -> bytes:
    pose = work.pose and astuple(work.pose)
    place = work.source, work.kind, work.window, pose, work.side_px
    return json.dumps([*place, work.identity, file_size]).encode() + b"\n"


def _file_size(path: str) -> int | None:
    from crackscan.reading.file_signature import file_signature  # the command line imports this module

    signature = file_signature(path)
    return signature and signature.size
