"""The side of a node: a process that holds a classifier, and judges the Work that it is sent."""

import os
from collections.abc import Sequence
from contextlib import suppress

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.basics.records import Result, RowOptions, Work
from crackscan.model.predictions import Classifier
from crackscan.reading.locations import find_remote
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


def find_unreached(folder: str, paths: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the first path that this machine cannot reach, and why, if that is known; None: it reaches all.

    folder: where the driver runs.
    """
    for path in paths:
        if is_remote(path):
            if why := _fault_of_address(path):
                return path, why
        elif not os.path.lexists(os.path.join(folder, path)):  # noqa: PTH118 - any bytes
            return path, None
    return None, None


def _fault_of_address(name: str) -> str | None:
    try:
        find_remote(name)
    except FileNotFoundError:
        return "there is no such object, folder or bucket"
    except (Unreadable, CrackscanError) as error:
        return str(error).removesuffix(".")
    return None


def _lost(work: Work, rows: Sequence[Result]) -> str | None:
    unreadable = any(row.status == "unreadable" for row in rows)
    return work.path if unreadable and not os.path.lexists(work.path) else None
