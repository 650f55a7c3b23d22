"""Files that appear under their name only when they are whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to, and rename that file to `path` in one step afterwards.

    An error or a kill leaves the file at `path` as it was. The content is on the disk before the rename.

    Raises:
        OSError: the file cannot be written; the unfinished file is removed.
    """
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")  # some libraries want the ending
    try:
        yield beside
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content in one step.

    Raises:
        OSError: as `whole_file`.
    """
    with whole_file(path) as beside:
        beside.write_bytes(content)
