"""The network: what goes in and comes out, what may change in training, and that both files agree."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from crackscan.basics.errors import BrokenModel, CrackscanError
from crackscan.model import network
from crackscan.model.card import KERAS
from crackscan.training.fitting.weights import IMAGENET_FILE, find_weights, imagenet_path

SIDE = 32  # px; the smallest that MobileNetV2 takes


@pytest.fixture(scope="module")
def net() -> Any:
    """Return a small network with random weights."""
    network.import_keras().utils.set_random_seed(1)
    return network.build_network(input_px=SIDE, dropout=0.2)


@pytest.fixture(scope="module")
def tiles() -> Any:
    """Return six tiles of noise."""
    return np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)


def predict(net: Any, tiles: Any) -> Any:
    """Return a network's probabilities, (n,)."""
    return net(tiles, training=False).numpy()[:, 0]


@pytest.mark.slow
def test_bytes_go_in_and_probabilities_come_out(net: Any, tiles: Any) -> None:
    """The scaling of pixels is inside the network: it takes uint8 RGB and gives one probability a tile."""
    found = net(tiles, training=False).numpy()
    assert net.input.dtype == "uint8"
    assert (found.shape, found.dtype) == ((6, 1), np.float32)
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.slow
def test_temperature_divides_the_logits(net: Any, tiles: Any) -> None:
    """Folded into the head, a temperature does to the probabilities what it would do to the logits."""
    copy = network.import_keras().models.clone_model(net)
    copy.set_weights(net.get_weights())
    before = predict(copy, tiles).astype(np.float64)
    network.fold_temperature(copy, 2.5)
    logits = np.log(before / (1 - before)) / 2.5
    assert predict(copy, tiles) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "first"), [(0, "Conv1"), (6, "block_6_expand"), (17, "Conv_1")])
def test_frozen_blocks_keep_their_weights(net: Any, blocks: int, first: str) -> None:
    """All layers from the first open one on can be trained, and none before it."""
    network.freeze(net, blocks)
    layers = network.backbone_of(net).layers
    names = [layer.name for layer in layers]
    learning = [layer.name for layer in layers if layer.trainable and layer.weights]
    later = [layer.name for layer in layers[names.index(first) :] if layer.weights]
    assert learning == [name for name in later if "BN" not in name and "bn" not in name]


@pytest.mark.slow
def test_training_leaves_the_statistics_of_normalisation(tiles: Any) -> None:
    """Means and variances of batch normalisation stay those of ImageNet while the weights change."""
    from crackscan.training.fitting.folding import fold_batch_norm

    keras, copy = network.import_keras(), network.build_network(input_px=SIDE, dropout=0.2)
    network.freeze(copy, 0)
    model = fold_batch_norm(copy)
    before = {weight.path: weight.numpy() for weight in copy.weights}
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss, jit_compile=False)
    model.train_on_batch(tiles, np.array([[0], [1]] * 3, np.float32))
    moved = {
        weight.path for weight in copy.weights if not np.array_equal(before[weight.path], weight.numpy())
    }
    assert not [path for path in moved if "moving_" in path]
    assert [path for path in moved if path.endswith("kernel")]


@pytest.mark.slow
def test_network_to_train_answers_and_learns_as_the_one_that_is_kept(tiles: Any) -> None:
    """Normalisation folded into convolutions changes neither an answer nor a gradient, and shares weights."""
    from crackscan.training.fitting.folding import fold_batch_norm

    tensorflow = network.import_tensorflow()
    net = network.build_network(input_px=SIDE, dropout=0.0)
    rng = np.random.default_rng(3)
    for layer in network.backbone_of(net).layers:
        if isinstance(layer, network.import_keras().layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weights.shape) for weights in layer.get_weights()])
    network.freeze(net, 3)
    answers, gradients = [], []
    for model in (network.part_of(net, network.LOGIT), fold_batch_norm(net)):
        with tensorflow.GradientTape() as tape:
            answer = tensorflow.reduce_mean(model(tiles, training=False) ** 2)
        answers.append(float(answer))
        weights = model.trainable_variables
        gradients.append(dict(zip(map(id, weights), tape.gradient(answer, weights), strict=True)))
    assert answers[0] > 1e-6
    assert answers[1] == pytest.approx(answers[0], rel=1e-3)
    assert gradients[0].keys() == gradients[1].keys()
    for weights, gradient in gradients[0].items():
        size = float(np.abs(gradient).max())
        assert size > 0
        assert gradients[1][weights].numpy() == pytest.approx(gradient.numpy(), abs=1e-3 * size)


