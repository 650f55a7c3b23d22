"""Repeats: what is at the same place of many photos, and looks the same, is listed together."""

from pathlib import Path

import numpy as np
import pytest
from commands import run
from makers import pixels
from PIL import Image
from reviews import Browser, names, served

SMUDGE, CRACK = "smudge", "crack"


@pytest.fixture
def journal(tmp_path: Path, stand_in_model: None) -> Path:  # noqa: ARG001 - for its effect
    """Return the journal of five photos with a smudge in one corner, and five with lines of their own."""
    rng = np.random.default_rng(1)
    for number in range(5):
        for what in (SMUDGE, CRACK):
            photo = pixels(448, 448).astype(np.int16) + rng.integers(-20, 21, (448, 448, 1))
            photo[:224, :224] = 90  # else the stand-in model calls no tile cracked
            if what == SMUDGE:
                photo[40:120, 60:190] = 10
            else:
                place = int(rng.integers(10, 180))
                turned = photo if number % 2 else photo.swapaxes(0, 1)
                turned[place : place + 30, :224] = 10
            Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{what}-{number}.png")
    done = run("scan", tmp_path, "-o", tmp_path / "out.csv", "--quiet")
    assert done.exit_code == 0
    return tmp_path / "out.csv.journal"


def test_smudge_of_many_photos_is_one_group(journal: Path) -> None:
    """One key decides about them, and one key takes that back; cracks are not grouped."""
    with served(journal) as session:
        browser = Browser(session)
        (group,) = browser.ask("repeats").json["groups"]
        sources = names(browser)
        assert {sources[number] for number in group} == {f"smudge-{number}.png" for number in range(5)}
        browser.act("no-crack", *group)
        assert browser.ask("state").json["verdicts"] == {str(number): 2 for number in group}
        browser.act("undo")
        assert browser.ask("state").json["verdicts"] == {}
