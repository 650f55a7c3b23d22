"""The one protocol by which long work reports its progress; the caller hands in the listener."""

from typing import Protocol


class Progress(Protocol):
    """Listener for the progress of long work. The command line shows it; a program may pass its own."""

    def phase(self, name: str, total: int | None) -> None:
        """Begin a phase of `total` steps; None is unknown. This ends the previous phase."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count finished steps of the phase, with figures so far, such as loss=0.31 or tiles=24."""

    def note(self, text: str) -> None:
        """Pass on one sentence for a person."""


class Silent:
    """A Progress that ignores everything."""

    def phase(self, name: str, total: int | None) -> None:
        """Ignore a phase."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Ignore steps."""

    def note(self, text: str) -> None:
        """Ignore a sentence."""
