"""Scan damaged files by the real command line, chunk by chunk, and check what became of each file."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import judging
from mutations import mutate
from originals import originals

from crackscan.basics import grid
from crackscan.basics.records import Window

CHUNK = 500  # files scanned by one process
PATIENCE = 10.0  # seconds of a processor that one file may take
MOST_BYTES = 1_500_000_000  # resident, while two workers decode blocks just below what is refused
TILE_PX = 224  # of the tests' stand-in for a model
Rows = list[dict[str, str]]


@dataclass
class Findings:
    """What became of damaged files."""

    outcomes: Counter[str] = field(default_factory=Counter)  # "format mutation status": how many files
    faults: list[str] = field(default_factory=list)  # each a sentence
    slowest: tuple[float, str] = (0.0, "")  # seconds, file
    peak_bytes: int = 0

    def as_json(self) -> str:
        """Return it all, with the totals by format and by status."""
        files = sum(self.outcomes.values())
        by_format, by_status = Counter[str](), Counter[str]()
        for name, count in self.outcomes.items():
            form, _, status = name.split()
            by_format[f"{form} {status}"] += count
            by_status[status] += count
        totals = {"files": files, "by_status": by_status, "by_format": dict(sorted(by_format.items()))}
        return json.dumps({**totals, **vars(self)}, indent=1)


def scan_damaged(folder: Path, seeds: range) -> Iterator[Findings]:
    """Scan one damaged file a seed, in chunks, and yield what was found so far after each of them."""
    (folder / "originals").mkdir()
    whole = originals(folder / "originals")
    found = Findings()
    for begin in range(seeds.start, seeds.stop, CHUNK):
        site = folder / "site"
        kinds = {}
        site.mkdir()
        for seed in range(begin, min(begin + CHUNK, seeds.stop)):
            how, file = mutate(whole, seed)
            name = f"{seed}-{how}-{file.format}{file.ending}"
            (site / name).write_bytes(file.content)
            kinds[name] = f"{file.format} {how}"
        _scan_chunk(site, kinds, found)
        yield found
        shutil.rmtree(site)


def _scan_chunk(site: Path, kinds: dict[str, str], found: Findings) -> None:
    if _process(site, found, patience=60 + len(kinds), is_last=len(kinds) == 1):
        rows = _rows(site)
        for name, kind in kinds.items():
            found.outcomes[f"{kind} {_outcome(name, rows[name], found)}"] += 1
    elif len(kinds) > 1:  # in which half is it?
        names = sorted(kinds)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            part = site.with_name(f"{site.name}-")
            part.mkdir()
            for name in half:
                shutil.copy(site / name, part / name)
            _scan_chunk(part, {name: kinds[name] for name in half}, found)
            shutil.rmtree(part)
    else:
        found.outcomes[f"{next(iter(kinds.values()))} died"] += 1


def _process(site: Path, found: Findings, *, patience: float, is_last: bool) -> bool:
    """Scan a folder; say whether the process ended as it should."""
    notes, out = site.with_name("notes"), site.with_name("out.csv")
    notes.write_text("")
    command = [sys.executable, judging.__file__, notes, "scan", site, "-o", out, "--jobs", "2", "--fresh"]
    command += ["--read-timeout", "0"]  # else another thread reads, and its seconds are not counted
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=patience, check=False, env=_env()
        )
    except subprocess.TimeoutExpired:
        return _failed(site, "the scan hangs", found, is_last=is_last)
    _measure(notes, found)
    if done.returncode not in {0, 3}:
        return _failed(site, f"exit code {done.returncode}: {done.stderr[-500:]}", found, is_last=is_last)
    return True


def _env() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def _failed(site: Path, how: str, found: Findings, *, is_last: bool) -> bool:
    if is_last:
        found.faults.append(f"{next(site.iterdir()).name}: {how}")
        shutil.copytree(site, site.parent / "kept", dirs_exist_ok=True)
    return False


def _measure(notes: Path, found: Findings) -> None:
    for line in notes.read_text(errors="replace").splitlines():
        number, _, name = line.partition(" ")
        if name == "peak":
            found.peak_bytes = max(found.peak_bytes, int(number))
            if int(number) > MOST_BYTES:
                found.faults.append(f"{int(number):,} bytes were resident")
        else:
            found.slowest = max(found.slowest, (float(number), name))
            if float(number) > PATIENCE:
                found.faults.append(f"{name}: took {number} s")


def _rows(site: Path) -> dict[str, Rows]:
    rows: dict[str, Rows] = defaultdict(list)
    with site.with_name("out.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["source"]].append(row)
    return rows


def _outcome(name: str, rows: Rows, found: Findings) -> str:
    """Return what became of a file, and check that it has one row, or one for each tile."""
    if not rows:
        found.faults.append(f"{name}: has no row")
        return "lost"
    statuses = {row["status"] for row in rows}
    if rows[0]["kind"] == "photo" or not rows[0]["col"]:
        if len(rows) > 1:
            found.faults.append(f"{name}: has {len(rows)} rows")
    elif not _covers(rows):
        found.faults.append(f"{name}: its tiles do not cover it once")
    return min(statuses) if len(statuses) == 1 else "mixed"


def _covers(rows: Rows) -> bool:
    """Say whether the rows of a mosaic are the tiles that its size asks for, in order."""
    tiles = [Window(*(int(row[side]) for side in ("col", "row", "width", "height"))) for row in rows]
    size = max(tile.col + tile.width for tile in tiles), max(tile.row + tile.height for tile in tiles)
    return tiles == list(grid.windows(*size, tile_px=TILE_PX))
