"""The file of a journal: make, open, lock and check it; `journal` reads and writes its content."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import SCHEMA_VERSION
from crackscan.scanning.journal import Journal
from crackscan.scanning.journal_entries import damaged, read_meta
from crackscan.scanning.run_settings import SETTINGS_ERRORS, RunSettings

VERSION = 3000 + SCHEMA_VERSION  # of the tables below, and of the rows in them
APPLICATION = 0x43524B53  # "CRKS" in the file's header: other SQLite files are never touched
LOCK, *SIDE_FILES = "-lock", "-wal", "-shm"  # endings of files beside it while it is in use, or after a kill


def journal_files(path: Path | None) -> list[Path]:
    """Return the files that a journal may consist of, first itself; none if there is no journal."""
    return [Path(f"{path}{end}") for end in ("", LOCK, *SIDE_FILES)] if path else []


_TABLES = f"""
    BEGIN;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, digest BLOB NOT NULL);
    CREATE TABLE plan (position INTEGER PRIMARY KEY, key BLOB NOT NULL, work TEXT NOT NULL);
    CREATE TABLE done (
        key BLOB PRIMARY KEY, readable INTEGER NOT NULL, results BLOB NOT NULL, digest BLOB NOT NULL
    );
    CREATE TABLE written (target BLOB PRIMARY KEY, state TEXT NOT NULL);
    PRAGMA application_id = {APPLICATION};
    PRAGMA user_version = {VERSION};
    COMMIT;
"""


@contextmanager
def open_journal(path: Path, settings: RunSettings, *, fresh: bool = False) -> Iterator[Journal]:
    """Open or create the journal of a scan; only one scan at a time can have it. `fresh` empties it.

    Raises:
        CrackscanError: it cannot be written, is in use, is not a journal, or has other settings.
    """
    with _crackscan_errors(path), _locked(path):
        if fresh:
            _discard(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            _prepare(path, database)
            journal = Journal(path, database, settings)
            journal.check_content()
            journal.check_settings()
            try:
                yield journal
            finally:
                empty = journal.is_empty
                database.close()
                if empty:  # a run that failed before its work leaves no file
                    _remove(path)


@contextmanager
def read_journal(path: Path) -> Iterator[Journal]:
    """Open a journal for reading, even while a scan writes it: its state at this moment is read.

    Raises:
        CrackscanError: there is none, it is damaged, or another version of crackscan wrote it.
    """
    if not path.is_file():
        raise CrackscanError(f"{path}: there is no such journal; crackscan scan -o OUT makes OUT.journal.")
    with (
        _crackscan_errors(path),
        closing(sqlite3.connect(_address(path), uri=True, isolation_level=None)) as database,
    ):
        database.execute("BEGIN")
        _check(path, database)
        journal = Journal(path, database, _read_settings(path, database))
        if journal.is_empty:
            raise _too_early(path)
        journal.check_content()
        yield journal


def _address(path: Path) -> str:
    """Return SQLite's address of a journal that is only read."""
    mode = "rw"  # to remove its side files
    if not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists():
        mode = "ro&immutable=1"  # SQLite would make side files, even where nothing can be written
    return f"{path.absolute().as_uri()}?mode={mode}"


def _read_settings(path: Path, database: sqlite3.Connection) -> RunSettings:
    text = read_meta(database, "settings")
    if text is None:
        raise _too_early(path)
    try:
        return RunSettings.parse(text)
    except SETTINGS_ERRORS as error:
        raise damaged(path, error) from error


def _too_early(path: Path) -> CrackscanError:
    return CrackscanError(f"{path}: the journal is still empty; wait until the scan has begun.")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock out a second scan by SQLite's lock on an empty file, which the system frees after a kill, too.

    Raises: CrackscanError: another scan has the lock.
    """
    lock = Path(f"{path}{LOCK}")
    with closing(sqlite3.connect(lock, isolation_level=None, timeout=0)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise CrackscanError(
                f"{path}: another scan is writing this journal; wait until it has ended."
            ) from error
        try:
            yield
        finally:
            with suppress(OSError):  # Windows does not delete an open file; an empty one does no harm
                lock.unlink()


def _discard(path: Path) -> None:
    """Remove a journal.

    Raises: CrackscanError: the file is something else.
    """
    if path.exists():
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                _check_kind(path, database)
        _remove(path)


def _remove(path: Path) -> None:
    for name in (path, *(Path(f"{path}{end}") for end in SIDE_FILES)):
        name.unlink(missing_ok=True)


def _prepare(path: Path, database: sqlite3.Connection) -> None:
    """Create the tables of a new journal, check an old one, and make records survive a kill."""
    if not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        database.executescript(_TABLES)
    _check(path, database)
    database.execute(
        "PRAGMA journal_mode = WAL"
    )  # a network drive may refuse; then SQLite uses its older way
    database.execute("PRAGMA synchronous = NORMAL")


def _check(path: Path, database: sqlite3.Connection) -> None:
    _check_kind(path, database)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise CrackscanError(
            f"{path}: its schema version is {version}, this crackscan has {VERSION}; "
            "use the version that wrote it, or scan again with --fresh."
        )
    if _schema(database) != _own_schema():
        raise sqlite3.DatabaseError("its tables have changed")


def _schema(database: sqlite3.Connection) -> list[tuple[str, ...]]:
    return database.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()


@cache
def _own_schema() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(_TABLES)
        return _schema(database)


def _check_kind(path: Path, database: sqlite3.Connection) -> None:
    if database.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
        raise CrackscanError(f"{path}: is not a journal of crackscan; name another file.")


@contextmanager
def _crackscan_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise CrackscanError(
            f"{path}: cannot be used: {error}; repair that, or name another file."
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # also SQLite's own text may be damaged
        raise damaged(path, error) from error
