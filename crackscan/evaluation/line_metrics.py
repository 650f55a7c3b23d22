"""Metrics of cracks traced as lines, against the centre lines of masks.

A point of a line is right if it is within a tolerance of the other line: labels are drawn by hand, some px
beside the crack. Lengths are compared photo by photo.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from crackscan.basics.arrays import Bools, Float64s, Indices, Points
from crackscan.basics.records import Trace, Window
from crackscan.evaluation import intervals
from crackscan.evaluation.intervals import Basis, Estimate
from crackscan.evaluation.metrics import rounded
from crackscan.reading import Mask

LineMetric = Literal["precision", "recall", "f1", "cliou", "length_ratio", "within_20pct"]
LINE_TITLES: Mapping[LineMetric, str] = MappingProxyType(
    {
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "cliou": "clIoU",
        "length_ratio": "traced / true length, median",
        "within_20pct": "photos within 20 %",
    }
)
TOLERANCE_PX = 4.0  # as in the papers on crack segmentation (OmniCrack30k, Benz and Rodehorst 2024)
STEP_PX = 1.0  # between the points that stand for a line
WITHIN = 0.2  # a traced length that differs less from the true one is near it
SHORTEST_PX = 20.0  # of the true lines of a photo whose length is compared


@dataclass(frozen=True, slots=True)
class PhotoLines:
    """The traced and the true lines of one photo, as counts of points STEP_PX apart."""

    data: str
    source: str
    group: str
    traced: int
    right: int  # traced points that are near a true line
    true: int
    met: int  # points of true lines that are near a traced line
    traced_px: float  # length
    true_px: float


@dataclass(frozen=True, slots=True)
class LineMetrics:
    """The metrics of one set of photos."""

    photos: int
    groups: int
    tolerance_px: float
    true_px: float  # length of all true lines
    figures: Mapping[LineMetric, Estimate]

    def as_json(self) -> dict[str, Any]:
        """Return the content for the card and metrics.json, with fixed decimals."""
        return {
            "photos": self.photos,
            "groups": self.groups,
            "tolerance_px": self.tolerance_px,
            "true_px": round(self.true_px, 1),
            "figures": {metric: rounded(asdict(estimate)) for metric, estimate in self.figures.items()},
        }


def compare_lines(
    traced: Sequence[Trace],
    true: Sequence[Trace],
    *,
    data: str = "",
    source: str = "",
    group: str = "",
    tolerance_px: float = TOLERANCE_PX,
) -> PhotoLines:
    """Compare the lines of one photo with the true ones."""
    found, known = points_along(traced), points_along(true)
    return PhotoLines(
        data,
        source,
        group,
        traced=len(found),
        right=count_near(found, known, tolerance_px),
        true=len(known),
        met=count_near(known, found, tolerance_px),
        traced_px=total_length(traced),
        true_px=total_length(true),
    )


def true_lines(mask: Mask) -> list[Trace]:
    """Return the centre lines of a mask, smoothed as traced lines are: steps of pixels have no length."""
    from crackscan.scanning.lines.tracing import trace_lines

    height, width = mask.shape
    light = np.full(mask.shape, 128, np.float32)
    return trace_lines(mask.astype(np.float32), light, Window(0, 0, width, height))


def points_along(traces: Iterable[Trace]) -> Points:
    """Return points on the lines, STEP_PX apart, float64 (n, 2)."""
    parts = [_resample(np.array(trace.points, np.float64)) for trace in traces]
    return np.concatenate(parts) if parts else np.zeros((0, 2))


def count_near(points: Points, others: Points, tolerance_px: float) -> int:
    """Count the points that are within a tolerance of one of the others."""
    return int(near(points, others, tolerance_px).sum())


def near(points: Points, others: Points, tolerance_px: float) -> Bools:
    """Return which points are within a tolerance of one of the others, bool (n,)."""
    if not len(points) or not len(others):
        return np.zeros(len(points), np.bool_)
    from scipy.spatial import KDTree

    distances, _ = KDTree(others).query(points, distance_upper_bound=tolerance_px + STEP_PX)
    return np.asarray(distances <= tolerance_px)


def total_length(traces: Iterable[Trace]) -> float:
    """Return the length of all lines together, px."""
    return sum(float(_steps(np.array(trace.points, np.float64)).sum()) for trace in traces)


def measure_lines(photos: Sequence[PhotoLines], *, tolerance_px: float = TOLERANCE_PX) -> LineMetrics:
    """Compute the metrics of all photos together, with 95 % intervals over groups of dependent photos."""
    names = {name: number for number, name in enumerate(dict.fromkeys(photo.group for photo in photos))}
    codes = np.array([names[photo.group] for photo in photos], np.int64)
    return LineMetrics(
        photos=len(photos),
        groups=len(names),
        tolerance_px=tolerance_px,
        true_px=sum(photo.true_px for photo in photos),
        figures=_estimate(photos, codes),
    )


def _estimate(photos: Sequence[PhotoLines], codes: Indices) -> dict[LineMetric, Estimate]:
    if not photos:
        return {metric: Estimate(None, reason="no photo was assessed") for metric in LINE_TITLES}
    values = _figures(photos, np.ones((1, len(photos))))
    parts = [_figures(photos, weights) for weights in intervals.resamples(codes)]
    bases = _bases(photos)
    right = np.zeros(len(photos), np.bool_)  # these metrics are no shares of photos that are right
    figures = {}
    for metric in LINE_TITLES:
        resampled = np.concatenate([part[metric] for part in parts])
        # an interval ends at 1, so ratios, which may be larger, get theirs as parts of the largest one
        unit = max(float(np.nanmax(resampled, initial=1.0)), 1.0) if metric == "length_ratio" else 1.0
        estimate = intervals.estimate(
            float(values[metric][0]) / unit,
            basis=bases[metric],
            right=right,
            resampled=resampled / unit,
            groups=codes,
        )
        figures[metric] = _scaled(estimate, unit)
    return figures


def _scaled(estimate: Estimate, unit: float) -> Estimate:
    value, low, high = (
        None if number is None else number * unit for number in (estimate.value, estimate.low, estimate.high)
    )
    return replace(estimate, value=value, low=low, high=high)


def _bases(photos: Sequence[PhotoLines]) -> dict[LineMetric, Basis]:
    traced = np.array([photo.traced > 0 for photo in photos])
    true = np.array([photo.true > 0 for photo in photos])
    long = np.array([photo.true_px >= SHORTEST_PX for photo in photos])
    cracked = {"no photo is cracked": true}
    return {
        "precision": Basis({"no line was traced": traced}),
        "recall": Basis(cracked),
        "f1": Basis(cracked),
        "cliou": Basis(cracked),
        "length_ratio": Basis({"no photo is cracked": long}, bounded=False),
        "within_20pct": Basis({"no photo is cracked": long}),
    }


def _figures(photos: Sequence[PhotoLines], weights: Float64s) -> dict[LineMetric, Float64s]:
    """Return the metrics of weighted photos. weights: (m, photos). Returns: (m,) each."""
    counts = np.array([[p.traced, p.right, p.true, p.met] for p in photos], np.float64)
    traced, right, true, met = (weights @ counts).T
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = right / traced, met / true
        f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
        cliou = right / (traced + true - met)
    ratios, long = _length_ratios(photos)
    alike = (np.abs(ratios - 1) <= WITHIN).astype(np.float64)
    lengths = weights[:, long]
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (lengths @ alike) / lengths.sum(axis=1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "cliou": cliou,
        "length_ratio": _weighted_median(ratios, lengths),
        "within_20pct": within,
    }


def _length_ratios(photos: Sequence[PhotoLines]) -> tuple[Float64s, Bools]:
    """Return traced over true length of the photos that have long enough lines, and which these are."""
    lengths = np.array([[photo.traced_px, photo.true_px] for photo in photos])
    long = lengths[:, 1] >= SHORTEST_PX
    return lengths[long, 0] / lengths[long, 1], long


def _weighted_median(values: Float64s, weights: Float64s) -> Float64s:
    """Return for each row of weights, (m, n), the value that half of the weight is below; NaN without any."""
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values)
    passed = np.cumsum(weights[:, order], axis=1)
    total = passed[:, -1:]
    below, above = ((passed >= share * total - 1e-9).argmax(axis=1) for share in (0.5, 0.5 + 1e-6))
    medians: Float64s = (values[order][below] + values[order][above]) / 2
    medians[total[:, 0] == 0] = np.nan
    return medians


def _resample(points: Points) -> Points:
    """Return points on a polyline, about STEP_PX apart, with both ends."""
    along = np.append(0.0, np.cumsum(_steps(points)))
    wanted = np.linspace(0, along[-1], max(round(along[-1] / STEP_PX), 1) + 1)
    return np.stack([np.interp(wanted, along, points[:, axis]) for axis in (0, 1)], axis=1)


def _steps(points: Points) -> Float64s:
    return np.asarray(np.linalg.norm(np.diff(points, axis=0), axis=1))
