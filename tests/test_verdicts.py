"""Verdicts: each is on the disk before it counts, and none of another reviewer is lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Result, Trace, Window
from crackscan.review.reviewed_rows import reviewed_rows
from crackscan.review.verdict_file import VerdictFile, each_agreement, open_verdicts, verdicts_path
from crackscan.review.verdicts import RowId, Verdict

TILE = RowId("bridge/deck, north.tif", "tile", Window(224, 448, 224, 224))
PHOTO = RowId("Übersicht.jpg", "photo", Window(0, 0, 224, 224))


def act(action: Any, row: RowId | None = TILE, reviewer: str = "anna", **more: Any) -> Verdict:
    """Return an act of a reviewer."""
    return Verdict(at="2026-11-28T12:00:00Z", reviewer=reviewer, action=action, row=row, **more)


def undo(reviewer: str = "anna") -> Verdict:
    """Return an undo."""
    return act("undo", None, reviewer)


def written(path: Path, *acts: Verdict) -> VerdictFile:
    """Append acts one by one, as keys are pressed, and read the file again."""
    file = VerdictFile(path)
    for each in acts:
        file.append([each])
    return VerdictFile(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the verdicts of a journal are."""
    return verdicts_path(tmp_path / "cracks.gpkg.journal")


def test_verdicts_lie_beside_the_journal(path: Path) -> None:
    """Who copies the journal sees which file belongs to it."""
    assert path.name == "cracks.gpkg.journal.verdicts"


def test_last_verdict_of_a_reviewer_counts(path: Path) -> None:
    """Who changes their mind presses another key; notes and flags stay."""
    file = written(path, act("crack"), act("note", text="at the joint"), act("flag"), act("no-crack"))
    said = file.agreement(TILE)
    assert said is not None
    assert (said.review, said.reviewers, said.flagged, said.note) == (
        "no-crack",
        ("anna",),
        True,
        "at the joint",
    )


def test_reviewers_do_not_overwrite_each_other(path: Path) -> None:
    """Two people who disagree are both heard; who is unsure does not object."""
    file = written(path, act("crack"), act("no-crack", reviewer="bob"), act("unsure", reviewer="eve"))
    said = file.agreement(TILE)
    assert said is not None
    assert (said.review, said.cracked, said.reviewers) == ("disagreement", None, ("anna", "bob", "eve"))
    file.append([act("crack", reviewer="bob")])
    assert file.agreement(TILE).review == "crack"  # type: ignore[union-attr]


def test_missed_crack_makes_a_row_cracked(path: Path) -> None:
    """A click on a crack says more than the marked tile, which shows none."""
    file = written(path, act("no-crack", PHOTO), act("missed", PHOTO, point=(700.5, 20)))
    assert file.opinions(PHOTO)["anna"].missed == ((700.5, 20.0),)
    assert file.agreement(PHOTO).review == "crack"  # type: ignore[union-attr]


def test_undo_takes_back_the_own_last_act(path: Path) -> None:
    """It brings back what was said before, and touches no other reviewer."""
    acts = act("crack"), act("unsure"), act("no-crack", reviewer="bob"), undo(), undo("eve")
    file = written(path, *acts)
    assert file.opinions(TILE)["anna"].verdict == "crack"
    assert file.opinions(TILE)["bob"].verdict == "no-crack"
    file.append([undo()])
    assert list(file.opinions(TILE)) == ["bob"]


def test_undo_of_the_same_verdict_twice(path: Path) -> None:
    """Of equal acts within a second the last one is taken back."""
    file = written(path, act("crack"), act("no-crack"), act("crack"), undo())
    assert file.opinions(TILE)["anna"].verdict == "no-crack"


def test_one_key_for_many_rows_is_undone_by_one_key(path: Path) -> None:
    """Forty times the same joint is one decision."""
    rows = [TILE._replace(source=f"{number}.jpg") for number in range(40)]
    file = VerdictFile(path)
    file.append([act("crack", PHOTO)])
    file.append([act("no-crack", row, group="a1") for row in rows])
    assert len(file.rows()) == 41
    file.append([undo()])
    assert file.rows() == [PHOTO]


