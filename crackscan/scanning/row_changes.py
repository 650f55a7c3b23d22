"""What a conversion of a journal writes differently from the scan."""

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Per, ScanOptions
from crackscan.scanning.options import with_threshold


class RowChanges(NamedTuple):
    """What a conversion writes differently from the scan; None: as in the scan."""

    threshold: float | None = None  # of tiles, or per crack of lines, 0..1
    per: Per | None = None
    min_length_px: float | None = None  # of cracks

    def check(self) -> None:
        """Make sure that all values are possible.

        Raises: ValueError: one is not.
        """
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold {self.threshold}: give a probability from 0 to 1.")
        if self.per is not None and self.per not in get_args(Per):
            raise ValueError(f"per {self.per}: give photo, tile or crack.")
        if self.min_length_px is not None and not 0 <= self.min_length_px < math.inf:
            raise ValueError(f"min_length_px {self.min_length_px}: give 0 or more.")

    @property
    def changed_options(self) -> frozenset[str]:
        """The names of the options that are changed."""
        names = [] if self.threshold is None else ["threshold", "crack_threshold", "photo_limits"]
        names += [] if self.per is None else ["per"]
        return frozenset(names + ([] if self.min_length_px is None else ["min_length_px"]))

    def apply(self, options: ScanOptions, journal: Path) -> ScanOptions:
        """Return the options of a scan with the changes.

        Raises: CrackscanError: the scan has not recorded what they need.
        """
        per = self.per or options.tiles.per
        if not options.tiles.lines and (per == "crack" or self.min_length_px is not None):
            raise CrackscanError(
                f"{journal}: was not scanned for lines; scan again with --per crack or --lines."
            )
        if not options.tiles.lines and per != options.tiles.per:
            raise CrackscanError(
                f"{journal}: was scanned with --per {options.tiles.per}; scan again with --per {per}, "
                "or with --lines, which records both."
            )
        changed = replace(options, tiles=replace(options.tiles, per=per))
        if self.min_length_px is not None:
            changed = changed.with_rows(min_length_px=self.min_length_px)
        return with_threshold(changed, self.threshold)
