"""How long work says how far it is: whoever starts it hands in who listens."""

from typing import Protocol


class Progress(Protocol):
    """Listens to long work. The command line shows it; a program may pass its own."""

    def phase(self, name: str, total: int | None) -> None:
        """Begin a phase of `total` steps; None is unknown. It ends the phase before."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count steps of the phase that are done, with figures so far, such as loss=0.31 or tiles=24."""

    def note(self, text: str) -> None:
        """Tell a person one sentence."""


class Silent:
    """A Progress that says nothing."""

    def phase(self, name: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
