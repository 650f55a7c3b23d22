"""Files that do not answer, and pipes or devices: each becomes a row, and the scan continues."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stand_in
from commands import run
from makers import DarkMeansCrack, make_mosaic, make_photo, scan_options

from crackscan.basics.errors import Stalled
from crackscan.basics.records import Window
from crackscan.reading import Mosaic, Patch
from crackscan.reading.timeouts import MOST_LEFT_BEHIND, call_with_timeout
from crackscan.scanning.inference import infer_each
from crackscan.scanning.plan import Plan
from crackscan.scanning.row_labels import label_row

pytestmark = [
    pytest.mark.usefixtures("stand_in_model"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs file leases, which only Linux has"),
]

NO_ANSWER = "no answer within 0.5 s (--read-timeout)"


@contextmanager
def stalled(path: Path) -> Iterator[None]:
    """Make any open() of a file hang in the system: this process holds a lease on it, and does not answer."""
    previous = signal.signal(
        signal.SIGIO, signal.SIG_IGN
    )  # the signal by which the system asks for the lease
    with path.open("rb+") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError:
            pytest.skip("this file system does not support leases")
        yield
    signal.signal(signal.SIGIO, previous)


def test_few_reads_are_left_behind() -> None:
    """Each keeps its thread and its pixels: with many, others are not begun until one of them has ended."""
    end = threading.Event()
    try:
        for _ in range(MOST_LEFT_BEHIND):
            with pytest.raises(Stalled, match="no answer"):
                call_with_timeout(0.05, end.wait)
        threads = threading.active_count()
        for _ in range(3):
            with pytest.raises(Stalled, match="not tried: 4 earlier reads have not ended"):
                call_with_timeout(0.05, end.wait)
        assert threading.active_count() == threads
    finally:
        end.set()
    assert call_with_timeout(5, lambda: 1) == 1


def test_pipe_socket_or_device_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, a socket and a device with the name of an image are refused at once; nothing hangs."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    make_photo(tmp_path / "site" / "a.png")
    os.mkfifo("site/pipe.jpg")
    os.mkfifo("site/pipe.tif")
    Path("site/device.tif").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("site/socket.png")
        assert run("scan", "site", "-o", "o.csv", "--read-timeout", 0).exit_code == 3
    rows = [line.split(",") for line in Path("o.csv").read_text().splitlines()[1:]]
    assert [(row[0], row[2]) for row in rows] == [
        ("a.png", "ok"),
        ("device.tif", "unreadable"),
        ("pipe.jpg", "unreadable"),
        ("pipe.tif", "unreadable"),
        ("socket.png", "unreadable"),
    ]
    table = Path("o.csv").read_text()
    for kind in ("device", "named pipe", "socket"):
        assert f"not a regular file ({kind})" in table


def test_scan_continues_after_files_that_do_not_answer(tmp_path: Path) -> None:
    """A photo and a mosaic hang: both become rows and the process ends; a later scan assesses them."""
    site, out = tmp_path / "site", tmp_path / "o.csv"
    for name in ("a.png", "b.png", "c.png"):
        make_photo(site / name)
    make_mosaic(site / "m.tif", width=300, height=100)
    command = [sys.executable, stand_in.__file__, "scan", site, "-o", out, "--jobs", "1"]
    with stalled(site / "b.png"), stalled(site / "m.tif"):
        done = subprocess.run(
            [*command, "--read-timeout", "0.5"], timeout=40, capture_output=True, text=True, check=False
        )
    assert done.returncode == 3, done.stderr
    assert f"b.png: {NO_ANSWER}" in done.stderr
    assert f"m.tif: {NO_ANSWER}" in done.stderr
    assert [line.split(",")[2] for line in out.read_text().splitlines()[1:]] == [
        "ok",
        "unreadable",
        "ok",
        "unreadable",
    ]
    assert run("scan", site, "-o", out).exit_code == 0
    assert "unreadable" not in out.read_text()


def test_timeout_holds_for_each_photo_of_a_batch(tmp_path: Path) -> None:
    """Two of five hang: each is waited for once, and the others get their rows."""
    photos = [make_photo(tmp_path / f"{number}.png", crack=number == 4) for number in range(5)]
    options = scan_options(224, 0.5, read_timeout=0.5)
    with stalled(photos[1]), stalled(photos[3]):
        rows = [
            row
            for each in infer_each(
                list(Plan((str(tmp_path),), options.tiles)), DarkMeansCrack(), options.rows
            )
            for row in each
        ]
    assert [row.source for row in rows] == [photo.name for photo in photos]
    assert [label_row(row, options).label or row.reason for row in rows] == [
        "no-crack",
        NO_ANSWER,
        "no-crack",
        NO_ANSWER,
        "crack",
    ]


def test_mosaic_that_stops_answering_is_waited_for_once(tmp_path: Path) -> None:
    """Each tile of each band gets a row, but the scan does not wait for each tile."""
    path = make_mosaic(tmp_path / "m.tif", width=10 * 224, height=2 * 224)
    works = list(Plan((str(path),), scan_options(224, 0.5, read_timeout=0.5).tiles))
    started = time.monotonic()
    with stalled(path):
        bands = list(infer_each(works, DarkMeansCrack(), scan_options().rows))
    for rows in bands:
        assert [(row.status, row.reason) for row in rows] == [("unreadable", NO_ANSWER)] * 10
    assert len(bands) == 2
    assert time.monotonic() - started < 10 * 0.5


@pytest.mark.parametrize("profile", [{"tiled": True, "blockxsize": 64, "blockysize": 64}, {}])
def test_other_bands_keep_their_rows_if_one_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: dict[str, Any]
) -> None:
    """The second of three bands that are processed together does not answer."""
    path = make_mosaic(tmp_path / "m.tif", width=20 * 224, height=3 * 224, **profile)
    works = list(Plan((str(path),), scan_options().tiles))
    read = Mosaic.read_tiles

    def stalling(mosaic: Mosaic, windows: list[Window], **how: int) -> list[Patch]:
        if windows[0].row == 224 and windows[0].col > 0:
            raise Stalled(NO_ANSWER)
        return read(mosaic, windows, **how)

    monkeypatch.setattr(Mosaic, "read_tiles", stalling)
    above, band, below = infer_each(works, DarkMeansCrack(), scan_options().rows)
    assert [row.status for row in above + below] == ["ok"] * 40
    assert [(row.row, row.status, row.reason) for row in band] == [(224, "unreadable", NO_ANSWER)] * 20
