"""Rows as Arrow tables, for the binary formats: column types from the record of a row, geometry as WKB."""

import struct
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pyarrow as pa

from crackscan.basics.records import COLUMNS, REVIEW_COLUMNS, Position, Result, ReviewedResult
from crackscan.sinks.values import Cell, Geometry, cells

LITTLE_ENDIAN, POINT, LINE_STRING, POLYGON, MULTI_LINE_STRING = 1, 1, 2, 3, 5  # OGC 06-103r4, 8.2.3

_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64()}


def _python_types(hint: Any) -> set[type]:
    """Return the types that an annotation allows: {float} for `float | None`, {str} for a Literal."""
    if get_origin(hint) is Literal:
        return {type(value) for value in get_args(hint)}
    parts = get_args(hint)
    return set().union(*map(_python_types, parts)) - {NoneType} if parts else {hint}


def _column_types() -> dict[str, type]:
    hints = get_type_hints(ReviewedResult)
    types = {}
    for column in (*COLUMNS, *REVIEW_COLUMNS):
        (types[column],) = _python_types(hints[column])
    return types


TYPES = _column_types()


def schema(geometry_column: str | None, *, reviewed: bool = False) -> pa.Schema:
    """Return the columns with their types, the geometry last; reviewed: with REVIEW_COLUMNS."""
    fields = [(column, _ARROW_TYPES[TYPES[column]]) for column in _columns(reviewed=reviewed)]
    return pa.schema(fields + ([(geometry_column, pa.binary())] if geometry_column else []))


def _columns(*, reviewed: bool) -> tuple[str, ...]:
    return (*COLUMNS, *REVIEW_COLUMNS) if reviewed else COLUMNS


def table(
    results: Iterable[Result],
    geometries: Sequence[bytes | None],
    *,
    geometry_column: str | None,
    reviewed: bool = False,
) -> pa.Table:
    """Build a table of `schema`, with the same values as the text formats: rounded, finite, safe to open.

    Args:
        results: the rows.
        geometries: WKB, one for each row.
        geometry_column: its name; None leaves geometries out.
        reviewed: whether the rows are reviewed ones.
    """
    columns = zip(*(map(_value, cells(result)) for result in results), strict=True)
    arrays = [list(column) for column in columns] or [[] for _ in _columns(reviewed=reviewed)]
    if geometry_column:
        arrays.append(list(geometries))
    return pa.table(arrays, schema=schema(geometry_column, reviewed=reviewed))


def _value(cell: Cell) -> str | int | float | None:
    return None if cell.text is None else TYPES[cell.column](cell.text)


def point(position: Position) -> bytes:
    """Encode x, y as WKB."""
    return struct.pack("<BI2d", LITTLE_ENDIAN, POINT, *position)


def polygon(ring: Sequence[Position]) -> bytes:
    """Encode a closed ring, its first position repeated at the end, as WKB."""
    numbers = [number for position in ring for number in position]
    return struct.pack(f"<BIII{len(numbers)}d", LITTLE_ENDIAN, POLYGON, 1, len(ring), *numbers)


def multi_line_string(lines: Sequence[Sequence[Position]]) -> bytes:
    """Encode lines as WKB."""
    parts = [struct.pack("<BII", LITTLE_ENDIAN, MULTI_LINE_STRING, len(lines))]
    for line in lines:
        numbers = [number for position in line for number in position]
        parts.append(struct.pack(f"<BII{len(numbers)}d", LITTLE_ENDIAN, LINE_STRING, len(line), *numbers))
    return b"".join(parts)


def encode(shape: Geometry) -> bytes:
    """Encode a shape as WKB."""
    parts = [[(float(lon), float(lat)) for lon, lat in part] for part in shape.parts]
    match shape.kind:
        case "Point":
            return point(parts[0][0])
        case "Polygon":
            return polygon(parts[0])
        case "MultiLineString":
            return multi_line_string(parts)
