"""Each system call of a scan may fail: then the scan says so, or its outputs are right all the same."""

import random
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
import rasterio
from forks import Fault, Forks, compile_shim, compiler
from known import HANGS, KNOWN, NUMBERED_BY_GDAL, SHOWN, SHOWN_SLOWLY
from surveys import JOURNAL, OUTPUTS, Survey
from tallies import Tally, tally_of

SAMPLE = 20  # faults in the fast suite
SEED = 21

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the shim is loaded by LD_PRELOAD"),
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler for the shim"),
]


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Return what counts the faults."""
    return tally_of(pytestconfig)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survey]:
    """Return a survey that is scanned by forked processes with the shim."""
    folder = tmp_path_factory.mktemp("calls")
    with Forks(folder / "forks", compile_shim(folder)) as forks:
        yield Survey(folder, forks)


@pytest.fixture(scope="module")
def faults(survey: Survey) -> list[Fault]:
    """Return all faults, in a random order that is always the same for the same calls."""
    every = survey.faults()
    random.Random(SEED).shuffle(every)
    return every


@pytest.fixture(scope="module")
def quick_faults(faults: list[Fault]) -> list[Fault]:
    """Return those that are not known to hang."""
    return [fault for fault in faults if HANGS not in known_of(fault)]


def known_of(fault: Fault) -> set[str]:
    """Return what is known to be wrong where such a call fails."""
    return {
        wrong
        for group in KNOWN
        if group.below == fault.below and fault.kind in group.kinds and fnmatch(fault.pattern, group.pattern)
        for wrong in group.wrong
    }


def check(survey: Survey, fault: Fault, tally: Tally) -> tuple[str, ...]:
    """Let a call fail, count that, and return what was wrong."""
    done, verdict = survey.judge(fault)
    if done.failed:
        tally.add(f"{fault.kind} in {fault.below}/", verdict.outcome, verdict.wrong)
    return verdict.wrong


def test_shim_sees_the_calls_of_all_libraries(survey: Survey) -> None:
    """Else nothing would fail, and all would seem well: Python, SQLite, GDAL and pyogrio are seen."""
    counts = survey.counts()
    for path in survey.site.iterdir():
        assert counts["site", path.name, "open"]
        assert counts["site", path.name, "read"]
        assert counts["site", path.name, "close"]
    for name in OUTPUTS:
        temporary = f".{name}.????????.tmp{Path(name).suffix}"
        assert counts["out", name, "rename"] == 1
        for kind in ("open", "write", "fsync", "close"):
            assert counts["out", temporary, kind], (temporary, kind)
    for kind in ("open", "read", "write", "fsync", "close"):
        assert counts["out", JOURNAL, kind], kind


@pytest.mark.parametrize("number", range(SAMPLE))
def test_failing_call_is_told_or_harmless(
    survey: Survey, quick_faults: list[Fault], tally: Tally, number: int
) -> None:
    """One in a hundred or so of the calls; see `known` for what is not mended yet."""
    fault = quick_faults[number]
    assert set(check(survey, fault, tally)) <= known_of(fault), fault


@pytest.mark.parametrize(
    ("fault", "reason"),
    [*SHOWN.items(), *(pytest.param(*slow, marks=pytest.mark.slow) for slow in SHOWN_SLOWLY.items())],
    ids=str,
)
@pytest.mark.skipif(
    rasterio.__gdal_version__ != NUMBERED_BY_GDAL,
    reason="another GDAL makes other calls, so the numbers differ",
)
def test_failing_call_that_was_not_told(
    survey: Survey, tally: Tally, request: pytest.FixtureRequest, fault: Fault, reason: str
) -> None:
    """What went wrong once, each kind by one call."""
    if reason:
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    assert check(survey, fault, tally) == ()


def test_every_failing_call(
    survey: Survey, faults: list[Fault], tally: Tally, pytestconfig: pytest.Config
) -> None:
    """All calls, each with every error; nothing is excused."""
    if not pytestconfig.getoption("--every-fault"):
        pytest.skip("takes an hour; --every-fault asks for it")
    found = [f"{fault}: {', '.join(wrong)}" for fault in faults if (wrong := check(survey, fault, tally))]
    assert found == []
