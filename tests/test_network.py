"""The network: its inputs and outputs, what training may change, and that both files agree."""

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
def test_network_takes_bytes_and_returns_probabilities(net: Any, tiles: Any) -> None:
    """The network scales pixels itself: it takes uint8 RGB and returns one probability per tile."""
    probabilities = net(tiles, training=False).numpy()
    assert net.input.dtype == "uint8"
    assert (probabilities.shape, probabilities.dtype) == ((6, 1), np.float32)
    assert ((probabilities > 0) & (probabilities < 1)).all()


@pytest.mark.slow
def test_temperature_divides_the_logits(net: Any, tiles: Any) -> None:
    """Folding a temperature into the head divides the logits of all probabilities by it."""
    copy = network.import_keras().models.clone_model(net)
    copy.set_weights(net.get_weights())
    before = predict(copy, tiles).astype(np.float64)
    network.fold_scaling(copy, 2.5)
    logits = np.log(before / (1 - before)) / 2.5
    assert predict(copy, tiles) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "first"), [(0, "Conv1"), (6, "block_6_expand"), (17, "Conv_1")])
def test_frozen_blocks_keep_their_weights(net: Any, blocks: int, first: str) -> None:
    """All layers from the first trainable one are trainable, and none before it."""
    network.freeze(net, blocks)
    layers = network.get_backbone(net).layers
    names = [layer.name for layer in layers]
    trainable = [layer.name for layer in layers if layer.trainable and layer.weights]
    later = [layer.name for layer in layers[names.index(first) :] if layer.weights]
    assert trainable == [name for name in later if "BN" not in name and "bn" not in name]


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
    changed = {
        weight.path for weight in copy.weights if not np.array_equal(before[weight.path], weight.numpy())
    }
    assert not [path for path in changed if "moving_" in path]
    assert [path for path in changed if path.endswith("kernel")]


@pytest.mark.slow
def test_folded_network_has_the_outputs_and_gradients_of_the_original(tiles: Any) -> None:
    """Folding normalisation into convolutions changes no output and no gradient, and shares weights."""
    from crackscan.training.fitting.folding import fold_batch_norm

    tensorflow = network.import_tensorflow()
    net = network.build_network(input_px=SIDE, dropout=0.0)
    rng = np.random.default_rng(3)
    for layer in network.get_backbone(net).layers:
        if isinstance(layer, network.import_keras().layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weights.shape) for weights in layer.get_weights()])
    network.freeze(net, 3)
    outputs, gradients = [], []
    for model in (network.truncate_network(net, network.LOGIT), fold_batch_norm(net)):
        with tensorflow.GradientTape() as tape:
            output = tensorflow.reduce_mean(model(tiles, training=False) ** 2)
        outputs.append(float(output))
        weights = model.trainable_variables
        gradients.append(dict(zip(map(id, weights), tape.gradient(output, weights), strict=True)))
    assert outputs[0] > 1e-6
    assert outputs[1] == pytest.approx(outputs[0], rel=1e-3)
    assert gradients[0].keys() == gradients[1].keys()
    for weights, gradient in gradients[0].items():
        size = float(np.abs(gradient).max())
        assert size > 0
        assert gradients[1][weights].numpy() == pytest.approx(gradient.numpy(), abs=1e-3 * size)


@pytest.mark.slow
def test_both_files_give_the_same_outputs(net: Any, tiles: Any, tmp_path: Path) -> None:
    """The file for GPUs and the file for CPUs give the outputs of the network itself."""
    from ai_edge_litert.interpreter import Interpreter

    net.save(tmp_path / KERAS)
    network.export_litert(net, tmp_path / "model.tflite")
    loaded = network.load_network(tmp_path / KERAS)
    lite = Interpreter(str(tmp_path / "model.tflite"))
    run = lite.get_signature_runner()
    outputs = [run(tiles=tile[np.newaxis]) for tile in tiles]
    assert predict(loaded, tiles) == pytest.approx(predict(net, tiles), abs=1e-6)
    for name, expected in network.build_inference_network(net)(tiles, training=False).items():
        assert np.concatenate([output[name] for output in outputs]) == pytest.approx(
            expected.numpy(), abs=1e-4
        )
    assert (tmp_path / "model.tflite").stat().st_size > 8e6  # an export without its weights has 0.2 MB


