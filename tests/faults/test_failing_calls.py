"""Each system call of a scan may fail: then the scan says so, or its outputs are right all the same."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio
from forks import Fault, Forks, compile_shim, compiler
from surveys import JOURNAL, OUTPUTS, Survey
from tallies import Tally, tally_of

SAMPLE = 20  # faults in the fast suite
SEED = 21

NUMBERED_BY_GDAL = "3.10.3"
HEATMAP, GEOPACKAGE = ".heat.tif.????????.tmp.tif", ".cracks.gpkg.????????.tmp.gpkg"
WENT_WRONG = (  # once, each kind by one call
    Fault("site", "deck.tif", "read", 44),
    Fault("site", "deck.tif", "read", 46),
    Fault("site", "deck.tif", "read", 49, keeps_failing=True),
    Fault("site", "deck.tif", "read", 13, keeps_failing=True),
    Fault("site", "deck.tif", "read", 52),
    Fault("site", "deck.tif", "read", 56),
    Fault("out", f"{GEOPACKAGE}-journal", "write", 64),
    Fault("out", f"{GEOPACKAGE}-journal", "open", 13, "EACCES"),
    Fault("out", HEATMAP, "write", 1),
    Fault("out", HEATMAP, "write", 1, "ENOSPC", keeps_failing=True),
    Fault("out", HEATMAP, "open", 3, "EACCES"),
    Fault("out", f"{HEATMAP}.0.raw", "read", 1, keeps_failing=True),
    Fault("out", f"{HEATMAP}.0.raw", "write", 1, "ENOSPC"),
)

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


def kind_of(fault: Fault) -> str:
    """Return the row of the table that counts a fault."""
    return f"{fault.kind} in {fault.below}/"


def check(survey: Survey, fault: Fault, tally: Tally) -> tuple[str, ...]:
    """Let a call fail, count that, and return what was wrong."""
    done, verdict = survey.judge(fault)
    outcome = verdict.outcome if done.failed else "not called"
    tally.add(kind_of(fault), outcome, verdict.wrong, str(fault))
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
    survey: Survey, faults: list[Fault], tally: Tally, number: int
) -> None:
    """One in a hundred or so of the calls."""
    assert check(survey, faults[number], tally) == (), faults[number]


@pytest.mark.parametrize("fault", WENT_WRONG, ids=str)
@pytest.mark.skipif(
    rasterio.__gdal_version__ != NUMBERED_BY_GDAL,
    reason="another GDAL makes other calls, so the numbers differ",
)
def test_failing_call_that_was_not_told(survey: Survey, tally: Tally, fault: Fault) -> None:
    """What went wrong once."""
    assert check(survey, fault, tally) == ()


def test_every_failing_call(
    survey: Survey, faults: list[Fault], tally: Tally, pytestconfig: pytest.Config
) -> None:
    """All calls, each with every error."""
    if not pytestconfig.getoption("--every-fault"):
        pytest.skip("takes a quarter of an hour; --every-fault asks for it")
    untried = [fault for fault in faults if not tally.has(kind_of(fault), str(fault))]
    found = [f"{fault}: {', '.join(wrong)}" for fault in untried if (wrong := check(survey, fault, tally))]
    assert found == []
