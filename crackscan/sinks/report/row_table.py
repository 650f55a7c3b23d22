"""The rows of a report, on disk until the page is written: the memory does not grow with the survey."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from crackscan.basics.arrays import Bools, Float64s, Indices
from crackscan.basics.records import FileSignature, Result, SourceKind, Window, Work
from crackscan.basics.row_columns import RowColumns
from crackscan.sinks.report.columns import RECORD, Records, row_records
from crackscan.sinks.report.placement import Placement
from crackscan.sinks.report.row_texts import RowText, parse_text, row_texts
from crackscan.sinks.report.totals import Totals

BATCH = 4096  # rows that are held in memory before they are written
_json = json.JSONEncoder(separators=(",", ":")).encode
_values = json.JSONDecoder().decode
_SOURCE = np.dtype([("start", "<u8"), ("bytes", "<u4")])
_SOURCE_ENTRY = Struct("<QI")  # the same


class SourceFile(NamedTuple):
    """A photo or mosaic of the survey, and what is needed to read it again as the scan did."""

    name: str  # as it stands in the rows
    path: str
    kind: SourceKind
    signature: FileSignature | None
    identity: str | None
    folders: tuple[str, ...]
    read_timeout: float | None


class Entry(NamedTuple):
    """One row, as it is needed to draw and describe it."""

    number: int  # from 0, in plan order
    file: SourceFile
    window: Window | None
    text: RowText


class RowTable:
    """Takes rows in plan order, and gives them back in chunks or one by one."""

    def __init__(self, folder: Path | None = None) -> None:
        self.mosaics: list[int] = []  # numbers of sources
        self.placements: dict[int, Placement] = {}  # of mosaics with a position, by number of the source
        self._totals = Totals()
        self._folder, self._stack = folder, ExitStack()
        self._pending: list[tuple[Work, Result, float | None]] = []
        self._last: tuple[str, str] | None = None  # source and path
        self._written = 0

    def __enter__(self) -> Self:
        """Open the temporary files, which have no names and vanish with the process."""
        self._records, self._texts, self._sources, self._source_texts = (self._open_file() for _ in range(4))
        return self

    def _open_file(self) -> BinaryIO:
        return self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return self._written + len(self._pending)

    @property
    def totals(self) -> Totals:
        """Counts over all rows."""
        self._flush()
        return self._totals

    def add(self, work: Work, result: Result, cracked_up_to: float | None) -> None:
        """Append a row.

        Raises: OSError: the temporary files cannot be written.
        """
        self._pending.append((work, result, cracked_up_to))
        if len(self._pending) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            works, results, up_to = zip(*self._pending, strict=True)
            self._pending.clear()
            cracked = np.array([result.label == "crack" for result in results])
            self.add_columns(RowColumns.of_results(works, results), np.array(up_to, np.float64), cracked)

    def add_columns(self, rows: RowColumns, cracked_up_to: Float64s, cracked: Bools) -> Indices:
        """Append rows.

        Args:
            rows: in plan order.
            cracked_up_to: the highest threshold that calls a row cracked, shape (rows,); NaN: not assessed.
            cracked: whether a row is labelled cracked, shape (rows,).

        Returns: the number of each row's source, shape (rows,).

        Raises: OSError: as `add`.
        """
        self._flush()
        sources = np.repeat(self._add_sources(rows.works), rows.counts)
        self._place_mosaics(rows, sources)
        records = row_records(rows, sources, cracked_up_to)
        texts = row_texts(rows, cracked_up_to)
        records["number"] = self._written + np.arange(len(rows))
        records["text_start"], records["text_bytes"] = _append(self._texts, texts)
        self._records.seek(0, 2)
        self._records.write(records.tobytes())
        self._written += len(rows)
        self._totals.add(rows, cracked_up_to, cracked)
        return sources

    def _add_sources(self, works: Iterable[Work]) -> Indices:
        """Append sources that are new, and return the number of each Work's source."""
        numbers, texts = list[int](), list[bytes]()
        for work in works:
            if self._last != (work.source, work.path):
                self._last = work.source, work.path
                if work.kind == "mosaic":
                    self.mosaics.append(self._totals.inputs)
                self._totals.inputs += 1
                text = [work.source, work.path, work.kind, work.signature, work.identity, work.folders]
                texts.append(_json([*text, work.options.read_timeout]).encode())
            numbers.append(self._totals.inputs - 1)
        entries = np.zeros(len(texts), _SOURCE)
        entries["start"], entries["bytes"] = _append(self._source_texts, texts)
        self._sources.seek(0, 2)
        self._sources.write(entries.tobytes())
        return np.array(numbers, np.int64)

    def _place_mosaics(self, rows: RowColumns, sources: Indices) -> None:
        kinds = np.repeat([work.kind == "mosaic" for work in rows.works], rows.counts)
        if not kinds.any():
            return
        placed = np.array([outline is not None for outline in rows["outline"]]) & kinds
        if not placed.any():
            return
        windows = rows.windows()
        for source in np.unique(sources[placed]):
            own = np.flatnonzero(placed & (sources == source) & (windows[:, 0] >= 0))
            placement = self.placements.setdefault(int(source), Placement())
            placement.add(windows, own, rows["outline"], rows["grid"])

    def chunks(self) -> Iterator[Records]:
        """Yield all rows, some thousand at a time."""
        self._flush()
        for start in range(0, self._written, BATCH):
            self._records.seek(start * RECORD.itemsize)
            yield np.frombuffer(self._records.read(BATCH * RECORD.itemsize), RECORD)

    def source(self, number: int) -> SourceFile:
        """Return a source by its number."""
        return next(self.sources([number]))

    def sources(self, numbers: Sequence[int]) -> Iterator[SourceFile]:
        """Yield sources by their numbers."""
        self._sources.seek(0)
        for number in numbers:
            self._sources.seek(number * _SOURCE.itemsize)
            start, length = _SOURCE_ENTRY.unpack(self._sources.read(_SOURCE.itemsize))
            self._source_texts.seek(start)
            text = _values(self._source_texts.read(length).decode())
            name, path, kind, signature, identity, folders, timeout = text
            signed = signature and FileSignature(*signature)
            yield SourceFile(name, path, kind, signed, identity, tuple(folders), timeout)

    def __getitem__(self, number: int) -> Entry:
        """Return a row by its number in plan order."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        self._flush()
        self._records.seek(number * RECORD.itemsize)
        return self.entry(np.frombuffer(self._records.read(RECORD.itemsize), RECORD)[0])

    def entry(self, record: Any) -> Entry:
        """Return the row of a record."""
        window = Window(*(int(record[name]) for name in ("col", "row", "width", "height")))
        return Entry(
            int(record["number"]),
            self.source(int(record["source"])),
            None if min(window) < 0 else window,
            self.text(int(record["text_start"]), int(record["text_bytes"])),
        )

    def text(self, start: int, length: int) -> RowText:
        """Return what a record has no room for, by where the record says it lies."""
        self._texts.seek(start)
        return parse_text(self._texts.read(length))


def _append(file: BinaryIO, texts: Sequence[bytes]) -> tuple[Indices, Indices]:
    """Append texts to a file, and return where each begins, and its length."""
    lengths = np.array(list(map(len, texts)), np.int64)
    start = file.seek(0, 2)
    file.write(b"".join(texts))
    return start + lengths.cumsum() - lengths, lengths
