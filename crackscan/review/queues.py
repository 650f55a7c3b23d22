"""Strata of a survey, the order in which rows are drawn from them, and what the verdicts say about each.

The strata are those of the scan's own threshold, also where a person moves the slider: rows that were drawn
from them stay a random sample. Figures at another threshold divide the strata further.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Indices
from crackscan.review.statistics import Stratum
from crackscan.review.survey import SurveyRows
from crackscan.sinks.report.selection import ALMOST

CALLED, SLIGHT, REST, NOT_ASSESSED = 0, 1, 2, 3
# Half of the drawn rows are from the rest: it is by far the largest, so its misses are the least known.
WEIGHTS = {CALLED: 1, SLIGHT: 1, REST: 2}
MOST_DRAWN = 5000  # of the queue: nobody judges more by hand

Strata = NDArray[np.uint8]


class Judged(NamedTuple):
    """What people say about one row."""

    cracked: bool
    drawn: bool  # whether it was judged only because it was drawn at random


def strata_of(survey: SurveyRows) -> Strata:
    """Return the stratum of each row: called cracked, just below the threshold, the rest, or not assessed."""
    certainty = survey.records["cracked_up_to"]
    threshold = np.float32(survey.facts.options.rows.threshold)
    strata = np.full(len(survey), REST, np.uint8)
    strata[certainty >= np.float32(ALMOST) * threshold] = SLIGHT
    strata[certainty >= threshold] = CALLED
    strata[np.isnan(certainty)] = NOT_ASSESSED
    return strata


def drawn_order(survey: SurveyRows, strata: Strata) -> Indices:
    """Return rows in the order in which they are drawn, at most MOST_DRAWN.

    Within a stratum the order is that of their digests: it is as random as a seeded draw, the same for all
    reviewers, and stays when a scan goes on and adds rows.
    """
    turns = np.full(len(survey), np.inf)
    for stratum, weight in WEIGHTS.items():
        rows = np.flatnonzero(strata == stratum)
        rows = rows[np.argsort(survey.digests[rows], kind="stable")]
        turns[rows] = (np.arange(len(rows)) + 0.5) / weight
    order = np.argsort(turns, kind="stable")[:MOST_DRAWN]
    drawn: Indices = order[np.isfinite(turns[order])]
    return drawn


def called_at(survey: SurveyRows, threshold: float) -> Bools:
    """Return which rows are called cracked at a threshold."""
    called: Bools = survey.records["cracked_up_to"] >= np.float32(threshold)
    return called


def strata_with_verdicts(strata: Strata, called: Bools, judged: Mapping[int, Judged]) -> list[Stratum]:
    """Return the strata for the statistics; judged: rows on which people agree, by number."""
    cells = 2 * strata.astype(np.int64) + called
    sizes = np.bincount(cells, minlength=2 * NOT_ASSESSED)
    counts = np.zeros((2 * (NOT_ASSESSED + 1), 2, 2), np.int64)  # cell, drawn, cracked
    for number, said in judged.items():
        counts[cells[number], int(said.drawn), int(said.cracked)] += 1
    return [
        Stratum(
            called=bool(cell % 2),
            size=int(sizes[cell]),
            chosen=int(counts[cell, 0].sum()),
            chosen_cracks=int(counts[cell, 0, 1]),
            drawn=int(counts[cell, 1].sum()),
            drawn_cracks=int(counts[cell, 1, 1]),
        )
        for cell in range(2 * NOT_ASSESSED)
        if sizes[cell]
    ]
