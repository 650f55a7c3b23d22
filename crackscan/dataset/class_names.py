"""What people call the two classes, in folder names and in manifests."""

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
    """Reads class names: by the one that the user calls positive where it occurs, else by what they say."""

    def __init__(self, positive: str | None = None) -> None:
        self.positive = positive
        self._met = False

    def positive_among(self, names: Iterable[str]) -> str | None:
        """Return the user's positive name if one DATA has it among its names, else None."""
        if self.positive is None or not any(_same(name, self.positive) for name in names):
            return None
        self._met = True
        return self.positive

    def check_met(self) -> None:
        """Refuse a positive name that no DATA has.

        Raises:
            BadData: so it is.
        """
        if self.positive is not None and not self._met:
            raise BadData(f"--positive {self.positive}: no folder and no label of that name.")


def label_of(name: str, positive: str | None = None) -> bool | None:
    """Return what a class name says, True for a crack; None for a name that says nothing."""
    if positive is not None:
        return _same(name, positive) if name else None
    plain = re.sub(r"[\s_-]+", "", name).casefold()
    return True if plain in _CRACK else False if plain in _NO_CRACK else None


def class_folder(folders: Sequence[str], positive: str | None = None) -> tuple[int, bool] | None:
    """Return which of the folders above an image is its class, and the label; None if none is.

    Raises:
        BadData: two of them contradict each other.
    """
    if positive is not None:
        places = [place for place, name in enumerate(folders) if _same(name, positive)]
        return (places[0], True) if places else (0, False) if folders else None
    # Deeper down, folders called 0 and 1 are more likely numbered than labelled.
    said = [
        (place, label)
        for place, name in enumerate(folders)
        if (label := label_of(name)) is not None and (place == 0 or not name.isdigit())
    ]
    if len({label for _, label in said}) > 1:
        raise BadData(
            f"{'/'.join(folders)}: the folder names contradict each other, crack and no crack; "
            "rename one, or say with --positive NAME which one holds the cracks."
        )
    return said[0] if said else None


def _same(name: str, other: str) -> bool:
    return name.casefold() == other.casefold()
