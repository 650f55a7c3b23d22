"""The side of a node: a process that holds a classifier, and judges the Work that it is sent."""

import os
from collections.abc import Sequence
from contextlib import suppress

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Result, RowOptions, Work
from crackscan.model.predictions import Classifier
from crackscan.scanning.cluster.model_files import ModelFiles
from crackscan.scanning.inference import infer_each

Judged = tuple[list[list[Result]], str | None]  # rows of each Work; path of a file that is not there


class Worker:
    """A classifier in a process of its own."""

    _classifier: Classifier

    def __init__(self, folder: str) -> None:
        """Make relative paths mean what they mean for the driver; folder: where the driver runs."""
        with suppress(OSError):  # without the folder, the paths are not there either
            os.chdir(folder)

    def start(self, model: ModelFiles) -> str:
        """Open the model, and return its name as rows carry it.

        Raises: BrokenModel, MissingExtra: it cannot be opened on this machine.
        """
        self._classifier = model.open().classifier()
        return self._classifier.model

    def judge(self, works: Sequence[Work], options: RowOptions) -> Judged:
        """Return the rows of each Work, without labels; and a path if the file is not there."""
        try:
            judged = list(infer_each(works, self._classifier, options))
        except CrackscanError as error:
            raise type(error)(str(error)) from None  # its cause may be something that cannot travel
        return judged, next(filter(None, map(_lost, works, judged)), None)


def _lost(work: Work, rows: Sequence[Result]) -> str | None:
    unreadable = any(row.status == "unreadable" for row in rows)
    return work.path if unreadable and not os.path.lexists(work.path) else None
