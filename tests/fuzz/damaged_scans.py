"""Scan damaged files by the real command line, in chunks, and check the outcome of each file."""

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

import timed_scan
from mutations import mutate
from originals import originals

from crackscan.basics import grid
from crackscan.basics.records import Window

CHUNK = 500  # files scanned by one process
MAX_SECONDS = 10.0  # of processor time for one file
MAX_BYTES = 1_500_000_000  # resident, while two workers decode blocks just below the limit
TILE_PX = 224  # of the stand-in classifier
Rows = list[dict[str, str]]


@dataclass
class Findings:
    """Outcomes of damaged files, and what went wrong."""

    outcomes: Counter[str] = field(default_factory=Counter)  # "format mutation status": how many files
    faults: list[str] = field(default_factory=list)  # each a sentence
    slowest: tuple[float, str] = (0.0, "")  # seconds, file
    peak_bytes: int = 0

    def as_json(self) -> str:
        """Return everything as JSON, with totals by format and by status."""
        files = sum(self.outcomes.values())
        by_format, by_status = Counter[str](), Counter[str]()
        for name, count in self.outcomes.items():
            file_format, _, status = name.split()
            by_format[f"{file_format} {status}"] += count
            by_status[status] += count
        totals = {"files": files, "by_status": by_status, "by_format": dict(sorted(by_format.items()))}
        return json.dumps({**totals, **vars(self)}, indent=1)


def scan_damaged(folder: Path, seeds: range) -> Iterator[Findings]:
    """Scan one damaged file for each seed, in chunks; yield the findings so far after each chunk."""
    (folder / "originals").mkdir()
    undamaged = originals(folder / "originals")
    findings = Findings()
    for start in range(seeds.start, seeds.stop, CHUNK):
        site = folder / "site"
        kinds = {}
        site.mkdir()
        for seed in range(start, min(start + CHUNK, seeds.stop)):
            mutation, file = mutate(undamaged, seed)
            name = f"{seed}-{mutation}-{file.format}{file.ending}"
            (site / name).write_bytes(file.content)
            kinds[name] = f"{file.format} {mutation}"
        _scan_chunk(site, kinds, findings)
        yield findings
        shutil.rmtree(site)


def _scan_chunk(site: Path, kinds: dict[str, str], findings: Findings) -> None:
    if _scan_folder(site, findings, timeout=60 + len(kinds), is_last=len(kinds) == 1):
        rows = _rows(site)
        for name, kind in kinds.items():
            findings.outcomes[f"{kind} {_outcome(name, rows[name], findings)}"] += 1
    elif len(kinds) > 1:  # find the half that holds the file
        names = sorted(kinds)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            part = site.with_name(f"{site.name}-")
            part.mkdir()
            for name in half:
                shutil.copy(site / name, part / name)
            _scan_chunk(part, {name: kinds[name] for name in half}, findings)
            shutil.rmtree(part)
    else:
        findings.outcomes[f"{next(iter(kinds.values()))} died"] += 1


def _scan_folder(site: Path, findings: Findings, *, timeout: float, is_last: bool) -> bool:
    """Scan a folder; return whether the process ended normally."""
    records, out = site.with_name("records"), site.with_name("out.csv")
    records.write_text("")
    # --read-timeout 0: else another thread reads, and its processor time is not counted
    options = ["--jobs", "2", "--fresh", "--read-timeout", "0"]
    command = [sys.executable, timed_scan.__file__, records, "scan", site, "-o", out, *options]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, env=_env()
        )
    except subprocess.TimeoutExpired:
        return _record_failure(site, "the scan hangs", findings, is_last=is_last)
    _measure(records, findings)
    if done.returncode not in {0, 3}:
        return _record_failure(
            site, f"exit code {done.returncode}: {done.stderr[-500:]}", findings, is_last=is_last
        )
    return True


def _env() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def _record_failure(site: Path, problem: str, findings: Findings, *, is_last: bool) -> bool:
    if is_last:
        findings.faults.append(f"{next(site.iterdir()).name}: {problem}")
        shutil.copytree(site, site.parent / "kept", dirs_exist_ok=True)
    return False


def _measure(records: Path, findings: Findings) -> None:
    for line in records.read_text(errors="replace").splitlines():
        number, _, name = line.partition(" ")
        if name == "peak":
            findings.peak_bytes = max(findings.peak_bytes, int(number))
            if int(number) > MAX_BYTES:
                findings.faults.append(f"{int(number):,} bytes were resident")
        else:
            findings.slowest = max(findings.slowest, (float(number), name))
            if float(number) > MAX_SECONDS:
                findings.faults.append(f"{name}: took {number} s")


def _rows(site: Path) -> dict[str, Rows]:
    rows: dict[str, Rows] = defaultdict(list)
    with site.with_name("out.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["source"]].append(row)
    return rows


def _outcome(name: str, rows: Rows, findings: Findings) -> str:
    """Return a file's outcome, and check that it has one row, or one row for each tile."""
    if not rows:
        findings.faults.append(f"{name}: has no row")
        return "lost"
    statuses = {row["status"] for row in rows}
    if rows[0]["kind"] == "photo" or not rows[0]["col"]:
        if len(rows) > 1:
            findings.faults.append(f"{name}: has {len(rows)} rows")
    elif not _covers(rows):
        findings.faults.append(f"{name}: its tiles do not cover it once")
    return min(statuses) if len(statuses) == 1 else "mixed"


def _covers(rows: Rows) -> bool:
    """Return whether the rows of a mosaic are the tiles of an image of its size, in order."""
    tiles = [Window(*(int(row[side]) for side in ("col", "row", "width", "height"))) for row in rows]
    size = max(tile.col + tile.width for tile in tiles), max(tile.row + tile.height for tile in tiles)
    return tiles == list(grid.windows(*size, tile_px=TILE_PX))
