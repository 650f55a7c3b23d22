"""Work and results as bytes, as a journal keeps them: JSON, for what is read from a file must not run."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from typing import Any

from crackscan.basics.records import FileSignature, MapGrid, Pose, Result, ScanOptions, Window, Work

_FIELDS = tuple(field.name for field in fields(Result))
_VALUES, _GRID = attrgetter(*_FIELDS), _FIELDS.index("grid")
_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder each time
FAST = 1  # zlib's level: a band of 447 tiles takes 61 kB and 4 ms, of the seconds that judging it takes


def packed_results(results: Sequence[Result]) -> bytes:
    """Return results as bytes that `results_in` turns into equal ones."""
    grids = list(dict.fromkeys(result.grid for result in results))  # a band's tiles share theirs
    rows = [list(_VALUES(result)) for result in results]
    for row in rows:
        row[_GRID] = grids.index(row[_GRID])
    return zlib.compress(_json([rows, grids]).encode(), FAST)


def results_in(content: bytes) -> list[Result]:
    """Return what `packed_results` was given.

    Raises:
        ValueError, zlib.error: the bytes are damaged.
    """
    rows, found = json.loads(zlib.decompress(content))
    grids = [grid and MapGrid(grid[0], tuple(grid[1])) for grid in found]
    return [_result(dict(zip(_FIELDS, row, strict=True)), grids) for row in rows]


def packed_work(work: Work) -> str:
    """Return a Work, less its options, as text; names that are no UTF-8 come through."""
    pose = work.pose and astuple(work.pose)
    return _json(
        [work.source, work.path, work.kind, work.window, work.fault, work.signature, pose, work.side_px]
    )


def work_in(text: str, options: ScanOptions) -> Work:
    """Return the Work that `packed_work` was given."""
    source, path, kind, window, fault, signature, pose, side_px = json.loads(text)
    window, signature, pose = (
        window and Window(*window),
        signature and FileSignature(*signature),
        pose and Pose(*pose),
    )
    return Work(source, path, kind, options, window, fault, signature, pose, side_px)


def _result(row: dict[str, Any], grids: Sequence[MapGrid | None]) -> Result:
    outline = row["outline"]
    row["outline"] = None if outline is None else tuple((lon, lat) for lon, lat in outline)
    row["grid"] = grids[row["grid"]]
    row["judged"] = tuple((Window(*window), probability) for window, probability in row["judged"])
    return Result(**row)
