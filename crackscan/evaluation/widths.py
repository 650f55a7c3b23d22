"""Recall against crack width, measured with synthetic cracks of known width on uncracked images.

Labelled datasets do not tell how wide their cracks are. Synthetic cracks are easier to find than real ones:
they serve to compare models and to show the trend, but their recall is not the recall on a structure.
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

WIDTHS_PX = (0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # mean width in px of the model's input
MAX_TILES = 200  # per dataset: a minute or two on two cores
DETECTABLE_RECALL = 0.9  # cracks of a width are detectable if the recall is at least this
MEASURED: tuple[Metric, ...] = ("recall", "recall_at_5pct_false_alarms")


@dataclass(frozen=True, slots=True)
class SyntheticCrack:
    """A synthetic crack on an uncracked tile, and the model's probability. Its pixels can be drawn again."""

    example: Example
    window: Window | None  # of the tile
    width_px: float
    plain_probability: float  # of the tile without the crack
    probability: float

    def pixels(self, input_px: int) -> Pixels:
        """Draw the tile with the crack, as the model saw it: uint8 RGB, shape (input_px, input_px, 3).

        Raises:
            Unreadable: as `read_tile`.
        """
        tile = read_tile(self.example.path, self.window, input_px=input_px)
        return _add_crack(tile, self.example.name, self.width_px)


@dataclass(frozen=True, slots=True)
class WidthRow:
    """The recall of cracks of one width."""

    width_px: float
    cracks: int
    figures: Mapping[Metric, Estimate]  # the metrics in MEASURED


@dataclass(frozen=True, slots=True)
class DatasetWidths:
    """Recall against crack width on one dataset."""

    data: str  # name of the dataset
    uncracked: int  # images that set the threshold of 5 % false alarms; up to MAX_TILES get a crack
    false_alarms: float  # fraction of them that the model calls cracked without a synthetic crack
    rows: tuple[WidthRow, ...]  # from the narrowest width to the widest
    cracks: tuple[SyntheticCrack, ...]

    def detectable_range(self, metric: Metric) -> tuple[float | None, float | None]:
        """Return the narrowest and the widest width, in px, of the range with at least `DETECTABLE_RECALL`.

        Both are None without such a range; the second is None if the range includes the widest of all widths.
        A range that ends earlier must have half of all widths: fewer ones below missed wider ones are luck.
        """
        runs = groupby(self.rows, key=lambda row: (row.figures[metric].value or 0.0) >= DETECTABLE_RECALL)
        last = next(reversed([list(run) for detectable, run in runs if detectable]), [])
        has_widest = last[-1:] == list(self.rows[-1:])
        if not last or not (has_widest or 2 * len(last) >= len(self.rows)):
            return None, None
        return last[0].width_px, None if has_widest else last[-1].width_px

    def describe_detectable(self, metric: Metric) -> str:
        """Return the detectable range as text: "9 of 10 from 1 px on"."""
        return f"9 of 10 {describe_range(*self.detectable_range(metric))}"

    @property
    def interval_kinds(self) -> str:
        """The methods of the rows' intervals, with cautions."""
        estimates = [estimate for row in self.rows for estimate in row.figures.values() if estimate.interval]
        kinds = ", ".join(dict.fromkeys(estimate.interval or "" for estimate in estimates))
        cautions = "; ".join(dict.fromkeys(estimate.reason for estimate in estimates if estimate.reason))
        return kinds + (f"; {cautions}" if cautions else "")

    def as_json(self) -> dict[str, Any]:
        """Return the content for the card and metrics.json."""
        return {
            "uncracked": self.uncracked,
            "false_alarms": round(self.false_alarms, DECIMALS["probability"]),
            "found_from_px": {metric: self.detectable_range(metric)[0] for metric in MEASURED},
            "found_to_px": {metric: self.detectable_range(metric)[1] for metric in MEASURED},
            "rows": [
                {
                    "width_px": row.width_px,
                    "cracks": row.cracks,
                    "figures": {metric: rounded(asdict(item)) for metric, item in row.figures.items()},
                }
                for row in self.rows
            ],
        }


def describe_range(found_from: float | None, found_to: float | None) -> str:
    """Return the result of `DatasetWidths.detectable_range` as text."""
    if found_from is None:
        return "at no width"
    return f"from {found_from:g} px on" if found_to is None else f"from {found_from:g} to {found_to:g} px"


def count_tiles(evaluation: "Evaluation") -> int:
    """Count the tiles that will get synthetic cracks."""
    return sum(len(_sample(tiles)) for tiles in _uncracked_by_dataset(evaluation).values())


