"""Choice of the rows that a page has room for, and of those that get a picture."""

from typing import Any

import numpy as np

from crackscan.basics.arrays import Bools, Indices
from crackscan.sinks.report.columns import RECORD, STATUSES, Records
from crackscan.sinks.report.row_table import RowTable

MOST_ROWS = 200_000  # in a page: 20 MB, and a browser on two cores opens it within seconds
MOST_PICTURES = 2000
MOST_ALMOST = 200  # pictures of rows below the threshold, where room is left
MOST_BLIND = 100  # pictures of rows whose surface was not judged, where room is left
ALMOST = 0.5  # times the threshold: rows above it are almost cracked
_NOT_JUDGED = [STATUSES.index(status) for status in ("too_coarse", "unfamiliar")]
_BINS = 10_000  # of the highest threshold that calls a row cracked


def page_rows(table: RowTable, most: int = MOST_ROWS) -> Records:
    """Return the rows of a page, in plan order: all, or the most probable cracks.

    Of rows that were not assessed up to half of the page is kept, evenly over the survey, so that the map
    shows where they are.
    """
    if len(table) <= most:
        return np.concatenate([np.zeros(0, RECORD), *table.chunks()])
    counts, not_assessed = np.zeros(_BINS + 1, np.int64), 0
    for chunk in table.chunks():
        assessed = ~np.isnan(chunk["cracked_up_to"])
        counts += np.bincount(_bins(chunk[assessed]), minlength=_BINS + 1)
        not_assessed += int((~assessed).sum())
    assessed_rows = int(counts.sum())
    blind_quota = min(not_assessed, max(most // 2, most - assessed_rows))
    quota = most - blind_quota
    above = counts[::-1].cumsum()[::-1]  # rows in this bin or a higher one
    cutoff = int(np.searchsorted(-above, -quota))  # the lowest bin of which all rows have room
    rest, seen, kept = quota - (int(above[cutoff]) if cutoff <= _BINS else 0), 0, []
    for chunk in table.chunks():
        assessed = ~np.isnan(chunk["cracked_up_to"])
        bins = np.full(len(chunk), -1)
        bins[assessed] = _bins(chunk[assessed])
        last = np.flatnonzero(bins == cutoff - 1)[:rest]
        rest -= len(last)
        keep = bins >= cutoff
        keep[last] = True
        blind = np.flatnonzero(~assessed)
        keep[blind] = _is_evenly_chosen(seen + np.arange(len(blind)), not_assessed, blind_quota)
        seen += len(blind)
        kept.append(chunk[keep])
    return np.concatenate(kept)


def picture_rows(rows: Records, threshold: float, most: int = MOST_PICTURES) -> Indices:
    """Return which rows get a picture, ascending.

    These are the surest cracks, and the surest of each part of the survey. Where there are fewer cracks than
    pictures, rows just below the threshold get one, too, and rows whose surface was not judged, evenly over
    the survey: a person sees whether that was right.
    """
    certainty = np.nan_to_num(rows["cracked_up_to"], nan=-1.0)
    has_window = rows["width"] > 0
    cracks = np.flatnonzero((certainty >= np.float32(threshold)) & has_window)
    if len(cracks) <= most:
        almost = np.flatnonzero(
            (certainty < np.float32(threshold)) & (certainty >= ALMOST * threshold) & has_window
        )
        almost = _surest(almost, certainty)[: min(most - len(cracks), MOST_ALMOST)]
        blind = np.flatnonzero(np.isin(rows["status"], _NOT_JUDGED) & has_window)
        room = min(most - len(cracks) - len(almost), MOST_BLIND)
        evenly = blind[_is_evenly_chosen(np.arange(len(blind)), max(len(blind), 1), min(room, len(blind)))]
        return np.sort(np.concatenate([cracks, almost, evenly]))
    parts = most // 2
    part = np.arange(len(cracks)) * parts // len(cracks)
    order = np.lexsort((cracks, -certainty[cracks], part))
    firsts = np.unique(part[order], return_index=True)[1]
    even = cracks[order[firsts]]
    others = np.setdiff1d(_surest(cracks, certainty), even, assume_unique=True)
    return np.sort(np.concatenate([even, _surest(others, certainty)[: most - len(even)]]))


def _surest(indices: Indices, certainty: Any) -> Indices:
    """Return indices with the surest first; of equals the earliest."""
    return indices[np.lexsort((indices, -certainty[indices]))]


def _bins(rows: Records) -> Indices:
    return np.floor(rows["cracked_up_to"].astype(np.float64) * _BINS).astype(np.int64)


def _is_evenly_chosen(positions: Indices, total: int, quota: int) -> Bools:
    """Say for each of `total` positions whether it is one of `quota` that are evenly spread."""
    return (positions + 1) * quota // total > positions * quota // total
