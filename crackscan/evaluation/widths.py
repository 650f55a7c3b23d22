"""Recall against crack width: cracks of known width are drawn on uncracked images, and the model is asked.

No labelled data says how wide its cracks are. Drawn ones are not real ones, and easier: they compare models
and show the trend, but a recall on them promises none on a structure.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from crackscan.basics.arrays import Pixels, evenly_spaced
from crackscan.basics.errors import BadData, Unreadable
from crackscan.basics.records import DECIMALS, Window
from crackscan.dataset.records import Example
from crackscan.dataset.synthesis import draw_crack
from crackscan.evaluation.intervals import Estimate
from crackscan.evaluation.metrics import measure, rounded
from crackscan.evaluation.ranking import Metric
from crackscan.model.predictions import Classifier
from crackscan.reading import read_tile

if TYPE_CHECKING:
    from crackscan.evaluation.evaluate import Evaluation, Prediction

WIDTHS_PX = (0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # mean, of the network's input
MAX_TILES = 200  # images of one source that are drawn on: a minute or two on two cores
FOUND = 0.9  # the recall from which on a width counts as found
MEASURED: tuple[Metric, ...] = ("recall", "recall_at_5pct_false_alarms")


@dataclass(frozen=True, slots=True)
class SyntheticCracks:
    """A crack on an uncracked tile, and how sure the model is of it. Its pixels can be drawn again."""

    example: Example
    window: Window | None  # of the tile
    width_px: float
    plain: float  # how sure it was without the crack
    probability: float

    def pixels(self, input_px: int) -> Pixels:
        """Draw it as the model saw it, uint8 RGB, shape (input_px, input_px, 3).

        Raises:
            Unreadable: as `read_tile`.
        """
        plain = read_tile(self.example.path, self.window, input_px=input_px)
        return _cracked(plain, self.example.name, self.width_px)


@dataclass(frozen=True, slots=True)
class WidthRow:
    """How many cracks of one width are found."""

    width_px: float
    cracks: int
    figures: Mapping[Metric, Estimate]  # those of MEASURED


@dataclass(frozen=True, slots=True)
class DatasetWidths:
    """Recall against width on one source."""

    data: str
    uncracked: int  # images that give the threshold at 5 % false alarms; up to MOST of them are drawn on
    false_alarms: float  # fraction of them that the model calls cracked as they are
    rows: tuple[WidthRow, ...]  # from the narrowest width to the widest
    drawn: tuple[SyntheticCracks, ...]

    def found(self, metric: Metric) -> tuple[float | None, float | None]:
        """Return from which width on, and up to which, in px, each has a recall of at least `FOUND`.

        Both are None where none has; the second where the widest has. One or two narrow widths below wider
        ones that are missed are luck: a range that ends before the widest must hold half of all.
        """
        runs = groupby(self.rows, key=lambda row: (row.figures[metric].value or 0.0) >= FOUND)
        last = next(reversed([list(run) for found, run in runs if found]), [])
        to_the_widest = last[-1:] == list(self.rows[-1:])
        if not last or not (to_the_widest or 2 * len(last) >= len(self.rows)):
            return None, None
        return last[0].width_px, None if to_the_widest else last[-1].width_px

    def reach(self, metric: Metric) -> str:
        """Return `found` as a person says it."""
        return f"9 of 10 {describe_range(*self.found(metric))}"

    @property
    def interval_kinds(self) -> str:
        """How the intervals of the rows were got, and what to mind of them."""
        figures = [figure for row in self.rows for figure in row.figures.values() if figure.interval]
        kinds = ", ".join(dict.fromkeys(figure.interval or "" for figure in figures))
        cautions = "; ".join(dict.fromkeys(figure.reason for figure in figures if figure.reason))
        return kinds + (f"; {cautions}" if cautions else "")

    def as_json(self) -> dict[str, Any]:
        """Return it as the card and metrics.json hold it."""
        return {
            "uncracked": self.uncracked,
            "false_alarms": round(self.false_alarms, DECIMALS["probability"]),
            "found_from_px": {metric: self.found(metric)[0] for metric in MEASURED},
            "found_to_px": {metric: self.found(metric)[1] for metric in MEASURED},
            "rows": [
                {
                    "width_px": row.width_px,
                    "cracks": row.cracks,
                    "figures": {metric: rounded(asdict(figure)) for metric, figure in row.figures.items()},
                }
                for row in self.rows
            ],
        }


def describe_range(found_from: float | None, found_to: float | None) -> str:
    """Return what `SourceWidths.found` gives as words."""
    if found_from is None:
        return "at no width"
    return f"from {found_from:g} px on" if found_to is None else f"from {found_from:g} to {found_to:g} px"


def count_tiles(evaluation: "Evaluation") -> int:
    """Return how many tiles cracks will be drawn on."""
    return sum(len(_spread(tiles)) for tiles in _uncracked(evaluation).values())


def measure_widths(
    evaluation: "Evaluation",
    load: Callable[[], Classifier],
    *,
    jobs: int,
    on_done: Callable[[int], None] = lambda _: None,
) -> tuple[DatasetWidths, ...]:
    """Draw a crack of each width on the uncracked tiles of each source, and measure how many are found.

    The tiles themselves are what is not to be called cracked, and a tile and its cracks are one group. Of a
    large photo it is the tile that gave its probability. on_done: is told of each tile.

    Raises:
        BadData: no image is uncracked.
    """
    sources = _uncracked(evaluation)
    if not sources:
        raise BadData("No image is uncracked, and cracks of known width are drawn on those only.")
    predict, threshold = _Judge(load), evaluation.options.rows.threshold
    with ThreadPoolExecutor(jobs, thread_name_prefix="crackscan") as pool:
        return tuple(
            _measured(data, tiles, threshold, _told(pool.map(predict, _spread(tiles)), on_done))
            for data, tiles in sources.items()
        )


class _Judge:
    """Draws the cracks of all widths on a tile and judges them; each thread has its own classifier."""

    def __init__(self, load: Callable[[], Classifier]) -> None:
        self._load, self._local = load, threading.local()

    def __call__(self, tile: "Prediction") -> list[SyntheticCracks]:
        if not hasattr(self._local, "classifier"):
            self._local.classifier = self._load()
        classifier: Classifier = self._local.classifier
        example, window = tile.example, tile.result.window
        try:
            plain = read_tile(example.path, window, input_px=classifier.input_px)
        except Unreadable:  # it could be read a minute ago; the row counts the cracks that were judged
            return []
        cracked = np.stack([_cracked(plain, example.name, width) for width in WIDTHS_PX])
        found = classifier.predict(cracked).probabilities
        return [
            SyntheticCracks(
                example,
                window,
                width,
                tile.result.probability or 0.0,
                round(float(probability), DECIMALS["probability"]),
            )
            for width, probability in zip(WIDTHS_PX, found, strict=True)
        ]


def _cracked(plain: Pixels, name: str, width_px: float) -> Pixels:
    # by name, so that neither the order of the images nor which of them are there changes a picture
    seed = hashlib.sha256(f"{name} {width_px:g}".encode()).digest()
    return draw_crack(np.random.default_rng(list(seed)), plain, width_px=width_px)[0]


def _uncracked(evaluation: "Evaluation") -> dict[str, list["Prediction"]]:
    sources: dict[str, list[Prediction]] = {}
    for prediction in evaluation.assessed:
        if not prediction.example.label:
            sources.setdefault(prediction.example.data, []).append(prediction)
    return sources


def _spread(tiles: Sequence["Prediction"]) -> list["Prediction"]:
    """Take at most `MAX_TILES`, evenly spaced."""
    return [tiles[index] for index in evenly_spaced(len(tiles), MAX_TILES)]


def _told(done: Iterable[list[SyntheticCracks]], on_done: Callable[[int], None]) -> Iterator[SyntheticCracks]:
    for drawn in done:
        on_done(1)
        yield from drawn


def _measured(
    data: str, plain: Sequence["Prediction"], threshold: float, cracks: Iterable[SyntheticCracks]
) -> DatasetWidths:
    drawn = tuple(cracks)
    groups = {tile.example: tile.group for tile in plain}
    alarms = [tile.result.probability or 0.0 for tile in plain]
    rows = []
    for width in WIDTHS_PX:
        of_width = [crack for crack in drawn if crack.width_px == width]
        measured = measure(
            [False] * len(plain) + [True] * len(of_width),
            alarms + [crack.probability for crack in of_width],
            threshold=threshold,
            groups=[*(tile.group for tile in plain), *(groups[crack.example] for crack in of_width)],
        )
        rows.append(WidthRow(width, len(of_width), {metric: measured.figures[metric] for metric in MEASURED}))
    false_alarms = sum(alarm >= threshold for alarm in alarms) / len(plain)
    return DatasetWidths(data, len(plain), false_alarms, tuple(rows), drawn)
