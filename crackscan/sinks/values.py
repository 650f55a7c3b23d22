"""Values of a result as text: one definition for all formats, so that they cannot disagree."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from crackscan.basics.records import (
    COLUMNS,
    DECIMALS,
    REVIEW_COLUMNS,
    Line,
    Result,
    ReviewedResult,
)

# Characters that start a formula in a spreadsheet (OWASP, "CSV injection"), also the wide ones of East Asia.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Cell(NamedTuple):
    """One value of a row, the same in every format."""

    column: str
    text: str | None  # None is unknown
    is_number: bool


_UNKNOWN = {column: Cell(column, None, is_number=False) for column in COLUMNS}
_UNKNOWN_REVIEWED = _UNKNOWN | {column: Cell(column, None, is_number=False) for column in REVIEW_COLUMNS}
_ONE_LINE = {"reason", "review_note"}
_FORMATTERS = {column: f"{{:z.{decimals}f}}".format for column, decimals in DECIMALS.items()}  # z: no -0.000


Shape = Literal["Polygon", "Point", "MultiLineString"]
Positions = list[tuple[str, str]]  # (lon, lat) as text


class Geometry(NamedTuple):
    """A shape in WGS 84: a closed ring, a point's single position, or lines."""

    kind: Shape
    parts: list[Positions]  # of a polygon or a point: one

    @property
    def positions(self) -> Positions:
        """The ring of a polygon, or a point's position as a list of one."""
        return self.parts[0]


def cells(result: Result) -> Iterator[Cell]:
    """Yield a row's values in the order of COLUMNS, and of REVIEW_COLUMNS for a reviewed row."""
    columns = _UNKNOWN_REVIEWED if isinstance(result, ReviewedResult) else _UNKNOWN
    for column, unknown in columns.items():
        value = getattr(result, column)
        if value is None:
            yield unknown
        else:
            yield Cell(column, _text(column, value), is_number=not isinstance(value, str))


def geometry(result: Result) -> Geometry | None:
    """Return the shape of a row on a map: a crack's lines, else its outline, else its position, else None.

    A shape across the antimeridian stays in one piece, although RFC 7946 asks to cut it.
    """
    if result.lines:
        return _shape("MultiLineString", result.lines)
    if result.outline:
        return _shape("Polygon", [(*result.outline, result.outline[0])])
    if result.lon is not None and result.lat is not None:
        return _shape("Point", [((result.lon, result.lat),)])
    return None


def _shape(kind: Shape, parts: Sequence[Line]) -> Geometry | None:
    """Return a shape with its positions as text; None if one is not finite."""
    texts = [[(_text("lon", lon), _text("lat", lat)) for lon, lat in part] for part in parts]
    known = [[(lon, lat) for lon, lat in part if lon is not None and lat is not None] for part in texts]
    return Geometry(kind, known) if list(map(len, known)) == list(map(len, parts)) else None


def _text(column: str, value: Any) -> str | None:
    if isinstance(value, str):
        return _escape(_one_line(value) if column in _ONE_LINE else value)
    if column not in DECIMALS:
        return f"{value:d}"
    if not math.isfinite(value):
        return None  # JSON has no NaN; both mean unknown
    return _FORMATTERS[column](value)


def _one_line(text: str) -> str:
    # a decoder's message may contain anything; a source is a file name, so it stays as it is
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def _escape(text: str) -> str | None:
    # Python holds a file name that is not UTF-8 as lone surrogates, which no output can encode
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if text.startswith(FORMULA_STARTS):
        text = "'" + text
    return text or None
