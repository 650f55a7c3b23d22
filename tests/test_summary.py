"""The summary of a scan, and the progress in the console."""

import io

import pytest
from makers import scan_options
from rich.cells import cell_len
from rich.console import Console

from crackscan.basics.records import Result
from crackscan.commands import console, scan_summary
from crackscan.commands.console import ConsoleProgress, duration, progress_line
from crackscan.commands.scan_summary import narrowest_crack_line, shorten, show_summary
from crackscan.scanning.plan import Plan
from crackscan.scanning.summary import STRONGEST, UNREADABLE, Summary


def test_strongest_are_the_surest_of_all() -> None:
    """The surest cracks are named, the earliest among equals, and memory stays bounded."""
    summary = Summary()
    for number in range(1000):
        row = Result(
            source=f"{number}", kind="photo", status="ok", label="crack", probability=number % 500 / 500
        )
        assert list(summary.watch([row])) == [row]
    assert [row.source for row in summary.strongest] == ["499", "999", "498", "998", "497"][:STRONGEST]
    assert len(summary._strongest) == STRONGEST


def test_unreadable_inputs_are_counted_once_and_the_first_named() -> None:
    """A mosaic with a hundred damaged tiles is one input that could not be read."""
    summary = Summary()
    tiles = [Result(source="m.tif", kind="tile", status="unreadable", reason="bad block") for _ in range(100)]
    photos = [
        Result(source=f"{number}", kind="photo", status="unreadable", reason="r") for number in range(50)
    ]
    list(summary.watch(tiles + photos))
    assert summary.unreadable_inputs == 51
    assert len(summary.unreadable) == UNREADABLE
    assert summary.unreadable["m.tif"] == "bad block"
    assert (summary.inputs, summary.cracked, summary.assessed_tiles) == (51, 0, 0)


def test_photos_with_a_few_cracked_tiles_are_counted() -> None:
    """Photos that are called no-crack in spite of cracked tiles are counted."""
    summary = Summary()
    photos = [
        Result(source=f"{at}", kind="photo", status="ok", label="no-crack", tiles=9, crack_tiles=at % 2)
        for at in range(10)
    ]
    list(summary.watch(photos))
    assert (summary.doubtful, summary.cracked) == (5, 0)


def test_progress_line_gives_rate_and_time_left() -> None:
    """Without a terminal a line shows the progress."""
    line = progress_line("scanning", 1200, 50_000, {"tiles": 54_000}, seconds=100.0)
    assert line == "scanning: 1,200 of 50,000 (2%), 540 tiles/s, about 68 min left"
    assert progress_line("scanning", 5, None, {"tiles": 10}, seconds=2.0) == "scanning: 5 done, 5 tiles/s"
    on_cluster = progress_line("scanning", 5, None, {"tiles": 10, "nodes": 2}, seconds=2.0)
    assert on_cluster == "scanning: 5 done, 5 tiles/s, 2 nodes"


def test_durations_read_as_people_say_them() -> None:
    """Seconds, minutes, hours."""
    assert [duration(seconds) for seconds in (40, 720, 12_000)] == ["40 s", "12 min", "3 h 20 min"]


def test_progress_line_shows_figures() -> None:
    """A training shows its loss and accuracy so far."""
    line = progress_line("fine-tuning", 30, 60, {"loss": 0.31, "accuracy": 0.9}, seconds=60.0)
    assert line == "fine-tuning: 30 of 60 (50%), loss 0.3100, accuracy 0.9000, about 60 s left"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what goes to a console of 80 columns that is not a terminal."""
    text = io.StringIO()
    plain = Console(file=text, highlight=False, soft_wrap=True, width=80)
    monkeypatch.setattr(console, "stderr", plain)
    monkeypatch.setattr(scan_summary, "stderr", plain)
    return text


def test_progress_prints_a_line_now_and_then(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal, a line comes every 10 seconds, and the last figures of a training stay."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with ConsoleProgress() as progress:
        progress.phase("scanning", 100)
        for _ in range(25):
            now[0] += 1.0
            progress.advance(1, tiles=10 * now[0])
        progress.phase("fine-tuning", 2)
        progress.advance(2, loss=0.5)
        progress.note("A note [with] brackets.")
    assert printed.getvalue().splitlines() == [
        "scanning: 10 of 100 (10%), 10 tiles/s, about 2 min left",
        "scanning: 20 of 100 (20%), 10 tiles/s, about 80 s left",
        "A note [with] brackets.",
        "fine-tuning: 2 steps in 0 s, loss 0.5000",
    ]


def test_quiet_progress_prints_nothing(printed: io.StringIO) -> None:
    """--quiet silences phases, figures and notes."""
    with ConsoleProgress(quiet=True) as progress:
        progress.phase("fine-tuning", 2)
        progress.advance(2, loss=0.5)
        progress.note("A note.")
    assert printed.getvalue() == ""


def test_progress_in_a_terminal_is_a_bar(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar shows the phase and its figures, and goes at its end."""
    terminal = Console(file=printed, force_terminal=True, width=120)
    monkeypatch.setattr(console, "stderr", terminal)
    with ConsoleProgress() as progress:
        progress.phase("scanning", 4)
        progress.advance(3, tiles=30)
    assert "scanning" in printed.getvalue()
    assert "3/4" in printed.getvalue()
    assert "tiles/s" in printed.getvalue()


def test_long_names_are_shortened_in_their_middle() -> None:
    """The beginning and the end of a path stay; a wide character counts as two."""
    assert shorten("short.jpg", 12) == "short.jpg"
    assert shorten("a-very-long-folder/photo-0001.jpg", 16) == "a-ver…o-0001.jpg"
    assert cell_len(shorten("橋橋橋橋橋橋橋橋/橋橋橋橋.jpg", 12)) <= 12


@pytest.mark.parametrize("width", [80, 40])
def test_numbers_in_the_table_of_cracks_are_never_cut(
    printed: io.StringIO, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """In a narrow console a long name is shortened, not broken over two lines; the numbers are whole."""
    monkeypatch.setattr(scan_summary.stderr, "_width", width)
    row = Result(
        source="survey/of/the/very/long/viaduct/flight-0001/DJI_0001.JPG",
        kind="photo",
        status="ok",
        label="crack",
        probability=0.999,
        peak_col=10_104,
        peak_row=11_104,
        lon=-115.499615,
        lat=-55.200335,
    )
    summary = Summary()
    list(summary.watch([row]))
    show_summary(summary, Plan((), scan_options().tiles), seconds=1.0, output=None)
    (line,) = [line for line in printed.getvalue().splitlines() if "0.999" in line]
    assert line.split("  ")[-2:] == ["10104, 11104", "-115.499615, -55.200335"]
    assert "…" in line
    assert len(line) <= 80


def test_narrowest_crack_is_worded_for_one_resolution_and_for_several() -> None:
    """The line says what to expect, at one resolution or in a range of them."""
    assert narrowest_crack_line(5.0, 5.0, 1.0) == (
        "At 5 mm per px, 5 mm is about the narrowest crack to expect: 9 of 10 synthetic cracks of that width "
        "were found in tests. Real cracks are harder to find."
    )
    assert narrowest_crack_line(1.0, 2.0, 1.5) == (
        "At 1 to 2 mm per px, 1.5 to 3 mm is about the narrowest crack to expect: 9 of 10 synthetic cracks "
        "of these widths were found in tests. Real cracks are harder to find."
    )
