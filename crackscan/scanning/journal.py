"""The journal of a scan: what is planned and what is done, on disk, so that a scan can be killed and go on.

SQLite with a log written ahead: what was recorded is there after a SIGKILL, at 16 µs a small photo. A power
failure may cost the last few hundred units, which are then judged again; the journal itself stays whole.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Engine, PhotoLimit, Result, ScanOptions, Work
from crackscan.reading.file_signature import SignatureCache, file_signature
from crackscan.scanning.packing import packed_results, packed_work, results_in, work_in

_MAY_CHANGE = {"threshold", "photo_limits", "read_timeout"}
PAGE = 256  # Work looked up at once: a query left open would keep the log from being emptied
_PENDING = "FROM plan LEFT JOIN done USING (key) WHERE done.readable IS NOT TRUE"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What rows were made by; but for what decides labels, the same for all rows of a journal."""

    model: str
    engine: Engine
    options: ScanOptions

    @classmethod
    def parse(cls, text: str) -> "RunSettings":
        """Return what `json.dumps(asdict(terms))` wrote."""
        found = json.loads(text)
        limits = tuple(PhotoLimit(**limit) for limit in found["options"].pop("photo_limits"))
        return cls(found["model"], found["engine"], ScanOptions(**found["options"], photo_limits=limits))


class Journal:
    """A scan's plan and its results so far; `journal_file` opens it."""

    def __init__(self, path: Path, database: sqlite3.Connection, terms: RunSettings) -> None:
        self.path = path
        self.terms = terms
        self._database = database

    def plan(self, works: Iterable[Work]) -> None:
        """Replace the plan in one step. What is known of files that did not change is kept.

        Raises: what going through `works` raises; the earlier plan then stays.
        """
        digest = blake2b()
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM plan")
            self._database.executemany("INSERT INTO plan VALUES (?, ?, ?)", _entries(works, digest.update))
            if read_meta(self._database, "plan") != digest.hexdigest():
                self._database.execute("DELETE FROM written")
                self._tell("plan", digest.hexdigest())

    @property
    def planned(self) -> int:
        """How much Work there is."""
        return self._number("SELECT count(*) FROM plan")

    @property
    def has_mosaics(self) -> bool:
        """Whether any of it is of a mosaic."""
        return bool(
            self._number("SELECT EXISTS (SELECT 1 FROM plan WHERE json_extract(work, '$[2]') = 'mosaic')")
        )

    @property
    def done(self) -> int:
        """How much of it has results, be it that it cannot be read."""
        return self._number("SELECT count(*) FROM plan CROSS JOIN done USING (key)")

    @property
    def pending(self) -> int:
        """How much Work has yet to be judged; what could not be read is tried again."""
        return self._number(f"SELECT count(*) {_PENDING}")

    def works(self) -> Iterator[Work]:
        """Yield the pending Work in plan order."""
        query = f"SELECT place, work {_PENDING} AND place > ? ORDER BY place LIMIT {PAGE}"
        last = 0
        while page := self._database.execute(query, (last,)).fetchall():
            if not last:
                self._database.execute("DELETE FROM written")  # their rows are about to change
            for _, work in page:
                yield work_in(work, self.terms.options)
            last = page[-1][0]

    def record(self, judged: Iterable[tuple[Work, Sequence[Result]]]) -> None:
        """Keep the results of some Work; when this returns, no kill can take them.

        Raises: CrackscanError: the journal is gone.
        """
        if not self.path.exists():  # SQLite would go on writing into a file without a name
            raise CrackscanError(f"{self.path}: is gone, and what was judged with it; scan to another place.")
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", map(_done, judged))

    def results(self, options: ScanOptions) -> Iterator[tuple[Work, list[Result]]]:
        """Yield what is done, in plan order; the labels are still those of the run that judged it.

        Raises: CrackscanError: the journal is damaged.
        """
        # CROSS JOIN keeps SQLite from sorting: rows come as they are read
        query = "SELECT work, results FROM plan CROSS JOIN done USING (key) ORDER BY place"
        for work, results in self._database.execute(query):
            try:
                yield work_in(work, options), results_in(results)
            except (ValueError, zlib.error) as error:
                raise damaged(self.path, error) from error

    def has_written(self, targets: Mapping[Path, str]) -> bool:
        """Say whether targets (path: format) are as `mark_written` left them, and no row is another."""
        query = "SELECT state FROM written WHERE target = ?"
        return all(
            self._database.execute(query, (_absolute(target),)).fetchone() == (self._state(target, form),)
            for target, form in targets.items()
        )

    def mark_written(self, targets: Mapping[Path, str]) -> None:
        """Remember that targets (path: format) hold the rows of this journal, until a row changes."""
        entries = [(_absolute(target), self._state(target, form)) for target, form in targets.items()]
        self._database.executemany("INSERT OR REPLACE INTO written VALUES (?, ?)", entries)

    def _state(self, target: Path, form: str) -> str:
        options = self.terms.options
        limits = [[limit.tiles, limit.evidence] for limit in options.photo_limits]
        return json.dumps([form, options.threshold, limits, file_signature(target)])

    def _tell(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def _number(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchone()
        return int(number)

    def check_settings(self) -> None:
        """Take on this run's threshold.

        Raises: CrackscanError: the rows so far were made by other terms.
        """
        found, terms = read_meta(self._database, "terms"), json.dumps(asdict(self.terms))
        if found is not None:
            _compare(self.path, _flat(found), _flat(terms))
        self._tell("terms", terms)


def _done(judged: tuple[Work, Sequence[Result]]) -> tuple[bytes, bool, bytes]:
    work, results = judged
    readable = all(result.status != "unreadable" for result in results)
    return _key(work), readable, packed_results(results)


def _entries(works: Iterable[Work], seen: Any) -> Iterator[tuple[int, bytes, str]]:
    signatures = SignatureCache()
    for place, work in enumerate(works, start=1):
        signed = replace(work, signature=signatures.signature(work))
        key = _key(signed)
        seen(key)
        yield place, key, packed_work(signed)


def _key(work: Work) -> bytes:
    # not the path: a drive may be mounted elsewhere when the scan goes on
    identity = json.dumps(
        [work.source, work.kind, work.window, work.signature, work.pose and astuple(work.pose)]
    )
    return blake2b(identity.encode(), digest_size=16).digest()


def _absolute(target: Path) -> bytes:
    return os.fsencode(target.absolute())


def read_meta(database: sqlite3.Connection, name: str) -> str | None:
    """Return what a journal says of itself under a name."""
    found = database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return found and str(found[0])


def _flat(terms: str) -> dict[str, Any]:
    """Return all but how long is waited, and what decides labels: they follow from probabilities."""
    found: dict[str, Any] = json.loads(terms)
    found |= found.pop("options")
    return {name: value for name, value in found.items() if name not in _MAY_CHANGE}


def _compare(path: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    names = [name for name in now if then.get(name) != now[name]]
    if names:
        was, has = (", ".join(f"{name} {terms.get(name)}" for name in names) for terms in (then, now))
        raise CrackscanError(
            f"{path}: its rows were made with {was}, this run has {has}; "
            "scan with the same, to another -o, or start over with --fresh."
        )


def damaged(path: Path, error: Exception) -> CrackscanError:
    """Return the error of a journal whose bytes are not what was written."""
    return CrackscanError(f"{path}: is damaged, or no journal ({error}); remove it to start over.")
