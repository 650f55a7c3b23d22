"""Recall and precision of a scan on the very survey, from the verdicts of people, with valid 95 % intervals.

Nobody looks at all rows. Some are judged by choice (the surest first): they are known, and say nothing about
others. Others are judged because they were drawn at random: they stand for their stratum.

- In a stratum, the number of cracks among the rows that nobody chose has the exact interval of sampling
  without replacement (hypergeometric; Wright, "Exact Confidence Bounds when Sampling from Small Finite
  Universes", 1991). It is a point where all rows are judged.
- A figure that depends on k strata takes their intervals at the level 0.95 ** (1 / k) (Šidák, J. Am. Stat.
  Assoc. 62 (1967) 626): all of them hold together in 95 % of surveys, and so does the figure's, which goes
  from its value at the worst ends to that at the best ends. It is never too narrow, however few are drawn.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from math import exp, lgamma
from typing import NamedTuple

LEVEL = 0.95


class Stratum(NamedTuple):
    """Rows from which some were drawn at random, each with the same chance."""

    called: bool  # whether the scan calls these rows cracked
    size: int  # rows
    chosen: int = 0  # rows judged by choice
    chosen_cracks: int = 0
    drawn: int = 0  # rows judged because they were drawn at random from those that nobody chose
    drawn_cracks: int = 0

    @property
    def left(self) -> int:
        """The number of rows that nobody chose."""
        return self.size - self.chosen


class Estimate(NamedTuple):
    """A figure with its 95 % interval; the value is None while a stratum has no drawn row."""

    value: float | None
    low: float
    high: float


class Statistics(NamedTuple):
    """What the verdicts say about a scan."""

    recall: Estimate  # share of the cracked rows that are called cracked, 0..1
    precision: Estimate  # share of the rows called cracked that are cracked, 0..1
    missed: Estimate  # number of rows that are cracked, but not called


def estimate(strata: Iterable[Stratum]) -> Statistics:
    """Estimate recall, precision and the number of missed rows."""
    all_strata = list(strata)
    called = [stratum for stratum in all_strata if stratum.called]
    others = [stratum for stratum in all_strata if not stratum.called]
    level = _level(all_strata)
    return Statistics(
        recall=_recall(_cracks(called, level), _cracks(others, level)),
        precision=_precision(called),
        missed=_cracks(others, _level(others)),
    )


@lru_cache(maxsize=1024)  # of several strata, a verdict changes one
def crack_bounds(rows: int, drawn: int, cracks: int, level: float = LEVEL) -> tuple[int, int]:
    """Return the exact interval of the number of cracks among rows, of which some were drawn.

    Beyond each end, so few or so many drawn cracks have a chance of at most (1 - level) / 2.
    """
    tail, fewest, most = (1 - level) / 2, cracks, rows - drawn + cracks
    low = _first(fewest, most, lambda total: _chance(range(cracks, drawn + 1), rows, drawn, total) > tail)
    high = _first(low, most, lambda total: _chance(range(cracks + 1), rows, drawn, total + 1) <= tail)
    return low, high


def _first(low: int, high: int, is_true: Callable[[int], bool]) -> int:
    """Return the first number from low to high from which on a statement is true; high if none is."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_true(middle) else (middle + 1, high)
    return low


def _chance(counts: Iterable[int], rows: int, drawn: int, cracks: int) -> float:
    """Return the chance that the drawn rows have one of some numbers of cracks."""
    possible = (count for count in counts if max(0, drawn - rows + cracks) <= count <= min(drawn, cracks))
    whole = _log_choose(rows, drawn)
    return sum(
        exp(_log_choose(cracks, count) + _log_choose(rows - cracks, drawn - count) - whole)
        for count in possible
    )


def _log_choose(total: int, chosen: int) -> float:
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


def _level(strata: Sequence[Stratum]) -> float:
    """Return the level at which the intervals of strata that are not known completely hold together."""
    return float(LEVEL ** (1 / max(1, sum(stratum.drawn < stratum.left for stratum in strata))))


def _cracks(strata: Iterable[Stratum], level: float) -> Estimate:
    """Return the number of cracked rows in strata."""
    value: float | None = 0.0
    low = high = 0
    for stratum in strata:
        known, left, drawn = stratum.chosen_cracks, stratum.left, stratum.drawn
        bounds = crack_bounds(left, drawn, stratum.drawn_cracks, level)
        low, high = low + known + bounds[0], high + known + bounds[1]
        if left and not drawn:
            value = None
        elif value is not None:
            value += known + (left * stratum.drawn_cracks / drawn if drawn else 0)
    return Estimate(value, low, high)


def _precision(called: Sequence[Stratum]) -> Estimate:
    size = sum(stratum.size for stratum in called)
    if not size:
        return Estimate(None, 0.0, 1.0)
    cracks = _cracks(called, _level(called))
    return Estimate(
        None if cracks.value is None else cracks.value / size, cracks.low / size, cracks.high / size
    )


def _recall(found: Estimate, missed: Estimate) -> Estimate:
    unknown = found.value is None or missed.value is None
    value = None if unknown else _ratio(found.value or 0.0, missed.value or 0.0)
    low, high = _ratio(found.low, missed.high), _ratio(found.high, missed.low)
    return Estimate(value, 0.0 if low is None else low, 1.0 if high is None else high)


def _ratio(found: float, missed: float) -> float | None:
    """Return found / (found + missed); None if there is no crack at all."""
    return found / (found + missed) if found + missed else None
