"""The two phases of a training, with Keras' own fit. Importing this module imports TensorFlow."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Bools, Float32s, Pixels
from crackscan.basics.progress import Progress
from crackscan.model.network import (
    DROPOUT,
    FEATURES,
    LOGIT,
    freeze,
    import_keras,
    import_tensorflow,
    truncate_network,
)
from crackscan.training.fitting.callbacks import Patience, ReportProgress, SaveValidations
from crackscan.training.fitting.checkpoint import State, WorkFolder
from crackscan.training.fitting.folding import fold_batch_norm
from crackscan.training.options import TrainOptions
from crackscan.training.samples.prefetch import prefetch_batches
from crackscan.training.samples.sampler import SampleStream, TileSubset
from crackscan.training.samples.subsets import Subsets

keras, tensorflow = import_keras(), import_tensorflow()

HEAD_BATCH = 256  # feature vectors, not tiles
HEAD_PATIENCE = 5  # epochs
WARM_UP = 0.05  # share of the steps in which the rate rises, so that Adam's first steps keep the features
EMA_MOMENTUM = 0.99  # of the running average of the weights, which is what is validated and saved


def compute_features(network: Any, pixels: NDArray[np.uint8], batch: int) -> Iterator[Float32s]:
    """Yield the backbone's features of all tiles, in order, float32 (batch, channels) at a time."""
    inner = truncate_network(network, FEATURES)
    run = tensorflow.function(lambda tiles: inner(tiles, training=False), reduce_retracing=True)
    for start in range(0, len(pixels), batch):
        yield run(tensorflow.constant(pixels[start : start + batch])).numpy()


def fit_head(
    network: Any,
    features: NDArray[np.float32],
    subsets: Subsets,
    options: TrainOptions,
    progress: Progress,
) -> None:
    """Fit the linear head on cached features, to the lowest validation loss.

    features: of all tiles in the store.
    """
    head = keras.Sequential(
        [keras.Input(features.shape[1:]), network.get_layer(DROPOUT), network.get_layer(LOGIT)]
    )
    _compile(head, options.learning_rate_head, options)
    (tiles, labels, weights), validation = (
        (features[subset.indices], _column(subset.labels), subset.weights)
        for subset in (subsets.train, subsets.validation)
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
            ReportProgress(progress, each="epoch"),
        ],
    )


def fine_tune(
    network: Any,
    subsets: Subsets,
    options: TrainOptions,
    *,
    work: WorkFolder,
    progress: Progress,
    began: float,
) -> State:
    """Train the head and all layers that are not frozen, and leave the network at its lowest validation loss.

    The loss is that of the running average of the weights, on samples made of validation tiles. On the plain
    tiles of one easy dataset, the head alone on ImageNet's features is hard to beat, but it fails on others.

    began: when the training began, on the monotonic clock.
    """
    per_validation, validations = options.plan(len(subsets.train))
    stream = SampleStream(subsets.training_tiles(), options.batch, options.seed, options.recipe)
    progress.phase("validation samples", 1)
    samples = SampleStream(subsets.validation, options.batch, options.seed, options.recipe).samples()
    progress.advance()
    freeze(network, options.frozen_blocks)
    model = fold_batch_norm(network)
    rate = _schedule(per_validation * validations, options.learning_rate_fine_tune)
    _compile(model, rate, options, ema_momentum=EMA_MOMENTUM)
    model.optimizer.build(model.trainable_variables)
    state = work.state() or _validate_head(model, samples, options, work, began)
    model.load_weights(work.latest(state.validations))
    if state.validations < validations and state.waited < options.patience:
        progress.phase("fine-tuning", per_validation * (validations - state.validations))
        first = state.validations * per_validation
        model.fit(
            _dataset(lambda: prefetch_batches(stream, work.tiles, first=first), options),
            validation_data=_whole_dataset(samples, options),
            steps_per_epoch=per_validation,
            epochs=validations,
            initial_epoch=state.validations,
            shuffle=False,  # the stream has its own order
            verbose=0,
            callbacks=_callbacks(state, work, options, progress),
        )
    model.load_weights(work.best)
    return state


def compute_logits(network: Any, subset: TileSubset, batch: int) -> Float32s:
    """Return the logit of each tile of a subset, (n,)."""
    model = truncate_network(network, LOGIT)
    run = tensorflow.function(lambda tiles: model(tiles, training=False), reduce_retracing=True)
    batches = [run(tensorflow.constant(tiles)).numpy()[:, 0] for tiles, *_ in subset.batches(batch)]
    return np.concatenate([np.empty(0, np.float32), *batches])


def _validate_head(
    model: Any, samples: TileSubset, options: TrainOptions, work: WorkFolder, began: float
) -> State:
    """Validate the head alone, and save it: fine-tuning must be better."""
    figures = model.evaluate(_whole_dataset(samples, options), verbose=0, return_dict=True)
    row = {"check": 0, "val_loss": figures["loss"], "val_accuracy": figures["accuracy"]}
    state = State(best_loss=figures["loss"], seconds=time.monotonic() - began, history=[row])
    work.save_best(model)
    work.save(model, state)
    return state


def _compile(
    model: Any, learning_rate: Any, options: TrainOptions, ema_momentum: float | None = None
) -> None:
    model.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate, use_ema=ema_momentum is not None, ema_momentum=ema_momentum or 0.0
        ),
        loss=keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=options.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        jit_compile=False,  # with XLA, CPUs were measured at a fifth of the speed
    )


def _schedule(steps: int, highest: float) -> Any:
    warm_up = round(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        highest / 100, max(steps - warm_up, 1), warmup_target=highest, warmup_steps=warm_up
    )


def _dataset(
    batches: Callable[[], Iterator[tuple[Pixels, *tuple[Float32s, ...]]]],
    options: TrainOptions,
    columns: int = 1,
) -> Any:
    """Return a tf.data.Dataset of tiles and columns: 1 is labels, 2 is labels and weights."""
    side = options.input_px
    signature = (
        tensorflow.TensorSpec((None, side, side, 3), tensorflow.uint8),
        *(tensorflow.TensorSpec((None, 1), tensorflow.float32) for _ in range(columns)),
    )
    return tensorflow.data.Dataset.from_generator(batches, output_signature=signature).prefetch(1)


def _whole_dataset(subset: TileSubset, options: TrainOptions) -> Any:
    count = -(-len(subset) // options.batch)
    dataset = _dataset(lambda: subset.batches(options.batch), options, columns=2)
    return dataset.apply(tensorflow.data.experimental.assert_cardinality(count))


def _column(labels: Bools) -> Float32s:
    return labels[:, np.newaxis].astype(np.float32)


def _callbacks(state: State, work: WorkFolder, options: TrainOptions, progress: Progress) -> list[Any]:
    return [
        keras.callbacks.SwapEMAWeights(),  # the running average is validated
        keras.callbacks.TensorBoard(work.path / "logs", write_graph=False),
        ReportProgress(progress, each="batch"),
        SaveValidations(state, work),
        Patience(state, patience=options.patience),
    ]
