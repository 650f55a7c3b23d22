"""What is known to go wrong where a call fails: each entry goes when its code is mended."""

from typing import NamedTuple

from forks import Fault


class Group(NamedTuple):
    """Calls of a kind on files, and what may go wrong where one of them fails."""

    below: str
    pattern: str  # that the faults' own patterns match
    kind: str
    wrong: tuple[str, ...]


KNOWN: list[Group] = []
NUMBERED_BY_GDAL = "3.10.3"
SHOWN: dict[Fault, str] = {}
