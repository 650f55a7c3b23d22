"""The line head of a model folder: an optional file, which every engine runs."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import DarkMeansCrack

from crackscan.basics.errors import BrokenModel
from crackscan.model.card import CARD, CONTEXT_FILE, LINES_FILE, LITERT, OOD_FILE, Card, sha256_of
from crackscan.model.line_head import LineHead
from crackscan.model.loading import Model, find_model


def add_line_head(source: Path, folder: Path, content: bytes) -> Path:
    """Copy what LiteRT needs of a model folder, and add a file as its line head."""
    folder.mkdir()
    for name in (LITERT, OOD_FILE, CONTEXT_FILE):
        shutil.copy(source / name, folder)
    (folder / LINES_FILE).write_bytes(content)
    card = Card.read(source)
    files = {name: card.files[name] for name in (LITERT, OOD_FILE, CONTEXT_FILE)}
    shutil.copy(source / "model.keras", folder)
    files |= {"model.keras": card.files["model.keras"], LINES_FILE: sha256_of(folder / LINES_FILE)}
    replace(card, files=files).write(folder)
    assert (folder / CARD).is_file()
    return folder


def test_model_without_a_line_head_says_so(tmp_path: Path) -> None:
    """Lines are optional: such a model gives None, and its card says that it has none."""
    folder = add_line_head(find_model(), tmp_path / "m", b"")
    card = Card.read(folder)
    without = {name: digest for name, digest in card.files.items() if name != LINES_FILE}
    replace(card, files=without).write(folder)
    model = Model.load(folder, engine="litert")
    assert not model.card.has_lines
    assert model.classifier().line_probabilities(np.zeros((32, 32, 3), np.uint8)) is None


def test_broken_line_head_is_refused_by_name_when_the_model_is_loaded(tmp_path: Path) -> None:
    """A file that is no network is an error before a scan, not in one of its workers."""
    folder = add_line_head(find_model(), tmp_path / "m", b"no network")
    assert Card.read(folder).has_lines
    with pytest.raises(BrokenModel, match=r"lines\.tflite|line network cannot be run"):
        Model.load(folder, engine="litert")


def test_another_network_is_refused_as_a_line_head(tmp_path: Path) -> None:
    """The model's own network is none: it has other inputs and outputs."""
    folder = add_line_head(find_model(), tmp_path / "m", (find_model() / LITERT).read_bytes())
    with pytest.raises(BrokenModel, match="line network cannot be run"):
        Model.load(folder, engine="litert")


def test_sides_that_are_no_multiples_of_the_stride_are_refused() -> None:
    """The decoder joins maps of several strides, so the caller pads."""
    with pytest.raises(ValueError, match="100 x 64 px: both sides must be multiples of 32"):
        LineHead(b"").predict(np.zeros((64, 100, 3), np.uint8))


def test_stand_in_finds_dark_lines() -> None:
    """The stand-in's probability is the darkness of a spot's darkest pixel."""
    image = np.full((64, 96, 3), 255, np.uint8)
    image[10, :] = 0
    probabilities = DarkMeansCrack().line_probabilities(image)
    assert probabilities.shape == (32, 48)
    assert (probabilities[5] == 1).all()
    assert probabilities.sum() == 48