@pytest.mark.slow
def test_mean_of_the_activation_map_is_the_logit(net: Any, tiles: Any) -> None:
    """The activation map is exact: the mean over its cells gives the tile's probability."""
    outputs = network.build_inference_network(net)(tiles, training=False)
    logits = outputs[network.ACTIVATIONS].numpy().mean(axis=(1, 2))
    assert 1 / (1 + np.exp(-logits[:, 0])) == pytest.approx(predict(net, tiles), abs=1e-5)
    assert outputs[network.PROBABILITY].numpy().ravel() == pytest.approx(predict(net, tiles), abs=1e-6)
    assert outputs[network.FEATURES].shape == (6, 1, 1, 1280)


@pytest.mark.slow
def test_larger_images_give_one_output_per_window(tmp_path: Path) -> None:
    """One pass gives the outputs of each window that begins at a cell; the exported file agrees."""
    from ai_edge_litert.interpreter import Interpreter

    net = network.build_network(input_px=2 * SIDE, dropout=0.2)
    network.export_litert(net, tmp_path / "model.tflite")
    image = np.random.default_rng(0).integers(0, 256, (1, 3 * SIDE, 5 * SIDE, 3), dtype=np.uint8)
    outputs = network.build_inference_network(net)(image, training=False)
    assert outputs[network.PROBABILITY].shape == (1, 2, 4, 1)
    logits = sliding_window_view(outputs[network.ACTIVATIONS].numpy()[0, ..., 0], (2, 2)).mean(axis=(2, 3))
    assert outputs[network.PROBABILITY].numpy()[0, ..., 0] == pytest.approx(
        1 / (1 + np.exp(-logits)), abs=1e-5
    )
    lite = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()(tiles=image)
    for name, expected in outputs.items():
        assert lite[name] == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.slow
def test_file_that_is_not_a_network_is_refused(tmp_path: Path) -> None:
    """A broken model.keras gives an error of one sentence, not a traceback."""
    (tmp_path / KERAS).write_bytes(b"PK\x03\x04 but no archive")
    with pytest.raises(BrokenModel, match=r"model\.keras: cannot be opened"):
        network.load_network(tmp_path / KERAS)


@pytest.mark.slow
def test_weights_file_gives_the_backbone(net: Any, tmp_path: Path) -> None:
    """Weights of a backbone alone give another network the same backbone."""
    network.get_backbone(net).save_weights(tmp_path / "backbone.weights.h5")
    other = network.build_network(input_px=SIDE, dropout=0.2)
    find_weights(str(tmp_path / "backbone.weights.h5")).put_into(other)
    pairs = zip(
        network.get_backbone(net).get_weights(), network.get_backbone(other).get_weights(), strict=True
    )
    assert all(np.array_equal(saved, loaded) for saved, loaded in pairs)


@pytest.mark.slow
def test_weights_of_something_else_are_refused(net: Any, tmp_path: Path) -> None:
    """The error names a file that does not hold a MobileNetV2."""
    (tmp_path / "other.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(BrokenModel, match=r"other\.weights\.h5: does not hold the weights of MobileNetV2"):
        find_weights(str(tmp_path / "other.weights.h5")).put_into(net)


def test_absent_imagenet_weights_say_where_to_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded: the error says the folder, the file's name and the alternative."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(CrackscanError) as caught:
        find_weights("imagenet")
    assert str(tmp_path / "models" / IMAGENET_FILE) in str(caught.value)
    assert "--weights PATH" in str(caught.value)


def test_imagenet_weights_in_the_cache_of_keras_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an earlier use of MobileNetV2 in Keras there is nothing to do."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    imagenet_path().parent.mkdir()
    imagenet_path().write_bytes(b"weights")
    assert find_weights("imagenet").path == imagenet_path()


def test_weights_that_are_not_there_are_named() -> None:
    """The error repeats a mistyped path and says what else is possible."""
    with pytest.raises(CrackscanError, match=r"^nowhere\.h5: not a weights file.*check --weights\.$"):
        find_weights("nowhere.h5")


@pytest.mark.slow
def test_import_prints_nothing() -> None:
    """TensorFlow's start-up messages do not reach a user's terminal."""
    command = "from crackscan.model.network import import_keras; import_keras()"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
