"""The tables of speed.py, as the README beside it shows them."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

START = "start: "


class Seconds(NamedTuple):
    """Times of one run, of this process or of one that it started."""

    wall: float
    processor: float  # of all threads

    def per_tile(self, tiles: int) -> "Seconds":
        """Return the times for each of its tiles."""
        return Seconds(self.wall / tiles, self.processor / tiles)


Round = Mapping[str, Seconds]  # per tile, for each program
Rows = Iterator[tuple[str, ...]]


def tables(rounds: Sequence[Round]) -> str:
    """Return the tables of speeds.

    Programs are compared within a round, as the machine's speed changes from round to round; rates and ratios
    are medians of the rounds.
    """
    return "\n\n".join("\n".join(table(rows)) for rows in (_scans(rounds), _others(rounds), _starts(rounds)))


def _scans(rounds: Sequence[Round]) -> Rows:
    yield (
        "scan of",
        "tiles a second",
        "decoding alone",
        "engine alone",
        "share of both together",
        "by processor time",
    )
    for name in rounds[0]:
        kind = name.removeprefix("scan ")
        if kind != name:
            parts = f"decode {kind}", f"predict {kind}"
            yield (
                kind,
                *(_rate(rounds, part) for part in (name, *parts)),
                f"{_ratio(rounds, parts, (name,), _wall):.0%}",
                f"{_ratio(rounds, parts, (name,), _processor):.0%}",
            )


def _others(rounds: Sequence[Round]) -> Rows:
    scan = ("scan small tiles",)
    yield "small tiles by", "tiles a second", "scan is faster by", "by processor time"
    for name in rounds[0]:
        if name.startswith("peer: "):
            ratios = (f"{_ratio(rounds, (name,), scan, clock):.1f}" for clock in (_wall, _processor))
            yield name.removeprefix("peer: "), _rate(rounds, name), *ratios


def _starts(rounds: Sequence[Round]) -> Rows:
    fastest = (START + "python -c pass",)
    yield "whole process", "seconds", "of processor time", "times the first"
    for name in rounds[0]:
        if name.startswith(START):
            seconds = (f"{_median(rounds, name, clock):.2f}" for clock in (_wall, _processor))
            yield name.removeprefix(START), *seconds, f"{_ratio(rounds, (name,), fastest, _processor):.1f}"


def _wall(seconds: Seconds) -> float:
    return seconds.wall


def _processor(seconds: Seconds) -> float:
    return seconds.processor


def _median(rounds: Sequence[Round], name: str, clock: Callable[[Seconds], float]) -> float:
    return statistics.median(clock(times[name]) for times in rounds)


def _rate(rounds: Sequence[Round], name: str) -> str:
    return f"{1 / _median(rounds, name, _wall):,.0f}"


def _ratio(
    rounds: Sequence[Round], above: Sequence[str], below: Sequence[str], clock: Callable[[Seconds], float]
) -> float:
    """Return the median over the rounds of the summed times of some programs, divided by those of others."""
    return statistics.median(
        sum(clock(times[name]) for name in above) / sum(clock(times[name]) for name in below)
        for times in rounds
    )


def table(rows: Rows) -> Iterator[str]:
    """Yield the lines of a table, the header first."""
    header = next(rows)
    yield f"| {' | '.join(header)} |"
    yield "| --- " * len(header) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
