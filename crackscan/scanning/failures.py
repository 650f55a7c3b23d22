"""The limit of unreadable inputs at which a run stops."""

import re
from typing import NamedTuple, Self

from crackscan.basics.errors import CrackscanError


class MaxFailures(NamedTuple):
    """How much Work may be unreadable: a number, or a percentage."""

    number: int
    is_percentage: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit that "100" or "5%" means.

        Raises: ValueError: the text is neither.
        """
        match = re.fullmatch(r"([0-9]+)(%?)", text)
        if match is None:
            raise ValueError(
                f"--max-failures {text}: give a number, such as 100, or a percentage, such as 5%."
            )
        return cls(int(match[1]), bool(match[2]))

    def limit(self, total: int | None) -> float:
        """Return the limit as a number of Work; total: how much Work there is, None is unknown.

        Raises: CrackscanError: it is a percentage of an unknown number.
        """
        if not self.is_percentage:
            return self.number
        if total is None:
            raise CrackscanError(
                "--max-failures: a percentage needs the number of inputs, unknown for a list on stdin; "
                "give a number, or write to a file with -o."
            )
        return self.number / 100 * total
