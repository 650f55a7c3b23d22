"""Real faults of disks, folders and signals: each gives a row or a sentence, and no result is lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import stand_in
from commands import run
from makers import make_mosaic, make_photo

pytestmark = [
    pytest.mark.usefixtures("stand_in_model"),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and file systems"),
]

LONG = 60.0  # seconds that one Work takes, where a test is about not waiting for it
NOBODY = 65534  # an ordinary user
PATIENCE = 60.0  # seconds until a process must have begun, on a loaded machine


class Scan:
    """A scan in its own process, with a log of the Work that it judged."""

    def __init__(self, site: Path, out: Path, *, slowly: float = 0.0, options: tuple[str, ...] = ()) -> None:
        self.log = site.with_name("judged")
        self.log.write_text("")
        self.process = subprocess.Popen(
            [sys.executable, stand_in.__file__, "scan", site, "-o", out, "--jobs", "1", *options],
            env=os.environ | {"JUDGED": str(self.log), "SLOWLY": str(slowly)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_judged(self, works: int) -> None:
        """Return when this number of Work items has been judged."""
        end = time.monotonic() + PATIENCE
        while len(self.log.read_text().splitlines()) < works:
            assert time.monotonic() < end, "the scan does not begin"
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            time.sleep(0.01)

    def end(self) -> tuple[int, str]:
        """Return the exit code and the text on stderr."""
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of six photos."""
    for number in range(6):
        make_photo(tmp_path / "site" / f"{number}.png", width=64, height=64, crack=number == 0)
    return tmp_path / "site"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 1 MB, or skip if it cannot be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_ends_a_scan_at_once_with_a_hint_to_resume(
    photos: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C, a shutdown or a closed terminal does not wait for a slow photo, and keeps the older output."""
    out = tmp_path / "o.csv"
    out.write_text("older")
    scan = Scan(photos, out, slowly=LONG)
    scan.wait_until_judged(1)
    signalled = time.monotonic()
    scan.process.send_signal(number)
    ended, said = scan.end()
    assert time.monotonic() - signalled < 10  # two seconds, and what a loaded machine adds
    assert ended == code
    assert said == (
        f"Interrupted. 0 of 6 photos and mosaic bands are saved in {out}.journal: run the same command "
        "again to resume, or write the rows so far with crackscan convert.\n"
    )
    assert out.read_text() == "older"
    assert run("scan", photos, "-o", out).exit_code == 0


def test_scan_under_nohup_survives_its_terminal(photos: Path, tmp_path: Path) -> None:
    """`nohup` lets the system ignore the signal, and so does the scan."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        scan = Scan(photos, tmp_path / "o.csv", slowly=0.2)
    finally:
        signal.signal(signal.SIGHUP, previous)
    scan.wait_until_judged(1)
    scan.process.send_signal(signal.SIGHUP)
    assert scan.end()[0] == 0


def test_signal_ends_convert_by_a_sentence(tmp_path: Path) -> None:
    """A shutdown leaves no part of a file behind; here it comes while nobody takes the rows."""
    journal = tmp_path / "o.csv.journal"
    mosaic = make_mosaic(tmp_path / "m.tif", width=900, height=900)
    assert run("scan", mosaic, "-o", tmp_path / "o.csv", "--overlap", 0.9).exit_code == 0
    convert = subprocess.Popen(
        [sys.executable, stand_in.__file__, "convert", journal, "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert convert.stdout is not None
    convert.stdout.read(1)
    time.sleep(0.5)  # until the pipe is full
    convert.send_signal(signal.SIGTERM)
    assert convert.communicate(timeout=PATIENCE)[1] == "Interrupted.\n"
    assert convert.returncode == 143


def test_interrupted_scan_is_resumed(photos: Path, tmp_path: Path) -> None:
    """Photos that were judged before are not judged again."""
    out = tmp_path / "o.csv"
    scan = Scan(photos, out, slowly=0.3)
    scan.wait_until_judged(4)
    scan.process.send_signal(signal.SIGINT)
    assert scan.end()[0] == 130
    scan = Scan(photos, out)
    code, said = scan.end()
    assert code == 0, said
    assert len(scan.log.read_text().splitlines()) <= 4
    assert len(out.read_text().splitlines()) == 7


def test_interrupt_of_a_stream_is_one_line(photos: Path) -> None:
    """A scan without a journal cannot be resumed, so no hint is given."""
    scan = Scan(photos, Path("/dev/null"), slowly=LONG, options=("--format", "csv"))
    scan.wait_until_judged(1)
    scan.process.send_signal(signal.SIGTERM)
    assert scan.end() == (143, "Interrupted.\n")


def test_scan_resumes_after_a_full_disk(photos: Path, tmp_path: Path, small_disk: Path) -> None:
    """A full disk gives one sentence; with room again, the same command completes the scan."""
    out = small_disk / "o.csv"
    scan = Scan(photos, out, slowly=0.2)
    scan.wait_until_judged(1)
    fill(small_disk / "filler")
    code, said = scan.end()
    assert code == 1
    assert said.startswith(f"error: {out}")
    assert "disk is full" in said or "No space left on device" in said
    assert said.count("\n") == 1
    assert not out.exists()
    (small_disk / "filler").unlink()
    assert run("scan", photos, "-o", out).exit_code == 0
    run("scan", photos, "-o", tmp_path / "whole.csv")
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def fill(path: Path) -> None:
    """Fill a disk completely."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def test_disk_with_room_for_the_journal_only(photos: Path, tmp_path: Path, small_disk: Path) -> None:
    """If the output does not fit, it can be written elsewhere, without judging again."""
    fill(small_disk / "filler")
    out, journal = small_disk / "o.csv", tmp_path / "kept.journal"
    done = run("scan", photos, "-o", out, "--journal", journal)
    assert done.exit_code == 1
    assert f"{out}: cannot be written: No space left on device; choose another place with -o." in done.stderr
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler"]
    scan = Scan(photos, tmp_path / "o.csv", options=("--journal", str(journal)))
    code, said = scan.end()
    assert code == 0, said
    assert scan.log.read_text() == ""


def test_disk_that_turns_read_only(photos: Path, small_disk: Path) -> None:
    """A folder without write permission is an error before the work."""
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    if subprocess.run(remount, capture_output=True, check=False).returncode:
        pytest.skip("the disk cannot be made read-only here")
    done = run("scan", photos, "-o", small_disk / "o.csv")
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: {small_disk / 'o.csv'}: cannot be written: Read-only file system; "
        "choose another place with -o.\n"
    )


def test_journal_on_a_read_only_disk_is_converted(photos: Path, tmp_path: Path, small_disk: Path) -> None:
    """A survey that was archived can still be written in another form."""
    run("scan", photos, "-o", small_disk / "o.csv")
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    assert run("convert", small_disk / "o.csv.journal", "-o", tmp_path / "again.csv").exit_code == 0
    assert (tmp_path / "again.csv").read_bytes() == (small_disk / "o.csv").read_bytes()


@pytest.mark.parametrize("vanish", [shutil.rmtree, lambda folder: folder.rename(folder.with_name("moved"))])
def test_folder_that_vanishes_during_the_scan(
    photos: Path, tmp_path: Path, vanish: Callable[[Path], object]
) -> None:
    """A drive that is removed ends the scan at once."""
    (tmp_path / "out").mkdir()
    scan = Scan(photos, tmp_path / "out" / "o.csv", slowly=0.3)
    scan.wait_until_judged(1)
    vanish(tmp_path / "out")
    code, said = scan.end()
    assert code == 1
    assert said == (
        f"error: {tmp_path / 'out' / 'o.csv.journal'}: the journal was deleted during the scan; "
        "run the scan again.\n"
    )
    assert len(scan.log.read_text().splitlines()) < 6


def test_photo_that_disappears_before_its_turn(photos: Path, tmp_path: Path) -> None:
    """A planned photo has its row; the next scan does not include it."""
    scan = Scan(photos, tmp_path / "o.csv", slowly=0.3)
    scan.wait_until_judged(1)
    (photos / "5.png").unlink()
    code, said = scan.end()
    assert code == 3
    assert "5.png: the file is gone" in said
    assert "5.png,photo,unreadable" in (tmp_path / "o.csv").read_text()
    assert run("scan", photos, "-o", tmp_path / "o.csv").exit_code == 0
    assert "5.png" not in (tmp_path / "o.csv").read_text()


def test_links_that_go_round_in_circles(photos: Path, tmp_path: Path) -> None:
    """A folder that links to itself is scanned once; a photo that links to itself is a row."""
    (photos / "again").symlink_to(photos, target_is_directory=True)
    (photos / "self.png").symlink_to(photos / "self.png")
    done = run("scan", photos, "-o", tmp_path / "o.csv")
    assert done.exit_code == 3
    lines = (tmp_path / "o.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [*(f"{number}.png" for number in range(6)), "self.png"]
    assert "unreadable" in lines[-1]


@contextmanager
def nobody() -> Iterator[None]:
    """Drop root's permissions for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_all(photos: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a folder that every user may write to, with the photos in `site`."""
    if os.geteuid() != 0:
        yield photos.parent
        return
    run("scan", photos, "-o", tmp_path / "root.csv")  # imports what an ordinary user may not read
    with TemporaryDirectory() as name:
        shutil.copytree(photos, Path(name, "site"))
        for path in (Path(name), *Path(name).rglob("*")):
            os.chown(path, NOBODY, -1)
        yield Path(name)


def test_photo_without_permission_is_a_row(open_to_all: Path) -> None:
    """A folder without permission is a row, too. With permission, the same command judges them."""
    site, out = open_to_all / "site", open_to_all / "o.csv"
    with nobody():
        make_photo(site / "closed" / "x.png", width=64, height=64)
        (site / "closed").chmod(0)
        (site / "3.png").chmod(0)
        assert run("scan", site, "-o", out).exit_code == 3
        lines = [line for line in out.read_text().splitlines() if "Permission denied" in line]
        assert [line.split(",")[0] for line in lines] == ["3.png", "closed"]
        (site / "closed").chmod(0o700)
        (site / "3.png").chmod(0o600)
        assert run("scan", site, "-o", out).exit_code == 0
        assert "closed/x.png,photo,ok" in out.read_text()


def test_folder_of_another_user_is_an_error_before_the_work(open_to_all: Path) -> None:
    """A folder of another user is one sentence before the work, and nothing is judged."""
    (open_to_all / "theirs").mkdir(mode=0o555)
    out = open_to_all / "theirs" / "o.csv"
    with nobody():
        done = run("scan", open_to_all / "site", "-o", out)
    assert done.exit_code == 1
    assert (
        done.stderr == f"error: {out}: cannot be written: Permission denied; choose another place with -o.\n"
    )
