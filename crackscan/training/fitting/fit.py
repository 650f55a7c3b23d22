"""The two phases of a training, by Keras' own fit. Importing this module imports TensorFlow."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float32s, Pixels
from crackscan.model.network import (
    DROPOUT,
    FEATURES,
    LOGIT,
    freeze,
    import_keras,
    import_tensorflow,
    truncate_network,
)
from crackscan.training.fitting.callbacks import Checks, Meter, Patience
from crackscan.training.fitting.checkpoint import State, WorkFolder
from crackscan.training.fitting.folding import to_train
from crackscan.training.options import Progress, TrainOptions
from crackscan.training.samples.prefetch import prefetch_batches
from crackscan.training.samples.sampler import SampleStream, TileSubset

keras, tensorflow = import_keras(), import_tensorflow()

HEAD_BATCH = 256  # feature vectors, not tiles
HEAD_PATIENCE = 5  # epochs
WARM_UP = 0.05  # part of the fine-tuning in which the rate rises, lest Adam's first steps tear the features
AVERAGED = 0.99  # of the weights' running average, which is what is judged and kept, each step keeps so much


def features(network: Any, pixels: NDArray[np.uint8], batch: int) -> Iterator[Float32s]:
    """Give the backbone's features of all tiles, in order, (batch, channels) float32 at a time."""
    inner = truncate_network(network, FEATURES)
    run = tensorflow.function(lambda tiles: inner(tiles, training=False), reduce_retracing=True)
    for at in range(0, len(pixels), batch):
        yield run(tensorflow.constant(pixels[at : at + batch])).numpy()


def fit_head(
    network: Any,
    stored: NDArray[np.float32],
    parts: tuple[TileSubset, TileSubset],
    options: TrainOptions,
    progress: Progress,
) -> None:
    """Fit the linear head on cached features, to the lowest validation loss.

    stored: the features of all tiles. parts: training and validation.
    """
    head = keras.Sequential(
        [keras.Input(stored.shape[1:]), network.get_layer(DROPOUT), network.get_layer(LOGIT)]
    )
    _compile(head, options.learning_rate_head, options)
    (tiles, labels, weights), validation = (
        (stored[part.places], _column(part.labels), part.weights) for part in parts
    )
    progress.phase("head", options.epochs_head)
    head.fit(
        tiles,
        labels,
        sample_weight=weights,
        validation_data=validation,
        batch_size=HEAD_BATCH,
        epochs=options.epochs_head,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=HEAD_PATIENCE, restore_best_weights=True),
            Meter(progress, each="epoch"),
        ],
    )


def fine_tune(
    network: Any,
    parts: tuple[TileSubset, TileSubset],
    options: TrainOptions,
    *,
    steps: tuple[int, int],
    store: Path,
    work: WorkFolder,
    progress: Progress,
    began: float,
) -> State:
    """Train what is not frozen, with the head; the network is left at its lowest validation loss.

    The loss is that of the weights' running average, on samples made of the validation tiles: on the tiles
    of one easy DATA the head alone, on ImageNet's features, is hard to beat, and knows nothing of others.

    Args:
        network: what is trained.
        parts: what training samples are made of, and validation.
        options: of the training.
        steps: between two checks, and the number of checks.
        store: the file of the parts' tiles.
        work: where checkpoints are kept.
        progress: is told of each step.
        began: when the training did, on the monotonic clock.
    """
    drawing = SampleStream(parts[0], options.batch, options.seed, options.recipe)
    per_check, checks = steps
    progress.phase("samples to check by", 1)
    checked = SampleStream(parts[1], options.batch, options.seed, options.recipe).samples()
    progress.step()
    freeze(network, options.frozen_blocks)
    model = to_train(network)
    _compile(
        model, _schedule(per_check * checks, options.learning_rate_fine_tune), options, averaged=AVERAGED
    )
    model.optimizer.build(model.trainable_variables)
    state = work.state() or _first_check(model, checked, options, work, began)
    model.load_weights(work.latest(state.checks))
    if state.checks < checks and state.waited < options.patience:
        progress.phase("fine-tuning", per_check * (checks - state.checks))
        first = state.checks * per_check
        model.fit(
            _stream(lambda: prefetch_batches(drawing, store, first=first), options),
            validation_data=_all_of(checked, options),
            steps_per_epoch=per_check,
            epochs=checks,
            initial_epoch=state.checks,
            shuffle=False,  # the batches are drawn in an order of their own
            verbose=0,
            callbacks=_callbacks(state, work, options, progress),
        )
    model.load_weights(work.best)
    return state


def logits(network: Any, part: TileSubset, size: int) -> Float32s:
    """Return the logit of each tile of a part, (n,)."""
    model = truncate_network(network, LOGIT)
    run = tensorflow.function(lambda tiles: model(tiles, training=False), reduce_retracing=True)
    batches = [run(tensorflow.constant(tiles)).numpy()[:, 0] for tiles, *_ in part.batches(size)]
    return np.concatenate([np.empty(0, np.float32), *batches])


def _first_check(
    model: Any, validation: TileSubset, options: TrainOptions, work: WorkFolder, began: float
) -> State:
    """Keep what the head alone reaches: fine-tuning must beat it."""
    figures = model.evaluate(_all_of(validation, options), verbose=0, return_dict=True)
    row = {"check": 0, "val_loss": figures["loss"], "val_accuracy": figures["accuracy"]}
    state = State(best_loss=figures["loss"], seconds=time.monotonic() - began, history=[row])
    work.save_best(model)
    work.save(model, state)
    return state


def _compile(model: Any, learning_rate: Any, options: TrainOptions, averaged: float | None = None) -> None:
    model.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate, use_ema=averaged is not None, ema_momentum=averaged or 0.0
        ),
        loss=keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=options.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        jit_compile=False,  # on CPUs XLA was measured at a fifth of the speed
    )


def _schedule(steps: int, highest: float) -> Any:
    warm_up = round(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        highest / 100, max(steps - warm_up, 1), warmup_target=highest, warmup_steps=warm_up
    )


def _stream(
    batches: Callable[[], Iterator[tuple[Pixels, *tuple[Float32s, ...]]]],
    options: TrainOptions,
    columns: int = 1,
) -> Any:
    """Return a dataset of tiles and so many columns: labels, and weights where there are two."""
    side = options.input_px
    signature = (
        tensorflow.TensorSpec((None, side, side, 3), tensorflow.uint8),
        *(tensorflow.TensorSpec((None, 1), tensorflow.float32) for _ in range(columns)),
    )
    return tensorflow.data.Dataset.from_generator(batches, output_signature=signature).prefetch(1)


def _all_of(part: TileSubset, options: TrainOptions) -> Any:
    count = -(-len(part) // options.batch)
    stream = _stream(lambda: part.batches(options.batch), options, columns=2)
    return stream.apply(tensorflow.data.experimental.assert_cardinality(count))


def _column(labels: Bools) -> Float32s:
    return labels[:, np.newaxis].astype(np.float32)


def _callbacks(state: State, work: WorkFolder, options: TrainOptions, progress: Progress) -> list[Any]:
    return [
        keras.callbacks.SwapEMAWeights(),  # validation judges the running average
        keras.callbacks.TensorBoard(work.path / "logs", write_graph=False),
        Meter(progress, each="batch"),
        Checks(state, work),
        Patience(state, patience=options.patience),
    ]
