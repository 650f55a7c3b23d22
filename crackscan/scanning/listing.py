"""Listing of a folder in natural order, in bounded memory: it may hold ten million photos."""

import heapq
import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

from natsort import natsort_keygen, ns

from crackscan.basics.records import FileSignature
from crackscan.reading.locations import Entry, scan_folder

RUN = 20_000  # names sorted in memory, with 12 MB of keys; longer lists are sorted in parts and merged
PIECE_BYTES = 16_384  # of each part in memory while they are merged

_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


class Listing:
    """The entries of a folder at the time when this was made; use it in `with`, and iterate once."""

    def __init__(self, folder: str, *, run: int = RUN) -> None:
        """List a folder; at most `run` names are in memory at once.

        Raises:
            OSError: it cannot be listed, or the temporary file of a long list cannot be written.
            Unreadable: a folder of a bucket cannot be listed.
        """
        self._spill_file: IO[bytes] | None = None
        with scan_folder(folder) as scanned:
            entries = iter(scanned)
            self._entries: Iterable[Entry] = _sorted(entries, run)
            following = _sorted(entries, run)
            if following:
                self._spill_file = TemporaryFile()  # noqa: SIM115 - __exit__ closes it
                parts = [self._spill(self._entries), self._spill(following)]
                while following := _sorted(entries, run):
                    parts.append(self._spill(following))
                self._entries = heapq.merge(*(self._part(*part) for part in parts), key=_order)

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the temporary file of a long list."""
        if self._spill_file is not None:
            self._spill_file.close()

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries, once."""
        return iter(self._entries)

    def _spill(self, entries: Iterable[Entry]) -> tuple[int, int]:
        """Write entries to the file, and return where they begin and end."""
        assert self._spill_file is not None
        begin = self._spill_file.tell()
        for name, is_folder, signature in entries:  # no name holds a slash or a zero
            end = json.dumps(signature).encode() if signature else b""
            self._spill_file.write(os.fsencode(name) + (b"/%b\0" % end if is_folder or end else b"\0"))
        return begin, self._spill_file.tell()

    def _part(self, begin: int, end: int) -> Iterator[Entry]:
        """Yield the entries that `_spill` wrote there."""
        assert self._spill_file is not None
        cut = b""
        while begin < end:
            self._spill_file.seek(begin)
            piece = self._spill_file.read(min(PIECE_BYTES, end - begin))
            begin += len(piece)
            *names, cut = (cut + piece).split(b"\0")
            for name in names:
                yield _entry(*name.partition(b"/"))


def _sorted(entries: Iterator[Entry], most: int) -> list[Entry]:
    return sorted(islice(entries, most), key=_order)


def _order(entry: Entry) -> Any:
    return _natural(entry.name), entry.name  # a1 and A1 are equal by nature


def _entry(name: bytes, slash: bytes, signature: bytes) -> Entry:
    if signature:
        return Entry(os.fsdecode(name), is_folder=False, signature=FileSignature(*json.loads(signature)))
    return Entry(os.fsdecode(name), is_folder=bool(slash))