def test_file_survives_a_kill_at_any_byte(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was saved before the kill counts, and the next verdict is whole again."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a thousand times takes seconds
    written(path, act("crack", PHOTO), act("no-crack"), act("note", text="schräg"))
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        file = VerdictFile(path)
        kept = sum(end <= length for end in ends)
        assert (len(file.rows()), file.damaged) == (min(kept, 2), 0)
        assert file.torn == (length not in {0, *ends})
        lost = file.torn and length + 1 not in ends  # else only the end of the line is lacking
        file.append([act("crack", reviewer="bob")])
        again = VerdictFile(path)
        assert again.opinions(TILE)["bob"].verdict == "crack"
        assert (again.damaged, again.torn) == (lost, False)


def test_changed_byte_loses_only_its_line_and_is_told(path: Path) -> None:
    """A damaged disk does not turn a verdict into another one."""
    written(path, act("crack", PHOTO), act("no-crack"))
    content = path.read_bytes().replace(b'"no-crack"', b'"my-crack"')
    path.write_bytes(content)
    file = VerdictFile(path)
    assert (file.rows(), file.damaged) == ([PHOTO], 1)


def test_two_reviews_see_each_other(path: Path) -> None:
    """Two programs that review one journal append to one file."""
    first, second = VerdictFile(path), VerdictFile(path)
    first.append([act("crack")])
    second.append([act("no-crack", reviewer="bob")])
    first.refresh()
    assert list(first.opinions(TILE)) == list(second.opinions(TILE)) == ["anna", "bob"]


def test_lines_are_json_that_other_programs_read(path: Path) -> None:
    """A script needs no library for the verdicts."""
    written(path, act("crack", drawn=True))
    (line,) = path.read_text("utf-8").splitlines()
    assert json.loads(line) | {"digest": ""} == {
        "format": 1,
        "at": "2026-11-28T12:00:00Z",
        "reviewer": "anna",
        "action": "crack",
        "source": "bridge/deck, north.tif",
        "kind": "tile",
        "window": [224, 448, 224, 224],
        "drawn": True,
        "digest": "",
    }


def test_other_files_are_refused(path: Path) -> None:
    """Nothing is appended to a file that holds something else."""
    path.write_text("col,row\n1,2\n")
    with pytest.raises(CrackscanError, match="is not a file of verdicts; move it elsewhere"):
        VerdictFile(path)


def test_journal_without_verdicts_says_how_to_make_them(tmp_path: Path) -> None:
    """The error names the command."""
    journal = tmp_path / "a.journal"
    with pytest.raises(CrackscanError, match=f"there is no such file; crackscan review {journal} makes it"):
        open_verdicts(journal)


def test_label_of_a_reviewed_row_is_the_peoples(path: Path) -> None:
    """They are right against the model; where they disagree, or say nothing, its label stays."""
    file = written(path, act("no-crack"), act("crack", PHOTO), act("no-crack", PHOTO, "bob"))
    add = reviewed_rows(dict(each_agreement(file)))
    known: Any = {"kind": "tile", "status": "ok", "label": "crack", **TILE.window._asdict()}  # type: ignore[union-attr]
    tile = add(Result(source=TILE.source, **known))
    assert (tile.label, tile.review, tile.reviewer) == ("no-crack", "no-crack", "anna")
    photo = add(Result(source=PHOTO.source, **known | {"kind": "photo", **PHOTO.window._asdict()}))  # type: ignore[union-attr]
    assert (photo.label, photo.review, photo.reviewer) == ("crack", "disagreement", "anna, bob")
    other = add(Result(source="other.tif", **known))
    assert (other.label, other.review, other.reviewer) == ("crack", None, None)


def test_traced_crack_has_the_verdict_of_its_tiles(path: Path) -> None:
    """It is a crack if people saw one in any tile that its line goes through, and none if all are without."""
    right = TILE._replace(window=Window(448, 448, 224, 224))
    file = written(path, act("no-crack"), act("crack", right))
    known: Any = {"source": TILE.source, "kind": "crack", "status": "ok", "label": "crack"}
    short = Result(**known, traces=(Trace(((230.0, 500.0), (400.0, 500.0)), 0.9),))
    long = Result(**known, traces=(Trace(((230.0, 500.0), (460.0, 500.0)), 0.9),))
    away = Result(**known, traces=(Trace(((0.0, 0.0), (9.0, 9.0)), 0.9),))
    rows = list(map(reviewed_rows(dict(each_agreement(file))), (short, long, away)))
    assert [(row.label, row.review) for row in rows] == [
        ("no-crack", "no-crack"),
        ("crack", "crack"),
        ("crack", None),
    ]