def measure_widths(
    evaluation: "Evaluation",
    load: Callable[[], Classifier],
    *,
    jobs: int,
    on_done: Callable[[int], None] = lambda _: None,
) -> tuple[DatasetWidths, ...]:
    """Draw a crack of each width on the uncracked tiles of each dataset, and measure the recall.

    The tiles without a crack are the negatives; a tile and its cracks are one group. A large photo is
    represented by the tile that gave its probability. on_done: called with 1 after each tile.

    Raises:
        BadData: no image is uncracked.
    """
    datasets = _uncracked_by_dataset(evaluation)
    if not datasets:
        raise BadData("No image is uncracked; synthetic cracks are drawn on uncracked images only.")
    predict, threshold = _CrackPredictor(load), evaluation.options.rows.threshold
    with ThreadPoolExecutor(jobs, thread_name_prefix="crackscan") as pool:
        return tuple(
            _measure_dataset(name, tiles, threshold, _chain(pool.map(predict, _sample(tiles)), on_done))
            for name, tiles in datasets.items()
        )


class _CrackPredictor:
    """Draws cracks of all widths on a tile and predicts them; each thread has its own classifier."""

    def __init__(self, load: Callable[[], Classifier]) -> None:
        self._load, self._local = load, threading.local()

    def __call__(self, tile: "Prediction") -> list[SyntheticCrack]:
        if not hasattr(self._local, "classifier"):
            self._local.classifier = self._load()
        classifier: Classifier = self._local.classifier
        example, window = tile.example, tile.result.window
        try:
            plain = read_tile(example.path, window, input_px=classifier.input_px)
        except Unreadable:  # the file changed since the evaluation; the row counts the other cracks
            return []
        cracked = np.stack([_add_crack(plain, example.name, width) for width in WIDTHS_PX])
        probabilities = classifier.predict(cracked).probabilities
        return [
            SyntheticCrack(
                example,
                window,
                width,
                tile.result.probability or 0.0,
                round(float(probability), DECIMALS["probability"]),
            )
            for width, probability in zip(WIDTHS_PX, probabilities, strict=True)
        ]


def _add_crack(tile: Pixels, name: str, width_px: float) -> Pixels:
    # the seed depends on the name, so that a crack does not depend on the other images or their order
    seed = hashlib.sha256(f"{name} {width_px:g}".encode()).digest()
    return draw_crack(np.random.default_rng(list(seed)), tile, width_px=width_px)[0]


def _uncracked_by_dataset(evaluation: "Evaluation") -> dict[str, list["Prediction"]]:
    datasets: dict[str, list[Prediction]] = {}
    for prediction in evaluation.assessed:
        if not prediction.example.label:
            datasets.setdefault(prediction.example.data, []).append(prediction)
    return datasets


def _sample(tiles: Sequence["Prediction"]) -> list["Prediction"]:
    """Take at most `MAX_TILES` tiles, evenly spaced."""
    return [tiles[index] for index in evenly_spaced(len(tiles), MAX_TILES)]


def _chain(tiles: Iterable[list[SyntheticCrack]], on_done: Callable[[int], None]) -> Iterator[SyntheticCrack]:
    """Yield the cracks of all tiles, and report each tile."""
    for cracks in tiles:
        on_done(1)
        yield from cracks


def _measure_dataset(
    name: str, tiles: Sequence["Prediction"], threshold: float, cracks: Iterable[SyntheticCrack]
) -> DatasetWidths:
    cracks = tuple(cracks)
    rows = tuple(
        _measure_width(width, tiles, threshold, [crack for crack in cracks if crack.width_px == width])
        for width in WIDTHS_PX
    )
    false_alarms = sum((tile.result.probability or 0.0) >= threshold for tile in tiles) / len(tiles)
    return DatasetWidths(name, len(tiles), false_alarms, rows, cracks)


def _measure_width(
    width_px: float, tiles: Sequence["Prediction"], threshold: float, cracks: Sequence[SyntheticCrack]
) -> WidthRow:
    groups = {tile.example: tile.group for tile in tiles}
    probabilities = [tile.result.probability or 0.0 for tile in tiles]
    metrics = measure(
        [False] * len(tiles) + [True] * len(cracks),
        probabilities + [crack.probability for crack in cracks],
        threshold=threshold,
        groups=[*(tile.group for tile in tiles), *(groups[crack.example] for crack in cracks)],
    )
    return WidthRow(width_px, len(cracks), {metric: metrics.figures[metric] for metric in MEASURED})
