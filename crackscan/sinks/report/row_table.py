"""The rows of a report, on disk until the page is written: the memory does not grow with the survey."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from crackscan.basics.arrays import Indices
from crackscan.basics.records import FileSignature, Result, ReviewedResult, SourceKind, Trace, Window, Work
from crackscan.sinks.report.columns import RECORD, Records, record_values
from crackscan.sinks.report.placement import Placement

BATCH = 4096  # rows that are held in memory before they are written
STEPS = 100  # of the threshold, from 0 to 1, for which cracked rows are counted
SLIGHTEST = 0.05  # rows that no higher threshold calls cracked keep no tiles: nobody looks at their heat
_SOURCE = np.dtype([("start", "<u8"), ("bytes", "<u4")])


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
    traces: tuple[Trace, ...]
    judged: tuple[tuple[Window, float], ...]  # tiles of a photo near the window
    reason: str | None
    captured_at: str | None
    outline: tuple[tuple[float, float], ...] | None  # of a photo's footprint, (lon, lat)
    review: list[str | None] | None  # reviewer, time, "yes" if it is flagged, note


@dataclass(slots=True)
class Totals:
    """Counts over all rows, also those that the page has no room for."""

    statuses: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    inputs: int = 0
    cracked: int = 0
    assessed_tiles: int = 0
    tile_rows: int = 0  # assessed rows that are tiles
    cracked_at: Indices = field(default_factory=lambda: np.zeros((2, STEPS + 2), np.int64))

    def add(self, result: Result, cracked_up_to: float | None) -> None:
        """Count a row."""
        self.statuses[result.status] = self.statuses.get(result.status, 0) + 1
        self.kinds[result.kind] = self.kinds.get(result.kind, 0) + 1
        self.cracked += result.label == "crack"
        if cracked_up_to is not None:
            self.assessed_tiles += result.tiles or 1
            is_tile = result.kind == "tile"
            self.tile_rows += is_tile
            self.cracked_at[int(is_tile), int(np.floor(cracked_up_to * STEPS + 1e-6))] += 1

    def histogram(self, *, tiles_only: bool = False) -> list[int]:
        """Return how many rows each threshold 0, 0.01, ... 1 calls cracked."""
        counts = self.cracked_at[1] if tiles_only else self.cracked_at.sum(axis=0)
        return [int(count) for count in counts[::-1].cumsum()[::-1][: STEPS + 1]]


class RowTable:
    """Takes rows in plan order, and gives them back in chunks or one by one."""

    def __init__(self, folder: Path | None = None) -> None:
        self.totals = Totals()
        self.mosaics: list[int] = []  # numbers of sources
        self.placements: dict[int, Placement] = {}  # of mosaics with a position, by number of the source
        self._folder, self._stack = folder, ExitStack()
        self._pending: list[tuple[Any, ...]] = []
        self._last: tuple[str, str] | None = None  # source and path
        self._count = 0

    def __enter__(self) -> Self:
        """Open the temporary files, which have no names and vanish with the process."""
        self._records, self._texts, self._sources = (self._open_file() for _ in range(3))
        return self

    def _open_file(self) -> BinaryIO:
        return self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return self._count

    def add(self, work: Work, result: Result, cracked_up_to: float | None) -> None:
        """Append a row.

        Raises: OSError: the temporary files cannot be written.
        """
        if self._last != (work.source, work.path):
            self._add_source(work)
        source = self.totals.inputs - 1
        if result.outline and work.kind == "mosaic":
            self.placements.setdefault(source, Placement()).add(result)
        values = record_values(result, source, cracked_up_to)
        start, length = self._add_text(_row_text(work, result, cracked_up_to))
        values |= {"number": self._count, "text_start": start, "text_bytes": length}
        self._pending.append(tuple(values[name] for name in RECORD.names or ()))
        self._count += 1
        self.totals.add(result, cracked_up_to)
        if len(self._pending) == BATCH:
            self._flush()

    def _add_source(self, work: Work) -> None:
        self._last = work.source, work.path
        self.totals.inputs += 1
        text = [work.source, work.path, work.kind, work.signature, work.identity, work.folders]
        start, length = self._add_text([*text, work.options.read_timeout])
        if work.kind == "mosaic":
            self.mosaics.append(self.totals.inputs - 1)
        entry = np.array([(start, length)], _SOURCE)
        self._sources.seek(0, 2)
        self._sources.write(entry.tobytes())

    def _add_text(self, content: Any) -> tuple[int, int]:
        """Append a text, and return where it begins, and its length; nothing has the length 0."""
        if not content:
            return 0, 0
        encoded = json.dumps(content).encode()
        start = self._texts.seek(0, 2)
        self._texts.write(encoded)
        return start, len(encoded)

    def _flush(self) -> None:
        self._records.seek(0, 2)
        self._records.write(np.array(self._pending, RECORD).tobytes())
        self._pending.clear()

    def chunks(self) -> Iterator[Records]:
        """Yield all rows, some thousand at a time."""
        self._flush()
        for start in range(0, self._count, BATCH):
            self._records.seek(start * RECORD.itemsize)
            yield np.frombuffer(self._records.read(BATCH * RECORD.itemsize), RECORD)

    def source(self, number: int) -> SourceFile:
        """Return a source by its number."""
        self._sources.seek(number * _SOURCE.itemsize)
        (entry,) = np.frombuffer(self._sources.read(_SOURCE.itemsize), _SOURCE)
        name, path, kind, signature, identity, folders, timeout = self._text(entry["start"], entry["bytes"])
        signed = signature and FileSignature(*signature)
        return SourceFile(name, path, kind, signed, identity, tuple(folders), timeout)

    def __getitem__(self, number: int) -> Entry:
        """Return a row by its number in plan order."""
        if not 0 <= number < self._count:
            raise IndexError(number)
        self._flush()
        self._records.seek(number * RECORD.itemsize)
        return self.entry(np.frombuffer(self._records.read(RECORD.itemsize), RECORD)[0])

    def entry(self, record: Any) -> Entry:
        """Return the row of a record."""
        text = self._text(record["text_start"], record["text_bytes"]) or {}
        window = Window(*(int(record[name]) for name in ("col", "row", "width", "height")))
        outline = text.get("outline")
        return Entry(
            number=int(record["number"]),
            file=self.source(int(record["source"])),
            window=None if min(window) < 0 else window,
            traces=tuple(
                Trace(tuple(map(tuple, points)), *figures) for points, *figures in text.get("traces", [])
            ),
            judged=tuple((Window(*tile), probability) for tile, probability in text.get("judged", [])),
            reason=text.get("reason"),
            captured_at=text.get("captured_at"),
            outline=outline and tuple(map(tuple, outline)),
            review=text.get("review"),
        )

    def _text(self, start: int, length: int) -> Any:
        if not length:
            return None
        self._texts.seek(int(start))
        return json.loads(self._texts.read(int(length)))


def _row_text(work: Work, result: Result, cracked_up_to: float | None) -> dict[str, Any]:
    """Return what a record has no room for, without what is empty."""
    text = {
        "reason": result.reason,
        "captured_at": result.captured_at,
        "traces": result.traces,
        "judged": _near_tiles(result) if (cracked_up_to or 0.0) >= SLIGHTEST else None,
        "outline": result.outline if work.kind == "photo" else None,
        "review": _review(result),
    }
    return {name: value for name, value in text.items() if value}


def _review(result: Result) -> list[str | None] | None:
    """Return who said what of a row, when, whether it is flagged, and the note; None: nobody."""
    if not isinstance(result, ReviewedResult):
        return None
    said = [result.reviewer, result.reviewed_at, result.flagged, result.review_note]
    return said if any(said) else None


def _near_tiles(result: Result) -> list[tuple[Window, float]]:
    """Return the judged tiles of a photo that touch the window of its row."""
    window = result.window
    if window is None:
        return []
    return [
        (tile, probability)
        for tile, probability in result.judged
        if abs(tile.col - window.col) <= window.width and abs(tile.row - window.row) <= window.height
    ]
