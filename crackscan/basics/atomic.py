"""Files that appear under their name only when they are whole."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class PartialFile:
    """A hidden file beside its target, which takes the target's name when it is whole.

    An error, or a kill, leaves what stood at the target as it was.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        # ends as the target does: some libraries choose the format by it
        self.path = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp{target.suffix}")

    def publish(self) -> None:
        """Give the file its target's name in one step; before that, its content is on the disk.

        Raises:
            OSError: the disk is full, or another program holds the target (on Windows).
        """
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.replace(self.target)

    def discard(self) -> None:
        """Remove the file if it is still there, and files beside it that begin with its name.

        These are, for example, SQLite's journals. What cannot be removed stays: the error that led here is
        the one to report.
        """
        with suppress(OSError):
            _remove(self.target.parent, re.escape(self.path.name))

    def remove_leftovers(self) -> None:
        """Remove what killed runs left of earlier files for this target.

        Raises:
            OSError: the folder cannot be read.
        """
        _remove(self.target.parent, re.escape(f".{self.target.name}.") + r"[0-9a-f]{8}\.tmp")


def _remove(folder: Path, name_start: str) -> None:
    """Remove the files of a folder whose names begin with a regular expression."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if re.match(name_start, entry.name):
                Path(entry.path).unlink(missing_ok=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to, and rename that file to `path` in one step afterwards.

    An error or a kill leaves the file at `path` as it was. The content is on the disk before the rename.

    Raises:
        OSError: the file cannot be written; the unfinished file is removed.
    """
    partial = PartialFile(path)
    try:
        yield partial.path
        partial.publish()
    finally:
        partial.discard()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content in one step.

    Raises:
        OSError: as `whole_file`.
    """
    with whole_file(path) as partial_path:
        partial_path.write_bytes(content)
