"""Tiles that are judged in one pass see what is around them; the head that knows of that."""

from pathlib import Path

import numpy as np
import pytest

from crackscan.basics.errors import BrokenModel
from crackscan.dataset.synthesis import concrete, draw_crack
from crackscan.model.card import LITERT, Card
from crackscan.model.context_head import ContextHead
from crackscan.model.engines import LiteRT
from crackscan.model.loading import Model, find_model
from crackscan.model.predictions import log_odds

FEATURES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], np.float32)
PROBABILITIES = np.array([0.5, 0.2, 1.0], np.float32)


def test_evidence_moves_by_what_the_features_say() -> None:
    """The log-odds of each window move by its features times the weights, and the bias."""
    head = ContextHead(np.array([1.5, -0.25], np.float32), 0.125)
    found = head.correct(PROBABILITIES, FEATURES)
    moved = log_odds(found) - log_odds(PROBABILITIES)
    assert moved[:2] == pytest.approx([0.125, 1.625], abs=1e-4)
    assert found[2] == pytest.approx(1, abs=1e-5)
    assert found.dtype == np.float32


def test_head_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """What is in the model folder judges as what was fitted; what is not such a file is a sentence."""
    head = ContextHead(np.array([1.5, -0.25], np.float32), 0.125)
    head.save(tmp_path / "s.npz")
    again = ContextHead.load(tmp_path / "s.npz")
    assert (again.correct(PROBABILITIES, FEATURES) == head.correct(PROBABILITIES, FEATURES)).all()
    (tmp_path / "s.npz").write_bytes(b"no such file")
    with pytest.raises(BrokenModel, match=r"s\.npz: cannot be read"):
        ContextHead.load(tmp_path / "s.npz")


def test_head_is_for_windows_of_larger_pictures_alone() -> None:
    """A tile alone is judged as it always was, whatever the head says of others."""
    folder = find_model()
    card, content = Card.read(folder), (folder / LITERT).read_bytes()
    picture = concrete(np.random.default_rng(0), 288, 256)[np.newaxis]
    sure = ContextHead(np.zeros(1280, np.float32), 50.0)
    plain, moved = LiteRT(content, card), LiteRT(content, card, None, sure)
    tile = picture[:, :224, :224]
    assert moved.predict(tile).probabilities == pytest.approx(plain.predict(tile).probabilities)
    assert (moved.predict(picture).probabilities > 0.999).all()
    assert len(plain.predict(picture).probabilities) == 2 * 3
    assert len(plain.predict(picture, 2).probabilities) == 1 * 2


@pytest.mark.parametrize("seed", range(3))
def test_crack_is_seen_in_the_windows_that_hold_it(seed: int) -> None:
    """One pass over drawn concrete finds the crack where it is, not at the far end, and points at it."""
    rng = np.random.default_rng(seed)
    picture = concrete(rng, 672, 672).copy()
    picture[:200, :200], _ = draw_crack(rng, picture[:200, :200], width_px=4.0)
    model = Model.load(find_model())
    found = model.classifier().predict(picture[np.newaxis], 7)
    assert found.probabilities[0] > model.card.threshold
    assert (found.probabilities[[2, 5, 6, 7, 8]] < model.card.threshold).all()
    assert found.activation_maps.shape == (9, 7, 7)


@pytest.mark.slow
def test_engines_agree_on_larger_pictures() -> None:
    """Every engine of the shipped model says the same of tiles with surroundings."""
    rng = np.random.default_rng(0)
    picture = concrete(rng, 320, 288).copy()
    picture[50:250, 50:250], _ = draw_crack(rng, picture[50:250, 50:250], width_px=2.0)
    engines = Card.read(find_model()).engines
    assert {"litert-int8", "litert", "tensorflow", "tensorflow-float16"} <= set(engines)
    found = [Model.load(find_model(), engine=of).classifier().predict(picture[np.newaxis]) for of in engines]
    for other in found[1:]:
        assert other.probabilities == pytest.approx(found[0].probabilities, abs=1e-3)
        assert other.activation_maps == pytest.approx(found[0].activation_maps, abs=1e-2)
        assert other.distances == pytest.approx(found[0].distances, abs=1e-3)
