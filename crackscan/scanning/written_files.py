"""Files that a run writes: none may be a file that the run reads, or be written twice."""

import os
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

from crackscan.basics.errors import OutputConflict
from crackscan.basics.records import Work
from crackscan.reading.file_signature import mosaic_files
from crackscan.sinks.base import STDOUT

Identity = tuple[int, int] | str  # device and number of a file that exists, else its full path
Stream = Literal[0, 1]  # a descriptor
STREAM_NAMES = {0: "standard input", 1: "standard output"}


class WrittenFiles:
    """Outputs, journals and their side files, compared by the file itself, not by its name."""

    def __init__(self, paths: Iterable[str | Path | Stream]) -> None:
        """Take all files that the run writes; `-` and 1 are standard output, which may be sent to a file.

        Raises: OutputConflict: two of them are one file.
        """
        self._names: dict[Identity, str] = {}
        for path in map(_descriptor_or_path, paths):
            identity = _identity(path)
            if identity in self._names:
                raise OutputConflict(
                    f"{_name(path)}: would be written twice in one run, the first time as "
                    f"{self._names[identity]}; choose another name."
                )
            if identity is not None:
                self._names[identity] = _name(path)
        self._any_exists = any(isinstance(identity, tuple) for identity in self._names)

    def check(self, path: str | Path | Stream) -> None:
        """Make sure that a file which the run reads is none of these.

        Raises: OutputConflict: it is one of them.
        """
        written = self._names.get(_identity(path) or "")
        if written is not None:
            raise OutputConflict(
                f"{written}: this run reads {_name(path)}, which is the same file and would be replaced; "
                "choose another name for what it writes."
            )

    def watch(self, works: Iterable[Work]) -> Iterator[Work]:
        """Yield Work unchanged, and check its files, if it could be one of these.

        Raises: OutputConflict: as `check`.
        """
        files_of = lru_cache(maxsize=1)(mosaic_files)  # the bands of a mosaic follow each other
        checked: object = None
        for work in works:
            if self._any_exists:  # a file that does not exist is not read
                files = files_of(work.path) if work.mosaic else (work.path,)
                if files is not checked:
                    for file in files:
                        self.check(file)
                checked = files
            yield work


def check_replaced_folders(folders: Iterable[Path], read: Iterable[str | Path]) -> None:
    """Make sure that folders which a run replaces hold none of the files that it reads.

    Raises: OutputConflict: one of them does.
    """
    replaced = {os.path.realpath(folder): folder for folder in folders}
    homes = {Path(path) if Path(path).is_dir() else Path(path).parent for path in read}
    for home in sorted(homes):
        real_home = Path(os.path.realpath(home))
        for parent in map(str, (real_home, *real_home.parents)):
            if parent in replaced:
                raise OutputConflict(
                    f"{replaced[parent]}: this run reads files in {home}, which would be replaced; "
                    "choose another name for what it writes."
                )


def _descriptor_or_path(path: str | Path | Stream) -> str | Path | Stream:
    return 1 if path == STDOUT else path


def _name(path: str | Path | Stream) -> str:
    return STREAM_NAMES[path] if isinstance(path, int) else str(path)


def _identity(path: str | Path | Stream) -> Identity | None:
    """Return what two names of one file have in common; None if it is not a file, but a device or a pipe."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path may hold bytes that pathlib cannot print
    except (OSError, ValueError):
        return None if isinstance(path, int) else os.path.realpath(path)
    is_file = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return (status.st_dev, status.st_ino) if is_file else None
