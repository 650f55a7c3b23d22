"""Work and results as bytes, as a journal keeps them: JSON, for what is read from a file must not run."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from crackscan.records import Result, ScanOptions, Stamp, Window, Work

_FIELDS = tuple(field.name for field in fields(Result))
FAST = 1  # zlib's level: a band of 447 tiles takes 61 kB and 4 ms, of the seconds that judging it takes


def packed_results(results: Sequence[Result]) -> bytes:
    """Return results as bytes that `results_in` turns into equal ones."""
    rows = [[getattr(result, name) for name in _FIELDS] for result in results]
    return zlib.compress(_json(rows).encode(), FAST)


def results_in(content: bytes) -> list[Result]:
    """Return what `packed_results` was given.

    Raises:
        ValueError, zlib.error: the bytes are damaged.
    """
    return [_result(dict(zip(_FIELDS, row, strict=True))) for row in json.loads(zlib.decompress(content))]


def packed_work(work: Work) -> str:
    """Return a Work, less its options, as text; names that are no UTF-8 come through."""
    return _json([work.source, work.path, work.kind, work.window, work.fault, work.stamp, work.side_px])


def work_in(text: str, options: ScanOptions) -> Work:
    """Return the Work that `packed_work` was given."""
    source, path, kind, window, fault, stamp, side_px = json.loads(text)
    window, stamp = window and Window(*window), stamp and Stamp(*stamp)
    return Work(source, path, kind, options, window, fault, stamp, side_px)


def _result(row: dict[str, Any]) -> Result:
    outline = row["outline"]
    row["outline"] = None if outline is None else tuple((lon, lat) for lon, lat in outline)
    row["judged"] = tuple((Window(*window), probability) for window, probability in row["judged"])
    return Result(**row)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
