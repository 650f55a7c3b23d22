"""The journals of all parts of a scan, read as if they were one."""

import heapq
from collections.abc import Generator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from pathlib import Path

from crackscan.basics.errors import CrackscanError, MissingParts
from crackscan.basics.records import Result, Work
from crackscan.scanning.journal import Journal
from crackscan.scanning.journal_file import read_journal
from crackscan.scanning.parts import Part, WholePlan, number_ranges

FILES_EACH = 3  # that SQLite opens for a journal
OTHER_FILES = 100  # that the process may have open: outputs, libraries
ANYWAY = "or write the rows so far with --partial."


class JoinedJournals:
    """The journals of a scan's parts, or the one journal of a whole scan; `open_journals` opens them."""

    def __init__(self, journals: Sequence[Journal]) -> None:
        self._journals = journals
        self.settings = journals[0].settings

    @property
    def has_mosaics(self) -> bool:
        """Whether any part has mosaics."""
        return any(journal.has_mosaics for journal in self._journals)

    @property
    def missing(self) -> int:
        """The number of Work items without results, those of missing parts included."""
        whole = self._journals[0].whole
        planned = whole.planned if whole else self._journals[0].planned
        return planned - sum(journal.done for journal in self._journals)

    @property
    def missing_parts(self) -> list[int]:
        """The numbers of the parts whose journals are not here."""
        part = self.settings.part or Part(1, 1)
        here = {journal.settings.part.number for journal in self._journals if journal.settings.part}
        return sorted(set(range(1, part.count + 1)) - here) if here else []

    def all_results(self) -> Generator[tuple[Work, list[Result]], None, None]:
        """Yield the results so far, in the order of the whole plan, as `Journal.all_results` does.

        Raises: CrackscanError: a journal is damaged.
        """
        parts = [journal.numbered_results() for journal in self._journals]
        for _, work, rows in heapq.merge(*parts, key=itemgetter(0)):
            yield work, rows

    def check_complete(self) -> None:
        """Make sure that a scan in parts is complete; one that is not in parts may still run.

        Raises: MissingParts: a part is missing, or has Work left to judge.
        """
        if numbers := self.missing_parts:
            verb = "is" if len(numbers) == 1 else "are"
            raise MissingParts(
                f"{self._journals[0].path}: of {self.settings.part and self.settings.part.count} parts, "
                f"{number_ranges(numbers)} {verb} missing; name the journals of all parts, {ANYWAY}"
            )
        for journal in self._journals:
            left = journal.planned - journal.done
            if left and journal.settings.part:
                raise MissingParts(
                    f"{journal.path}: {left:,} of {journal.planned:,} photos and mosaic bands of part "
                    f"{journal.settings.part} are left to judge; run its scan again, {ANYWAY}"
                )


@contextmanager
def open_journals(
    paths: Sequence[Path], changed_options: AbstractSet[str] = frozenset()
) -> Iterator[JoinedJournals]:
    """Open the journals of a scan's parts for reading, or the journal of a whole scan.

    changed_options: names of options that the caller sets for all parts, which may have others.

    Raises: CrackscanError: one cannot be read, or they are not different parts of one scan.
    """
    _allow_open_files(FILES_EACH * len(paths) + OTHER_FILES)
    with ExitStack() as stack:
        journals = [stack.enter_context(read_journal(path)) for path in paths]
        if len(journals) > 1:
            _check_parts(journals, changed_options)
        yield JoinedJournals(journals)


def _check_parts(journals: Sequence[Journal], changed: AbstractSet[str]) -> None:
    first, *_ = journals
    seen: dict[int, Path] = {}
    for journal in journals:
        part = journal.settings.part
        if part is None:
            raise CrackscanError(f"{journal.path}: holds a whole scan, not a part of one; convert it alone.")
        first.settings.compare_part(first.path, journal.settings, journal.path, changed=changed)
        if journal.whole != first.whole:
            raise _other_plan(journal, first)
        if part.number in seen:
            raise CrackscanError(
                f"{journal.path}: holds part {part}, as {seen[part.number]} does; name only one of them."
            )
        seen[part.number] = journal.path


def _other_plan(journal: Journal, first: Journal) -> CrackscanError:
    theirs, ours = journal.whole or WholePlan(0, ""), first.whole or WholePlan(0, "")
    counts = f" ({theirs.planned:,} photos and mosaic bands, not {ours.planned:,})"
    return CrackscanError(
        f"{journal.path}: was planned from other files than {first.path}"
        f"{counts if theirs.planned != ours.planned else ''}; scan all parts again from the same files."
    )


def _allow_open_files(count: int) -> None:
    """Raise the limit of open files of this process where it is lower, as far as the system lets it."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
