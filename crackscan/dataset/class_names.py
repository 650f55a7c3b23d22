"""The names that people give to the two classes, in folder names and in manifests."""

import re
from collections.abc import Iterable, Sequence

from crackscan.basics.errors import BadData

_CRACK = frozenset(
    {"1", "true", "yes", "crack", "cracks", "cracked", "withcrack", "withcracks", "positive", "pos"}
    | {"cd", "cp", "cw"}  # SDNET2018: cracked deck, pavement, wall
)
_NO_CRACK = frozenset(
    {"0", "false", "no", "nocrack", "nocracks", "noncrack", "noncracks", "noncracked", "notcracked"}
    | {"uncracked", "withoutcrack", "withoutcracks", "intact", "negative", "neg"}
    | {"ud", "up", "uw"}
)


class ClassNames:
    """Reader of class names: the user's name for the cracks where it occurs, otherwise the usual names."""

    def __init__(self, positive: str | None = None) -> None:
        self.positive = positive
        self._positive_occurred = False

    def find_positive(self, names: Iterable[str]) -> str | None:
        """Return the user's positive name if it is among the names of a dataset, else None."""
        if self.positive is None or not any(_same_name(name, self.positive) for name in names):
            return None
        self._positive_occurred = True
        return self.positive

    def check_positive_occurred(self) -> None:
        """Check that a dataset has the user's positive name.

        Raises:
            BadData: no dataset has it.
        """
        if self.positive is not None and not self._positive_occurred:
            raise BadData(f"--positive {self.positive}: no folder or label has this name.")


def label_of(name: str, positive: str | None = None) -> bool | None:
    """Return the label that a class name stands for: True for a crack, None for an unknown name."""
    if positive is not None:
        return _same_name(name, positive) if name else None
    plain = re.sub(r"[\s_-]+", "", name).casefold()
    return True if plain in _CRACK else False if plain in _NO_CRACK else None


def class_folder(folders: Sequence[str], positive: str | None = None) -> tuple[int, bool] | None:
    """Return the index of the folder above an image that names its class, and the label; None if none does.

    Raises:
        BadData: two of the folders contradict each other.
    """
    if positive is not None:
        indices = [index for index, name in enumerate(folders) if _same_name(name, positive)]
        return (indices[0], True) if indices else (0, False) if folders else None
    # Deeper down, folders called 0 and 1 are more likely numbered than labelled.
    labels = [
        (index, label)
        for index, name in enumerate(folders)
        if (label := label_of(name)) is not None and (index == 0 or not name.isdigit())
    ]
    if len({label for _, label in labels}) > 1:
        raise BadData(
            f"{'/'.join(folders)}: the folder names contradict each other, crack and no crack; "
            "rename one, or name the folder of the cracks with --positive NAME."
        )
    return labels[0] if labels else None


def _same_name(name: str, other: str) -> bool:
    return name.casefold() == other.casefold()
