"""README tells what the program does: its tables, commands and options are held to the code."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from crackscan.basics.records import COLUMNS, SCHEMA_VERSION
from crackscan.cli import app

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_row_table_lists_the_columns_in_their_order() -> None:
    """Who maps columns by README maps them right."""
    table = README.split("### One row")[1].split("CSV has one column more")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", " ".join(first_cells))) == COLUMNS
    assert f"Schema version {SCHEMA_VERSION}." in table


@pytest.mark.parametrize("commands", [("scan",), ("evaluate",), ("train", "leave-one-out")])
def test_options_that_readme_names_exist(commands: tuple[str, ...]) -> None:
    """No option is promised that the program does not take."""
    section = README.split(f"\n## {commands[0].capitalize()}\n")[1].split("\n## ")[0]
    section = re.sub(r"ogr2ogr .*?\n\n", "\n\n", section, flags=re.DOTALL).replace("leave-one-out", "")
    shown = "".join(
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "300"}).stdout for command in commands
    )
    promised = set(re.findall(r"--[a-z][a-z-]+", section))
    assert promised
    assert promised <= set(re.findall(r"--[a-z][a-z-]+", shown))


def test_ci_runs_the_command_that_readme_gives() -> None:
    """The tests that a new engineer runs are those that guard the project."""
    assert "uv run --all-extras --all-groups pytest" in README
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'develop="uv run --all-extras --all-groups"' in script
    assert "$develop pytest\n" in script


def test_links_lead_somewhere() -> None:
    """Every relative link of README has its file."""
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / Path(link)).exists()] == []
