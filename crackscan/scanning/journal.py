"""The journal of a scan: its plan and its results so far, on disk, so that a killed scan can be resumed.

It is an SQLite file with a write-ahead log: recorded results survive a SIGKILL, at 16 µs for a small photo.
A power failure may lose the last few hundred items, which are then judged again; the journal stays intact.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import (
    Engine,
    PhotoLimit,
    Result,
    RowOptions,
    ScanOptions,
    TileOptions,
    Work,
)
from crackscan.reading.file_signature import SignatureCache, file_signature
from crackscan.scanning.packing import pack_results, pack_work, unpack_results, unpack_work

_MAY_CHANGE = {"threshold", "photo_limits", "read_timeout"}  # the kept results do not depend on them
PAGE = 256  # Work looked up at once: an open query would keep SQLite from emptying the log
_PENDING = "FROM plan LEFT JOIN done USING (key) WHERE done.readable IS NOT TRUE"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Model, engine and options that rows were made with.

    All rows of a journal have the same, except for the options that decide labels.
    """

    model: str
    engine: Engine
    options: ScanOptions

    @classmethod
    def parse(cls, text: str) -> "RunSettings":
        """Return the settings that `as_json` wrote."""
        content = json.loads(text)
        tiles, rows = content["options"]["tiles"], content["options"]["rows"]
        limits = tuple(PhotoLimit(**limit) for limit in rows.pop("photo_limits"))
        options = ScanOptions(
            TileOptions(**tiles), RowOptions(**rows, photo_limits=limits), content["options"]["aoi"]
        )
        return cls(content["model"], content["engine"], options)

    def as_json(self) -> str:
        """Return the settings as text."""
        return json.dumps(asdict(self))


class Journal:
    """A scan's plan and its results so far; `journal_file` opens it."""

    def __init__(self, path: Path, database: sqlite3.Connection, settings: RunSettings) -> None:
        self.path = path
        self.settings = settings
        self._database = database

    def plan(self, works: Iterable[Work]) -> None:
        """Replace the plan in one step, and keep the results of files that did not change.

        Raises: the errors of iterating `works`; the earlier plan then stays.
        """
        digest = blake2b()
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM plan")
            self._database.executemany(
                "INSERT INTO plan VALUES (?, ?, ?)", _plan_entries(works, digest.update)
            )
            if read_meta(self._database, "plan") != digest.hexdigest():
                self._database.execute("DELETE FROM written")
                self._set_meta("plan", digest.hexdigest())

    @property
    def planned(self) -> int:
        """The number of Work items."""
        return self._number("SELECT count(*) FROM plan")

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
                "INSERT OR REPLACE INTO done VALUES (?, ?, ?)", map(_done_entry, judged)
            )

    def results(self) -> Iterator[tuple[Work, list[Result]]]:
        """Yield the results so far, in plan order, without labels.

        Raises: CrackscanError: the journal is damaged.
        """
        # CROSS JOIN keeps SQLite from sorting, so that rows come as they are read
        query = "SELECT work, results FROM plan CROSS JOIN done USING (key) ORDER BY position"
        for work, results in self._database.execute(query):
            try:
                yield unpack_work(work, self.settings.options.tiles), unpack_results(results)
            except (ValueError, zlib.error) as error:
                raise damaged(self.path, error) from error

    def has_written(self, targets: Mapping[Path, str]) -> bool:
        """Say whether targets (path: format) are unchanged since `mark_written`, and their rows as well."""
        query = "SELECT state FROM written WHERE target = ?"
        return all(
            self._database.execute(query, (_absolute(target),)).fetchone() == (self._state(target, form),)
            for target, form in targets.items()
        )

    def mark_written(self, targets: Mapping[Path, str]) -> None:
        """Remember that targets (path: format) hold the rows of this journal."""
        entries = [(_absolute(target), self._state(target, form)) for target, form in targets.items()]
        self._database.executemany("INSERT OR REPLACE INTO written VALUES (?, ?)", entries)

    def _state(self, target: Path, form: str) -> str:
        options = self.settings.options.rows
        limits = [[limit.tiles, limit.cluster_mass] for limit in options.photo_limits]
        return json.dumps([form, options.threshold, limits, file_signature(target)])

    def _set_meta(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _number(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchone()
        return int(number)

    def check_settings(self) -> None:
        """Store the settings of this run, whose threshold may be another one.

        Raises: CrackscanError: the rows so far were made with other settings.
        """
        earlier, settings = read_meta(self._database, "settings"), self.settings.as_json()
        if earlier is not None:
            _compare(self.path, _comparable(earlier), _comparable(settings))
        self._set_meta("settings", settings)


def _done_entry(judged: tuple[Work, Sequence[Result]]) -> tuple[bytes, bool, bytes]:
    work, results = judged
    readable = all(result.status != "unreadable" for result in results)
    return _key(work), readable, pack_results(results)


def _plan_entries(
    works: Iterable[Work], update_digest: Callable[[bytes], object]
) -> Iterator[tuple[int, bytes, str]]:
    signatures = SignatureCache()
    for position, work in enumerate(works, start=1):
        signed = replace(work, signature=signatures.signature(work))
        key = _key(signed)
        update_digest(key)
        yield position, key, pack_work(signed)


def _key(work: Work) -> bytes:
    # not the path: a drive may be mounted elsewhere when the scan is resumed
    identity = json.dumps(
        [work.source, work.kind, work.window, work.signature, work.pose and astuple(work.pose)]
    )
    return blake2b(identity.encode(), digest_size=16).digest()


def _absolute(target: Path) -> bytes:
    return os.fsencode(target.absolute())


def read_meta(database: sqlite3.Connection, name: str) -> str | None:
    """Return a text that a journal keeps about itself, if it is there."""
    row = database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row and str(row[0])


def _comparable(settings: str) -> dict[str, Any]:
    """Return the settings that must be the same for all rows of a journal."""
    content: dict[str, Any] = json.loads(settings)
    options = content.pop("options")
    content |= options.pop("tiles") | options.pop("rows") | options
    return {name: value for name, value in content.items() if name not in _MAY_CHANGE}


def _compare(path: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    names = [name for name in now if then.get(name) != now[name]]
    if names:
        earlier, current = (
            ", ".join(f"{name} {settings.get(name)}" for name in names) for settings in (then, now)
        )
        raise CrackscanError(
            f"{path}: its rows were made with {earlier}, this run has {current}; "
            "use the same options, write to another -o, or start over with --fresh."
        )


def damaged(path: Path, error: Exception) -> CrackscanError:
    """Return the error of a journal whose content is damaged."""
    return CrackscanError(f"{path}: is damaged or not a journal ({error}); remove it to start over.")
