"""The int8 engine: its file is kept if its results are close, and the float model decides close calls."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import run
from conftest import ROOT

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import BrokenModel
from crackscan.dataset.synthesis import concrete, draw_crack
from crackscan.model.card import CONTEXT_FILE, KERAS, LITERT, LITERT_INT8, Card
from crackscan.model.card_records import Int8Agreement
from crackscan.model.engines import Cascade, needs_exact
from crackscan.model.loading import Model, find_model
from crackscan.model.predictions import Predictions
from crackscan.training.model_folder.int8_check import compared_together, within_tolerance
from crackscan.training.model_folder.readme import model_readme

CLOSE = Int8Agreement(images=1000, equal=1.0, change=0.002, auc_loss=0.0003, again=0.01)


@pytest.fixture(scope="module")
def card() -> Card:
    """Return the shipped model's card."""
    return Card.read(find_model())


def tiles(count: int) -> Pixels:
    """Return drawn tiles, every second one cracked."""
    rng = np.random.default_rng(5)
    plain = [concrete(rng, 224, 224) for _ in range(count)]
    return np.stack(
        [draw_crack(rng, tile, width_px=3.0)[0] if at % 2 else tile for at, tile in enumerate(plain)]
    )


def test_scan_uses_the_int8_engine_unless_another_is_given(card: Card) -> None:
    """Without --engine a model uses its fastest file."""
    assert card.engines[0] == "litert-int8"
    assert Model.load(find_model()).engine == "litert-int8"
    assert Model.load(find_model(), engine="litert").engine == "litert"


def test_int8_engine_decides_as_the_float_engine() -> None:
    """Its probabilities are close, and its decisions are the same; batches change nothing."""
    fast, exact = (
        Model.load(find_model(), engine=engine).classifier() for engine in ("litert-int8", "litert")
    )
    seen, card = tiles(12), Card.read(find_model())
    found, known = fast.predict(seen), exact.predict(seen)
    assert ((found.probabilities >= card.threshold) == (known.probabilities >= card.threshold)).all()
    assert card.familiarity is not None
    limit = card.familiarity.limit
    assert ((found.distances <= limit) == (known.distances <= limit)).all()
    assert np.abs(found.probabilities - known.probabilities).mean() < 0.02
    alone = np.concatenate([fast.predict(seen[at : at + 1]).probabilities for at in range(len(seen))])
    assert (alone == found.probabilities).all()


class ConstantClassifier:
    """A classifier with the same prediction for every tile."""

    def __init__(self, probability: float, distance: float) -> None:
        self.model, self.input_px, self.asked = "constant@0", 224, 0
        self._probability, self._distance = probability, distance

    def predict(self, seen: Pixels, stride_cells: int = 1) -> Predictions:  # noqa: ARG002
        """Judge tiles."""
        self.asked += len(seen)
        count = len(seen)
        return Predictions(
            np.full(count, self._probability, np.float32),
            np.zeros((count, 7, 7), np.float32),
            np.zeros((count, 4), np.float32),
            np.full(count, self._distance, np.float32),
        )


@pytest.mark.parametrize(("odds_above", "asked"), [(0.9, True), (-0.9, True), (1.1, False), (5.0, False)])
def test_float_model_judges_close_calls(card: Card, odds_above: float, *, asked: bool) -> None:
    """Nearer to the threshold than int8's error, float decides."""
    assert card.quantisation is not None
    odds = card.threshold / (1 - card.threshold) * np.exp(odds_above * card.quantisation.log_odds)
    fast, exact = ConstantClassifier(float(odds / (1 + odds)), 0.0), ConstantClassifier(0.123, 0.0)
    found = Cascade(fast, exact, card).predict(np.zeros((3, 224, 224, 3), np.uint8))  # type: ignore[arg-type]
    assert exact.asked == (3 if asked else 0)
    assert (found.probabilities == np.float32(0.123)).all() == asked


def test_model_without_the_int8_file_says_which_engines_it_has(tmp_path: Path, card: Card) -> None:
    """A model whose int8 file was rejected uses its float file, and names the engines that it has."""
    files = {name: digest for name, digest in card.files.items() if name != LITERT_INT8}
    for name in files:
        shutil.copy(find_model() / name, tmp_path)
    without = replace(card, files=files)
    without.write(tmp_path)
    assert Model.load(tmp_path).engine == "litert"
    with pytest.raises(BrokenModel, match="cannot use --engine litert-int8; it has litert, tensorflow"):
        Model.load(tmp_path, engine="litert-int8")
    assert "there is none" in model_readme(without, pictures=[])


@pytest.mark.parametrize(
    "worse",
    [{"equal": 0.9885}, {"change": 0.011}, {"auc_loss": 0.0021}, {"again": 0.3}],
)
def test_one_bad_dataset_is_enough_to_reject_the_int8_file(worse: dict[str, float]) -> None:
    """Results must match on every dataset: a large and easy one does not compensate for another."""
    small = replace(CLOSE, images=200)
    assert within_tolerance({"easy": CLOSE, "hard": small})
    assert not within_tolerance({"easy": CLOSE, "hard": replace(small, **worse)})


def test_small_datasets_are_compared_as_one() -> None:
    """Three pictures cannot reject an int8 model alone, but they count."""
    counts = {0: 500, 1: 3, 2: 100, 3: 99}
    assert compared_together(np.repeat(list(counts), list(counts.values()))) == [[0], [2], [1, 3]]
    assert compared_together(np.repeat([0, 1], [500, 40])) == [[0], [1]]


def test_int8_decides_nothing_if_its_error_is_unknown(card: Card) -> None:
    """With a card that does not say the error, the float file judges every tile."""
    found = ConstantClassifier(0.0, 0.0).predict(np.zeros((2, 224, 224, 3), np.uint8))
    unknown = replace(card, quantisation=None, files={KERAS: "0", LITERT: "0"})
    assert unknown.engines == ("litert", "tensorflow")
    assert needs_exact(found, unknown).all()


@pytest.mark.slow
def test_quantise_adds_the_files_that_an_older_model_lacks(tmp_path: Path, real_data: Path) -> None:
    """`crackscan model quantise` gives an older model folder the files that train would give it."""
    folder = tmp_path / "older"
    shutil.copytree(find_model(), folder)
    shipped, made_since = Card.read(folder), {LITERT_INT8, CONTEXT_FILE}
    for name in made_since:
        (folder / name).unlink()
    files = {name: digest for name, digest in shipped.files.items() if name not in made_since}
    replace(shipped, schema_version=2, files=files, quantisation=None).write(folder)
    data = [real_data / source.name for source in shipped.data]
    done = run("model", "quantise", folder, *data, *sorted((ROOT / "models").glob("*corrections.csv")))
    assert done.exit_code == 0, done.stderr
    card = Card.read(folder)
    card.verify(folder)
    assert card.engines[0] == "litert-int8"
    assert card.has_dense_inference
    picture = np.random.default_rng(0).integers(0, 256, (1, 288, 224, 3), dtype=np.uint8)
    for seen in (picture, picture[:, :224]):
        before, after = (
            Model.load(of, engine="litert").classifier().predict(seen) for of in (find_model(), folder)
        )
        assert after.probabilities == pytest.approx(before.probabilities, abs=1e-3)
    assert not list(tmp_path.glob(".older*"))
    assert "## The int8 model" in (folder / "README.md").read_text(encoding="utf-8")
