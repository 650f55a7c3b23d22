"""Files that were damaged on a disk: bytes flipped, the end cut off, blocks zeroed, pages swapped."""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

BLOCK = 512  # bytes that a disk loses at once
PAGE = 4096  # of SQLite
CUTS = 200  # lengths at which a file is cut


class Damage(NamedTuple):
    """What was done to a file."""

    kind: str  # "flipped byte", "cut file", "zeroed block" or "swapped pages"
    at: int
    other: int = 0  # the second page, or the bits that were flipped

    def __str__(self) -> str:
        """Return it in a few words."""
        return f"{self.kind} {self.at} {self.other}"

    def done_to(self, content: bytes) -> bytes:
        """Return the damaged content."""
        damaged = bytearray(content)
        if self.kind == "flipped byte":
            damaged[self.at] ^= self.other
        elif self.kind == "cut file":
            del damaged[self.at :]
        elif self.kind == "zeroed block":
            damaged[self.at : self.at + BLOCK] = bytes(len(damaged[self.at : self.at + BLOCK]))
        else:
            first, second = (slice(page, page + PAGE) for page in (self.at, self.other))
            damaged[first], damaged[second] = damaged[second], damaged[first]
        return bytes(damaged)


def flip(at: int) -> Damage:
    """Return a flip of one byte: of one bit, of some, or of all."""
    chance = random.Random(at)
    return Damage(
        "flipped byte", at, chance.choice([1 << chance.randrange(8), 0xFF, chance.randrange(1, 256)])
    )


def losses(content: bytes) -> Iterator[Damage]:
    """Yield the file cut at many lengths, and each block zeroed that is not zero."""
    for number in range(CUTS):
        yield Damage("cut file", len(content) * number // CUTS)
    for at in range(0, len(content), BLOCK):
        if any(content[at : at + BLOCK]):
            yield Damage("zeroed block", at)


def swaps(content: bytes) -> Iterator[Damage]:
    """Yield any two pages swapped."""
    for first, second in itertools.combinations(range(0, len(content), PAGE), 2):
        if content[first : first + PAGE] != content[second : second + PAGE]:
            yield Damage("swapped pages", first, second)
