"""A damaged model folder: a sentence that names the file, never a crash, and never silently other rows."""

import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from damage import Damage, flip, losses
from forks import Done, Forks, compile_shim, compiler
from makers import make_photo
from surveys import process_faults
from tallies import Tally, tally_of

from crackscan import DEFAULT_MODEL

MODELS = Path(__file__).parents[2] / "models"
NETWORK, CARD, LINES = "model.tflite", "card.json", "lines.tflite"
FILES = (NETWORK, LINES, "familiar.npz", "surroundings.npz")
SAMPLE = 4  # damages of each file in the fast suite
SLOW_SAMPLE = 12  # of those that the model is loaded or run for
EVERY = 400  # with --every-fault
SEED = 21
WENT_WRONG = (  # once, where the card names the damaged file's digest
    Damage("cut file", 0),
    Damage("cut file", 4_000_000),
    Damage("zeroed block", 0),
    Damage("flipped byte", 0, 255),
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked processes are waited for by pidfd")


class Shipped:
    """A copy of the shipped model, of which one file is damaged; and the rows of the whole one."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        self._folder, self._forks = folder, forks
        self._model = folder / "model"
        self._model.mkdir()
        self._whole = MODELS / DEFAULT_MODEL
        self._photo = make_photo(folder / "site" / "cracked.jpg", width=224, height=224, crack=True)
        for path in self._whole.iterdir():
            (self._model / path.name).symlink_to(path)
        self.scan(teach=True)

    def content(self, name: str) -> bytes:
        """Return a file of the whole model."""
        return (self._whole / name).read_bytes()

    def scan(self, *, lines: bool = False, teach: bool = False) -> tuple[Done, bytes | None]:
        """Scan by the model as it is now; return how that ended, and the table."""
        out = self._folder / "out.csv"
        out.unlink(missing_ok=True)
        arguments = ["scan", str(self._photo), "-o", str(out), "--journal", str(self._folder / "journal")]
        arguments += ["--fresh", "--jobs", "1", "--quiet", "--model", str(self._model)]
        arguments += ["--lines"] * lines
        done = self._forks.run(*arguments, real_model=True, teach=teach)
        return done, out.read_bytes() if out.exists() else None

    def scan_damaged(self, name: str, damage: Damage, *, agreeing: bool = False) -> tuple[Done, bytes | None]:
        """Scan by the model with a damaged file; `agreeing`: the card names the damaged file's digest."""
        damaged = damage.done_to(self.content(name))
        changed = {name: damaged}
        if agreeing:
            card = json.loads(self.content(CARD))
            card["files"][name] = hashlib.sha256(damaged).hexdigest()
            changed[CARD] = json.dumps(card).encode()
        try:
            for each, content in changed.items():
                self._replace(each, content)
            return self.scan(lines=name == LINES)
        finally:
            for each in changed:
                (self._model / each).unlink()
                (self._model / each).symlink_to(self._whole / each)

    def _replace(self, name: str, content: bytes) -> None:
        (self._model / name).unlink()
        (self._model / name).write_bytes(content)


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Return what counts the faults."""
    return tally_of(pytestconfig)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Return the shipped model, which may be damaged."""
    folder = tmp_path_factory.mktemp("models")
    with Forks(folder / "forks", compile_shim(folder) if compiler() else None) as forks:
        yield Shipped(folder, forks)


def count(
    tally: Tally, what: str, damage: Damage, done: Done, wrong: list[str], *, rows: str = "same"
) -> None:
    """Count a run with a damaged file; `rows`: the outcome if it gave rows."""
    tally.add(f"{what}, {damage.kind}", "sentence" if done.code else rows, wrong, str(damage))


def untried(tally: Tally, what: str, damages: list[Damage]) -> list[Damage]:
    """Return the damages that an earlier run has not tried."""
    return [damage for damage in damages if not tally.has(f"{what}, {damage.kind}", str(damage))]


def some(content: bytes, number: int) -> list[Damage]:
    """Return so many flips, and half as many losses."""
    chance = random.Random(SEED)
    flips = map(flip, chance.sample(range(len(content)), number))
    return [*flips, *chance.sample(list(losses(content)), number // 2)]


@pytest.mark.parametrize("name", FILES)
def test_damaged_file_is_told(shipped: Shipped, tally: Tally, pytestconfig: pytest.Config, name: str) -> None:
    """The card knows each file's digest, so none is opened that is not the one."""
    number = EVERY if pytestconfig.getoption("--every-fault") else SAMPLE
    for damage in untried(tally, f"model: {name}", some(shipped.content(name), number)):
        done, rows = shipped.scan_damaged(name, damage)
        wrong = process_faults(done)
        if rows is not None:
            wrong.append("silent wrong answer")
        count(tally, f"model: {name}", damage, done, wrong)
        assert wrong == [], damage
        assert name in done.stderr


@pytest.mark.slow
def test_damaged_card_is_told_or_harmless(
    shipped: Shipped, tally: Tally, pytestconfig: pytest.Config
) -> None:
    """What the card says of thresholds and digests changes rows; a flipped byte in it must not."""
    number = EVERY if pytestconfig.getoption("--every-fault") else SLOW_SAMPLE
    _, right = shipped.scan()
    assert right is not None
    assert card_faults(shipped, some(shipped.content(CARD), number), right, tally) == []


def card_faults(shipped: Shipped, damages: Sequence[Damage], right: bytes, tally: Tally) -> list[str]:
    """Try damages of the card, and return what was wrong; that the model has another name is told in rows."""
    found = []
    for damage in untried(tally, f"model: {CARD}", damages):
        done, rows = shipped.scan_damaged(CARD, damage)
        wrong = process_faults(done)
        if not done.code and rows != right:
            wrong.append("silent wrong answer")
        count(tally, f"model: {CARD}", damage, done, wrong)
        found += [f"{damage}: {', '.join(wrong)}"] * bool(wrong)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_damaged_file_with_an_agreeing_card_crashes_nothing(
    shipped: Shipped, tally: Tally, pytestconfig: pytest.Config, name: str
) -> None:
    """A model that was broken before its card was written: a sentence, or rows of a model that is another."""
    number = EVERY if pytestconfig.getoption("--every-fault") else SLOW_SAMPLE
    found, what = [], f"model: {name} and card agree"
    for damage in untried(tally, what, some(shipped.content(name), number)):
        done, _ = shipped.scan_damaged(name, damage, agreeing=True)
        wrong = process_faults(done)
        count(tally, what, damage, done, wrong, rows="rows")
        if wrong:
            found.append(f"{damage}: {', '.join(wrong)}: {done.stderr[-200:]}")
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("damage", WENT_WRONG, ids=str)
def test_broken_network_that_was_not_told(shipped: Shipped, tally: Tally, damage: Damage) -> None:
    """What went wrong once: the card agrees with a network that LiteRT refuses."""
    done, _ = shipped.scan_damaged(NETWORK, damage, agreeing=True)
    wrong = process_faults(done)
    count(tally, f"model: {NETWORK} and card agree", damage, done, wrong, rows="rows")
    assert wrong == []
