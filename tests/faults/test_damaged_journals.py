"""A damaged journal: scan and convert say so in a sentence, or write the right rows, never others."""

import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from damage import Damage, flip, losses, swaps
from forks import Done, Forks, compile_shim, compiler
from surveys import make_survey, process_faults
from tallies import Tally, tally_of

SAMPLE = 60  # damaged journals of each kind in the fast suite
BATCH = 50  # damaged journals that one process tries
SEED = 21
OUT, JOURNAL = "cracks.csv", "cracks.csv.journal"
WENT_WRONG = (  # once; the last one only where paths have certain lengths
    Damage("zeroed block", 15360),
    Damage("zeroed block", 24064),
    Damage("swapped pages", 12288, 16384),
    Damage("swapped pages", 12288, 24576),
    Damage("swapped pages", 20480, 28672),
    Damage("flipped byte", 12302, 8),
    Damage("swapped pages", 4096, 12288),
    Damage("swapped pages", 4096, 16384),
    Damage("swapped pages", 4096, 24576),
    Damage("flipped byte", 3758, 255),
    Damage("zeroed block", 15872),
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked processes are waited for by pidfd")


class Scanned:
    """A survey with its journal, which is damaged in copies."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        self._folder, self._forks = folder, forks
        make_survey(folder / "site")
        (folder / "whole").mkdir()
        (done,) = forks.run_each([self._scan(folder / "whole")])
        assert done == Done(0, "")
        self.journal = (folder / "whole" / JOURNAL).read_bytes()
        self.rows = (folder / "whole" / OUT).read_bytes()

    def trials(self, damages: Sequence[Damage]) -> Iterator[tuple[Damage, str, str, list[str]]]:
        """Yield each damage, command, how that ended, and what was wrong with it."""
        for begin in range(0, len(damages), BATCH):
            yield from self._batch(damages[begin : begin + BATCH])

    def _batch(self, damages: Sequence[Damage]) -> Iterator[tuple[Damage, str, str, list[str]]]:
        runs = [(damage, command) for damage in damages for command in ("scan", "convert")]
        home = self._folder / "damaged"
        shutil.rmtree(home, ignore_errors=True)
        arguments = []
        for number, (damage, command) in enumerate(runs):
            folder = home / str(number)
            folder.mkdir(parents=True)
            (folder / JOURNAL).write_bytes(damage.done_to(self.journal))
            arguments.append(self._scan(folder) if command == "scan" else self._convert(folder))
        ends: list[Done] = []
        while len(ends) < len(runs):  # one that kills the process does not keep the others from being tried
            ends += self._forks.run_each(arguments[len(ends) :])
        for number, ((damage, command), done) in enumerate(zip(runs, ends, strict=True)):
            yield damage, command, *self._verdict(done, home / str(number) / OUT)

    def _verdict(self, done: Done, out: Path) -> tuple[str, list[str]]:
        wrong = process_faults(done)
        written = out.read_bytes() if out.exists() else None
        if done.code and written not in {None, self.rows}:
            wrong.append("an output that is not whole")
        if not done.code and written != self.rows:
            wrong.append("silent wrong answer")
            rows = self.rows.splitlines()
            if written is None or len(written.splitlines()) < len(rows):
                wrong.append("lost row")
        return "sentence" if done.code else "same", wrong

    def _scan(self, folder: Path) -> list[str]:
        return ["scan", str(self._folder / "site"), "-o", str(folder / OUT), "--jobs", "1", "--quiet"]

    def _convert(self, folder: Path) -> list[str]:
        return ["convert", str(folder / JOURNAL), "-o", str(folder / OUT), "--quiet"]


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Return what counts the faults."""
    return tally_of(pytestconfig)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    """Return a survey whose journal may be damaged."""
    folder = tmp_path_factory.mktemp("journals")
    with Forks(folder / "forks", compile_shim(folder) if compiler() else None) as forks:
        yield Scanned(folder, forks)


def faults_of(scanned: Scanned, damages: Sequence[Damage], tally: Tally) -> list[str]:
    """Try damages, count them, and return what was wrong."""
    found = []
    for damage, command, outcome, wrong in scanned.trials(damages):
        tally.add(kind_of(damage, command), outcome, wrong, str(damage))
        found += [f"{damage}, {command}: {', '.join(wrong)}"] * bool(wrong)
    return found


def kind_of(damage: Damage, command: str) -> str:
    """Return the row of the table that counts a damage."""
    return f"journal: {damage.kind}, {command}"


def losses_of(journal: bytes) -> list[Damage]:
    """Return all that is tried but flips."""
    return [*losses(journal), *swaps(journal)]


@pytest.mark.parametrize("damage", WENT_WRONG, ids=str)
def test_damage_that_was_not_told(scanned: Scanned, tally: Tally, damage: Damage) -> None:
    """What went wrong once."""
    assert faults_of(scanned, [damage], tally) == []


def test_threshold_that_changed_by_itself(scanned: Scanned, tally: Tally) -> None:
    """One flipped bit makes 0.5 to 0.1, and other labels."""
    written = b'"threshold": 0.5'
    damage = Damage("flipped byte", scanned.journal.index(written) + len(written) - 1, ord("5") ^ ord("1"))
    assert faults_of(scanned, [damage], tally) == []


def test_flipped_byte_is_told_or_harmless(scanned: Scanned, tally: Tally) -> None:
    """No byte of a journal changes a row silently."""
    chosen = random.Random(SEED).sample(range(len(scanned.journal)), SAMPLE)
    assert faults_of(scanned, list(map(flip, chosen)), tally) == []


def test_cut_zeroed_and_swapped_journal_is_told_or_harmless(scanned: Scanned, tally: Tally) -> None:
    """Nor does what a failing disk or an unfinished copy leaves of it."""
    chosen = random.Random(SEED).sample(losses_of(scanned.journal), SAMPLE)
    assert faults_of(scanned, chosen, tally) == []


def test_every_damage_of_a_journal(scanned: Scanned, tally: Tally, pytestconfig: pytest.Config) -> None:
    """Every byte, all cuts, blocks and pages."""
    if not pytestconfig.getoption("--every-fault"):
        pytest.skip("takes half an hour; --every-fault asks for it")
    damages = [*losses_of(scanned.journal), *map(flip, range(len(scanned.journal)))]
    random.Random(SEED).shuffle(damages)  # a run that is stopped has tried some of each kind
    untried = [damage for damage in damages if not tally.has(kind_of(damage, "convert"), str(damage))]
    assert faults_of(scanned, untried, tally) == []
