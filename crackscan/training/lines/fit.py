"""The fit of the line network, by Keras. Importing this module imports TensorFlow."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from crackscan.basics.arrays import Float32s, Indices, Pixels
from crackscan.basics.progress import Progress
from crackscan.model.network import import_keras, import_tensorflow
from crackscan.training.fitting.callbacks import Patience, ReportProgress, SaveValidations
from crackscan.training.fitting.checkpoint import State, WorkFolder
from crackscan.training.lines.options import LineOptions
from crackscan.training.lines.samples import SAMPLE_PX
from crackscan.training.lines.store import TARGET_SIDE, SampleStore
from crackscan.training.lines.targets import LINE, UNSURE

keras, tensorflow = import_keras(), import_tensorflow()

LINE_WEIGHT = 4.0  # of a spot with a line in the cross-entropy: they are a fiftieth of all
WARM_UP = 0.05  # share of the steps in which the rate rises
EMA_MOMENTUM = 0.98  # of the running average of the weights, which is what is validated and kept


def fit_lines(
    network: Any,
    training: SampleStore,
    validation: SampleStore,
    options: LineOptions,
    *,
    chosen: tuple[Indices, Indices] | None = None,
    work: WorkFolder,
    progress: Progress,
) -> State:
    """Train the decoder, and leave the network at the running average with the lowest validation loss.

    chosen: the samples of both stores to use; by default all. work: has the state of a killed fit.
    """
    used, validated = chosen or (np.arange(len(training.data)), np.arange(len(validation.data)))
    each = max(options.steps // options.validations, 1)
    _compile(network, each * options.validations, options)
    network.optimizer.build(network.trainable_variables)
    state = work.state() or State()
    if state.validations:
        network.load_weights(work.latest(state.validations))
    if state.validations < options.validations and state.waited < options.patience:
        progress.phase("line head", each * (options.validations - state.validations))
        network.fit(
            _dataset(lambda: _training_batches(training, used, options, first=state.validations * each)),
            validation_data=_whole_dataset(validation, validated, options.batch),
            steps_per_epoch=each,
            epochs=options.validations,
            initial_epoch=state.validations,
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.SwapEMAWeights(),
                ReportProgress(progress, each="batch"),
                SaveValidations(state, work),
                Patience(state, patience=options.patience),
            ],
        )
    network.load_weights(work.best)
    return state


def line_loss(targets: Any, logits: Any) -> Any:
    """Return weighted cross-entropy plus 1 - Dice; spots that are UNSURE do not count.

    Dice (Milletari et al. 2016, arXiv:1606.04797) does not depend on how many spots have no line.
    """
    known = keras.ops.cast(targets != UNSURE, "float32")
    lines = keras.ops.cast(targets == LINE, "float32")
    entropy = tensorflow.nn.weighted_cross_entropy_with_logits(lines, logits, LINE_WEIGHT)
    found = keras.ops.sigmoid(logits) * known
    overlap = keras.ops.sum(found * lines)
    dice = (2 * overlap + 1) / (keras.ops.sum(found) + keras.ops.sum(lines) + 1)
    return keras.ops.sum(entropy * known) / keras.ops.sum(known) + 1 - dice


def _compile(network: Any, steps: int, options: LineOptions) -> None:
    warm_up = round(WARM_UP * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        options.learning_rate / 100,
        max(steps - warm_up, 1),
        warmup_target=options.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.Adam(rate, use_ema=True, ema_momentum=EMA_MOMENTUM)
    network.compile(optimizer=optimizer, loss=line_loss, jit_compile=False)


def _training_batches(
    store: SampleStore, indices: Indices, options: LineOptions, *, first: int
) -> Iterator[tuple[Pixels, Float32s]]:
    """Yield batches without end, from batch number `first` on, each pass in another order."""
    per_pass = max(len(indices) // options.batch, 1)
    number = first
    while True:
        turn, at = divmod(number, per_pass)
        order = np.random.default_rng((options.seed, turn)).permutation(indices)
        yield from store.batches(order[at * options.batch : per_pass * options.batch], options.batch)
        number = (turn + 1) * per_pass


def _dataset(batches: Any) -> Any:
    signature = (
        tensorflow.TensorSpec((None, SAMPLE_PX, SAMPLE_PX, 3), tensorflow.uint8),
        tensorflow.TensorSpec((None, TARGET_SIDE, TARGET_SIDE, 1), tensorflow.float32),
    )
    return tensorflow.data.Dataset.from_generator(batches, output_signature=signature).prefetch(1)


def _whole_dataset(store: SampleStore, indices: Indices, size: int) -> Any:
    dataset = _dataset(lambda: store.batches(indices, size))
    return dataset.apply(tensorflow.data.experimental.assert_cardinality(-(-len(indices) // size)))


def compute_logits(network: Any, store: SampleStore, size: int) -> Float32s:
    """Return the logits of all samples, (n, TARGET_SIDE, TARGET_SIDE)."""
    run = tensorflow.function(lambda pixels: network(pixels, training=False), reduce_retracing=True)
    parts = [
        run(tensorflow.constant(pixels)).numpy()[..., 0]
        for pixels, _ in store.batches(np.arange(len(store.data)), size)
    ]
    return np.concatenate(parts)
