"""README and the guides say what the program does: tables, options and links are compared with it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from crackscan.basics.records import COLUMNS, SCHEMA_VERSION
from crackscan.cli import app
from crackscan.training.samples.recipe import Ingredient

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = (
    *(
        "README.md",
        "examples/README.md",
        "examples/scanning.md",
        "examples/output.md",
        "examples/many-machines.md",
        "examples/training.md",
        "examples/reviewing.md",
    ),
    *("models/README.md", "models/experiments.md", "tests/benchmarks/README.md", ".github/CONTRIBUTING.md"),
)
SCAN, CONVERT, EVALUATE, TRAIN = ("scan",), ("convert",), ("evaluate",), ("train",)
REVIEW = ("review",)
MODEL = tuple(("model", name) for name in ("leave-one-out", "calibrate", "quantise", "add-lines", "gate"))
MOST_LINES = {"README.md": 120, "models/README.md": 80}
MOST_WORDS = 20  # of a sentence, on average
MOST_PICTURE_BYTES = 400_000


def read(document: str) -> str:
    """Read a document of the project."""
    return (ROOT / document).read_text(encoding="utf-8")


def help_of(*command: str) -> str:
    """Return the --help of a command, wide enough that no option is cut."""
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "300"})
    assert done.exit_code == 0
    return done.stdout


def options(text: str) -> set[str]:
    """Return the long options that a text names."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))


def prose(text: str) -> str:
    """Leave out code, tables, headings, pictures and the targets of links."""
    text = re.sub(r"```.*?```", "\n", text, flags=re.DOTALL)
    text = re.sub(r"^(    |\||#).*$", "", text, flags=re.MULTILINE)
    return re.sub(r"\[(.*?)\]\(.*?\)", r"\1", re.sub(r"!\[.*?\]\(.*?\)", "", text))


