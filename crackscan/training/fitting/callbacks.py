"""Callbacks of Keras' fit: progress, checkpoints, early stopping. Importing this imports TensorFlow."""

import time

from crackscan.basics.progress import Progress
from crackscan.model.network import import_keras
from crackscan.training.fitting.checkpoint import State, WorkFolder

keras = import_keras()


class ReportProgress(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
    """Callback that passes loss and accuracy to a Progress after each batch or epoch."""

    def __init__(self, progress: Progress, *, each: str) -> None:
        super().__init__()
        self._progress, self._each = progress, each

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Pass on the figures of a batch."""
        if self._each == "batch":
            self._report(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Pass on the figures of an epoch."""
        if self._each == "epoch":
            self._report(logs or {})

    def _report(self, logs: dict[str, float]) -> None:
        figures: dict[str, float] = {name: logs[name] for name in ("loss", "accuracy") if name in logs}
        self._progress.advance(1, **figures)


class SaveValidations(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
    """Callback that saves, after each validation, a line of history and the weights to resume from."""

    def __init__(self, state: State, work: WorkFolder) -> None:
        super().__init__()
        self._state, self._work, self._last_time = state, work, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count the validation, and save its results."""
        state, now = self._state, time.monotonic()
        figures = {name: float(value) for name, value in (logs or {}).items()}
        better = figures["val_loss"] < state.best_loss
        state.validations = epoch + 1
        state.best_loss = min(state.best_loss, figures["val_loss"])
        state.waited = 0 if better else state.waited + 1
        state.history.append({"check": state.validations, **figures})
        state.seconds, self._last_time = state.seconds + now - self._last_time, now
        if better:
            self._save_average()
        self._work.save(self.model, state)

    def _save_average(self) -> None:
        """Save the running average of the weights, which is what was validated."""
        average = keras.callbacks.SwapEMAWeights()
        average.set_model(self.model)
        average.on_test_begin()
        self._work.save_best(self.model)
        average.on_test_end()


class Patience(keras.callbacks.EarlyStopping):  # type: ignore[misc,name-defined]
    """Early stopping that continues to count after a kill."""

    def __init__(self, state: State, *, patience: int) -> None:
        super().__init__(monitor="val_loss", patience=patience)
        self._state = state

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Continue with the counts of an earlier start."""
        super().on_train_begin(logs)
        self.best, self.wait = self._state.best_loss, self._state.waited
