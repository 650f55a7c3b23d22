"""The journal of a scan: its plan and its results so far, on disk, so that a killed scan can be resumed.

It is an SQLite file with a write-ahead log: recorded results survive a SIGKILL, at 16 µs for a small photo.
A power failure may lose the last few hundred items, which are then judged again; the journal stays intact.
"""

import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Result, Work
from crackscan.basics.row_columns import RowColumns
from crackscan.scanning.journal_entries import (
    absolute,
    content_of,
    damaged,
    done_entry,
    entry_bytes,
    meta_digest,
    plan_entries,
    read_meta,
    result_digest,
)
from crackscan.scanning.packing import (
    DAMAGES,
    row_columns,
    unpack_results,
    unpack_rows,
    unpack_work,
)
from crackscan.scanning.parts import Share, WholePlan
from crackscan.scanning.rows import kind_per, rows_per
from crackscan.scanning.run_settings import SETTINGS_ERRORS, RunSettings

PAGE = 256  # Work looked up at once: an open query would keep SQLite from emptying the log
COLUMN_ROWS = 256  # the JSON objects of more would not stay in the caches of a processor
# CROSS JOIN keeps SQLite from sorting, so that rows come as they are read
_RESULTS = "SELECT position, work, results FROM plan CROSS JOIN done USING (key) ORDER BY position"
_PENDING = "FROM plan LEFT JOIN done USING (key) WHERE done.readable IS NOT TRUE"


