"""Work and results as bytes in a journal: JSON, because data that is read from a file must not run code."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from typing import Any

from crackscan.basics.records import FileSignature, MapGrid, Pose, Result, TileOptions, Window, Work

_FIELDS = tuple(field.name for field in fields(Result))
_VALUES, _GRID = attrgetter(*_FIELDS), _FIELDS.index("grid")
_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for each call
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
        ValueError, zlib.error: the bytes are damaged.
    """
    rows, packed_grids = json.loads(zlib.decompress(content))
    grids = [grid and MapGrid(grid[0], tuple(grid[1])) for grid in packed_grids]
    return [_result(dict(zip(_FIELDS, row, strict=True)), grids) for row in rows]


def pack_work(work: Work) -> str:
    """Return a Work without its options as text; names that are not UTF-8 are kept."""
    pose = work.pose and astuple(work.pose)
    place = work.source, work.path, work.kind, work.window
    return _json([*place, work.fault, work.signature, pose, work.side_px, work.identity, work.folders])


def unpack_work(text: str, options: TileOptions) -> Work:
    """Return the Work that `pack_work` packed."""
    source, path, kind, window, fault, signature, pose, side_px, identity, folders = json.loads(text)
    window, pose = window and Window(*window), pose and Pose(*pose)
    signature = signature and FileSignature(*signature)
    place = source, path, kind, options, window
    return Work(*place, fault, signature, pose, side_px, identity, tuple(folders))


def _result(row: dict[str, Any], grids: Sequence[MapGrid | None]) -> Result:
    outline = row["outline"]
    row["outline"] = None if outline is None else tuple((lon, lat) for lon, lat in outline)
    row["grid"] = grids[row["grid"]]
    row["judged"] = tuple((Window(*window), probability) for window, probability in row["judged"])
    return Result(**row)
