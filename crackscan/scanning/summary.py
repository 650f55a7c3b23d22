"""Summary of a scan, counted while the rows pass through, in bounded memory."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crackscan.basics.records import Result, Status

STRONGEST = 5  # cracks named at the end
UNREADABLE = 10  # inputs named at the end; the rows name all of them


@dataclass(slots=True)
class Summary:
    """Counts of the rows of a scan, or of a journal.

    It uses the rows alone, so that it is the same for a scan and for a file that is written later.
    """

    per_crack: bool = False  # whether the rows that are written are those of cracks
    inputs: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    cracked: int = 0
    doubtful: int = 0  # photos with cracked tiles that are nevertheless called no-crack
    assessed_tiles: int = 0
    min_mm_per_px: float | None = None  # of the judged mosaics of known resolution
    max_mm_per_px: float | None = None
    traced: bool = False  # whether cracks were traced
    cracks: int = 0  # that were traced, connected ones with their branches
    crack_length_px: float = 0.0
    crack_length_m: float = 0.0  # of those whose length in m is known
    unmeasured_cracks: int = 0  # the others
    unreadable: dict[str, str] = field(default_factory=dict)  # the first few: source -> reason
    unreadable_inputs: int = 0
    _strongest: list[tuple[float, int, Result]] = field(default_factory=list)
    _last_source: str | None = None
    _last_unreadable: str | None = None
    _rows: int = 0
    _crack_rows: int = 0

    def watch(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield each row unchanged, and count it."""
        for result in results:
            self._count(result)
            yield result

    def watch_cracks(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield the rows of cracks, and of the inputs beside them, unchanged, and count the cracks."""
        self.traced = True
        for result in results:
            self._crack_rows += 1
            if result.kind == "crack":
                self._count_traced(result)
            yield result

    @property
    def rows(self) -> int:
        """The number of rows that are written."""
        return self._crack_rows if self.per_crack else self._rows

    @property
    def judged_rows(self) -> int:
        """The number of photos and tiles of mosaics, or of all tiles."""
        return self._rows

    @property
    def strongest(self) -> list[Result]:
        """The cracked rows of highest probability, the surest first; of equals, the earliest."""
        return [result for *_, result in sorted(self._strongest, reverse=True)]

    def _count(self, result: Result) -> None:
        self._rows += 1
        self.statuses[result.status] += 1
        if result.source != self._last_source:  # the rows of one source come together
            self.inputs += 1
            self._last_source = result.source
        if result.status == "unreadable":
            self._count_unreadable(result)
        if result.probability is not None:
            self.assessed_tiles += result.tiles or 1
        if (mm_per_px := result.judged_mm_per_px) is not None:
            self.min_mm_per_px = min(self.min_mm_per_px or mm_per_px, mm_per_px)
            self.max_mm_per_px = max(self.max_mm_per_px or mm_per_px, mm_per_px)
        if result.label == "crack":
            self._count_crack(result)
        elif result.crack_tiles:
            self.doubtful += 1

    def _count_crack(self, result: Result) -> None:
        self.cracked += 1
        if not self.per_crack:
            self._rank(result)

    def _count_traced(self, crack: Result) -> None:
        self.cracks += 1
        self.crack_length_px += crack.length_px or 0.0
        self.crack_length_m += crack.length_m or 0.0
        self.unmeasured_cracks += crack.length_m is None
        if self.per_crack:
            self._rank(crack)

    def _rank(self, result: Result) -> None:
        entry = (result.probability or 0.0, -self._rows - self._crack_rows, result)
        if len(self._strongest) < STRONGEST:
            heapq.heappush(self._strongest, entry)
        else:
            heapq.heappushpop(self._strongest, entry)

    def _count_unreadable(self, result: Result) -> None:
        if result.source != self._last_unreadable:
            self.unreadable_inputs += 1
            self._last_unreadable = result.source
        if len(self.unreadable) < UNREADABLE:
            self.unreadable.setdefault(result.source, result.reason or "")
