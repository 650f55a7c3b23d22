"""Work and results as bytes in a journal: JSON, because data that is read from a file must not run code."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crackscan.basics.records import (
    FileSignature,
    Line,
    MapGrid,
    Pose,
    Result,
    TileOptions,
    Trace,
    Window,
    Work,
)

_FIELDS = tuple(field.name for field in fields(Result))
_VALUES, _GRID = attrgetter(*_FIELDS), _FIELDS.index("grid")
_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for each call
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
        rows, packed_grids = json.loads(_decompress(content))
        grids = [grid and _grid(*grid) for grid in packed_grids]
        return [_result(row, grids) for row in rows]
    except (TypeError, LookupError, ArithmeticError, RecursionError, zlib.error) as error:
        raise ValueError(str(error)) from error


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
        source, path, kind, window, fault, signature, pose, side_px, identity, folders = json.loads(text)
        window, pose = window and Window(*window), pose and Pose(*pose)
        signature = signature and FileSignature(*signature)
        place = source, path, kind, options, window
        return Work(*place, fault, signature, pose, side_px, identity, tuple(folders))
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _result(values: list[Any], grids: Sequence[MapGrid | None]) -> Result:
    for value, types, choices in zip(values, _TYPES, _CHOICES, strict=True):
        if type(value) not in types or (choices and value not in choices):
            raise ValueError("a value is not of its column's type")
        if type(value) is int and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise ValueError("a number is too large")
    row = dict(zip(_FIELDS, values, strict=True))
    outline = row["outline"]
    row["outline"] = None if outline is None else _line(outline)
    row["grid"] = grids[row["grid"]]
    row["judged"] = tuple((_window(*window), float(probability)) for window, probability in row["judged"])
    row["traces"] = tuple(_trace(*trace) for trace in row["traces"])
    row["lines"] = tuple(map(_line, row["lines"]))
    return Result(**row)


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


_HINTS = get_type_hints(Result) | {"grid": int}  # the number of a grid
_TYPES = [_types(_HINTS[name]) for name in _FIELDS]
_CHOICES = [_choices(_HINTS[name]) for name in _FIELDS]
