"""The report as an output format: it collects rows, and draws the page when the last one has come."""

from pathlib import Path
from typing import Self

from crackscan.basics.progress import Progress
from crackscan.basics.records import Result, Work
from crackscan.basics.run_facts import RunFacts
from crackscan.sinks.base import FileSink
from crackscan.sinks.report.page import write_page
from crackscan.sinks.report.picture_store import PictureStore
from crackscan.sinks.report.row_table import RowTable
from crackscan.sinks.report.selection import page_rows, picture_rows
from crackscan.sinks.report.survey import Survey


class Report(FileSink):
    """A web page in one file, with pictures of the surest cracks."""

    needs_crs = False
    shows_tiles_only = True

    def __init__(self, target: Path, run: RunFacts | None = None, progress: Progress | None = None) -> None:
        """Prepare a report.

        Args:
            target: the file.
            run: facts of the run; without them the target can only be checked.
            progress: listens while pictures are drawn.
        """
        super().__init__(target)
        self._run, self._progress = run, progress

    def __enter__(self) -> Self:
        """Make sure that the file can be written, and open temporary files for the rows.

        Raises:
            CrackscanError: as a FileSink.
        """
        super().__enter__()
        with self._user_errors():
            self._table = RowTable(self._target.parent).__enter__()
        return self

    def begin(self, work: Work) -> None:
        """Take the Work that the next rows are from: its file is opened again for the pictures."""
        self._work = work

    def _add(self, result: Result) -> None:
        assert self._run is not None
        self._table.add(self._work, result, self._run.cracked_up_to(result))

    def _end(self) -> None:
        assert self._run is not None
        threshold = self._run.options.rows.threshold
        rows = page_rows(self._table)
        with PictureStore(self._target.parent) as pictures:
            pictures.draw(
                self._table,
                rows,
                picture_rows(rows, threshold),
                cracked=self._table.totals.cracked,
                progress=self._progress,
            )
            write_page(self._file, Survey(self._table, rows, self._run, pictures))

    def _close(self) -> None:
        super()._close()
        self._table.__exit__(None, None, None)
