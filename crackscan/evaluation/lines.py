"""Evaluation of traced cracks on photos with masks: traced as in a scan, and compared with the masks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crackscan.basics.errors import Unreadable
from crackscan.basics.records import RowOptions, ScanOptions, Trace, Window, Work
from crackscan.dataset.masks import MaskedPhoto
from crackscan.evaluation.drawn_lines import DrawnRow, drawn_as_json
from crackscan.evaluation.line_metrics import (
    LineMetrics,
    PhotoLines,
    compare_lines,
    measure_lines,
    true_lines,
)
from crackscan.model.predictions import Classifier
from crackscan.reading import read_mask
from crackscan.scanning.crack_rows import MIN_LENGTH_PX
from crackscan.scanning.executor import run_works
from crackscan.scanning.lines.joining import Crack, join_traces

_WHOLE = Window(0, 0, 1, 1)  # a photo is one piece of Work, so nothing is joined at seams


@dataclass(frozen=True, slots=True)
class TracedPhoto:
    """A photo with a mask: its cracks as a scan traces them, down to any probability, and the true lines."""

    photo: MaskedPhoto
    cracks: tuple[Crack, ...]
    true: tuple[Trace, ...]

    def compare(self, options: RowOptions) -> PhotoLines:
        """Compare the cracks that a scan with these options would write."""
        photo = self.photo
        written = [trace for crack in self.cracks if _is_written(crack, options) for trace in crack.traces]
        return compare_lines(written, self.true, data=photo.data, source=photo.source, group=photo.group)


@dataclass(frozen=True, slots=True)
class LineEvaluation:
    """The traced photos of an evaluation, and the metrics."""

    photos: tuple[TracedPhoto, ...]
    threshold: float  # of a crack's probability
    overall: LineMetrics
    by_data: Mapping[str, LineMetrics]
    drawn: tuple[DrawnRow, ...] = ()  # errors of length and width, if measured

    def as_json(self) -> dict[str, Any]:
        """Return the content for metrics.json."""
        return {
            "threshold": self.threshold,
            "overall": self.overall.as_json(),
            "by_data": {data: metrics.as_json() for data, metrics in self.by_data.items()},
            "drawn": drawn_as_json(self.drawn),
        }


def trace_photos(
    photos: Sequence[MaskedPhoto],
    load: Callable[[], Classifier],
    *,
    options: ScanOptions,
    jobs: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[TracedPhoto]:
    """Scan photos for lines, and yield them with their true lines; unreadable ones are left out.

    load: gives each worker its classifier, which has a line head.
    advance: called with 1 after each photo.
    """
    tiles = replace(options.tiles, lines=True, per="tile")
    works = (Work(photo.source, photo.path, "photo", tiles) for photo in photos)
    for photo, (_, rows) in zip(photos, run_works(works, load, options.rows, jobs=jobs), strict=True):
        advance(1)
        traces = [trace for row in rows for trace in row.traces]
        try:
            true = true_lines(read_mask(photo.mask))
        except Unreadable:  # it could be read when the photo was cut into tiles
            continue
        if any(row.probability is not None for row in rows):
            yield TracedPhoto(photo, tuple(join_traces([(_WHOLE, traces)])), tuple(true))


def evaluate_lines(traced: Iterable[TracedPhoto], options: RowOptions) -> LineEvaluation:
    """Measure the lines that a scan with these options would write."""
    photos = tuple(traced)
    compared = [photo.compare(options) for photo in photos]
    by_data: dict[str, list[PhotoLines]] = {}
    for lines in compared:
        by_data.setdefault(lines.data, []).append(lines)
    return LineEvaluation(
        photos,
        options.crack_threshold,
        measure_lines(compared),
        {data: measure_lines(lines) for data, lines in by_data.items()},
    )


def _is_written(crack: Crack, options: RowOptions) -> bool:
    least_px = MIN_LENGTH_PX if options.min_length_px is None else options.min_length_px
    return crack.probability >= options.crack_threshold and crack.length_px >= least_px
