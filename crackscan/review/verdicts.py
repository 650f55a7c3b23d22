"""Verdicts of people on rows of a scan, and what all verdicts on a row say together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from crackscan.basics.records import Kind, Result, Review, Window

Action = Literal["crack", "no-crack", "unsure", "missed", "flag", "unflag", "note", "undo"]
JUDGEMENTS = ("crack", "no-crack", "unsure")
Point = tuple[float, float]  # (col, row), px of the upright image


class RowId(NamedTuple):
    """What tells a row from others, also in a later scan of the same files: a source and a window of it."""

    source: str
    kind: Kind
    window: Window | None

    @classmethod
    def of_row(cls, row: Result) -> "RowId":
        """Return that of a row."""
        return cls(row.source, row.kind, row.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One act of a reviewer.

    `missed` is a crack at `point` that the row's window does not show, or that nothing called. `undo` takes
    back the reviewer's last act, with all acts of the same group.
    """

    at: str  # ISO 8601, UTC
    reviewer: str
    action: Action
    row: RowId | None = None  # None: undo
    point: Point | None = None
    text: str | None = None  # of a note; empty takes the note away
    drawn: bool = False  # whether the row was shown because it was drawn at random
    group: str | None = None  # acts of one key


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reviewer says about a row."""

    verdict: Literal["crack", "no-crack", "unsure"] | None = None  # on the window that the row marks
    missed: tuple[Point, ...] = ()
    flagged: bool = False
    note: str = ""
    at: str = ""  # of the latest act
    drawn: bool = False  # whether the judgement came by chance, not by choice

    @property
    def cracked(self) -> bool | None:
        """Whether the row has a crack; None: the reviewer does not say."""
        if self.missed or self.verdict == "crack":
            return True
        return False if self.verdict == "no-crack" else None

    @property
    def says_anything(self) -> bool:
        """Whether there is a judgement, a flag or a note."""
        return bool(self.verdict or self.missed or self.flagged or self.note)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What all reviewers say about a row together."""

    review: Review | None
    reviewers: tuple[str, ...]
    at: str
    flagged: bool
    note: str

    @property
    def cracked(self) -> bool | None:
        """Whether the row has a crack; None: nobody says, or they disagree."""
        return {"crack": True, "no-crack": False}.get(self.review or "")


def opinion_of(acts: Iterable[Verdict]) -> Opinion:
    """Return what a reviewer says about a row, by all acts on it that were not undone, in their order."""
    verdict, missed, flagged, note, at, drawn = None, [], False, "", "", False
    for act in acts:
        at = act.at
        match act.action:
            case "crack" | "no-crack" | "unsure":
                verdict, drawn = act.action, act.drawn
            case "missed":
                missed += [act.point] if act.point else []
                drawn = act.drawn if verdict is None else drawn
            case "flag" | "unflag":
                flagged = act.action == "flag"
            case "note":
                note = act.text or ""
    return Opinion(verdict, tuple(missed), flagged, note, at, drawn)


def agree(opinions: Mapping[str, Opinion]) -> Agreement | None:
    """Return what reviewers (name: opinion) say together; None: nothing. Who is unsure does not object."""
    said = {name: opinion for name, opinion in opinions.items() if opinion.says_anything}
    if not said:
        return None
    return Agreement(
        _review(list(said.values())),
        tuple(said),
        max(opinion.at for opinion in said.values()),
        any(opinion.flagged for opinion in said.values()),
        _notes(said),
    )


def _review(opinions: Sequence[Opinion]) -> Review | None:
    answers = {opinion.cracked for opinion in opinions} - {None}
    if len(answers) > 1:
        return "disagreement"
    if answers:
        return "crack" if True in answers else "no-crack"
    return "unsure" if any(opinion.verdict == "unsure" for opinion in opinions) else None


def _notes(opinions: Mapping[str, Opinion]) -> str:
    notes = {name: opinion.note for name, opinion in opinions.items() if opinion.note}
    if len(opinions) == 1:
        return "".join(notes.values())
    return "; ".join(f"{name}: {note}" for name, note in notes.items())