def anchors(document: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", read(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_row_table_lists_the_columns_in_their_order() -> None:
    """Who maps columns by the guide maps them right."""
    table = read("examples/output.md").split("## One row")[1].split("CSV has one more column")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", " ".join(first_cells))) == COLUMNS
    assert f"Schema version {SCHEMA_VERSION}." in table


def test_training_guide_names_each_ingredient() -> None:
    """Who writes an options file finds the names that it takes."""
    table = read("examples/training.md").split("| ingredient |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(Ingredient)


@pytest.mark.parametrize(
    ("document", "commands"),
    [
        ("README.md", (SCAN, CONVERT, EVALUATE, TRAIN, ())),
        ("examples/README.md", (SCAN, CONVERT)),
        ("examples/scanning.md", (SCAN, CONVERT)),
        ("examples/output.md", (SCAN, CONVERT)),
        ("examples/many-machines.md", (SCAN, CONVERT)),
        ("examples/training.md", (EVALUATE, TRAIN, *MODEL)),
        ("examples/reviewing.md", (SCAN, CONVERT, REVIEW, EVALUATE, TRAIN)),
    ],
)
def test_options_that_a_guide_names_exist(document: str, commands: tuple[tuple[str, ...], ...]) -> None:
    """No option is promised that the program does not take."""
    text = re.sub(
        r"(uv|pip|pytest|#SBATCH|.*sbatch|ray start|kubectl) [^`\n]*|exiftool -csv[^`]*", "", read(document)
    )  # options of others
    known = options("".join(help_of(*command) for command in commands)) | {"--install-completion"}
    assert options(text)
    assert options(text) <= known


@pytest.mark.parametrize("document", DOCUMENTS)
def test_scripts_of_a_guide_can_be_read(document: str) -> None:
    """A shell takes the scripts, and a reader of YAML the descriptions."""
    for script in re.findall(r"```bash\n(.*?)```", read(document), re.DOTALL):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    for description in re.findall(r"```yaml\n(.*?)```", read(document), re.DOTALL):
        yaml = pytest.importorskip("yaml", reason="it comes with the extra cluster")
        assert {"apiVersion", "kind", "metadata", "spec"} <= yaml.safe_load(description).keys()


def test_ci_runs_the_command_that_readme_gives() -> None:
    """The tests that a new engineer runs are those that guard the project."""
    assert "uv run --all-extras --all-groups pytest" in README
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'develop="uv run --all-extras --all-groups"' in script
    assert "$develop pytest\n" in script


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link has its file, and its heading."""
    links = re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", read(document))
    assert links
    for link, anchor in links:
        target = (ROOT / document).parent / Path(link) if link else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(str(target.resolve().relative_to(ROOT.resolve()))), anchor


@pytest.mark.parametrize(("document", "most"), MOST_LINES.items())
def test_a_document_that_all_read_stays_short(document: str, most: int) -> None:
    """Nobody reads a long README; guides have the rest."""
    assert len(read(document).splitlines()) <= most


def test_sentences_of_readme_are_short() -> None:
    """A reader whose second language is English understands them at once."""
    blocks = re.split(r"\n\s*\n|\n(?=- )", prose(README))
    texts = [" ".join(block.split()) for block in blocks]
    lengths = [len(sentence.split()) for text in texts for sentence in re.split(r"(?<=[.!?:]) ", text)]
    lengths = [length for length in lengths if length]
    assert sum(lengths) / len(lengths) <= MOST_WORDS


def test_changes_are_few_lines() -> None:
    """Readers of the changes want what they notice, in at most 8 lines."""
    assert len(README.split("## Changes")[1].strip().splitlines()) <= 8


@pytest.mark.slow
def test_readme_shows_what_the_first_scan_prints(tmp_path: Path) -> None:
    """The console block equals the program's output, but for the seconds."""
    shown = re.findall(r"```console\n(.*?)```", README, re.DOTALL)[0]
    args = ["scan", str(ROOT / "examples" / "site"), "-o", str(tmp_path / "cracks.geojson")]
    done = CliRunner().invoke(app, args, env={"COLUMNS": "200"})
    assert done.exit_code == 0
    printed = done.stderr.replace(f"{tmp_path}/", "")
    assert plain(printed) == plain(shown)


def plain(console: str) -> list[str]:
    """Leave out what depends on the machine: seconds, lines of progress, and blanks at the ends of lines."""
    lines = [line.rstrip() for line in console.strip().splitlines() if not line.startswith("scanning: ")]
    return [re.sub(r"in \d+ s,", "in N s,", line) for line in lines]


EXAMPLES = re.findall(r"```python\n(.*?)```", README.split("## Python")[1].split("\n## ")[0], re.DOTALL)


@pytest.mark.slow
def test_python_examples_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block of the section Python works, with the shipped model, in a folder that has `photos`."""
    assert len(EXAMPLES) == 3
    shutil.copytree(ROOT / "examples" / "site", tmp_path / "photos", ignore=shutil.ignore_patterns("*.tif"))
    monkeypatch.chdir(tmp_path)
    args = ["scan", "photos", "-o", "cracks.geojson", "--quiet"]
    assert CliRunner().invoke(app, args).exit_code == 0
    printed = []
    for example in EXAMPLES:
        exec(compile(example, "README.md", "exec"), {"__name__": "example"})
        printed.append(capsys.readouterr().out.splitlines())
    photos, tiles, converted = printed
    assert any(line.startswith("girder-1.jpg crack ") for line in photos)
    assert len(photos) == len(list((tmp_path / "photos").glob("*.jpg")))
    assert tiles
    assert all("Window(" in line for line in tiles)
    assert converted == []
    assert (tmp_path / "cracks.csv").read_text(encoding="utf-8").count("\n") == len(photos) + 1


@pytest.mark.slow
def test_picture_of_a_result_is_what_a_scan_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`result.png` shows a real scan by the default model, and is small enough for a README."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    import make_picture
    import numpy as np
    from PIL import Image

    make_picture.main(tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as made, Image.open(make_picture.PICTURE) as kept:
        assert made.size == kept.size
        difference = np.asarray(made.convert("RGB"), np.int16) - np.asarray(kept.convert("RGB"), np.int16)
    assert np.abs(difference).mean() < 2
    assert make_picture.PICTURE.stat().st_size < MOST_PICTURE_BYTES
