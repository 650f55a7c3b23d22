"""95 % confidence intervals of metrics, which respect groups of dependent images.

Images of one group (one photo, one flight of a drone) are not independent, so the bootstrap resamples groups.
It fails if the images have no error: its interval is then exactly 1 to 1. In that case, and if all images
are independent, a proportion gets Wilson's interval. A metric without a valid interval gets a reason.
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
MIN_GROUPS = 5  # with fewer, most resamples are alike and percentiles mean nothing
WEIGHTS = 500_000  # in memory at once while resampling: 4 MB for each sum along them


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value with its 95 % interval; a missing value or interval has a reason and is never NaN."""

    value: float | None
    low: float | None = None
    high: float | None = None
    interval: IntervalKind | None = None
    reason: str | None = None  # why there is no value or no interval, or a caution about the interval

    def text(self, places: int = 4) -> str:
        """Return it as text with `places` decimals: "0.987 [0.981, 0.992]"; "-" without a value."""
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.{places}f}"
        return f"{self.value:.{places}f} [{self.low:.{places}f}, {self.high:.{places}f}]"


@dataclass(frozen=True, slots=True)
class Basis:
    """The properties of a metric that decide its interval; the masks have shape (n,)."""

    needs: Mapping[str, Bools]  # reason for no value if no image is in the mask: the mask
    trials: Bools | None = None  # if the metric is a fraction judged right: the images it is a fraction of
    scale: Callable[[float], float] = float  # from that fraction to the metric
    bounded: bool = True  # a value of 0 or 1 has a worst case that follows from the number of groups
    centred: bool = False  # resampling increases the metric, so only the spread about the mean is used


def estimate(value: float, *, basis: Basis, right: Bools, resampled: Float64s, groups: Indices) -> Estimate:
    """Choose the confidence interval that is valid for this metric.

    right: the images that are judged right, shape (n,). groups: the group of each image, shape (n,).
    resampled: the metric on resampled groups, shape (RESAMPLES,), NaN where it is undefined.
    """
    reason = next((reason for reason, images in basis.needs.items() if not images.any()), None)
    if reason:
        return Estimate(None, reason=reason)
    grouped = len(np.unique(groups)) < len(groups)
    if basis.trials is not None and not grouped:
        low, high = wilson_interval(int(right[basis.trials].sum()), int(basis.trials.sum()))
        return Estimate(value, basis.scale(low), basis.scale(high), "wilson")
    fewest = _fewest_groups(basis, groups)
    if value in (0, 1):
        return _estimate_extreme(value, basis, fewest)
    if fewest < MIN_GROUPS:  # little data, or few groups with images called cracked
        return Estimate(value, reason=f"too few groups to resample: {fewest}, but {MIN_GROUPS} are needed")
    low, high = _percentile_interval(value, resampled, centred=basis.centred)
    return Estimate(value, low, high, "group bootstrap" if grouped else "bootstrap")


def wilson_interval(successes: float, trials: float) -> tuple[float, float]:
    """Return the 95 % interval of a proportion of independent trials.

    Wilson, J. Am. Stat. Assoc. 22 (1927) 209. With no failure in n trials the lower bound is n / (n + 3.84).
    """
    centre = (successes + Z * Z / 2) / (trials + Z * Z)
    spread = Z / (trials + Z * Z) * sqrt(successes * (trials - successes) / trials + Z * Z / 4)
    low = 0.0 if successes == 0 else max(0.0, centre - spread)
    high = 1.0 if successes == trials else min(1.0, centre + spread)
    return low, high


def resamples(groups: Indices) -> Iterator[Float64s]:
    """Draw groups with replacement, `RESAMPLES` times, and yield how often each image is in each sample.

    Yields float64 of shape (m, n), with as many samples m as fit into `WEIGHTS`; each call yields the same.
    """
    rng = np.random.default_rng(SEED)
    codes = np.unique(groups, return_inverse=True)[1]
    count, rows = int(codes.max()) + 1, max(1, WEIGHTS // len(codes))
    for start in range(0, RESAMPLES, rows):
        samples = np.arange(min(rows, RESAMPLES - start))[:, np.newaxis]
        drawn = rng.integers(count, size=(len(samples), count)) + samples * count
        times = np.bincount(drawn.ravel(), minlength=len(samples) * count).reshape(-1, count)
        yield times[:, codes].astype(np.float64)


def _estimate_extreme(value: float, basis: Basis, groups: int) -> Estimate:
    """Return the interval of a proportion that is exactly 0 or 1, with each group counted as one image.

    This is the worst case of dependence within groups. ROC AUC and the recall at a rate of false alarms are
    proportions too: of at least as many independent pairs as the rarer label has groups.
    """
    if not basis.bounded:
        return Estimate(value, reason="no error to resample")
    low, high = wilson_interval(value * groups, groups)
    return Estimate(value, basis.scale(low), basis.scale(high), "wilson over groups")


def _fewest_groups(basis: Basis, groups: Indices) -> int:
    masks = [*basis.needs.values(), *([] if basis.trials is None else [basis.trials])]
    return min((len(np.unique(groups[mask])) for mask in masks), default=len(np.unique(groups)))


def _percentile_interval(value: float, resampled: Float64s, *, centred: bool) -> tuple[float, float]:
    """Cut off 2.5 % of the resampled values on each side, ignoring NaN (resamples that lack a class)."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    shift = value - np.nanmean(resampled) if centred else 0.0
    return float(max(0.0, low + shift)), float(min(1.0, high + shift))
