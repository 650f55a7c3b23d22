"""How much may go wrong before a run is stopped."""

import re
from typing import NamedTuple, Self

import typer

from crackscan.basics.errors import CrackscanError


class MaxFailures(NamedTuple):
    """How much Work may be unreadable: so many, or so many in a hundred."""

    number: int
    is_percentage: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what "100" or "5%" says; anything else is wrong usage."""
        found = re.fullmatch(r"([0-9]+)(%?)", text)
        if found is None:
            raise typer.BadParameter(f"--max-failures {text}: give a number, such as 100, or one such as 5%.")
        return cls(int(found[1]), bool(found[2]))

    def of(self, total: int | None) -> float:
        """Return it as a number of Work.

        Raises: CrackscanError: it is a percentage, and how much Work there is is not known.
        """
        if not self.is_percentage:
            return self.number
        if total is None:
            raise CrackscanError(
                "--max-failures: how many a percentage is, is not known before a list on stdin ends; "
                "give a number, or write to a file with -o."
            )
        return self.number / 100 * total
