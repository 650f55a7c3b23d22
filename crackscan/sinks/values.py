"""How a result becomes text: one definition for all formats, so that they cannot disagree."""

import math
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from crackscan.basics.records import COLUMNS, DECIMALS, Position, Result

# What a spreadsheet takes for the start of a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Cell(NamedTuple):
    """One value of a row, the same in every format."""

    column: str
    text: str | None  # None is unknown
    is_number: bool


_UNKNOWN = {column: Cell(column, None, is_number=False) for column in COLUMNS}
_FIXED = {column: f"{{:z.{places}f}}".format for column, places in DECIMALS.items()}  # z: no -0.000


class Geometry(NamedTuple):
    """A shape in WGS 84: a closed ring, or a ring of one for a point; each position is (lon, lat) as text."""

    kind: Literal["Polygon", "Point"]
    positions: list[tuple[str, str]]


def cells(result: Result) -> Iterator[Cell]:
    """Yield a row's values in the order of COLUMNS."""
    for column, unknown in _UNKNOWN.items():
        value = getattr(result, column)
        if value is None:
            yield unknown
        else:
            yield Cell(column, _text(column, value), is_number=not isinstance(value, str))


def geometry(result: Result) -> Geometry | None:
    """Choose what of a row goes on a map: its outline, else its position, else nothing.

    A ring across the antimeridian stays in one piece, although RFC 7946 would cut it.
    """
    if result.outline:
        kind: Literal["Polygon", "Point"] = "Polygon"
        ring: tuple[Position, ...] = (*result.outline, result.outline[0])
    elif result.lon is not None and result.lat is not None:
        kind, ring = "Point", ((result.lon, result.lat),)
    else:
        return None
    positions = [(_text("lon", lon), _text("lat", lat)) for lon, lat in ring]
    known = [(lon, lat) for lon, lat in positions if lon is not None and lat is not None]
    return Geometry(kind, known) if len(known) == len(ring) else None


def _text(column: str, value: Any) -> str | None:
    if isinstance(value, str):
        return _harmless(_one_line(value) if column == "reason" else value)
    if column not in DECIMALS:
        return f"{value:d}"
    if not math.isfinite(value):
        return None  # JSON has no NaN, and unknown is what it means
    return _FIXED[column](value)


def _one_line(text: str) -> str:
    # a decoder's message may hold anything; a source stays as it is, for it names a file
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def _harmless(text: str) -> str | None:
    # a file name that is not UTF-8 reaches Python as lone surrogates, which no output can encode
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if text.startswith(FORMULA_STARTS):
        text = "'" + text
    return text or None
