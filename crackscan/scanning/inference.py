"""Inference: Work becomes rows without labels; what cannot be read becomes a row, too."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from crackscan.basics.records import Result, RowOptions, Work
from crackscan.model.predictions import Classifier
from crackscan.scanning import resolution
from crackscan.scanning.mosaic_inference import bands_rows
from crackscan.scanning.photo_inference import photos_rows
from crackscan.scanning.rows import unreadable_rows


def infer(work: Work, classifier: Classifier, options: RowOptions) -> list[Result]:
    """Return the rows of one Work, without labels. What cannot be read becomes a row that says why."""
    (rows,) = infer_each([work], classifier, options)
    return rows


def infer_each(works: Sequence[Work], classifier: Classifier, options: RowOptions) -> Iterator[list[Result]]:
    """Yield the rows of each Work, the same as if it were judged alone; neighbours share reading.

    The rows have no labels yet: `row_labels.label_row` adds them.
    """
    for (readable, mosaic), run in groupby(works, key=lambda work: (work.fault is None, work.mosaic)):
        neighbours = list(run)
        if mosaic is not None:
            rows_of_each = bands_rows(neighbours, classifier, options)
        elif readable:
            rows_of_each = photos_rows(neighbours, classifier, options)
        else:
            rows_of_each = (unreadable_rows(work, work.fault or "") for work in neighbours)
        for work, rows in zip(neighbours, rows_of_each, strict=True):
            yield [with_model(row, work, classifier.model) for row in rows]


def with_model(row: Result, work: Work, model: str) -> Result:
    """Return a row with what the model and the options of its Work add to it."""
    return replace(row, model=model, judged_mm_per_px=resolution.assessed_mm_per_px(row, work))
