"""Work and results as bytes in a journal: JSON, because data that is read from a file must not run code."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import astuple
from itertools import chain, repeat
from operator import attrgetter
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crackscan.basics.records import (
    FileSignature,
    Kind,
    Line,
    MapGrid,
    Pose,
    Result,
    TileOptions,
    Trace,
    Window,
    Work,
)
from crackscan.basics.row_columns import FIELDS, RowColumns, judged_tiles

_FIELDS = FIELDS
_VALUES, _GRID, _KIND = attrgetter(*_FIELDS), _FIELDS.index("grid"), _FIELDS.index("kind")
DAMAGES = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, zlib.error)
_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for each call
_values = json.JSONDecoder().decode
LARGEST_CONTENT = 1 << 29  # bytes of one Work's results, unpacked: a million tiles
LARGEST_NUMBER = (1 << 63) - 1  # that all formats can hold
FAST = 1  # zlib level: a band of 447 tiles takes 61 kB and 4 ms, while judging it takes seconds


def pack_results(results: Sequence[Result]) -> bytes:
    """Return results as bytes, which `unpack_results` turns back into equal results."""
    grids = list(dict.fromkeys(result.grid for result in results))  # the tiles of a band share one
    rows = [list(_VALUES(result)) for result in results]
    for row in rows:
        row[_GRID] = grids.index(row[_GRID])
    return zlib.compress(_json([rows, grids]).encode(), FAST)


def unpack_results(content: bytes) -> list[Result]:
    """Return the results that `pack_results` packed.

    Raises:
        ValueError: the bytes are damaged, too many, or hold values of other types.
    """
    try:
        values = _checked(unpack_rows(content))
        values["outline"] = [None if outline is None else _line(outline) for outline in values["outline"]]
        values["judged"] = [
            tuple((_window(*window), float(probability)) for window, probability in tiles) if tiles else ()
            for tiles in values["judged"]
        ]
        return [Result(**dict(zip(_FIELDS, row, strict=True))) for row in zip(*values.values(), strict=True)]
    except DAMAGES as error:
        raise ValueError(str(error)) from error


def unpack_rows(content: bytes, kind: Kind | None = None) -> list[list[Any]]:
    """Return the rows of results that `pack_results` packed, as they are in JSON, and not checked yet.

    kind: leaves out rows of another kind, unless all are.

    Raises: one of DAMAGES: the bytes are damaged, or too many.
    """
    rows, packed_grids = _values(_decompress(content).decode())
    grids = [grid and _grid(*grid) for grid in packed_grids]
    if rows and (set(map(type, rows)), set(map(len, rows))) != ({list}, {len(_FIELDS)}):
        raise ValueError("a row is damaged")
    if not {int}.issuperset(type(row[_GRID]) for row in rows):
        raise ValueError("the number of a grid is damaged")
    for row in rows:
        row[_GRID] = grids[row[_GRID]]
    return ([row for row in rows if row[_KIND] == kind] if kind else rows) or rows


def row_columns(works: Sequence[Work], rows: Sequence[list[list[Any]]]) -> RowColumns:
    """Return the rows of some Work, from `unpack_rows`, as columns.

    Raises: one of DAMAGES: they hold values of other types, or are those of other sources.
    """
    counts = list(map(len, rows))
    values = _checked(list(chain.from_iterable(rows)))
    sources = chain.from_iterable(
        repeat(work.source, count) for work, count in zip(works, counts, strict=True)
    )
    if list(values["source"]) != list(sources):
        raise ValueError("results are those of another source")
    _check_outlines(values["outline"])
    return RowColumns(works, counts, values, judged_tiles(values["judged"]))


def _check_outlines(outlines: Sequence[list[Any] | None]) -> None:
    positions = list(chain.from_iterable(filter(None, outlines)))
    if not set(map(len, positions)) <= {2}:
        raise ValueError("an outline is damaged")
    if not set(map(type, chain.from_iterable(positions))) <= {int, float}:
        raise ValueError("a position is damaged")


def _decompress(content: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    unpacked = unpacker.decompress(content, LARGEST_CONTENT)
    if not unpacker.eof:
        raise ValueError("results are cut short or too large")
    return unpacked


def pack_work(work: Work) -> str:
    """Return a Work without its options as text; names that are not UTF-8 are kept."""
    pose = work.pose and astuple(work.pose)
    place = work.source, work.path, work.kind, work.window
    return _json([*place, work.fault, work.signature, pose, work.side_px, work.identity, work.folders])


def unpack_work(text: str, options: TileOptions) -> Work:
    """Return the Work that `pack_work` packed.

    Raises: ValueError: the text is damaged.
    """
    try:
        source, path, kind, window, fault, signature, pose, side_px, identity, folders = _values(text)
        window, pose = window and Window(*window), pose and Pose(*pose)
        signature = signature and FileSignature(*signature)
        place = source, path, kind, options, window
        return Work(*place, fault, signature, pose, side_px, identity, tuple(folders))
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _checked(rows: Sequence[list[Any]]) -> dict[str, Sequence[Any]]:
    """Return rows as columns of checked values; outlines and judged tiles stay as they are in JSON.

    Raises: ValueError, TypeError: a value is not of its column's type, or too large.
    """
    columns = zip(*rows, strict=True) if rows else repeat((), len(_FIELDS))
    values: dict[str, Sequence[Any]] = dict(zip(_FIELDS, columns, strict=True))
    for name, types, choices in _CHECKS:
        column = values[name]
        is_empty = column.count(None) == len(column)  # as most are: quicker than asking for types
        known = {NoneType} if is_empty and column else set(map(type, column))
        if not known <= types or (choices and not choices.issuperset(column)):
            raise ValueError("a value is not of its column's type")
        if int in known:
            numbers = [value for value in column if type(value) is int] if len(known) > 1 else column
            if not -LARGEST_NUMBER <= min(numbers) <= max(numbers) <= LARGEST_NUMBER:
                raise ValueError("a number is too large")
    values["traces"] = [
        tuple(_trace(*trace) for trace in traces) if traces else () for traces in values["traces"]
    ]
    values["lines"] = [tuple(map(_line, lines)) if lines else () for lines in values["lines"]]
    return values


def _window(*numbers: int) -> Window:
    if not all(type(number) is int and abs(number) <= LARGEST_NUMBER for number in numbers):
        raise ValueError("a window is damaged")
    return Window(*numbers)


def _trace(points: list[Any], probability: float, width: float | None, max_width: float | None) -> Trace:
    figures = (None if figure is None else float(figure) for figure in (width, max_width))
    return Trace(_line(points), float(probability), *figures)


def _line(points: list[Any]) -> Line:
    return tuple((float(across), float(up)) for across, up in points)


def _grid(crs: str, transform: list[float]) -> MapGrid:
    a, b, c, d, e, f = map(float, transform)
    return MapGrid(str(crs), (a, b, c, d, e, f))


def _types(hint: Any) -> set[type]:
    """Return the types that a field may have in JSON."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {str}
    if origin is tuple:
        return {list}
    if parts:
        return set().union(*map(_types, parts))
    return {float, int} if hint is float else {hint}


def _choices(hint: Any) -> frozenset[str | None]:
    """Return the texts that a field may have; empty: any."""
    for part in (hint, *get_args(hint)):
        if get_origin(part) is Literal:
            return frozenset({*get_args(part), *([None] if NoneType in get_args(hint) else [])})
    return frozenset()


_HINTS = get_type_hints(Result)
_CHECKS = [
    (name, frozenset(_types(_HINTS[name])), _choices(_HINTS[name])) for name in _FIELDS if name != "grid"
]
