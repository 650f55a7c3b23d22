"""A model folder is changed as a whole: its files, the digests on its card, and its README."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crackscan.basics.errors import BrokenModel
from crackscan.dataset.synthesis import concrete
from crackscan.model.card import LITERT, LITERT_INT8, OOD_FILE, Card, sha256_of
from crackscan.model.loading import find_model
from crackscan.training.model_folder.folder import ModelFolder


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """Return a copy of the shipped model."""
    shutil.copytree(find_model(), tmp_path / "bridge", ignore=shutil.ignore_patterns("logs"))
    return ModelFolder.open(tmp_path / "bridge")


def content(folder: ModelFolder) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def test_copy_takes_the_place_of_the_folder_when_it_is_whole(folder: ModelFolder) -> None:
    """The card has the digests of the new files, and README is written from it."""
    with folder.edit() as copy:
        copy.write(LITERT_INT8, b"another")
        copy.card = replace(copy.card, notes=("Good on decks.",))
        assert Card.read(folder.path) == folder.card
    card = Card.read(folder.path)
    card.verify(folder.path)
    assert card == folder.card
    assert card.files[LITERT_INT8] == sha256_of(folder.path / LITERT_INT8)
    assert "- Good on decks." in (folder.path / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in folder.path.parent.iterdir()] == ["bridge"]


def test_error_leaves_the_folder_as_it_was(folder: ModelFolder) -> None:
    """Neither a file nor the card changes, and nothing is left beside the folder."""
    before, card = content(folder), folder.card

    def fail() -> None:
        with folder.edit() as copy:
            copy.remove(OOD_FILE)
            raise BrokenModel

    with pytest.raises(BrokenModel):
        fail()
    assert (content(folder), folder.card) == (before, card)
    assert [path.name for path in folder.path.parent.iterdir()] == ["bridge"]


def test_folder_whose_files_do_not_match_is_not_opened(folder: ModelFolder) -> None:
    """A model must not get figures of another one."""
    (folder.path / LITERT).write_bytes(b"another")
    with pytest.raises(BrokenModel, match=r"model\.tflite: not the file of card\.json"):
        ModelFolder.open(folder.path)


def test_engine_is_opened_once_for_each_file(folder: ModelFolder, capfd: pytest.CaptureFixture[str]) -> None:
    """Steps share one interpreter, which prints nothing; another detector opens another one."""
    engine = folder.engine()
    assert folder.engine() is engine
    tile = concrete(np.random.default_rng(0), 224, 224)[None]
    assert engine.predict(tile).distances[0] > 0
    folder.remove(OOD_FILE)
    assert folder.engine() is not engine
    assert folder.engine().predict(tile).distances[0] == 0
    assert capfd.readouterr().err == ""


def test_picture_of_an_earlier_card_goes(folder: ModelFolder) -> None:
    """Only the pictures that belong to the card stay."""
    folder.replace_pictures({"sources.png": b"1", "widths.png": b"2"}, names=("sources.png", "widths.png"))
    folder.replace_pictures({"sources.png": b"3"}, names=("sources.png", "widths.png"))
    assert content(folder)["sources.png"] == b"3"
    assert "widths.png" not in content(folder)
