"""What a reviewer does to a survey: acts come in as JSON values, and answers go out as JSON values."""

import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import numpy as np

from crackscan.basics.arrays import Pixels
from crackscan.review.queues import (
    CALLED,
    NOT_ASSESSED,
    Judged,
    called_at,
    drawn_order,
    strata_of,
    strata_with_verdicts,
)
from crackscan.review.repeats import find_repeats
from crackscan.review.statistics import Estimate, estimate
from crackscan.review.survey import SurveyRows
from crackscan.review.verdict_file import VerdictFile, each_agreement
from crackscan.review.verdicts import Action, Agreement, Opinion, Point, Verdict

CODES = {None: 0, "crack": 1, "no-crack": 2, "unsure": 3, "disagreement": 4}  # of reviews, in the page
ON_ROWS = {"crack", "no-crack", "unsure", "flag", "unflag"}  # acts that need nothing but a row
LONGEST_NOTE = 2000  # characters
MOST_ROWS = 10_000  # of one act

Json = dict[str, Any]


class BadAct(Exception):
    """An act that the page cannot have meant; the text says why."""


class Desk:
    """One reviewer at a survey. Several threads may use it."""

    def __init__(self, survey: SurveyRows, verdicts: VerdictFile, reviewer: str) -> None:
        self._survey, self._verdicts, self.reviewer = survey, verdicts, reviewer
        self._strata = strata_of(survey)
        self._drawn = drawn_order(survey, self._strata)
        self._repeats: list[list[int]] | None = None
        self._comparing = Lock()

    def state(self) -> Json:
        """Return all that the page needs at its start."""
        self._verdicts.refresh()
        said = dict(self._agreements())
        return {
            "reviewer": self.reviewer,
            "verdicts": {number: CODES[agreement.review] for number, agreement in said.items()},
            "flagged": [number for number, agreement in said.items() if agreement.flagged],
            "notes": {number: agreement.note for number, agreement in said.items() if agreement.note},
            "drawn": self._drawn.tolist(),
            "elsewhere": len(self._verdicts.rows()) - len(said),
            "lost": self._verdicts.lost,
            "missing": self._survey.missing,
        }

    def row(self, number: int) -> Json:
        """Return what each reviewer says about a row.

        Raises: IndexError: there is no such row.
        """
        opinions = self._verdicts.opinions(self._survey.row_id(number))
        agreement = self._verdicts.agreement(self._survey.row_id(number))
        return {
            "row": number,
            "verdict": CODES[agreement.review if agreement else None],
            "flagged": bool(agreement and agreement.flagged),
            "note": agreement.note if agreement else "",
            "opinions": {
                reviewer: _opinion(opinion) for reviewer, opinion in opinions.items() if opinion.says_anything
            },
        }

    def tiles(self, number: int) -> list[list[float]]:
        """Return col, row, width and height, px, and probability of each tile that a photo was decided by.

        Raises: IndexError: there is no such row.
        """
        return self._survey.tiles(number)

    def statistics(self, threshold: float) -> Json:
        """Return recall and precision at a threshold, by the verdicts so far.

        Raises: BadAct: it is no threshold.
        """
        if not 0 <= threshold <= 1:
            raise BadAct("a threshold is a number from 0 to 1")
        judged, doubtful = dict[int, Judged](), 0
        for number, agreement in self._agreements():
            cracked = agreement.cracked
            if cracked is None:
                doubtful += agreement.review is not None
            else:
                judged[number] = Judged(cracked, self._is_drawn(number))
        called = called_at(self._survey, threshold)
        figures = estimate(strata_with_verdicts(self._strata, called, judged))
        return {
            "seen": len(judged),
            "rows": int((self._strata != NOT_ASSESSED).sum()),
            "drawn": sum(said.drawn for said in judged.values()),
            "doubtful": doubtful,
            "recall": _figure(figures.recall),
            "precision": _figure(figures.precision),
            "missed": _figure(figures.missed),
        }

    def repeats(self, read: Callable[[int], Pixels | None]) -> list[list[int]]:
        """Return rows of photos that look alike at the same place, in groups; they are compared only once.

        read: returns the pixels of a row's window; None: they cannot be read.
        """
        with self._comparing:
            if self._repeats is None:
                called = np.flatnonzero(self._strata == CALLED).tolist()
                photos = [number for number in called if self._survey.is_of_photo(number)]
                self._repeats = find_repeats(self._survey, photos, read)
            return self._repeats

    def act(self, content: Any) -> Json:
        """Save an act, and return how it changes the rows.

        Raises:
            BadAct: it is not understood.
            IndexError: there is no such row.
            OSError: it cannot be saved.
        """
        if not isinstance(content, dict):
            raise BadAct("an act is a JSON object")
        action = content.get("action")
        if action == "undo":
            return self._undo()
        rows = _row_numbers(content)
        if action in ON_ROWS:
            acts = [self._verdict(action, number, content) for number in rows]
        elif action == "note":
            acts = [self._verdict(action, number, content, text=_note(content)) for number in rows]
        elif action == "missed":
            point = _point(content)
            rows = [self._survey.row_at(rows[0], point)]
            acts = [self._verdict(action, rows[0], content, point=point)]
        else:
            raise BadAct(f"the action {action!r} is unknown")
        group = secrets.token_hex(4) if len(acts) > 1 else None
        self._verdicts.append([_in_group(act, group) for act in acts])
        return self._changes(rows)

    def _verdict(self, action: Action, number: int, content: Mapping[str, Any], **more: Any) -> Verdict:
        row, drawn = self._survey.row_id(number), content.get("drawn") is True
        return Verdict(at=_now(), reviewer=self.reviewer, action=action, row=row, drawn=drawn, **more)

    def _undo(self) -> Json:
        self._verdicts.refresh()
        undone = self._verdicts.last_of(self.reviewer)
        if not undone:
            return {"rows": [], "undone": None}
        self._verdicts.append([Verdict(at=_now(), reviewer=self.reviewer, action="undo")])
        numbers = [self._survey.find(act.row) for act in undone if act.row is not None]
        return self._changes([number for number in numbers if number is not None]) | {
            "undone": undone[0].action
        }

    def _changes(self, numbers: Iterable[int]) -> Json:
        return {"rows": [self.row(number) for number in dict.fromkeys(numbers)]}

    def _agreements(self) -> Iterable[tuple[int, Agreement]]:
        """Yield the rows of this survey about which people say anything, with what they say together."""
        for row, agreement in each_agreement(self._verdicts):
            number = self._survey.find(row)
            if number is not None:
                yield number, agreement

    def _is_drawn(self, number: int) -> bool:
        """Say whether all who judged a row were shown it because it was drawn at random."""
        opinions = self._verdicts.opinions(self._survey.row_id(number)).values()
        return all(opinion.drawn for opinion in opinions if opinion.cracked is not None)


