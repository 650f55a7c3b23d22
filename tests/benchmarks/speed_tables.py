"""The tables of speed.py, as README shows them."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

START = "start: "


class Took(NamedTuple):
    """What one run took, of this process or of one that it started."""

    wall: float  # s
    processor: float  # s, of all threads


def each_tile(took: Sequence[Took], tiles: int) -> Took:
    """Return the median of runs, by tile."""
    return Took(*(statistics.median(each) / tiles for each in zip(*took, strict=True)))


def tables(of: Mapping[str, Took]) -> str:
    """Return the tables of what each tile took."""
    return "\n\n".join("\n".join(table(rows)) for rows in (_scans(of), _others(of), _starts(of)))


Rows = Iterator[tuple[str, ...]]


def _scans(of: Mapping[str, Took]) -> Rows:
    yield (
        "scan of",
        "tiles a second",
        "decoding alone",
        "engine alone",
        "of both together",
        "by processor time",
    )
    for name, scan in of.items():
        kind = name.removeprefix("scan ")
        if kind != name:
            decode, judge = of[f"decode {kind}"], of[f"judge {kind}"]
            rates = (f"{1 / each.wall:,.0f}" for each in (scan, decode, judge))
            wall = (decode.wall + judge.wall) / scan.wall
            yield kind, *rates, f"{wall:.0%}", f"{(decode.processor + judge.processor) / scan.processor:.0%}"


def _others(of: Mapping[str, Took]) -> Rows:
    scan = of["scan small tiles"]
    yield "small tiles by", "tiles a second", "scan is faster by", "by processor time"
    for name, took in of.items():
        if name.startswith("peer: "):
            wall, processor = took.wall / scan.wall, took.processor / scan.processor
            yield name.removeprefix("peer: "), f"{1 / took.wall:,.0f}", f"{wall:.1f}", f"{processor:.1f}"


def _starts(of: Mapping[str, Took]) -> Rows:
    least = of[START + "python -c pass"]
    yield "whole process", "seconds", "of processor time", "times the first"
    for name, took in of.items():
        if name.startswith(START):
            times = f"{took.processor / least.processor:.1f}"
            yield name.removeprefix(START), f"{took.wall:.2f}", f"{took.processor:.2f}", times


def table(rows: Rows) -> Iterator[str]:
    """Yield the lines of a table, the header first."""
    header = next(rows)
    yield f"| {' | '.join(header)} |"
    yield "| --- " * len(header) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
