"""Poses from a user's file, matched to photos; they are on disk during planning, not in memory.

A line is for the photo at its path, else for the photo of its name, if no other line and no other photo has
that name: photos of the same name in several folders never get each other's position.
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
from crackscan.geo.pose.geo_file import PoseEntry, entries

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
    """A line that may be for a photo."""

    line: int
    path: str | None  # None if it has only a name
    pose: Pose


class PoseTable:
    """Poses by photo; 200,000 take 40 MB of disk and no memory."""

    def __init__(self, name: str, database: sqlite3.Connection) -> None:
        self.name = name
        self._database = database
        self._is_counted = False

    @classmethod
    def read(cls, path: Path, database: sqlite3.Connection) -> Self:
        """Read a user's file into an empty database.

        Raises:
            CrackscanError: a line cannot be read, or there is none.
            OSError: the file cannot be read.
        """
        database.executescript(_TABLES)
        with database:
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO line (path, name, pose) VALUES (?, ?, ?)", map(_database_row, entries(path))
            )
        database.executescript(_INDEXES)
        table = cls(path.name, database)
        if not table.lines:
            raise CrackscanError(f"{path}: names no photo; give lines like IMG_1.JPG 15.5 55.2.")
        return table

    @property
    def lines(self) -> int:
        """Number of photos that the file names."""
        return self._query_number("SELECT count(*) FROM line")

    @property
    def unused(self) -> int:
        """Number of lines that no photo got so far."""
        return self._query_number("SELECT count(*) FROM line WHERE NOT used")

    def count_photos(self, works: Iterable[Work]) -> None:
        """Count the photos of a scan by name, for names that the file has; only the first call does so."""
        if self._is_counted:
            return
        names = ((name, name) for work in works if work.kind == "photo" for name in [_base_name(work.path)])
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO photo SELECT ?, 1 WHERE EXISTS (SELECT * FROM line WHERE name = ?) "
                "ON CONFLICT (name) DO UPDATE SET count = count + 1",
                names,
            )
        self._is_counted = True

    def add_pose(self, work: Work) -> Work:
        """Return a Work with the pose for its photo, if there is one, or with a note if it is ambiguous.

        Call `count_photos` before.
        """
        if work.kind != "photo":
            return work
        rows = self._rows_by_path(work) or self._rows_by_name(work)
        if not rows:
            return work
        if len(rows) > 1:
            name = os.path.basename(work.source)  # noqa: PTH119 - it may hold bytes
            note = f"{self.name} is not used: several of its lines or photos are called {name}"
            return replace(work, pose=Pose(note=note))
        self._database.execute("UPDATE line SET used = TRUE WHERE rowid = ?", (rows[0].line,))
        return replace(work, pose=rows[0].pose)

    def _rows_by_path(self, work: Work) -> list[TableRow]:
        """Return the lines with a photo's path: as scanned, as opened, or absolute."""
        paths = [PurePath(path).as_posix() for path in (work.source, work.path, os.path.abspath(work.path))]  # noqa: PTH100
        return self._query_rows(_BY_PATH, *map(os.fsencode, paths))

    def _rows_by_name(self, work: Work) -> list[TableRow]:
        """Return the line with a photo's name; more than one row if line or photo are ambiguous."""
        name = _base_name(work.path)
        rows = self._query_rows(_BY_NAME, name)
        photos = self._database.execute("SELECT count FROM photo WHERE name = ?", (name,)).fetchone()
        if len(rows) != 1 or (photos and photos[0] > 1):
            return rows * 2
        path = rows[0].path
        if path is None or PurePath(path).parent.name == PurePath(os.path.abspath(work.path)).parent.name:  # noqa: PTH100
            return rows
        note = f"matched by its name alone to {path} of {self.name}"
        pose = replace(rows[0].pose, note="; ".join(filter(None, (rows[0].pose.note, note))))
        return [rows[0]._replace(pose=pose)]

    def _query_rows(self, query: str, *values: bytes) -> list[TableRow]:
        return [
            TableRow(line, None if path is None else os.fsdecode(path), Pose(*json.loads(pose)))
            for line, path, pose in self._database.execute(query, values)
        ]

    def _query_number(self, query: str) -> int:
        (number,) = self._database.execute(query).fetchone()
        return int(number)


@contextmanager
def open_pose_table(path: Path) -> Iterator[PoseTable]:
    """Read a user's file of poses into a temporary database, which is deleted at the end.

    Raises: CrackscanError, OSError: as `PoseTable.read`.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:  # a temporary file
        yield PoseTable.read(path, database)


def _database_row(entry: PoseEntry) -> tuple[bytes | None, bytes, str]:
    path = os.fsencode(entry.name) if entry.is_path else None
    return path, _base_name(entry.name), json.dumps(astuple(entry.pose))


def _base_name(path: str) -> bytes:
    return os.fsencode(os.path.basename(path))  # noqa: PTH119 - a path may hold bytes
