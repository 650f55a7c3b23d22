"""What can go wrong with a run. What goes wrong with one input is a row, not an error."""


class CrackscanError(Exception):
    """A run cannot go on; the text is one sentence: what, where, what was found, what to do."""


class NoInputs(CrackscanError):
    """The sources, or the labelled data, hold nothing to judge."""


class BrokenModel(CrackscanError):
    """A model folder lacks a file, or one does not match the card."""


class MissingCRS(CrackscanError):
    """A mosaic has no coordinate system, and the output needs one."""


class MissingExtra(CrackscanError):
    """A command needs a package that the base install leaves out."""


class BadData(CrackscanError):
    """Labelled data cannot be trained on or counted: one class only, contradicting labels, a leak."""


class TooManyFailures(CrackscanError):
    """More inputs cannot be read than the user will bear."""


class Stopped(KeyboardInterrupt):
    """A signal asks the program to end; `code` is what it ends with."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Unreadable(Exception):
    """One input cannot be read; its text becomes the row's `reason`."""


class Stalled(Unreadable):
    """One input does not answer: trying the rest of it would only wait again."""
