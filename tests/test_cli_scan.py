"""`crackscan scan` as a user runs it, with a stand-in model: exit codes, sentences, files."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from commands import run
from makers import make_mosaic, make_photo

from crackscan.basics.records import COLUMNS
from crackscan.commands.exits import user_errors

pytestmark = pytest.mark.usefixtures("stand_in_model")


def test_scan_writes_every_input_and_says_what_it_found(site: Path, tmp_path: Path) -> None:
    """The summary counts inputs and cracks, names the surest and says where the rows are."""
    out = tmp_path / "cracks.csv"
    done = run("scan", site, "-o", out)
    assert done.exit_code == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [row["source"] for row in rows] == ["cracked.jpg", *["deck.tif"] * 4, "plain.jpg"]
    assert list(rows[0]) == [*COLUMNS, "wkt"]
    assert {row["model"] for row in rows} == {"dark@00000000"}
    assert "3 inputs" in done.stderr
    assert "of 6 rows, 6 assessed (100%), 1 cracked" in done.stderr
    assert "cracked.jpg" in done.stderr
    assert f"Rows are in {out}." in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_runs_give_the_same_bytes(site: Path, tmp_path: Path, jobs: int) -> None:
    """A scan can be checked by running it again, with any number of workers."""
    outputs = [tmp_path / f"{number}.geojson" for number in (1, 2)]
    for out, workers in zip(outputs, (1, jobs), strict=True):
        assert run("scan", site, "-o", out, "--jobs", workers).exit_code == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_rows_on_stdout_are_only_rows(site: Path) -> None:
    """Stdout has data alone; sentences for a person go to stderr."""
    done = run("scan", site, "-o", "-", "--format", "geojsonl")
    features = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(features) == 6
    assert "3 inputs" in done.stderr


def test_unreadable_input_ends_with_code_3(site: Path, tmp_path: Path) -> None:
    """Other inputs are judged, the summary names the file and the reason, and the exit code is 3."""
    (site / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    done = run("scan", site, "-o", tmp_path / "o.csv")
    assert done.exit_code == 3
    assert "1 input could not be read, so nothing is known of their cracks:" in done.stderr
    assert "broken.jpg: cannot identify image file" in done.stderr
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 8


def test_quiet_says_nothing(site: Path, tmp_path: Path) -> None:
    """--quiet prints nothing."""
    done = run("scan", site, "-o", tmp_path / "o.csv", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")


def test_threshold_decides_the_label(site: Path, tmp_path: Path) -> None:
    """At a threshold of 0 everything is a crack, and the summary says so."""
    done = run("scan", site, "-o", tmp_path / "o.csv", "--threshold", 0)
    assert "6 cracked" in done.stderr


def test_list_on_stdin_and_in_a_file(site: Path, tmp_path: Path) -> None:
    """`find ... | crackscan scan -` and a list in a file are sources like any other."""
    listed = f"{site / 'plain.jpg'}\n{site / 'cracked.jpg'}\n"
    (tmp_path / "list.txt").write_text(listed)
    for done in (
        run("scan", "-", "-o", "-", stdin=listed),
        run("scan", "--from-file", tmp_path / "list.txt", "-o", "-"),
    ):
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert [Path(row["source"]).name for row in rows] == ["plain.jpg", "cracked.jpg"]


def test_listed_file_that_is_not_there_is_a_row(tmp_path: Path) -> None:
    """A file that a list names gets a row, and is tried again when the scan is resumed."""
    done = run("scan", "-", "-o", "-", stdin=f"{tmp_path / 'gone.jpg'}\n")
    assert done.exit_code == 3
    assert "unreadable" in done.stdout
    assert "there is no such file" in done.stdout
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'gone.jpg'}\n")
    arguments = ("scan", "--from-file", tmp_path / "list.txt", "-o", tmp_path / "o.csv")
    assert run(*arguments).exit_code == 3
    make_photo(tmp_path / "gone.jpg")
    assert run(*arguments).exit_code == 0
    assert "there is no such file" not in (tmp_path / "o.csv").read_text()


def test_missing_source_is_wrong_usage(tmp_path: Path) -> None:
    """A mistyped name is an error before a model is opened."""
    done = run("scan", tmp_path / "nothing")
    assert done.exit_code == 2
    assert "no such file or folder" in " ".join(done.stderr.replace("│", " ").split())
    assert run("scan").exit_code == 2


def test_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    """Nothing to scan is not a scan without cracks, and leaves no file."""
    out = tmp_path / "o.csv"
    (tmp_path / "empty").mkdir()
    done = run("scan", tmp_path / "empty", "-o", out)
    assert done.exit_code == 1
    assert "no photo or mosaic found" in done.stderr
    assert not out.exists()


def test_mosaic_without_crs_is_refused_before_any_work(tmp_path: Path) -> None:
    """The error says what to do; CSV works without positions."""
    mosaic = make_mosaic(tmp_path / "facade.tif", crs=None)
    done = run("scan", mosaic, "-o", tmp_path / "o.geojson")
    assert done.exit_code == 1
    assert "no CRS; give one with --crs EPSG:32633 or write CSV instead." in done.stderr
    assert not (tmp_path / "o.geojson").exists()
    assert run("scan", mosaic, "-o", tmp_path / "o.csv").exit_code == 0
    assert run("scan", mosaic, "-o", tmp_path / "o.geojson", "--crs", "EPSG:32633").exit_code == 0
    assert "EPSG:99" in run("scan", mosaic, "-o", tmp_path / "o.csv", "--crs", "EPSG:99").stderr


def test_output_that_cannot_be_written_is_an_error_first(site: Path, tmp_path: Path) -> None:
    """A missing folder is an error before the scan, not at its end."""
    done = run("scan", site, "-o", tmp_path / "missing" / "o.csv")
    assert done.exit_code == 1
    assert "create it first" in done.stderr


def test_ending_that_names_no_format_is_an_error(site: Path, tmp_path: Path) -> None:
    """An unknown ending is an error that lists the formats."""
    done = run("scan", site, "-o", tmp_path / "o.xlsx")
    assert done.exit_code == 1
    assert "--format csv|geojson|geojsonl|gpkg|parquet|heatmap" in done.stderr


HEAVY = {"tensorflow", "keras", "numpy", "rasterio", "PIL", "pandas", "sklearn", "matplotlib", "pyarrow"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["scan", "--help"], ["scan", "--overlap", "7"], ["--version"]]
)
def test_help_and_wrong_usage_load_nothing_heavy(arguments: list[str]) -> None:
    """Help and usage errors are fast."""
    code = (
        "import sys\nfrom crackscan.cli import app\n"
        f"try: app({arguments!r})\nexcept SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_shell_completes_commands_and_options() -> None:
    """The shell can ask for the words that continue a command line."""
    for words, expected in (("crackscan co", "convert"), ("crackscan scan --over", "--overlap")):
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        env = os.environ | asked | {"_CRACKSCAN_COMPLETE": "complete_bash"}
        command = [sys.executable, "-c", "from crackscan.cli import app; app(prog_name='crackscan')"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.stdout.split() == [expected], done.stderr


def test_importing_the_library_loads_nothing_heavy() -> None:
    """`import crackscan` is fast."""
    code = f"import sys, crackscan\nprint(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_library_that_does_not_fit_into_memory_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    """The system says so by an ImportError; any other one is a fault of the program."""
    with pytest.raises(typer.Exit), user_errors():
        raise ImportError("libx265.so: failed to map segment from shared object")
    assert "error: out of memory for its libraries." in capfd.readouterr().err
    with pytest.raises(ImportError), user_errors():
        raise ImportError("No module named x")