@pytest.mark.slow
def test_both_files_judge_alike(net: Any, tiles: Any, tmp_path: Path) -> None:
    """What is saved for GPUs and what is exported for CPUs give the network's own answers."""
    from ai_edge_litert.interpreter import Interpreter

    net.save(tmp_path / KERAS)
    network.export_litert(net, tmp_path / "model.tflite")
    loaded = network.load_network(tmp_path / KERAS)
    lite = Interpreter(str(tmp_path / "model.tflite"))
    run = lite.get_signature_runner()
    found = [run(tiles=tile[np.newaxis]) for tile in tiles]
    assert predict(loaded, tiles) == pytest.approx(predict(net, tiles), abs=1e-6)
    for name, expected in network.with_activation_map(net)(tiles, training=False).items():
        assert np.concatenate([one[name] for one in found]) == pytest.approx(expected.numpy(), abs=1e-4)
    assert (tmp_path / "model.tflite").stat().st_size > 8e6  # an export without its weights has 0.2 MB


@pytest.mark.slow
def test_mean_of_the_evidence_is_the_logit(net: Any, tiles: Any) -> None:
    """Where the evidence lies is exact, not a guess: all places together give the tile's probability."""
    found = network.with_activation_map(net)(tiles, training=False)
    logits = found[network.ACTIVATIONS].numpy().mean(axis=(1, 2))
    assert 1 / (1 + np.exp(-logits[:, 0])) == pytest.approx(predict(net, tiles), abs=1e-5)
    assert found[network.PROBABILITY].numpy().ravel() == pytest.approx(predict(net, tiles), abs=1e-6)
    assert found[network.FEATURES].shape == (6, 1, 1, 1280)


@pytest.mark.slow
def test_larger_pictures_are_judged_window_by_window(tmp_path: Path) -> None:
    """One pass answers for each window that begins on a place; the exported file says the same."""
    from ai_edge_litert.interpreter import Interpreter

    net = network.build_network(input_px=2 * SIDE, dropout=0.2)
    network.export_litert(net, tmp_path / "model.tflite")
    picture = np.random.default_rng(0).integers(0, 256, (1, 3 * SIDE, 5 * SIDE, 3), dtype=np.uint8)
    found = network.with_activation_map(net)(picture, training=False)
    assert found[network.PROBABILITY].shape == (1, 2, 4, 1)
    logits = sliding_window_view(found[network.ACTIVATIONS].numpy()[0, ..., 0], (2, 2)).mean(axis=(2, 3))
    assert found[network.PROBABILITY].numpy()[0, ..., 0] == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)
    lite = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()(tiles=picture)
    for name, expected in found.items():
        assert lite[name] == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.slow
def test_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    """A broken model.keras is a sentence, not a traceback."""
    (tmp_path / KERAS).write_bytes(b"PK\x03\x04 but no archive")
    with pytest.raises(BrokenModel, match=r"model\.keras: cannot be opened"):
        network.load_network(tmp_path / KERAS)


@pytest.mark.slow
def test_weights_file_gives_the_backbone(net: Any, tmp_path: Path) -> None:
    """A backbone saved by itself starts another network with the same features."""
    network.backbone_of(net).save_weights(tmp_path / "backbone.weights.h5")
    other = network.build_network(input_px=SIDE, dropout=0.2)
    find_weights(str(tmp_path / "backbone.weights.h5")).put_into(other)
    pairs = zip(network.backbone_of(net).get_weights(), network.backbone_of(other).get_weights(), strict=True)
    assert all(np.array_equal(one, same) for one, same in pairs)


@pytest.mark.slow
def test_weights_of_something_else_are_refused(net: Any, tmp_path: Path) -> None:
    """A file that holds no MobileNetV2 is named."""
    (tmp_path / "other.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(BrokenModel, match=r"other\.weights\.h5: does not hold the weights of MobileNetV2"):
        find_weights(str(tmp_path / "other.weights.h5")).put_into(net)


def test_absent_imagenet_weights_say_where_to_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded: the sentence has the place, the file's name and the other way."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(CrackscanError) as caught:
        find_weights("imagenet")
    assert str(tmp_path / "models" / IMAGENET_FILE) in str(caught.value)
    assert "--weights PATH" in str(caught.value)


def test_imagenet_weights_in_the_cache_of_keras_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has used MobileNetV2 before needs to do nothing."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    imagenet_path().parent.mkdir()
    imagenet_path().write_bytes(b"weights")
    assert find_weights("imagenet").path == imagenet_path()


def test_weights_that_are_not_there_are_named() -> None:
    """A mistyped path is repeated, with what may stand in its place."""
    with pytest.raises(CrackscanError, match=r"^nowhere\.h5: not a weights file.*check --weights\.$"):
        find_weights("nowhere.h5")


@pytest.mark.slow
def test_import_says_nothing() -> None:
    """TensorFlow's greetings do not reach a user's terminal."""
    command = "from crackscan.model.network import import_keras; import_keras()"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
