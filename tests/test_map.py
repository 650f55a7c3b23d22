"""The map of the package (crackscan/README.md) is true: its rooms exist, and imports follow it."""

import ast
import re
from pathlib import Path

from conftest import ROOT

PACKAGE = ROOT / "crackscan"
LONGEST_MODULE = 300  # lines


def rooms_on_the_map() -> dict[str, set[str]]:
    """Read which rooms the map names, and from which others each may import."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)/` \|.*\|(.*)\|$", text.split("## Rooms")[1].split("## Rules")[0], re.MULTILINE
    )
    rooms = {room: set(re.findall(r"`(\w+)`", allowed)) for room, allowed in rows}
    everything = set(rooms)
    words = dict(rows)
    return {
        room: everything - {room} if "all of them" in words[room] else allowed
        for room, allowed in rooms.items()
    }


def rooms_imported_by(module: Path) -> set[str]:
    """Return the rooms from which a module imports, also within functions."""
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "crackscan":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "crackscan"]
        else:
            continue
        imported |= {name.split(".")[1] for name in names if "." in name}
    return imported


def test_map_names_every_room() -> None:
    """Who reads the map misses no folder, and looks for none that is not there."""
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert set(rooms_on_the_map()) == folders


def test_newcomer_has_at_most_eleven_rooms_to_tell_apart() -> None:
    """What the package does can be guessed from a short list of names."""
    assert len(rooms_on_the_map()) <= 11
    files = {path.name for path in PACKAGE.glob("*.py")}
    assert files == {"__init__.py", "__main__.py", "cli.py"}


def test_rooms_import_only_what_the_map_allows() -> None:
    """No import goes up, and none goes in a circle: the table's rows go from bottom to top."""
    allowed = rooms_on_the_map()
    order = list(allowed)
    for room, others in allowed.items():
        assert {other for other in others if order.index(other) > order.index(room)} == set()
        for module in (PACKAGE / room).rglob("*.py"):
            used = rooms_imported_by(module) & set(order) - {room}
            assert used <= others, f"{module.relative_to(ROOT)} imports {sorted(used - others)}"


def test_no_module_is_too_long_to_read_at_once() -> None:
    """A module is about one thing: 300 lines at the most."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_only_one_folder_knows_how_buckets_are_reached() -> None:
    """Another library for buckets, or another kind of bucket, changes nothing else."""
    libraries = re.compile(
        r"^\s*(?:import|from) (?:fsspec|s3fs|gcsfs|adlfs|aiohttp|botocore)\b", re.MULTILINE
    )
    users = {path.parent for path in PACKAGE.rglob("*.py") if libraries.search(path.read_text("utf-8"))}
    assert users == {PACKAGE / "reading" / "remote"}


def test_only_commands_print() -> None:
    """A program that uses the library gets no output that it did not ask for."""
    for path in PACKAGE.rglob("*.py"):
        if "commands" in path.parts or path.name == "cli.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not any(name.split(".")[0] in {"rich", "typer"} for name in (*names, module)), path
            assert not module.startswith("crackscan.commands"), path
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id == "print"), path
