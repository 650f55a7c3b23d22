"""The file of verdicts beside a journal: lines of JSON, only appended, each on the disk before it counts.

Several reviews may write it at once. A kill can leave its last line torn; it is left out, and told.
"""

import json
import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import Any, get_args

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Kind, Window
from crackscan.review.verdicts import Action, Agreement, Opinion, RowId, Verdict, agree, opinion_of

FORMAT = 1  # of a line
ENDING = ".verdicts"  # behind the name of the journal
_DIGEST = ',"digest":"'  # begins the last member of a line
_DIGEST_BYTES = 8
_LENGTH = len(_DIGEST) + 2 * _DIGEST_BYTES + len('"}')
_json = json.JSONEncoder(separators=(",", ":")).encode


def verdicts_path(journal: Path) -> Path:
    """Return the path of the verdicts on the rows of a journal."""
    return journal.with_name(journal.name + ENDING)


class VerdictFile:
    """The verdicts of all reviewers; it follows what other programs append."""

    def __init__(self, path: Path) -> None:
        """Read a file; that there is none yet is no error.

        Raises:
            CrackscanError: a newer crackscan wrote it, or it is something else.
            OSError: it cannot be read.
        """
        self.path = path
        self.damaged = 0  # lines that are not as they were written
        self.torn = False  # whether the last line is not whole: a kill came while it was written
        self._acts: dict[RowId, dict[str, list[Verdict]]] = {}
        self._history: dict[str, list[list[Verdict]]] = {}  # acts of each reviewer, by key
        self._read_bytes, self._lock = 0, RLock()
        self.refresh()

    def refresh(self) -> None:
        """Read what was appended since the last time.

        Raises: as opening.
        """
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    file.seek(self._read_bytes)
                    content = file.read()
            except FileNotFoundError:
                return
            whole = content[: content.rfind(b"\n") + 1]
            for line in whole.splitlines():
                self._take(line)
            self._read_bytes += len(whole)
            self.torn = len(whole) < len(content)
            if self.damaged and not self._history and not _begins_as_verdicts(whole):
                raise CrackscanError(f"{self.path}: is not a file of verdicts; move it elsewhere.")

    def append(self, acts: Sequence[Verdict]) -> None:
        """Write acts; when this returns, they are on the disk, whatever happens then.

        Raises:
            OSError: the disk is full or gone; nothing counts then.
        """
        lines = b"".join(_line(act) for act in acts)
        with self._lock:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                size = os.lseek(descriptor, 0, os.SEEK_END)
                if size and not _ends_with_newline(descriptor, size):
                    lines = b"\n" + lines  # behind a torn line
                if os.write(descriptor, lines) < len(lines):
                    raise OSError(28, "No space left on device", str(self.path))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self.refresh()

    @property
    def lost(self) -> str:
        """A sentence about lines that do not count, or nothing."""
        count = self.damaged + self.torn
        if not count:
            return ""
        lines = "1 line is" if count == 1 else f"{count:,} lines are"
        return f"{self.path}: {lines} not whole and left out: the file was damaged, or a program was killed."

    def last_of(self, reviewer: str) -> Sequence[Verdict]:
        """Return the acts of a reviewer that an undo would take back; none if there are none."""
        with self._lock:
            history = self._history.get(reviewer)
            return tuple(history[-1]) if history else ()

    def rows(self) -> list[RowId]:
        """Return the rows about which somebody says anything, in the order of their first verdicts."""
        with self._lock:
            return [row for row, acts in self._acts.items() if any(acts.values())]

    def opinions(self, row: RowId) -> dict[str, Opinion]:
        """Return what each reviewer says about a row."""
        with self._lock:
            by_reviewer = self._acts.get(row, {})
            return {reviewer: opinion_of(acts) for reviewer, acts in by_reviewer.items() if acts}

    def agreement(self, row: RowId) -> Agreement | None:
        """Return what all reviewers say about a row together; None: nothing."""
        return agree(self.opinions(row))

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            act = _verdict(line)
        except (ValueError, LookupError, TypeError, RecursionError):
            self.damaged += 1
            return
        history = self._history.setdefault(act.reviewer, [])
        if act.action == "undo":
            self._undo(history)
            return
        assert act.row is not None, "only an undo has no row"
        self._acts.setdefault(act.row, {}).setdefault(act.reviewer, []).append(act)
        if history and act.group is not None and history[-1][0].group == act.group:
            history[-1].append(act)
        else:
            history.append([act])

    def _undo(self, history: list[list[Verdict]]) -> None:
        for act in history.pop() if history else ():
            assert act.row is not None, "as above"
            self._acts[act.row][act.reviewer].pop()  # it is the last one of this reviewer, also on this row


def _begins_as_verdicts(content: bytes) -> bool:
    first, own = content.split(b"\n")[0], f'{{"format":{FORMAT},'.encode()
    return first.startswith(own) or own.startswith(first)


def _ends_with_newline(descriptor: int, size: int) -> bool:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _line(act: Verdict) -> bytes:
    members: dict[str, Any] = {
        "format": FORMAT,
        "at": act.at,
        "reviewer": act.reviewer,
        "action": act.action,
        "source": act.row and act.row.source,
        "kind": act.row and act.row.kind,
        "window": act.row and act.row.window,
        "point": act.point,
        "text": act.text,
        "drawn": act.drawn or None,
        "group": act.group,
    }
    body = _json({name: value for name, value in members.items() if value is not None})
    return f'{body[:-1]}{_DIGEST}{_digest(body)}"}}\n'.encode()


def _digest(body: str) -> str:
    return blake2b(body.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _verdict(line: bytes) -> Verdict:
    """Return the verdict of a line.

    Raises:
        CrackscanError: a newer crackscan wrote it.
        ValueError, LookupError, TypeError, RecursionError: it is damaged.
    """
    text = line.decode()
    body = text[:-_LENGTH] + "}"
    if text[-_LENGTH:] != f'{_DIGEST}{_digest(body)}"}}':
        raise ValueError("the digest is another one")
    members = json.loads(body)
    if members["format"] != FORMAT:
        raise CrackscanError(
            f"verdicts of format {members['format']}: this crackscan reads format {FORMAT}; use a newer one."
        )
    if members["action"] not in get_args(Action):
        raise ValueError("the action is unknown")
    point = members.get("point")
    return Verdict(
        at=members["at"],
        reviewer=members["reviewer"],
        action=members["action"],
        row=_row(members) if members["action"] != "undo" else None,
        point=point and (float(point[0]), float(point[1])),
        text=members.get("text"),
        drawn=members.get("drawn", False),
        group=members.get("group"),
    )


def _row(members: dict[str, Any]) -> RowId:
    if members["kind"] not in get_args(Kind):
        raise ValueError("the kind is unknown")
    window = members.get("window")
    return RowId(members["source"], members["kind"], window and Window(*window))


def each_agreement(file: VerdictFile) -> Iterator[tuple[RowId, Agreement]]:
    """Yield the rows about which somebody says anything, with what all say together."""
    for row in file.rows():
        if agreement := file.agreement(row):
            yield row, agreement


def open_verdicts(journal: Path) -> VerdictFile:
    """Read the verdicts on the rows of a journal.

    Raises: CrackscanError: there is no file of verdicts, or it is something else.
    """
    path = verdicts_path(journal)
    if not path.is_file():
        raise CrackscanError(f"{path}: there is no such file; crackscan review {journal} makes it.")
    return VerdictFile(path)
