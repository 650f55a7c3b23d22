"""Columns of a report's rows: fixed records on disk, and typed arrays in the page."""

import base64
from collections.abc import Iterator, Sequence
from math import dist, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Float64s, Indices
from crackscan.basics.records import Trace
from crackscan.basics.row_columns import RowColumns

Records = NDArray[np.void]  # of RECORD, shape (n,)

KINDS = ("photo", "tile", "mosaic", "crack")
VERDICTS = (None, "crack", "no-crack", "unsure", "disagreement")
STATUSES = ("ok", "nodata", "too_coarse", "unfamiliar", "unreadable")
UNKNOWN = -1  # of a signed number; of a fraction it is NaN

# name, type in the record and in the page (little endian); f4 holds the six decimals of a probability
PAGE_COLUMNS = (
    ("source", "<u4"),
    ("kind", "u1"),
    ("status", "u1"),
    ("probability", "<f4"),
    ("cracked_up_to", "<f4"),
    ("col", "<i4"),
    ("row", "<i4"),
    ("width", "<i4"),
    ("height", "<i4"),
    ("peak_col", "<i4"),
    ("peak_row", "<i4"),
    ("tiles", "<i4"),
    ("crack_tiles", "<i4"),
    ("valid", "<f4"),
    ("lon", "<f8"),
    ("lat", "<f8"),
    ("heading", "<f4"),
    ("pitch", "<f4"),
    ("above_ground", "<f4"),
    ("mm_per_px", "<f4"),
    ("length_px", "<f4"),
    ("width_px", "<f4"),
    ("max_width_px", "<f4"),
    ("verdict", "u1"),
)
# where the rest of the row lies in the file of texts
RECORD = np.dtype([*PAGE_COLUMNS, ("number", "<u4"), ("text_start", "<u8"), ("text_bytes", "<u4")])
_FRACTIONS = {name for name, kind in PAGE_COLUMNS if "f" in kind}
_ALWAYS = {"source", "kind", "status"}
_COMPUTED = "source", "kind", "status", "cracked_up_to", "length_px", "width_px", "max_width_px", "verdict"
_COPIED = tuple(name for name, _ in PAGE_COLUMNS if name not in _COMPUTED)


def row_records(rows: RowColumns, sources: Indices, cracked_up_to: Float64s) -> Records:
    """Return the page's columns of rows; sources: the number of each row's source."""
    records = np.zeros(len(rows), RECORD)
    for name in _COPIED:
        values = rows.numbers(name)
        records[name] = values if name in _FRACTIONS else np.where(np.isnan(values), UNKNOWN, values)
    records["source"], records["cracked_up_to"] = sources, cracked_up_to
    for name, column, choices in (
        ("kind", "kind", KINDS),
        ("status", "status", STATUSES),
        ("verdict", "review", VERDICTS),
    ):
        if column in rows.values:
            numbers = {choice: number for number, choice in enumerate(choices)}
            records[name] = [numbers[value] for value in rows[column]]
    for name, values in zip(("length_px", "width_px", "max_width_px"), _crack_figures(rows).T, strict=True):
        records[name] = values
    return records


def _numbered(values: Sequence[str | None], choices: Sequence[str | None]) -> list[int]:
    numbers = {choice: number for number, choice in enumerate(choices)}
    return [numbers[value] for value in values]


def _crack_figures(rows: RowColumns) -> Float64s:
    """Return the length of each crack, its width and its largest width, px, or NaN; shape (rows, 3).

    A row that is not a crack itself has them of its traces; their mean width is weighted by length.
    """
    figures = np.full((len(rows), 3), nan)
    columns = (rows[name] for name in ("length_px", "width_px", "max_width_px", "traces"))
    for number, (length, width, largest, traces) in enumerate(zip(*columns, strict=True)):
        if length is not None:
            figures[number] = length, width or nan, largest or nan
        elif traces:
            figures[number] = _trace_figures(traces)
    return figures


def _trace_figures(traces: Sequence[Trace]) -> tuple[float, float, float]:
    lengths = [trace_length(trace) for trace in traces]
    wide = [(length, trace.width_px) for length, trace in zip(lengths, traces, strict=True) if trace.width_px]
    known = sum(length for length, _ in wide)
    width = sum(length * (width or 0.0) for length, width in wide) / known if known else nan
    largest = max((trace.max_width_px for trace in traces if trace.max_width_px), default=nan)
    return sum(lengths), width, largest


def trace_length(trace: Trace) -> float:
    """Return the length of a trace, px."""
    return sum(dist(first, second) for first, second in zip(trace.points, trace.points[1:], strict=False))


def page_arrays(records: Records) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Yield name, type and values of each column; one that is unknown in all rows is left out."""
    for name, kind in PAGE_COLUMNS:
        values = records[name]
        nothing = 0 if name == "verdict" else UNKNOWN
        unknown = np.isnan(values) if name in _FRACTIONS else values == np.array(nothing).astype(values.dtype)
        if name in _ALWAYS or not unknown.all():
            yield name, kind.lstrip("<"), np.ascontiguousarray(values)


def encode(values: NDArray[Any] | bytes) -> bytes:
    """Return values as base64 of their bytes, which `decodeColumn` of the page turns back."""
    return base64.b64encode(values if isinstance(values, bytes) else values.tobytes())