class Journal:
    """A scan's plan and its results so far; `journal_file` opens it."""

    def __init__(self, path: Path, database: sqlite3.Connection, settings: RunSettings) -> None:
        self.path = path
        self.settings = settings
        self._database = database

    def plan(self, works: Iterable[Work]) -> None:
        """Replace the plan in one step, and keep the results of files that did not change.

        Of the Work of a whole scan, the journal of a part takes that of its part.

        Raises: the errors of iterating `works`; the earlier plan then stays.
        """
        digest, content_digest = blake2b(), blake2b()
        share = Share(self.settings.part) if self.settings.part else None
        numbered = share.pick(works) if share else enumerate(works, start=1)
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM plan")
            self._database.executemany(
                "INSERT INTO plan VALUES (?, ?, ?)",
                plan_entries(numbered, digest.update, content_digest.update),
            )
            if share:
                self._set_meta("whole", json.dumps(share.whole))
            self._set_meta("content", content_digest.hexdigest())
            if read_meta(self._database, "plan") != digest.hexdigest():
                self._database.execute("DELETE FROM written")
                self._set_meta("plan", digest.hexdigest())

    @property
    def planned(self) -> int:
        """The number of Work items."""
        return self._number("SELECT count(*) FROM plan")

    @property
    def whole(self) -> WholePlan | None:
        """The plan of all parts, if this is the journal of one.

        Raises: CrackscanError: it is damaged.
        """
        text = read_meta(self._database, "whole")
        try:
            return WholePlan(*json.loads(text)) if text else None
        except SETTINGS_ERRORS as error:
            raise damaged(self.path, error) from error

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to plan, or not yet; a part of a small scan may have no Work."""
        return not self.planned and not (self.whole and self.whole.planned)

    @property
    def has_mosaics(self) -> bool:
        """Whether the plan has mosaics."""
        return bool(
            self._number("SELECT EXISTS (SELECT 1 FROM plan WHERE json_extract(work, '$[2]') = 'mosaic')")
        )

    @property
    def done(self) -> int:
        """The number of Work items with results, including unreadable ones."""
        return self._number("SELECT count(*) FROM plan CROSS JOIN done USING (key)")

    @property
    def pending(self) -> int:
        """The number of Work items that are left to judge; unreadable ones are tried again."""
        return self._number(f"SELECT count(*) {_PENDING}")

    def works(self) -> Iterator[Work]:
        """Yield the pending Work in plan order."""
        query = f"SELECT position, work {_PENDING} AND position > ? ORDER BY position LIMIT {PAGE}"
        last = 0
        while page := self._database.execute(query, (last,)).fetchall():
            if not last:
                self._database.execute("DELETE FROM written")  # the outputs' rows are about to change
            for _, work in page:
                yield unpack_work(work, self.settings.options.tiles)
            last = page[-1][0]

    def record(self, judged: Iterable[tuple[Work, Sequence[Result]]]) -> None:
        """Keep the results of some Work; after this returns, a kill cannot lose them.

        Raises: CrackscanError: the journal was deleted.
        """
        if not self.path.exists():  # SQLite would continue to write into the deleted file
            raise CrackscanError(f"{self.path}: the journal was deleted during the scan; run the scan again.")
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?)", map(done_entry, judged)
            )

    def results(self) -> Iterator[tuple[Work, list[Result]]]:
        """Yield the rows so far, in plan order, without labels: per photo or per tile, as they were scanned.

        Raises: CrackscanError: the journal is damaged.
        """
        per = self.settings.options.tiles.per
        return ((work, rows_per(rows, per)) for work, rows in self.all_results())

    def columns(self) -> Iterator[RowColumns]:
        """Yield the same rows as `results`, as columns of some thousand rows: quick, where there are many.

        Raises: CrackscanError: the journal is damaged.
        """
        works, rows, count = list[Work](), list[list[list[Any]]](), 0
        kind = kind_per(self.settings.options.tiles.per)
        try:
            for _, work, results in self._database.execute(_RESULTS):
                works.append(unpack_work(work, self.settings.options.tiles))
                rows.append(unpack_rows(results, kind))
                count += len(rows[-1])
                if count >= COLUMN_ROWS:
                    yield row_columns(works, rows)
                    works, rows, count = [], [], 0
            if works:
                yield row_columns(works, rows)
        except DAMAGES as error:
            raise damaged(self.path, error) from error

    def all_results(self) -> Generator[tuple[Work, list[Result]], None, None]:
        """Yield the same, but where cracks were traced, with the rows of photos and of their tiles.

        Raises: CrackscanError: the journal is damaged.
        """
        for _, work, rows in self.numbered_results():
            yield work, rows

    def numbered_results(self) -> Iterator[tuple[int, Work, list[Result]]]:
        """Yield the same as `all_results`, with the place in the plan, of which a part has some.

        Raises: CrackscanError: the journal is damaged.
        """
        for position, work, results in self._database.execute(_RESULTS):
            try:
                planned, rows = unpack_work(work, self.settings.options.tiles), unpack_results(results)
            except ValueError as error:
                raise damaged(self.path, error) from error
            if any(row.source != planned.source for row in rows):
                raise damaged(self.path, ValueError("results are those of another source"))
            yield position, planned, rows

    def check_content(self) -> None:
        """Make sure that the plan and all results are what was written.

        Raises: sqlite3.DatabaseError: they are not.
        """
        if self._database.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its pages are damaged")
        digest = blake2b()
        for entry in self._database.execute("SELECT position, key, work FROM plan ORDER BY position"):
            digest.update(entry_bytes(*entry))
        if read_meta(self._database, "content") not in {digest.hexdigest(), None}:
            raise sqlite3.DatabaseError("its plan has changed")
        for key, readable, results, known in self._database.execute("SELECT * FROM done"):
            if result_digest(key, readable, results) != known:
                raise sqlite3.DatabaseError("results have changed")

    def has_written(self, targets: Mapping[Path, str]) -> bool:
        """Say whether targets (path: format) are unchanged since `mark_written`, and their rows as well."""
        query = "SELECT state FROM written WHERE target = ?"
        return all(
            target.is_file()
            and self._database.execute(query, (absolute(target),)).fetchone() == (self._state(target, form),)
            for target, form in targets.items()
        )

    def mark_written(self, targets: Mapping[Path, str]) -> None:
        """Remember that targets (path: format) hold the rows of this journal."""
        entries = [(absolute(target), self._state(target, form)) for target, form in targets.items()]
        self._database.executemany("INSERT OR REPLACE INTO written VALUES (?, ?)", entries)

    def _state(self, target: Path, form: str) -> str:
        options = self.settings.options.rows
        limits = [[limit.tiles, limit.cluster_mass] for limit in options.photo_limits]
        cracks = [self.settings.options.tiles.per, options.crack_threshold, options.min_length_px]
        return json.dumps([form, options.threshold, limits, *cracks, content_of(target)])

    def _set_meta(self, name: str, value: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (name, value, meta_digest(name, value))
        )

    def _number(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchone()
        return int(number)

    def check_settings(self) -> None:
        """Store the settings of this run, whose threshold may be another one.

        Raises: CrackscanError: the rows so far were made with other settings.
        """
        earlier = read_meta(self._database, "settings")
        if earlier is not None:
            try:
                self.settings.compare(earlier, self.path)
            except SETTINGS_ERRORS as error:
                raise damaged(self.path, error) from error
        self._set_meta("settings", self.settings.as_json())
