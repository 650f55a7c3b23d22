"""Hostile inputs: no scan of them opens a connection or starts a program; each gets a row or a sentence."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forks import Forks, compile_shim, compiler
from hostile import Hostile
from surveys import process_faults, rows_in
from tallies import Tally, tally_of

COUNTED = """
import ctypes, os, socket, subprocess, sys
shim = ctypes.CDLL(sys.argv[1])
socket.socket(socket.AF_UNIX).connect_ex("nobody")
assert not shim.shim_connections()
socket.socket().connect_ex(("127.0.0.1", 9))
socket.socket(socket.AF_INET6).connect_ex(("::1", 9))
socket.getaddrinfo("127.0.0.1", 9)
subprocess.run(["/bin/true"])
os.system("true")
os.posix_spawn("/bin/true", ["true"], {})
print(shim.shim_connections(), shim.shim_programs())
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the shim is loaded by LD_PRELOAD"),
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler for the shim"),
]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled shim."""
    return compile_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def forks(shim: Path) -> Iterator[Forks]:
    """Return what runs scans whose connections and programs are counted."""
    with Forks(shim.parent / "forks", shim) as opened:
        yield opened


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Return what counts the faults."""
    return tally_of(pytestconfig)


def test_connections_and_programs_are_counted(shim: Path) -> None:
    """Else there would seem to be none."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTED, shim],
        env=os.environ | {"LD_PRELOAD": str(shim)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["3", "3"]


def faults_of(scans: list[list[str]], forks: Forks, tally: Tally, folder: Path) -> list[str]:
    """Scan by each list of arguments, count that, and return what was wrong."""
    outs = [folder / f"{number}.csv" for number in range(len(scans))]
    runs = [
        ["scan", *arguments, "-o", str(out), "--jobs", "1", "--quiet"]
        for arguments, out in zip(scans, outs, strict=True)
    ]
    found = []
    for arguments, out, done in zip(scans, outs, forks.run_each(runs), strict=True):
        wrong = process_faults(done)
        if done.code in {0, 3} and not rows_in(out.read_bytes()):
            wrong.append("lost row")
        tally.add("hostile input", "sentence" if done.code in {1, 2} else "rows", wrong, " ".join(arguments))
        found += [f"{arguments}: {', '.join(wrong)}: {done.reached} {done.stderr[-300:]}"] * bool(wrong)
    return found


def test_hostile_inputs_reach_nothing(forks: Forks, tally: Tally, tmp_path: Path) -> None:
    """Whatever a file or an option names: no connection, no program, no traceback, no lost row."""
    assert faults_of(Hostile(tmp_path).together(), forks, tally, tmp_path) == []


@pytest.mark.slow
def test_each_hostile_input_reaches_nothing(forks: Forks, tally: Tally, tmp_path: Path) -> None:
    """The same for each file alone, also where a scan of the folder would not open it."""
    assert faults_of(Hostile(tmp_path).one_by_one(), forks, tally, tmp_path) == []
