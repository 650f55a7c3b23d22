"""What a scan says at its end, and how far it is: bounded, and to the point."""

from crackscan.basics.records import Result
from crackscan.commands.console import duration, progress_line
from crackscan.scanning.summary import STRONGEST, UNREADABLE, Summary


def test_strongest_are_the_surest_of_all() -> None:
    """The few named at the end are the surest cracks, the first met among equals; memory stays bounded."""
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


def test_photos_with_a_few_cracked_tiles_are_not_passed_over() -> None:
    """A photo called uncracked in spite of cracked tiles is counted, so that a person may look."""
    summary = Summary()
    photos = [
        Result(source=f"{at}", kind="photo", status="ok", label="no-crack", tiles=9, crack_tiles=at % 2)
        for at in range(10)
    ]
    list(summary.watch(photos))
    assert (summary.doubtful, summary.cracked) == (5, 0)


def test_progress_line_gives_rate_and_time_left() -> None:
    """Where there is no terminal a line says how far it is."""
    line = progress_line("scanning", 1200, 50_000, {"tiles": 54_000}, seconds=100.0)
    assert line == "scanning: 1,200 of 50,000 (2%), 540 tiles/s, about 68 min left"
    assert progress_line("scanning", 5, None, {"tiles": 10}, seconds=2.0) == "scanning: 5 done, 5 tiles/s"


def test_durations_read_as_people_say_them() -> None:
    """Seconds, minutes, hours."""
    assert [duration(seconds) for seconds in (40, 720, 12_000)] == ["40 s", "12 min", "3 h 20 min"]
