"""`import crackscan`: the same rows as the command line, streamed, and cheap to import."""

import csv
import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from commands import run
from makers import make_mosaic, make_photo
from stand_in import load

import crackscan
from crackscan.basics.errors import MissingCRS, NoInputs
from crackscan.basics.progress import Silent

pytestmark = pytest.mark.usefixtures("stand_in_model")


class Listener(Silent):
    """A Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int | None]] = []
        self.steps, self.figures = 0, dict[str, float]()

    def phase(self, name: str, total: int | None) -> None:
        """Remember the phase."""
        self.phases.append((name, total))

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count the steps, and remember the figures."""
        self.steps += steps
        self.figures |= figures


def csv_rows(path: Path) -> list[tuple[str, str]]:
    """Return the sources and labels of a CSV output."""
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return [(row["source"], row["label"]) for row in rows]


def test_library_gives_the_rows_of_the_command_line(site: Path, tmp_path: Path) -> None:
    """The same sources give the same rows in the same order."""
    assert run("scan", site, "-o", tmp_path / "o.csv", "--per", "tile").exit_code == 0
    rows = [(row.source, row.label) for row in crackscan.scan(site, per="tile")]
    assert rows == csv_rows(tmp_path / "o.csv")


def test_model_threshold_and_several_sources(site: Path) -> None:
    """An opened model serves several scans; a threshold decides the labels."""
    model = crackscan.Model(**vars(load()))
    sources = (site / "plain.jpg", str(site / "cracked.jpg"))
    assert [row.label for row in crackscan.scan(*sources, model=model)] == ["no-crack", "crack"]
    assert [row.label for row in crackscan.scan(*sources, threshold=0.0)] == ["crack", "crack"]


def test_caller_that_stops_early_releases_the_threads(site: Path) -> None:
    """Leaving the loop ends the scan; no thread of it stays."""
    for number in range(40):
        make_photo(site / f"{number}.jpg")
    for row in crackscan.scan(site, jobs=2):
        assert row.source
        break
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("crackscan_")]
    for thread in workers:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in workers)


def test_progress_is_reported_to_the_listener(site: Path) -> None:
    """A listener learns how much Work there is, and how many tiles were judged."""
    listener = Listener()
    rows = list(crackscan.scan(site, progress=listener))
    assert listener.phases == [("scanning", 4)]
    assert listener.steps == 4
    assert listener.figures == {"tiles": sum(row.tiles or 1 for row in rows)}


def test_nothing_is_printed(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A program's console belongs to the program."""
    list(crackscan.scan(site))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"threshold": 1.5}, "threshold 1.5: give a probability from 0 to 1"),
        ({"overlap": 1.0}, "overlap 1.0: give a fraction from 0 to 0.95"),
        ({"per": "row"}, "per row: give photo, tile or crack"),
        ({"jobs": 0}, "jobs 0: give 1 or more"),
    ],
)
def test_wrong_argument_is_a_value_error_at_once(site: Path, arguments: dict[str, Any], text: str) -> None:
    """It is raised by the call, not by the first row."""
    with pytest.raises(ValueError, match=text):
        crackscan.scan(site, **arguments)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"tile_px": 8}, "tile_px 8: give 16 or more"),
        ({"mm_per_px": "much"}, "mm_per_px much: give auto, keep or a number"),
        ({"kind": "video"}, "kind video: give photo or mosaic"),
        ({"read_timeout": 0}, "read_timeout 0: give seconds"),
    ],
)
def test_wrong_option_is_a_value_error(values: dict[str, Any], text: str) -> None:
    """The record of options checks its values."""
    with pytest.raises(ValueError, match=text):
        crackscan.Options(**values)


def test_errors_are_those_of_the_command_line(tmp_path: Path) -> None:
    """A missing source, an empty folder and no source: a sentence each."""
    with pytest.raises(crackscan.CrackscanError, match=r"nowhere: no such file or folder\."):
        crackscan.scan(tmp_path / "nowhere")
    with pytest.raises(NoInputs, match="no photo or mosaic found"):
        list(crackscan.scan(tmp_path))
    with pytest.raises(ValueError, match="name a photo, a mosaic or a folder"):
        crackscan.scan()


def test_options_reach_the_rows(tmp_path: Path) -> None:
    """A coordinate system for a mosaic that names none gives its tiles positions."""
    path = make_mosaic(tmp_path / "m.tif", crs=None)
    assert next(crackscan.scan(path)).lon is None
    assert next(crackscan.scan(path, options=crackscan.Options(crs="EPSG:32633"))).lon is not None


def test_convert_writes_the_rows_of_a_journal(site: Path, tmp_path: Path) -> None:
    """Another threshold gives other labels; the counts come back."""
    run("scan", site, "-o", tmp_path / "o.csv")
    journal = tmp_path / "o.csv.journal"
    summary = crackscan.convert(journal, tmp_path / "all.csv", threshold=0.0)
    assert (summary.rows, summary.cracked) == (6, 6)
    assert {label for _, label in csv_rows(tmp_path / "all.csv")} == {"crack"}
    crackscan.convert(str(journal), str(tmp_path / "own.txt"), format="csv")
    assert (tmp_path / "own.txt").read_bytes() == (tmp_path / "o.csv").read_bytes()


def test_convert_raises_errors_with_sentences(site: Path, tmp_path: Path) -> None:
    """A missing journal, a wrong value and a map without positions."""
    with pytest.raises(crackscan.CrackscanError, match="there is no such journal"):
        crackscan.convert(tmp_path / "none.journal", tmp_path / "o.csv")
    make_mosaic(site / "facade.tif", crs=None)
    run("scan", site, "-o", tmp_path / "o.csv")
    with pytest.raises(ValueError, match="threshold 2: give a probability"):
        crackscan.convert(tmp_path / "o.csv.journal", tmp_path / "x.csv", threshold=2)
    with pytest.raises(ValueError, match="format xlsx: give one of csv"):
        crackscan.convert(tmp_path / "o.csv.journal", tmp_path / "x.xlsx", format="xlsx")  # type: ignore[arg-type]
    with pytest.raises(MissingCRS, match="facade"):
        crackscan.convert(tmp_path / "o.csv.journal", tmp_path / "x.geojson")


def test_public_names_are_there() -> None:
    """Every name of __all__ can be imported, and dir() lists it."""
    for name in crackscan.__all__:
        assert getattr(crackscan, name) is not None
    assert set(crackscan.__all__) <= set(dir(crackscan))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = crackscan.nothing


def test_import_loads_no_other_module() -> None:
    """`import crackscan` is cheap: nothing of the package, and no library, is loaded with it."""
    code = (
        "import sys, importlib, typing\nbefore = set(sys.modules)\nimport crackscan\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['crackscan']\n"


def test_only_the_commands_know_the_console() -> None:
    """Nothing outside of commands/ prints or imports from it, so that progress is always handed in."""
    package = Path(crackscan.__file__).parent
    others = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] != "commands"]
    for path in others:
        if path.name in {"cli.py", "__main__.py"}:
            continue
        text = path.read_text(encoding="utf-8")
        assert "crackscan.commands" not in text, path
        assert "import rich" not in text, path
        assert "from rich" not in text, path
        assert "import typer" not in text, path
