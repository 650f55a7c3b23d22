"""Standard streams that are closed or full, and control characters that must not reach a terminal."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import stand_in
import typer
from commands import run
from makers import make_mosaic, make_photo

from crackscan.commands import console
from crackscan.commands.console import visible
from crackscan.commands.exits import user_errors
from crackscan.model.network import quiet_stderr

ESCAPES = "\x1b[31m\x9b1m\x07\u202e"

needs_shell = pytest.mark.skipif(os.name != "posix", reason="closes streams by a shell")


def scan(redirect: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a scan in a shell that redirects its streams."""
    return command_line("scan", redirect, *arguments)


def command_line(name: str, redirect: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that redirects its streams."""
    command = shlex.join(map(str, [sys.executable, stand_in.__file__, name, *arguments]))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        ["/bin/sh", "-c", f"{command} {redirect}"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


@needs_shell
@pytest.mark.parametrize("redirect", ["2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_scan_to_a_file_works_without_streams(tmp_path: Path, redirect: str) -> None:
    """Nothing that a person cannot read keeps a scan from its rows."""
    if redirect.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    photo, out = make_photo(tmp_path / "p.jpg"), tmp_path / "o.csv"
    assert scan(redirect, photo, "-o", out).returncode == 0
    assert len(out.read_text().splitlines()) == 2


@needs_shell
def test_closed_stream_that_is_asked_for_is_a_sentence(tmp_path: Path) -> None:
    """Rows to a closed stdout, or a list from a closed stdin."""
    photo = make_photo(tmp_path / "p.jpg")
    done = scan(">&-", photo, "-o", "-")
    assert (done.returncode, done.stderr) == (1, "error: standard output is closed; name a file with -o.\n")
    done = scan("<&-", "-", "-o", tmp_path / "o.csv")
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr


@needs_shell
def test_figures_for_a_closed_stdout_are_a_sentence(tmp_path: Path) -> None:
    """They are not lost without a word, after a long evaluation."""
    done = command_line("evaluate", ">&-", tmp_path, "--json")
    assert done.returncode == 2
    assert "--json: standard output is closed" in done.stderr


@needs_shell
@pytest.mark.parametrize(("lists", "name"), [("--from-file {}", "{}"), ("- < {}", "standard input")])
def test_list_that_is_also_stdout_is_refused(tmp_path: Path, lists: str, name: str) -> None:
    """Else rows would be read as paths, without an end."""
    photo, listed = make_photo(tmp_path / "p.jpg"), tmp_path / "list"
    listed.write_text(f"{photo}\n")
    done = scan(f"{lists.format(listed)} -o - >> {listed}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: standard output: this run reads {name.format(listed)}, which is")
    assert listed.read_text() == f"{photo}\n"


@needs_shell
@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_journal_that_is_also_stdout_is_refused(tmp_path: Path, output: str) -> None:
    """Else the rows would end up behind, or within, what they are read from."""
    if not Path(output).exists() and output != "-":
        pytest.skip("there is no /dev/stdout")
    journal = tmp_path / "o.csv.journal"
    assert scan("", make_photo(tmp_path / "p.jpg"), "-o", tmp_path / "o.csv", "--quiet").returncode == 0
    before = journal.read_bytes()
    done = command_line("convert", f">> {journal}", journal, "-o", output, "--format", "csv")
    assert done.returncode == 2
    assert f"this run reads {journal}, which is the same file and would be replaced" in done.stderr
    assert journal.read_bytes() == before


LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process has such a limit")


@LINUX_ONLY
def test_too_little_memory_is_one_sentence(tmp_path: Path) -> None:
    """It is told before a library ends the process."""
    command = 'ulimit -v 250000; exec "$0" -c "from crackscan.cli import main; main()" scan "$1" --quiet'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, make_photo(tmp_path / "p.jpg")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "error: Only 256 MB of memory are allowed (ulimit -v), in which the model cannot be loaded; "
        "allow 1,000 MB or more.\n"
    )


@LINUX_ONLY
@pytest.mark.slow
@pytest.mark.parametrize(("kib", "jobs"), [(420_000, 1), (520_000, 2)])
def test_small_mosaic_is_scanned_with_little_memory(tmp_path: Path, kib: int, jobs: int) -> None:
    """The threads share one heap; with one for each, GDAL found none and ended the process."""
    mosaic = make_mosaic(tmp_path / "deck.tif", width=448, height=448)
    command = f'ulimit -v {kib}; exec "$0" -m crackscan scan "$1" -o "$2" --quiet --jobs {jobs}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, mosaic, tmp_path / "o.csv"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)


@LINUX_ONLY
@pytest.mark.usefixtures("stand_in_model")
def test_little_memory_is_told_before_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that finds none may end the process, and then nobody can tell."""
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (600_000_000, resource.RLIM_INFINITY))
    done = run("scan", make_photo(tmp_path / "p.jpg"), "-o", tmp_path / "o.csv", "--quiet")
    assert done.exit_code == 0
    assert done.stderr.startswith("Only 600 MB of memory are allowed (ulimit -v): libraries may end")


def test_error_is_told_when_there_is_no_memory_for_rich(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last words need no further module."""

    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(console.stderr, "print", no_memory)
    with pytest.raises(typer.Exit), user_errors():
        raise RuntimeError("can't start new thread")
    assert capfd.readouterr().err == "error: out of memory for another thread; try fewer --jobs.\n"


@needs_shell
def test_full_stdout_is_a_sentence(tmp_path: Path) -> None:
    """Python adds no words of its own at its end."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = scan(">/dev/full", make_photo(tmp_path / "p.jpg"), "-o", "-")
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output: cannot be written")
    assert done.stderr.count("\n") == 1


@needs_shell
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("name", ["--help", "--version", "scan"])
def test_help_to_a_full_stdout_is_a_sentence(name: str) -> None:
    """Also what is printed before a command begins ends without a traceback."""
    done = command_line(name, "> /dev/full", *(["--help"] if name == "scan" else []))
    assert done.returncode == 1
    assert done.stderr == "error: standard output: cannot be written: No space left on device.\n"


def test_native_messages_need_no_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a program with windows `sys.stderr` is None."""
    monkeypatch.setattr(sys, "stderr", None)
    with quiet_stderr():
        pass


def test_control_characters_are_shown() -> None:
    """Names in other scripts stay as they are."""
    assert visible(ESCAPES) == r"\x1b[31m\x9b1m\x07\u202e"
    assert visible("a\nb\tc") == r"a\nb\tc"
    assert visible("Brücke 橋 🌉") == "Brücke 橋 🌉"


@pytest.mark.usefixtures("stand_in_model")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_send_no_control_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a summary, in an error nor where the usage is wrong."""
    monkeypatch.setenv("COLUMNS", "1000")  # no name is broken into two lines
    photo = make_photo(tmp_path / "site" / f"{ESCAPES}p.jpg", crack=True)
    (photo.parent / f"{ESCAPES}q.jpg").write_bytes(b"nothing")
    (photo.parent / f"r.{ESCAPES}").write_bytes(b"nothing")
    texts = [
        run("scan", photo.parent, "-o", tmp_path / f"{ESCAPES}.csv").stderr,
        run("scan", photo, "-o", tmp_path / ESCAPES / "o.csv").stderr,
        run("scan", tmp_path / ESCAPES).stderr,
        run("scan", photo, f"--{ESCAPES}").stderr,
        run("scan", photo, "--format", ESCAPES).stderr,
        run(ESCAPES).stderr,
    ]
    for text in texts:
        assert r"\x1b[31m" in text
        assert not set(text) & set(ESCAPES[0] + "\x9b\x07\u202e")
