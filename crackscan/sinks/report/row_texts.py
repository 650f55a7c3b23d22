"""What the records of a report have no room for, as JSON: reasons, times, lines, and what people said."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, compress, repeat
from typing import Any, NamedTuple

import numpy as np

from crackscan.basics.arrays import Float64s
from crackscan.basics.records import Trace
from crackscan.basics.row_columns import RowColumns

SLIGHTEST = 0.05  # rows that no higher threshold calls cracked keep no tiles: nobody looks at their heat
_json = json.JSONEncoder(separators=(",", ":")).encode
_values = json.JSONDecoder().decode


class RowText(NamedTuple):
    """What a record has no room for."""

    traces: tuple[Trace, ...] = ()
    judged: Sequence[tuple[Sequence[int], float]] = ()  # tiles of a photo near the window
    reason: str | None = None
    captured_at: str | None = None
    outline: tuple[tuple[float, float], ...] | None = None  # of a photo's footprint, (lon, lat)
    review: list[str | None] | None = None  # reviewer, time, "yes" if it is flagged, note


def parse_text(text: bytes) -> RowText:
    """Return what `row_texts` wrote of one row; nothing of an empty text."""
    if not text:
        return RowText()
    known = _values(text.decode())
    outline = known.get("outline")
    return RowText(
        tuple(Trace(tuple(map(tuple, points)), *figures) for points, *figures in known.get("traces", ())),
        known.get("judged", ()),
        known.get("reason"),
        known.get("captured_at"),
        outline and tuple(map(tuple, outline)),
        known.get("review"),
    )


def row_texts(rows: RowColumns, cracked_up_to: Float64s) -> list[bytes]:
    """Return what records have no room for as JSON, without what is empty; of most tiles that is all."""
    works = chain.from_iterable(map(repeat, rows.works, rows.counts))
    outlines = [
        outline if work.kind == "photo" else None
        for outline, work in zip(rows["outline"], works, strict=True)
    ]
    columns = {
        "reason": rows["reason"],
        "captured_at": rows["captured_at"],
        "traces": rows["traces"],
        "judged": _near_tiles(rows, cracked_up_to),
        "outline": outlines,
        "review": _reviews(rows),
    }
    names = tuple(columns)
    return [
        _text(dict(zip(names, values, strict=True))) if any(values) else b""
        for values in zip(*columns.values(), strict=True)
    ]


def _text(values: Mapping[str, Any]) -> bytes:
    return _json({name: value for name, value in values.items() if value}).encode()


def _reviews(rows: RowColumns) -> Iterable[list[str | None] | None]:
    """Return who said what of each row, when, whether it is flagged, and the note; None: nobody."""
    if "review" not in rows.values:
        return repeat(None, len(rows))
    said = zip(*(rows[name] for name in ("reviewer", "reviewed_at", "flagged", "review_note")), strict=True)
    return [list(each) if any(each) else None for each in said]


def _near_tiles(rows: RowColumns, cracked_up_to: Float64s) -> Iterable[list[Any] | None]:
    """Return the judged tiles of each photo that touch its window; None where nobody looks at them."""
    counts, tiles, _ = rows.tiles
    if not len(tiles):
        return repeat(None, len(rows))
    own = np.repeat(rows.windows(), counts, axis=0)
    near = np.all(abs(tiles[:, :2] - own[:, :2]) <= own[:, 2:], axis=1).tolist()
    ends, looked_at = counts.cumsum().tolist(), (cracked_up_to >= SLIGHTEST).tolist()
    return [
        list(compress(judged, near[end - len(judged) : end])) if looked else None
        for judged, end, looked in zip(rows["judged"], ends, looked_at, strict=True)
    ]
