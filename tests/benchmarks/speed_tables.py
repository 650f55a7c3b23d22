"""The tables of speed.py, as README shows them."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

START = "start: "


class Took(NamedTuple):
    """What one run took, of this process or of one that it started."""

    wall: float  # s
    processor: float  # s, of all threads

    def each(self, tiles: int) -> "Took":
        """Return what each of its tiles took."""
        return Took(self.wall / tiles, self.processor / tiles)


Round = Mapping[str, Took]  # what a tile took by each way, in one turn
Rows = Iterator[tuple[str, ...]]


def tables(rounds: Sequence[Round]) -> str:
    """Return the tables of what each tile took.

    Ways are compared within a turn, as the machine's speed changes from one turn to the next; of rates and
    of comparisons the median is shown.
    """
    return "\n\n".join("\n".join(table(rows)) for rows in (_scans(rounds), _others(rounds), _starts(rounds)))


def _scans(rounds: Sequence[Round]) -> Rows:
    yield (
        "scan of",
        "tiles a second",
        "decoding alone",
        "engine alone",
        "of both together",
        "by processor time",
    )
    for name in rounds[0]:
        kind = name.removeprefix("scan ")
        if kind != name:
            parts = f"decode {kind}", f"judge {kind}"
            yield (
                kind,
                *(_rate(rounds, each) for each in (name, *parts)),
                f"{_ratio(rounds, parts, (name,), _wall):.0%}",
                f"{_ratio(rounds, parts, (name,), _processor):.0%}",
            )


def _others(rounds: Sequence[Round]) -> Rows:
    scan = ("scan small tiles",)
    yield "small tiles by", "tiles a second", "scan is faster by", "by processor time"
    for name in rounds[0]:
        if name.startswith("peer: "):
            ratios = (f"{_ratio(rounds, (name,), scan, of):.1f}" for of in (_wall, _processor))
            yield name.removeprefix("peer: "), _rate(rounds, name), *ratios


def _starts(rounds: Sequence[Round]) -> Rows:
    least = (START + "python -c pass",)
    yield "whole process", "seconds", "of processor time", "times the first"
    for name in rounds[0]:
        if name.startswith(START):
            seconds = (f"{_median(rounds, name, of):.2f}" for of in (_wall, _processor))
            yield name.removeprefix(START), *seconds, f"{_ratio(rounds, (name,), least, _processor):.1f}"


def _wall(took: Took) -> float:
    return took.wall


def _processor(took: Took) -> float:
    return took.processor


def _median(rounds: Sequence[Round], name: str, of: Callable[[Took], float]) -> float:
    return statistics.median(of(each[name]) for each in rounds)


def _rate(rounds: Sequence[Round], name: str) -> str:
    return f"{1 / _median(rounds, name, _wall):,.0f}"


def _ratio(
    rounds: Sequence[Round], above: Sequence[str], below: Sequence[str], of: Callable[[Took], float]
) -> float:
    """Return the median over the turns of what some ways took together, of what others did."""
    return statistics.median(
        sum(of(each[name]) for name in above) / sum(of(each[name]) for name in below) for each in rounds
    )


def table(rows: Rows) -> Iterator[str]:
    """Yield the lines of a table, the header first."""
    header = next(rows)
    yield f"| {' | '.join(header)} |"
    yield "| --- " * len(header) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
