"""`model average`: one model of several trainings on the same images."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import run
from pictures import save_tiles

from crackscan.basics.errors import BadData
from crackscan.basics.progress import Silent
from crackscan.dataset.splitting import SplitData
from crackscan.model.card import Card
from crackscan.model.loading import Model, find_model
from crackscan.model.network import LOGIT, load_network
from crackscan.training.average import AverageOptions, average_models
from crackscan.training.model_folder.folder import ModelFolder


def changed_head(model: Path, copy: Path) -> Path:
    """Copy a model folder, and double the weights of the network's last layer."""
    shutil.copytree(model, copy)
    folder = ModelFolder.open(copy)
    network = load_network(copy / "model.keras")
    head = network.get_layer(LOGIT)
    head.set_weights([2 * weights for weights in head.get_weights()])
    folder.write_network(network)
    folder.save()
    return copy


@pytest.mark.slow
def test_mean_of_two_models_is_a_model(tmp_path: Path) -> None:
    """It has the mean of the weights, figures of its own, names both models, and keeps the split."""
    tiles, first = save_tiles(tmp_path / "deck", 40, seed=1), tmp_path / "first"
    options = tmp_path / "options.toml"
    options.write_text("batch = 8\nvalidations = 1\n", encoding="utf-8")
    made = run("train", tiles, "-o", first, "--epochs", "1", "--options", options, "--no-lines")
    assert made.exit_code == 0, made.stderr
    second = changed_head(first, tmp_path / "second")
    mean = tmp_path / "mean"
    done = run("model", "average", first, tiles, "--with", second, "-o", mean, "--no-lines")
    assert done.exit_code == 0, done.stderr
    card = Card.read(mean)
    card.verify(mean)
    assert all(Card.read(folder).model_id in card.weights for folder in (first, second))
    assert (mean / "split.csv").read_bytes() == (first / "split.csv").read_bytes()
    assert not (mean / "history.csv").exists()
    assert "history.csv" not in (mean / "README.md").read_text(encoding="utf-8")
    kernels = [load_network(at / "model.keras").get_layer(LOGIT).get_weights()[0] for at in (first, mean)]
    ratio = kernels[1] / kernels[0]  # 1.5, divided by the new temperature
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)
    assert Model.load(mean).classifier() is not None
    again = run("model", "average", first, tiles, "--with", second, "-o", mean)
    assert "exists already" in again.stderr
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"deck", "first", "second", "mean"}


def test_models_of_another_split_are_refused(tmp_path: Path) -> None:
    """Each would know the test images of the other; and one model has no mean."""
    model = ModelFolder(find_model(), Card.read(find_model()))
    other = ModelFolder(
        tmp_path / "other", replace(model.card, split=replace(model.card.split, sha256="0" * 64))
    )
    options = AverageOptions(output=tmp_path / "mean", command="", lines=None)
    for folders, sentence in (([model, other], "with another split"), ([model], "is one model alone")):
        with pytest.raises(BadData, match=sentence):
            average_models(folders, SplitData((), ()), options, progress=Silent())
    assert not any(tmp_path.iterdir())
