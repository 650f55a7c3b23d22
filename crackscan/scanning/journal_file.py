"""A journal's file: made, opened, locked and checked. What stands in it, `journal` knows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import SCHEMA_VERSION
from crackscan.scanning.journal import Journal, RunSettings, damaged, read_meta

VERSION = 2000 + SCHEMA_VERSION  # of the tables below, and of the rows in them
APPLICATION = 0x43524B53  # "CRKS" in the file's header: what else is an SQLite file is left alone
LOCK, *BESIDE = "-lock", "-wal", "-shm"  # what lies beside the file while it is in use, or after a kill

_TABLES = f"""
    BEGIN;
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE plan (place INTEGER PRIMARY KEY, key BLOB NOT NULL, work TEXT NOT NULL);
    CREATE TABLE done (key BLOB PRIMARY KEY, readable INTEGER NOT NULL, results BLOB NOT NULL);
    CREATE TABLE written (target BLOB PRIMARY KEY, state TEXT NOT NULL);
    PRAGMA application_id = {APPLICATION};
    PRAGMA user_version = {VERSION};
    COMMIT;
"""


@contextmanager
def open_journal(path: Path, terms: RunSettings, *, fresh: bool = False) -> Iterator[Journal]:
    """Open a scan's journal, or begin it; one scan at a time has it. `fresh` forgets what it holds.

    Raises:
        CrackscanError: it cannot be written, is in use, is no journal, or is that of a scan by other terms.
    """
    with _sentences(path), _locked(path):
        if fresh:
            _discard(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            _prepare(path, database)
            journal = Journal(path, database, terms)
            journal.check_settings()
            try:
                yield journal
            finally:
                planned = journal.planned
                database.close()
                if not planned:  # a run that failed before its work leaves nothing
                    _remove(path)


@contextmanager
def read_journal(path: Path) -> Iterator[Journal]:
    """Open a journal for reading, also while a scan writes it: what is read is its state at this moment.

    Raises:
        CrackscanError: there is none, or another version of crackscan wrote it.
    """
    if not path.is_file():
        raise CrackscanError(f"{path}: there is no such journal; scan with -o makes it, as OUT.journal.")
    address = f"{path.absolute().as_uri()}?mode=rw"  # to tidy up after itself; what is protected is only read
    with _sentences(path), closing(sqlite3.connect(address, uri=True, isolation_level=None)) as database:
        database.execute("BEGIN")
        _check(path, database)
        journal = Journal(path, database, _terms(path, database))
        if not journal.planned:
            raise _too_early(path)
        yield journal


def _terms(path: Path, database: sqlite3.Connection) -> RunSettings:
    found = read_meta(database, "terms")
    if found is None:
        raise _too_early(path)
    try:
        return RunSettings.parse(found)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def _too_early(path: Path) -> CrackscanError:
    return CrackscanError(f"{path}: nothing is in it yet; wait until the scan has begun.")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep a second scan off. The lock is SQLite's, in an empty file: the system frees it however we end.

    Raises: CrackscanError: another scan has it.
    """
    lock = Path(f"{path}{LOCK}")
    with closing(sqlite3.connect(lock, isolation_level=None, timeout=0)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise CrackscanError(f"{path}: another scan is writing it; wait until that has ended.") from error
        try:
            yield
        finally:
            with suppress(OSError):  # Windows keeps an open file; an empty one does no harm
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
    for name in (path, *(Path(f"{path}{end}") for end in BESIDE)):
        name.unlink(missing_ok=True)


def _prepare(path: Path, database: sqlite3.Connection) -> None:
    """Make the tables of a new journal, check an old one, and set what makes a record survive a kill."""
    if not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        database.executescript(_TABLES)
    _check(path, database)
    database.execute("PRAGMA journal_mode = WAL")  # where a network drive cannot, SQLite's older way serves
    database.execute("PRAGMA synchronous = NORMAL")


def _check(path: Path, database: sqlite3.Connection) -> None:
    _check_kind(path, database)
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found != VERSION:
        raise CrackscanError(
            f"{path}: its schema version is {found}, this crackscan has {VERSION}; start over with --fresh."
        )


def _check_kind(path: Path, database: sqlite3.Connection) -> None:
    if database.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
        raise CrackscanError(f"{path}: is not a journal of crackscan; choose another place with --journal.")


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise CrackscanError(
            f"{path}: cannot be used: {error}; mend that, or choose another place with --journal."
        ) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
