"""Files of a scan: named by the user, found in folders, or listed one a line; lazily, in natural order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import NamedTuple

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature
from crackscan.basics.text_files import STDIN, Separator, open_lines
from crackscan.reading.locations import child, is_folder, list_copy, real_folder
from crackscan.reading.timeouts import call_with_timeout
from crackscan.scanning.file_names import (
    JOURNAL,
    MOSAIC_ENDINGS,
    SYSTEM_FOLDER,
    ending,
    is_picture,
    shown_as,
    world_file_ending,
)
from crackscan.scanning.listing import Listing
from crackscan.scanning.remote_sources import look_up

MOST_ENDINGS = 1000  # of ignored files, counted separately


class SourceFile(NamedTuple):
    """One file, or a folder that cannot be listed."""

    source: str  # as rows show it
    path: str  # as it is opened
    from_folder: bool = False  # found in a folder, not named by the user
    fault: str | None = None  # why it cannot be read, where that is known already
    signature: FileSignature | None = None  # of an object in a bucket, where that is known already


@dataclass(frozen=True, slots=True)
class Sources:
    """An iterable of files that can be gone through again, unless a list comes on stdin.

    `ignored` counts, as of the last pass, what was left out in folders: files that are not pictures by their
    ending, and folders that systems make by their name and a slash.
    """

    paths: tuple[str, ...]
    lists: tuple[str, ...] = ()  # files that hold more paths; "-" is stdin
    read_timeout: float | None = None  # seconds
    list_separator: Separator = "\n"  # of the paths in lists
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def repeatable(self) -> bool:
        """Whether a second pass gives the same files: stdin can be read only once."""
        return STDIN not in self.lists

    @property
    def names(self) -> str:
        """The paths and lists as an error names them."""
        return ", ".join(self.paths + self.lists)

    def __iter__(self) -> Iterator[SourceFile]:
        """Yield the files in natural order."""
        self.ignored.clear()
        root = self._only_folder()
        for path, is_directory, fault, signature in look_up(self._all_paths()):
            if is_directory:
                yield from self._walk(path, root, ())
            else:
                if world_file := world_file_ending(path):
                    self._count_ignored(world_file)
                yield SourceFile(shown_as(path, root), path, fault=fault, signature=signature)

    def ignore(self, name: str) -> None:
        """Count a file that is not a picture by its ending, or with all others if there are too many."""
        self._count_ignored(ending(name) or PurePath(name).name)

    def _count_ignored(self, kind: str) -> None:
        known = kind in self.ignored or len(self.ignored) < MOST_ENDINGS
        self.ignored[kind if known else "..."] += 1

    def ignores_heatmap(self, file: SourceFile) -> bool:
        """Say whether a file in a folder is a scan's own heatmap; then count it as ignored."""
        own = file.from_folder and _is_heatmap(file.path, self.read_timeout)
        if own:
            self.ignore(file.path)
        return own

    def _only_folder(self) -> str | None:
        """Return the one scanned folder, to which the rows' sources are relative."""
        only = self.paths[0] if len(self.paths) == 1 and not self.lists else None
        return only if only and is_folder(only) else None

    def _all_paths(self) -> Iterator[str]:
        yield from self.paths
        for name in self.lists:
            with (
                list_copy(name) as file,
                open_lines(file, separator=self.list_separator, any_bytes=True, name=name) as lines,
            ):
                yield from listed_paths(lines)

    def _walk(self, folder: str, root: str | None, parents: tuple[str, ...]) -> Iterator[SourceFile]:
        real_path = real_folder(folder)
        if real_path in parents:  # a symbolic link to a folder that holds it
            return
        try:
            timeout = None if is_remote(folder) else self.read_timeout  # each request has a limit of its own
            listing = call_with_timeout(timeout, partial(Listing, folder))
        except (OSError, Unreadable) as error:
            why = error.strerror if isinstance(error, OSError) else error
            yield SourceFile(shown_as(folder, root), folder, fault=f"cannot be listed: {why}")
            return
        with listing:
            for entry in listing:
                name, path = entry.name, child(folder, entry)
                if entry.is_folder and SYSTEM_FOLDER.fullmatch(name):
                    self._count_ignored(f"{name}/")
                elif entry.is_folder:
                    yield from self._walk(path, root, (*parents, real_path))
                elif is_picture(name):
                    yield SourceFile(shown_as(path, root), path, True, signature=entry.signature)  # noqa: FBT003
                elif not JOURNAL.search(name):
                    self.ignore(name)


def listed_paths(lines: Iterable[str]) -> Iterator[str]:
    """Yield the paths of a list, one a line. Blank lines are skipped."""
    for line in lines:
        path = line.removesuffix("\0") if line.endswith("\0") else line.rstrip("\r\n")
        if path.strip():
            yield path


def describe_ignored(ignored: Counter[str]) -> str:
    """Return what was ignored as words: "12 other files (.txt 10, .db 2) and 1 folder (@eaDir/ 1)"."""
    files, folders = split_ignored(ignored)
    return " and ".join(
        f"{counts.total()} {what}{'s' if counts.total() > 1 else ''} ({most_common(counts)})"
        for what, counts in (("other file", files), ("folder", folders))
        if counts
    )


def split_ignored(ignored: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    """Return the ignored files and the ignored folders."""
    folders = Counter({name: count for name, count in ignored.items() if name.endswith("/")})
    return ignored - folders, folders


def most_common(counts: Counter[str]) -> str:
    """Return the first few of what was ignored as words: ".txt 10, .db 2"."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common(5))


def _is_heatmap(path: str, timeout: float | None) -> bool:
    if ending(path) not in MOSAIC_ENDINGS:
        return False
    from crackscan.reading.decoding import check_file_type
    from crackscan.reading.own_heatmap import is_heatmap

    def check_file() -> bool:
        check_file_type(path)
        return is_heatmap(path)

    try:
        return call_with_timeout(timeout, check_file)
    except Unreadable:  # reading it as a mosaic or a photo will say why
        return False
