"""Dense inference: tiles judged in one pass with their context, and the head that corrects them."""

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


def test_log_odds_change_by_the_head_s_logits() -> None:
    """The log-odds of each window change by its features times the weights, plus the bias."""
    head = ContextHead(np.array([1.5, -0.25], np.float32), 0.125)
    corrected = head.correct(PROBABILITIES, FEATURES)
    change = log_odds(corrected) - log_odds(PROBABILITIES)
    assert change[:2] == pytest.approx([0.125, 1.625], abs=1e-4)
    assert corrected[2] == pytest.approx(1, abs=1e-5)
    assert corrected.dtype == np.float32


def test_head_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """A head from a file corrects as the fitted one; another file gives an error of one sentence."""
    head = ContextHead(np.array([1.5, -0.25], np.float32), 0.125)
    head.save(tmp_path / "s.npz")
    again = ContextHead.load(tmp_path / "s.npz")
    assert (again.correct(PROBABILITIES, FEATURES) == head.correct(PROBABILITIES, FEATURES)).all()
    (tmp_path / "s.npz").write_bytes(b"no such file")
    with pytest.raises(BrokenModel, match=r"s\.npz: cannot be read"):
        ContextHead.load(tmp_path / "s.npz")


def test_head_corrects_windows_of_larger_images_alone() -> None:
    """The head does not change the prediction for a tile that is judged alone."""
    folder = find_model()
    card, content = Card.read(folder), (folder / LITERT).read_bytes()
    image = concrete(np.random.default_rng(0), 288, 256)[np.newaxis]
    sure = ContextHead(np.zeros(1280, np.float32), 50.0)
    plain, corrected = LiteRT(content, card), LiteRT(content, card, None, sure)
    tile = image[:, :224, :224]
    assert corrected.predict(tile).probabilities == pytest.approx(plain.predict(tile).probabilities)
    assert (corrected.predict(image).probabilities > 0.999).all()
    assert len(plain.predict(image).probabilities) == 2 * 3
    assert len(plain.predict(image, 2).probabilities) == 1 * 2


@pytest.mark.parametrize("seed", range(3))
def test_crack_is_seen_in_the_windows_that_hold_it(seed: int) -> None:
    """One pass over synthetic concrete finds the crack where it is, and not at the far end."""
    rng = np.random.default_rng(seed)
    image = concrete(rng, 672, 672).copy()
    image[:200, :200], _ = draw_crack(rng, image[:200, :200], width_px=4.0)
    model = Model.load(find_model())
    predictions = model.classifier().predict(image[np.newaxis], 7)
    assert predictions.probabilities[0] > model.card.threshold
    assert (predictions.probabilities[[2, 5, 6, 7, 8]] < model.card.threshold).all()
    assert predictions.activation_maps.shape == (9, 7, 7)


@pytest.mark.slow
def test_engines_agree_on_larger_images() -> None:
    """Every engine of the shipped model predicts the same for tiles with context."""
    rng = np.random.default_rng(0)
    image = concrete(rng, 320, 288).copy()
    image[50:250, 50:250], _ = draw_crack(rng, image[50:250, 50:250], width_px=2.0)
    engines = Card.read(find_model()).engines
    assert set(engines) == {"litert-int8", "litert", "tensorflow"}
    predictions = [
        Model.load(find_model(), engine=engine).classifier().predict(image[np.newaxis]) for engine in engines
    ]
    for other in predictions[1:]:
        assert other.probabilities == pytest.approx(predictions[0].probabilities, abs=1e-3)
        assert other.activation_maps == pytest.approx(predictions[0].activation_maps, abs=1e-2)
        assert other.distances == pytest.approx(predictions[0].distances, abs=1e-3)
