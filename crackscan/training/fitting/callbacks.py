"""What happens beside Keras' own fit: progress, checkpoints, early stopping. Imports TensorFlow."""

import time

from crackscan.model.network import import_keras
from crackscan.training.fitting.checkpoint import State, WorkFolder
from crackscan.training.options import Progress

keras = import_keras()


class Meter(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
    """Passes the figures on to whoever shows them, after each batch or epoch."""

    def __init__(self, progress: Progress, *, each: str) -> None:
        super().__init__()
        self._progress, self._each = progress, each

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Pass on the figures of a batch."""
        if self._each == "batch":
            self._step(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Pass on the figures of an epoch."""
        if self._each == "epoch":
            self._step(logs or {})

    def _step(self, logs: dict[str, float]) -> None:
        self._progress.step(logs.get("loss"), logs.get("accuracy"))


class Checks(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
    """After each check: a line of history, and weights from which a killed training goes on."""

    def __init__(self, state: State, work: WorkFolder) -> None:
        super().__init__()
        self._state, self._work, self._since = state, work, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count the check, and keep what came of it."""
        state, now = self._state, time.monotonic()
        figures = {name: float(value) for name, value in (logs or {}).items()}
        better = figures["val_loss"] < state.best_loss
        state.checks = epoch + 1
        state.best_loss = min(state.best_loss, figures["val_loss"])
        state.waited = 0 if better else state.waited + 1
        state.history.append({"check": state.checks, **figures})
        state.seconds, self._since = state.seconds + now - self._since, now
        if better:
            self._keep_average()
        self._work.save(self.model, state)

    def _keep_average(self) -> None:
        """Keep the running average of the weights, which is what the validation judged."""
        average = keras.callbacks.SwapEMAWeights()
        average.set_model(self.model)
        average.on_test_begin()
        self._work.save_best(self.model)
        average.on_test_end()


class Patience(keras.callbacks.EarlyStopping):  # type: ignore[misc,name-defined]
    """Early stopping that remembers, over a kill, what it has seen."""

    def __init__(self, state: State, *, patience: int) -> None:
        super().__init__(monitor="val_loss", patience=patience)
        self._state = state

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Go on from what an earlier start has seen."""
        super().on_train_begin(logs)
        self.best, self.wait = self._state.best_loss, self._state.waited
