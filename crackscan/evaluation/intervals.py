"""How far a figure can be trusted: 95 % intervals that respect groups, and none where none is honest.

Images of one group (one source photo, one run of a drone) are not independent, so groups are resampled.
Resampling cannot see what the sample lacks: where there is no error among the images it says "exactly 1, for
sure". There, and wherever every image stands for itself, a proportion gets Wilson's interval instead.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from crackscan.basics.arrays import Bools, Float64s, Indices

IntervalKind = Literal["wilson", "wilson over groups", "bootstrap", "group bootstrap"]

LEVEL = 0.95
Z = 1.959964  # the normal quantile of (1 + LEVEL) / 2
RESAMPLES = 1000  # another seed moves the bounds by a few hundredths of the interval's width
SEED = 1
MIN_GROUPS = 5  # fewer repeat each other so often that percentiles mean nothing
WEIGHTS = 500_000  # held at once while resampling: 4 MB for each sum along them


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval and how that was got; what is missing says why, and is never NaN."""

    value: float | None
    low: float | None = None
    high: float | None = None
    interval: IntervalKind | None = None
    reason: str | None = None  # why there is no value or no interval, or what to mind of the interval

    def text(self, places: int = 4) -> str:
        """Return it as a person reads it: "0.987 [0.981, 0.992]"; "-" where there is no value."""
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.{places}f}"
        return f"{self.value:.{places}f} [{self.low:.{places}f}, {self.high:.{places}f}]"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a metric rests on; the masks have shape (n,)."""

    needs: Mapping[str, Bools]  # what is wrong where none of these images is there: the images
    trials: Bools | None = None  # the images of which it is the fraction judged right, if it is one
    scale: Callable[[float], float] = float  # from that fraction to the metric
    bounded: bool = True  # a 1 or 0 from a few independent groups still has a worst case
    centred: bool = False  # resampling adds to it, so what counts is the spread about the mean


def figure(value: float, *, basis: Basis, right: Bools, resampled: Float64s, groups: Indices) -> Estimate:
    """Give a metric the interval that is honest for it.

    right: which images are judged right, shape (n,). groups: which group each image is of, shape (n,).
    resampled: the metric on resampled groups, shape (RESAMPLES,), NaN where it is undefined.
    """
    missing = next((absence for absence, images in basis.needs.items() if not images.any()), None)
    if missing:
        return Estimate(None, reason=missing)
    grouped = len(np.unique(groups)) < len(groups)
    if basis.trials is not None and not grouped:
        low, high = wilson(int(right[basis.trials].sum()), int(basis.trials.sum()))
        return Estimate(value, basis.scale(low), basis.scale(high), "wilson")
    fewest = _fewest_groups(basis, groups)
    if value in (0, 1):
        return _extreme(value, basis, fewest)
    if fewest < MIN_GROUPS:  # as of tiny data, or of what few groups were called cracked
        return Estimate(value, reason=f"too few groups to resample: {fewest}, where {MIN_GROUPS} are needed")
    low, high = _percentiles(value, resampled, centred=basis.centred)
    return Estimate(value, low, high, "group bootstrap" if grouped else "bootstrap")


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Bound a proportion of independent trials at 95 %.

    Wilson, J. Am. Stat. Assoc. 22 (1927) 209. With no failure in n trials the lower bound is n / (n + 3.84).
    """
    centre = (successes + Z * Z / 2) / (trials + Z * Z)
    spread = Z / (trials + Z * Z) * sqrt(successes * (trials - successes) / trials + Z * Z / 4)
    low = 0.0 if successes == 0 else max(0.0, centre - spread)
    high = 1.0 if successes == trials else min(1.0, centre + spread)
    return low, high


def resamples(groups: Indices) -> Iterator[Float64s]:
    """Draw groups with replacement, `RESAMPLES` times, and say how often each image is in each sample.

    Yields float64 of shape (m, n) for as many samples m as fit into `WEIGHTS`, the same at each call.
    """
    rng = np.random.default_rng(SEED)
    codes = np.unique(groups, return_inverse=True)[1]
    number, rows = int(codes.max()) + 1, max(1, WEIGHTS // len(codes))
    for start in range(0, RESAMPLES, rows):
        samples = np.arange(min(rows, RESAMPLES - start))[:, np.newaxis]
        drawn = rng.integers(number, size=(len(samples), number)) + samples * number
        times = np.bincount(drawn.ravel(), minlength=len(samples) * number).reshape(-1, number)
        yield times[:, codes].astype(np.float64)


def _extreme(value: float, basis: Basis, groups: int) -> Estimate:
    """Bound a proportion that is exactly 0 or 1 as if each group were one image.

    That is the most that dependence within groups can do. The area under the ROC curve and the recall at a
    rate of false alarms are proportions too, of at least as many independent pairs as the rarer label has
    groups.
    """
    if not basis.bounded:
        return Estimate(value, reason="no error to resample")
    low, high = wilson(value * groups, groups)
    return Estimate(value, basis.scale(low), basis.scale(high), "wilson over groups")


def _fewest_groups(basis: Basis, groups: Indices) -> int:
    masks = [*basis.needs.values(), *([] if basis.trials is None else [basis.trials])]
    return min((len(np.unique(groups[mask])) for mask in masks), default=len(np.unique(groups)))


def _percentiles(value: float, resampled: Float64s, *, centred: bool) -> tuple[float, float]:
    """Cut off 2.5 % of the resampled values on each side, without those (NaN) that lack a class."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    shift = value - np.nanmean(resampled) if centred else 0.0
    return float(max(0.0, low + shift)), float(min(1.0, high + shift))
