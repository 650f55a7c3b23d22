"""The entries of a journal's tables, each with a digest: what a run plans, has done and has written."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, replace
from hashlib import blake2b, file_digest
from pathlib import Path

from crackscan.basics.errors import BrokenJournal
from crackscan.basics.records import Result, Work
from crackscan.reading.file_signature import SignatureCache
from crackscan.scanning.packing import pack_results, pack_work


def done_entry(judged: tuple[Work, Sequence[Result]]) -> tuple[bytes, bool, bytes, bytes]:
    """Return the entry of a judged Work: its key, whether it could be read, its packed results, a digest."""
    work, results = judged
    readable = all(result.status != "unreadable" for result in results)
    key, content = _key(work), pack_results(results)
    return key, readable, content, result_digest(key, readable, content)


def result_digest(key: bytes, readable: int, results: bytes) -> bytes:
    """Return the digest of the results of one Work."""
    return blake2b(b"%b%d%b" % (key, readable, results), digest_size=16).digest()


def entry_bytes(position: int, key: bytes, work: str) -> bytes:
    """Return what the digest of a plan takes of one of its entries."""
    return b"%d %b %b\n" % (position, key, work.encode())


def meta_digest(name: str, value: str) -> bytes:
    """Return the digest of a text that a journal keeps about itself."""
    return blake2b(f"{name}\n{value}".encode(), digest_size=16).digest()


def content_of(target: Path) -> str | None:
    """Return the digest of a file; None if it cannot be read, so it is to be written again."""
    try:
        with target.open("rb") as file:
            return file_digest(file, blake2b).hexdigest()
    except OSError:
        return None


def plan_entries(
    numbered: Iterable[tuple[int, Work]],
    update_digest: Callable[[bytes], object],
    update_content_digest: Callable[[bytes], object],
) -> Iterator[tuple[int, bytes, str]]:
    """Yield the entry of each numbered Work, (position, key, packed Work), and tell both digests of it.

    update_digest: takes each key. update_content_digest: takes each whole entry.
    """
    signatures = SignatureCache()
    for position, work in numbered:
        signed = replace(work, signature=signatures.signature(work))
        key = _key(signed)
        update_digest(key)
        entry = position, key, pack_work(signed)
        update_content_digest(entry_bytes(*entry))
        yield entry


def _key(work: Work) -> bytes:
    # not the path: a drive may be mounted elsewhere when the scan is resumed
    identity = json.dumps(
        [work.source, work.kind, work.window, work.signature, work.pose and astuple(work.pose)]
    )
    return blake2b(identity.encode(), digest_size=16).digest()


def absolute(target: Path) -> bytes:
    """Return the name under which an output is remembered."""
    return os.fsencode(target.absolute())


def read_meta(database: sqlite3.Connection, name: str) -> str | None:
    """Return a text that a journal keeps about itself, if it is there.

    Raises: sqlite3.DatabaseError: it is not what was written.
    """
    row = database.execute("SELECT value, digest FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    value, digest = row
    if not isinstance(value, str) or meta_digest(name, value) != digest:
        raise sqlite3.DatabaseError(f"its {name} has changed")
    return value


def damaged(path: Path, error: Exception) -> BrokenJournal:
    """Return the error of a journal whose content is damaged."""
    return BrokenJournal(f"{path}: is damaged or not a journal ({error}); remove it to start over.")
