"""Settings that the rows of a journal were made with."""

import json
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import (
    MAX_OVERLAP,
    MIN_TILE_PX,
    Per,
    PhotoLimit,
    RowOptions,
    ScanOptions,
    TileOptions,
)
from crackscan.basics.run_facts import ModelFigures, ThresholdFigures, UnseenFigures
from crackscan.scanning.parts import Part

NO_MATTER = {"read_timeout", "figures"}  # neither results nor labels depend on them
# the kept results do not depend on them
_MAY_CHANGE = {*NO_MATTER, "threshold", "photo_limits", "crack_threshold", "min_length_px"}
SETTINGS_ERRORS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)  # damaged ones


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Model, engine and options that rows were made with.

    All rows of a journal have the same, except for the options that decide labels.
    """

    model: str
    engine: str  # an older journal may name one that crackscan no longer has
    options: ScanOptions
    figures: ModelFigures | None = None  # None: the journal is older than these figures
    part: Part | None = None  # of a scan that is shared out

    @classmethod
    def parse(cls, text: str) -> "RunSettings":
        """Return the settings that `as_json` wrote.

        Raises: one of SETTINGS_ERRORS: they are damaged.
        """
        content = json.loads(text)
        tiles, rows = content["options"]["tiles"], content["options"]["rows"]
        limits = tuple(PhotoLimit(**limit) for limit in rows.pop("photo_limits"))
        options = ScanOptions(
            TileOptions(**tiles), RowOptions(**rows, photo_limits=limits), content["options"]["aoi"]
        )
        _check_options(options)
        figures, part = content.get("figures"), content.get("part")
        return cls(
            content["model"],
            content["engine"],
            options,
            figures and _figures(**figures),
            part and Part.parse(part),
        )

    def as_json(self) -> str:
        """Return the settings as text."""
        return json.dumps(asdict(self) | {"part": self.part and str(self.part)})

    def compare(self, earlier: str, journal: Path) -> None:
        """Compare these settings with those of a journal's rows, as text.

        Raises: CrackscanError: they differ in more than labels.
        """
        _compare(journal, _comparable(earlier), _comparable(self.as_json()))

    def compare_part(
        self, path: Path, other: "RunSettings", journal: Path, *, changed: AbstractSet[str]
    ) -> None:
        """Compare the settings of this part of a scan with those of another part.

        Args:
            path: the journal of this part.
            other: the settings of the other part.
            journal: its journal.
            changed: names of options that the caller sets for all parts.

        Raises: CrackscanError: they differ in more than the number of the part.
        """
        ours, theirs = (_flat(each.as_json()) for each in (self, other))
        for name in (*NO_MATTER, "part", *changed):
            ours.pop(name, None)
        if self.part and other.part and self.part.count != other.part.count:
            ours["parts"], theirs["parts"] = self.part.count, other.part.count
        if names := _different(theirs, ours):
            raise CrackscanError(
                f"{journal}: its rows were made with {_listed(names, theirs)}, those of {path} with "
                f"{_listed(names, ours)}; join only parts of one scan."
            )


def _figures(thresholds: list[dict[str, Any]], unseen: list[dict[str, Any]]) -> ModelFigures:
    return ModelFigures(
        tuple(ThresholdFigures(**row) for row in thresholds), tuple(UnseenFigures(**row) for row in unseen)
    )


def _check_options(options: ScanOptions) -> None:
    """Raise ValueError where a value is outside of its range, or TypeError where it is not a number."""
    tiles, rows = options.tiles, options.rows
    sizes = [limit.tiles for limit in rows.photo_limits]
    if not (
        0 <= rows.threshold <= 1
        and tiles.tile_px >= MIN_TILE_PX
        and 0 <= tiles.overlap <= MAX_OVERLAP
        and tiles.per in get_args(Per)
        and (tiles.lines or tiles.per != "crack")
        and 0 <= rows.crack_threshold <= 1
        and all(isfinite(limit.cluster_mass) for limit in rows.photo_limits)
        and sizes == sorted(set(sizes))
        and min(sizes, default=1) >= 1
    ):
        raise ValueError("its settings are outside of their ranges")


def _comparable(settings: str) -> dict[str, Any]:
    """Return the settings that must be the same for all rows of a journal."""
    content = _flat(settings)
    if content.get("lines"):
        content.pop("per")  # decides only which of the results are written
    return {name: value for name, value in content.items() if name not in _MAY_CHANGE}


def _flat(settings: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(settings)
    options = content.pop("options")
    content |= options.pop("tiles") | options.pop("rows") | options
    return content


def _compare(path: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    if names := _different(then, now):
        raise CrackscanError(
            f"{path}: its rows were made with {_listed(names, then)}, this run has {_listed(names, now)}; "
            "use the same options, write to another -o, or start over with --fresh."
        )


def _different(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [name for name in now if then.get(name) != now[name]]


def _listed(names: Iterable[str], settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {settings.get(name)}" for name in names)
