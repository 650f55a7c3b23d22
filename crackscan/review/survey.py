"""The survey under review: the rows of a journal, numbered from 0 in plan order, as the page lists them."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import blake2b
from math import isnan
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Indices
from crackscan.basics.records import Window
from crackscan.basics.row_columns import NO_TILES, RowColumns
from crackscan.review.tile_file import TileFile
from crackscan.review.verdicts import RowId
from crackscan.scanning.journal import Journal
from crackscan.scanning.photo_thresholds import label_rows
from crackscan.scanning.writing import run_facts
from crackscan.sinks.report.columns import KINDS, Records
from crackscan.sinks.report.row_table import Entry, RowTable, SourceFile
from crackscan.sinks.report.selection import page_rows

if TYPE_CHECKING:
    from crackscan.basics.run_facts import RunFacts

Digests = NDArray[np.uint64]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python from looking for cycles among millions of lists that have none: a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class SurveyRows:
    """The rows of a journal as they are at one moment. Several threads may use it."""

    def __init__(self, journal: Journal, threshold: float | None = None) -> None:
        """Take the rows of a journal; threshold: of the labels, None is that of the scan."""
        settings = journal.settings
        options = settings.options
        if threshold is not None:
            options = options.with_rows(threshold=threshold)
        self.facts: RunFacts = run_facts(settings, options)
        self.missing = journal.planned - journal.done
        self._journal = journal
        self._stack, self._lock = ExitStack(), Lock()

    def __enter__(self) -> Self:
        """Read the rows.

        Raises:
            CrackscanError: the journal is damaged.
            OSError: the temporary files cannot be written.
        """
        digests, self.sizes = list[bytes](), list[tuple[int, int]]()
        with ExitStack() as stack:
            self.table = stack.enter_context(RowTable())
            self._tiles = stack.enter_context(TileFile())
            with _collector_paused():
                for rows in self._journal.columns():
                    self._add(rows, digests)
            self._stack = stack.pop_all()  # nothing has failed, so it stays open
        self.records: Records = page_rows(self.table, len(self.table))
        self.digests: Digests = np.frombuffer(b"".join(digests), np.uint64)
        self._by_digest = np.argsort(self.digests, kind="stable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _add(self, rows: RowColumns, digests: list[bytes]) -> None:
        labelled = label_rows(rows, self.facts.options)
        counts = [None if isnan(count) else count for count in labelled.crack_tiles.tolist()]
        self._tiles.add(rows.tiles)
        tiles = rows.tiles
        rows = replace(rows, values={**rows.values, "crack_tiles": counts}, tiles=NO_TILES)
        sources = self.table.add_columns(rows, labelled.cracked_up_to, labelled.cracked)
        windows = zip(*(rows[name] for name in Window._fields), strict=True)
        digests += map(_digest_of, rows["source"], rows["kind"], windows)
        self._extend_sizes(sources, np.nan_to_num(rows.windows()))
        self._extend_sizes(np.repeat(sources, tiles.counts), tiles.windows)

    def _extend_sizes(self, sources: Indices, windows: NDArray[Any]) -> None:
        """Let the size of each source reach to the ends of its windows, shape (windows, 4)."""
        numbers, firsts = np.unique(sources, return_index=True)  # the rows of a source lie together
        if not len(numbers):
            return
        ends = np.maximum.reduceat(windows[:, :2] + windows[:, 2:], firsts).astype(np.int64).tolist()
        for number, (width, height) in zip(numbers.tolist(), ends, strict=True):
            if number == len(self.sizes):
                self.sizes.append((width, height))
            else:
                known = self.sizes[number]
                self.sizes[number] = max(known[0], width), max(known[1], height)

    def __len__(self) -> int:
        return len(self.records)

    def entry(self, number: int) -> Entry:
        """Return a row as it is drawn.

        Raises: IndexError: there is no such row.
        """
        if not 0 <= number < len(self.records):
            raise IndexError(number)
        with self._lock:
            return self.table.entry(self.records[number])

    def tiles(self, number: int) -> list[list[float]]:
        """Return the judged tiles of a photo: col, row, width and height, px, and probability of each.

        Raises: IndexError: there is no such row.
        """
        if not 0 <= number < len(self.records):
            raise IndexError(number)
        with self._lock:
            return self._tiles[number]

    def source(self, number: int) -> SourceFile:
        """Return a source by its number."""
        with self._lock:
            return self.table.source(number)

    def row_id(self, number: int) -> RowId:
        """Return what verdicts know a row by.

        Raises: IndexError: there is no such row.
        """
        entry = self.entry(number)
        return RowId(entry.file.name, "photo" if self._is_photo(number) else "tile", entry.window)

    def _is_photo(self, number: int) -> bool:
        return KINDS[self.records[number]["kind"]] == "photo"

    def find(self, row: RowId) -> int | None:
        """Return the number of a row; None: this survey has no such row."""
        wanted = np.frombuffer(_digest(row), np.uint64)[0]
        place = int(np.searchsorted(self.digests, wanted, sorter=self._by_digest))
        if place == len(self.digests) or self.digests[self._by_digest[place]] != wanted:
            return None
        return int(self._by_digest[place])

    def is_of_photo(self, number: int) -> bool:
        """Say whether a row is of a photo, or of a tile of one; only mosaics are read in bands."""
        return self.entry(number).file.kind == "photo"

    def row_at(self, number: int, point: tuple[float, float]) -> int:
        """Return the row of the same source whose window has a point nearest to its middle.

        That of a photo is the photo's row. Where no window holds the point, it is the given row.
        """
        records, own = self.records, self.records[number]
        if self._is_photo(number):
            return number
        first, end = np.searchsorted(records["source"], [own["source"], own["source"] + 1])
        rows = records[first:end]
        across = point[0] - rows["col"] - rows["width"] / 2
        down = point[1] - rows["row"] - rows["height"] / 2
        inside = (abs(across) <= rows["width"] / 2) & (abs(down) <= rows["height"] / 2)
        if not inside.any():
            return number
        return int(first + np.argmin(np.where(inside, np.hypot(across, down), np.inf)))


def read_survey(path: Path, threshold: float | None = None) -> SurveyRows:
    """Read the rows of a journal; `with` closes what it returns.

    Raises: CrackscanError: as `read_journal`.
    """
    from crackscan.scanning.journal_file import read_journal

    with read_journal(path) as journal:
        return SurveyRows(journal, threshold).__enter__()


def _digest(row: RowId) -> bytes:
    """Return eight bytes that stand for a row, in which rows lie as at random."""
    return _digest_of(row.source, row.kind, row.window)


def _digest_of(source: str, kind: str, window: Sequence[int | None] | None) -> bytes:
    place = "" if window is None or window[0] is None else "{},{},{},{}".format(*window)
    text = f"{source}\0{kind}\0{place}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
