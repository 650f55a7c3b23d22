"""Errors of a run. What goes wrong with a single input is a row, not an error."""


class CrackscanError(Exception):
    """A run cannot continue. The text is one sentence: what, where, what was found, what to do."""


class NoInputs(CrackscanError):
    """The sources, or the labelled data, hold nothing to judge."""


class BrokenModel(CrackscanError):
    """A model folder lacks a file, or a file does not match the card."""


class BrokenJournal(CrackscanError):
    """The content of a journal is not what a scan has written."""


class MissingParts(CrackscanError):
    """Parts of a scan that was shared out are not here, or not complete."""


class MissingCRS(CrackscanError):
    """A mosaic has no coordinate system, and the output needs one."""


class MissingExtra(CrackscanError):
    """A command needs a package that the base installation leaves out."""


class BadData(CrackscanError):
    """Labelled data cannot be used: it has one class only, contradicting labels, or a leak."""


class NotText(CrackscanError):
    """A list or a table that a user gives is not text in a known encoding."""


class OutputConflict(CrackscanError):
    """A run would replace a file that it reads, or write one file twice; this is wrong usage."""


class TooManyFailures(CrackscanError):
    """More inputs cannot be read than `--max-failures` allows."""


class Stopped(KeyboardInterrupt):
    """A signal asks the program to end; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Unreadable(Exception):
    """One input cannot be read; the text becomes the row's `reason`."""


class Stalled(Unreadable):
    """One input does not answer; reading other parts of it would only wait again."""