def _opinion(opinion: Opinion) -> Json:
    return {
        "verdict": opinion.verdict,
        "missed": [list(point) for point in opinion.missed],
        "flagged": opinion.flagged,
        "note": opinion.note,
        "at": opinion.at,
    }


def _figure(figure: Estimate) -> list[float | None]:
    return [figure.value, figure.low, figure.high]


def _row_numbers(content: Mapping[str, Any]) -> list[int]:
    rows = content.get("rows")
    if (
        not isinstance(rows, list)
        or not 1 <= len(rows) <= MOST_ROWS
        or any(type(row) is not int for row in rows)
    ):
        raise BadAct(f"rows is a list of 1 to {MOST_ROWS:,} numbers of rows")
    return rows


def _note(content: Mapping[str, Any]) -> str:
    text = content.get("text")
    if not isinstance(text, str) or len(text) > LONGEST_NOTE:
        raise BadAct(f"a note is a text of at most {LONGEST_NOTE:,} characters")
    return text.strip()


def _point(content: Mapping[str, Any]) -> Point:
    point = content.get("point")
    if (
        not isinstance(point, list)
        or len(point) != 2
        or not all(type(number) in {int, float} and math.isfinite(number) for number in point)
    ):
        raise BadAct("a missed crack needs a point: column and row")
    return round(float(point[0]), 1), round(float(point[1]), 1)


def _in_group(act: Verdict, group: str | None) -> Verdict:
    return replace(act, group=group) if group else act


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
