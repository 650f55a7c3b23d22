"""The poses that a user gives, on disk while a scan is planned, and which photo each of them means.

A line means the photo at its path, else the one of its name, if no other line and no other photo has that
name: photos of the same name in several folders never get each other's position.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, replace
from pathlib import Path, PurePath
from typing import NamedTuple, Self

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Pose, Work
from crackscan.geo.pose.geo_file import Entry, entries

_TABLES = """
    CREATE TABLE line (path BLOB, name BLOB NOT NULL, pose TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE photo (name BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""
_INDEXES = """
    CREATE INDEX line_path ON line (path);
    CREATE INDEX line_name ON line (name);
"""
_BY_PATH = "SELECT rowid, path, pose FROM line WHERE path IN (?, ?, ?) LIMIT 2"
_BY_NAME = "SELECT rowid, path, pose FROM line WHERE name = ? LIMIT 2"


class TableRow(NamedTuple):
    """A line that may mean a photo."""

    line: int
    path: str | None  # None where it has but a name
    pose: Pose


class PoseTable:
    """Poses by the photos that they mean; 200,000 take 40 MB of disk and no memory."""

    def __init__(self, name: str, database: sqlite3.Connection) -> None:
        self.name = name
        self._database = database
        self._counted = False

    @classmethod
    def read(cls, path: Path, database: sqlite3.Connection) -> Self:
        """Read a user's file.

        Raises: CrackscanError: a line cannot be read, or there is none.
        """
        database.executescript(_TABLES)
        with database:
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO line (path, name, pose) VALUES (?, ?, ?)", map(_row, entries(path))
            )
        database.executescript(_INDEXES)
        table = cls(path.name, database)
        if not table.lines:
            raise CrackscanError(f"{path}: names no photo; give lines like IMG_1.JPG 15.5 55.2.")
        return table

    @property
    def lines(self) -> int:
        """How many photos the file names."""
        return self._number("SELECT count(*) FROM line")

    @property
    def unused(self) -> int:
        """How many of them no photo has been given."""
        return self._number("SELECT count(*) FROM line WHERE NOT used")

    def count(self, works: Iterable[Work]) -> None:
        """Count, of all photos of a scan, those of each name that a line has, once."""
        if self._counted:
            return
        names = ((name, name) for work in works if work.kind == "photo" for name in [_name(work.path)])
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO photo SELECT ?, 1 WHERE EXISTS (SELECT * FROM line WHERE name = ?) "
                "ON CONFLICT (name) DO UPDATE SET count = count + 1",
                names,
            )
        self._counted = True

    def posed(self, work: Work) -> Work:
        """Return a Work with the pose that means its photo, if there is one, or with why there is not."""
        if work.kind != "photo":
            return work
        found = self._at(work) or self._called(work)
        if not found:
            return work
        if len(found) > 1:
            name = os.path.basename(work.source)  # noqa: PTH119 - it may hold bytes
            note = f"{self.name} is not used: several of its lines or photos are called {name}"
            return replace(work, pose=Pose(note=note))
        self._database.execute("UPDATE line SET used = TRUE WHERE rowid = ?", (found[0].line,))
        return replace(work, pose=found[0].pose)

    def _at(self, work: Work) -> list[TableRow]:
        """Return the lines of a photo's path."""
        paths = [PurePath(path).as_posix() for path in (work.source, work.path, os.path.abspath(work.path))]  # noqa: PTH100
        return self._found(_BY_PATH, *map(os.fsencode, paths))

    def _called(self, work: Work) -> list[TableRow]:
        """Return the line of a photo's name; more than one stand for "it could be several"."""
        name = _name(work.path)
        found = self._found(_BY_NAME, name)
        photos = self._database.execute("SELECT count FROM photo WHERE name = ?", (name,)).fetchone()
        if len(found) != 1 or (photos and photos[0] > 1):
            return found * 2
        path = found[0].path
        if path is None or PurePath(path).parent.name == PurePath(os.path.abspath(work.path)).parent.name:  # noqa: PTH100
            return found
        note = f"by its name it is taken for {path} of {self.name}"
        noted = replace(found[0].pose, note="; ".join(filter(None, (found[0].pose.note, note))))
        return [found[0]._replace(pose=noted)]

    def _found(self, query: str, *values: bytes) -> list[TableRow]:
        return [
            TableRow(line, None if path is None else os.fsdecode(path), Pose(*json.loads(pose)))
            for line, path, pose in self._database.execute(query, values)
        ]

    def _number(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchone()
        return int(number)


@contextmanager
def open_poses(path: Path) -> Iterator[PoseTable]:
    """Read a user's file of poses into a database that vanishes when it is closed.

    Raises: CrackscanError: as `PoseTable.read`.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:  # a temporary file
        yield PoseTable.read(path, database)


def _row(entry: Entry) -> tuple[bytes | None, bytes, str]:
    path = os.fsencode(entry.name) if entry.is_path else None
    return path, _name(entry.name), json.dumps(astuple(entry.pose))


def _name(path: str) -> bytes:
    return os.fsencode(os.path.basename(path))  # noqa: PTH119 - a path may hold bytes
