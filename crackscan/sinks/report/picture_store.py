"""Pictures of a page, on disk until it is written, and why others are missing."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crackscan.basics.arrays import Indices
from crackscan.basics.errors import Unreadable
from crackscan.basics.progress import Progress, Silent
from crackscan.sinks.report.columns import Records
from crackscan.sinks.report.pictures import Picture, PictureReader
from crackscan.sinks.report.row_table import Entry, RowTable
from crackscan.sinks.report.wording import visible

MOST_OVERVIEWS = 20
_HEAT_DECIMALS = 3


class PictureStore:
    """Draws pictures of rows in plan order, so that each source is opened once, and keeps them on disk."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._stack = folder, ExitStack()
        self._places: list[tuple[int, int, int]] = []  # index of the row, start and bytes of its picture
        self._windows: dict[int, list[int]] = {}
        self._heat: dict[int, list[list[float]]] = {}
        self._missing: dict[int, str] = {}
        self._overviews: dict[int, tuple[int, int, tuple[int, int]]] = {}  # number of the source → start, ...
        self._overview_names: Mapping[int, int] = {}
        self._more = 0

    def __enter__(self) -> Self:
        """Open the temporary file, which has no name and vanishes with the process."""
        self._file = self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def draw(
        self,
        table: RowTable,
        rows: Records,
        chosen: Indices,
        *,
        cracked: int,
        reader: PictureReader | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Draw the pictures of chosen rows of a page.

        Args:
            table: of all rows.
            rows: of the page.
            chosen: indices of rows, ascending.
            cracked: number of cracked rows in the whole survey.
            reader: of the sources; None opens one.
            progress: listens.

        Raises:
            OSError: the temporary file cannot be written.
        """
        listener = progress or Silent()
        listener.phase("drawing pictures", len(chosen))
        with reader or PictureReader() as opened:
            for index in map(int, chosen):
                self._draw_row(opened, index, table.entry(rows[index]))
                listener.advance()
            self.draw_overviews(opened, table)
        self._more = max(cracked - len(self._places) - len(self._missing), 0)

    def _draw_row(self, reader: PictureReader, index: int, entry: Entry) -> None:
        try:
            picture = reader.draw(entry)
        except Unreadable as error:
            self._missing[index] = str(error)
            return
        self._places.append((index, *self._keep(picture)))
        self._windows[index] = [*picture.window, *picture.source_size]
        tiles = [[*tile, round(probability, _HEAT_DECIMALS)] for tile, probability in entry.text.judged]
        if tiles:
            self._heat[index] = tiles

    def draw_overviews(self, reader: PictureReader, table: RowTable) -> None:
        """Draw the overviews of the first mosaics.

        Raises: OSError: as `draw`.
        """
        for number in table.mosaics[:MOST_OVERVIEWS]:
            try:
                overview = reader.overview(table.source(number))
            except Unreadable:
                continue  # the map shows the tiles without it
            if overview:
                self._overviews[number] = (*self._keep(overview), overview.source_size)

    def _keep(self, picture: Picture) -> tuple[int, int]:
        start = self._file.seek(0, 2)
        self._file.write(picture.content)
        return start, len(picture.content)

    def facts(self) -> dict[str, Any]:
        """Return what the page needs to know of its pictures, by index of the row."""
        return {
            "count": len(self._places),
            "more": self._more,
            "windows": self._windows,
            "heat": self._heat,
            "missing": {index: visible(reason) for index, reason in self._missing.items()},
        }

    def overview_size(self, number: int) -> tuple[int, int] | None:
        """Return the width and height of a mosaic that has an overview, px; number: of the source."""
        return self._overviews[number][2] if number in self._overviews else None

    def number_overviews(self, names: Mapping[int, int]) -> None:
        """Take the index in the page of each source that the page lists, by its number."""
        self._overview_names = names

    def blocks(self) -> Iterator[tuple[str, bytes]]:
        """Yield identifier and content of each picture, overviews first."""
        for number, (start, length, _) in self._overviews.items():
            if number in self._overview_names:
                yield f"overview-{self._overview_names[number]}", self._read(start, length)
        for index, start, length in self._places:
            yield f"picture-{index}", self._read(start, length)

    def _read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)
