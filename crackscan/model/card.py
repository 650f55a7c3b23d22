"""The card of a model (card.json): its content, its limits and metrics, and checks of the model's files.

Scanning reads it, so this module imports nothing heavy.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from crackscan.basics.errors import BrokenModel
from crackscan.basics.records import MIN_TILE_PX, Engine, PhotoLimit, RowOptions, ScanOptions, TileOptions
from crackscan.basics.run_facts import ModelFigures, ThresholdFigures, UnseenFigures
from crackscan.model.card_records import (
    Calibration,
    CrossDataset,
    DatasetSummary,
    ExternalEvaluation,
    LineRecord,
    OODLimit,
    PhotoLimitRow,
    Quantisation,
    Scale,
    SplitSummary,
    ThresholdRow,
)
from crackscan.model.line_head import line_floor
from crackscan.model.typed_json import convert, expect

# 2: the LiteRT file also returns activation maps; 3: model files accept images larger than a tile
SCHEMA_VERSION = 3
CARD = "card.json"
MAX_INPUT_PX = 8192
KERAS = "model.keras"
LITERT = "model.tflite"
LITERT_INT8 = "model-int8.tflite"  # only where it is within the tolerance of `model_folder.int8_check`
OOD_FILE = "familiar.npz"  # `ood.OODDetector`
CONTEXT_FILE = "surroundings.npz"  # `context_head.ContextHead`
LINES_FILE = "lines.tflite"  # `line_head.LineHead`
MODEL_FILES = CARD, KERAS, LITERT, LITERT_INT8, OOD_FILE, CONTEXT_FILE, LINES_FILE  # that a scan reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The content of card.json, field by field."""

    schema_version: int = SCHEMA_VERSION
    name: str
    created_at: str  # ISO 8601, UTC
    positive_class: str  # what the training data calls cracked
    input_px: int  # side of the network's square input
    threshold: float  # a tile of this probability or more is called cracked, 0..1
    threshold_rule: str  # how it was chosen
    threshold_table: tuple[ThresholdRow, ...]
    photos: tuple[PhotoLimitRow, ...] = ()
    familiarity: OODLimit | None = None  # None: no tile is called unfamiliar
    quantisation: Quantisation | None = None  # None: int8 was not tried
    lines: LineRecord | None = None  # None: the model has no line head
    calibration: Calibration
    mm_per_px: Scale | None = None
    data: tuple[DatasetSummary, ...]
    split: SplitSummary
    metrics: Mapping[str, Mapping[str, Any]]  # split, and "split, dataset" → `evaluation.metrics.measure`
    outside: Mapping[str, ExternalEvaluation] | None = None  # dataset → results of `evaluate --onto-card`
    left_out: CrossDataset | None = None  # results of `leave-one-out`
    notes: tuple[str, ...] | None = None  # where it is good and where it fails, by a person
    largest_difference: float  # between the probabilities of KERAS and LITERT, on the test split
    weights: str  # the initial weights of the training
    command: str
    seed: int
    options: Mapping[str, Any]
    seconds: float  # duration of the training, on the machine that did it
    versions: Mapping[str, str]
    files: Mapping[str, str]  # file → sha256

    @property
    def model_id(self) -> str:
        """The name that rows carry, unique to the model's files: "concrete-v4@1a2b3c4d"."""
        return f"{self.name}@{self.files[LITERT][:8]}"

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The engines that can run the model, the fastest on a CPU first."""
        exact: tuple[Engine, ...] = ("litert", "tensorflow")
        return ("litert-int8", *exact) if LITERT_INT8 in self.files else exact

    @property
    def has_dense_inference(self) -> bool:
        """Whether one pass can judge overlapping tiles, each with its context."""
        return CONTEXT_FILE in self.files

    @property
    def has_lines(self) -> bool:
        """Whether the model can say along which line a crack runs."""
        return LINES_FILE in self.files

    @property
    def scan_options(self) -> ScanOptions:
        """The options of a scan that the model decides."""
        return ScanOptions(
            TileOptions(
                tile_px=self.input_px,
                target_mm_per_px=self.mm_per_px.min if self.mm_per_px else None,
            ),
            RowOptions(
                threshold=self.threshold,
                photo_limits=tuple(PhotoLimit(row.tiles, row.evidence) for row in self.photos),
                max_distance=self.familiarity.limit if self.familiarity else None,
                max_mm_per_px=self.mm_per_px.max if self.mm_per_px else None,
                line_floor=line_floor(self.threshold),
                crack_threshold=self.lines.threshold if self.lines else 0.5,
            ),
        )

    @property
    def figures(self) -> ModelFigures:
        """How good the model was in tests, as outputs tell it."""
        left_out = self.left_out.sources.items() if self.left_out else ()
        return ModelFigures(
            tuple(
                ThresholdFigures(row.threshold, row.recall, row.false_alarms_per_1000)
                for row in self.threshold_table
            ),
            tuple(_unseen_figures(name, held_out.metrics) for name, held_out in left_out),
        )

    def found_from_px(self, options: ScanOptions) -> float | None:
        """Return the width, in px of a tile as judged, from which 9 of 10 synthetic cracks are found.

        All wider ones are found as reliably, or at least half of all measured widths: the README says where
        the widest are not. The worst of the external datasets counts, or, without any, of the held-out ones.

        Returns:
            None where no dataset was measured, where on one of them no width reached 9 of 10, or where the
            threshold is higher than the card's, at which it was measured.
        """
        datasets = self.outside or (self.left_out.sources if self.left_out else {})
        measured = [dataset.widths for dataset in datasets.values() if dataset.widths]
        widths_px = [widths["found_from_px"]["recall"] for widths in measured]
        if not widths_px or None in widths_px or options.rows.threshold > self.threshold:
            return None
        return float(max(widths_px)) * options.tiles.tile_px / self.input_px

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read the card of a model folder.

        Raises:
            BrokenModel: there is none, or this version does not understand it.
        """
        path = Path(folder) / CARD
        content = _parse(path)
        _check_schema(path, content.get("schema_version"))
        try:
            card: Self = convert(cls, content)
            _check_values(card)
        except (ValueError, RecursionError) as error:
            raise BrokenModel(f"{path}: {error}; get the model folder again or train it again.") from error
        return card

    def text(self) -> str:
        """Return the content of card.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, folder: str | Path) -> None:
        """Write card.json into a folder."""
        (Path(folder) / CARD).write_text(self.text(), encoding="utf-8")

    def verify(self, folder: str | Path) -> None:
        """Check that the model's files are the ones that the card was written for.

        Raises:
            BrokenModel: a file is missing or has another SHA-256; the text names it.
        """
        for name, expected in self.files.items():
            path = Path(folder) / name
            if not path.is_file():
                raise BrokenModel(f"{path}: missing; get the model folder again.")
            if (actual := sha256_of(path)) != expected:
                raise BrokenModel(
                    f"{path}: not the file of card.json (sha256 {actual[:12]}…, expected {expected[:12]}…); "
                    "get the model folder again."
                )


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_values(card: Card) -> None:
    """Check what a scan computes with.

    Raises:
        ValueError: a value is outside of its range; the text names it.
    """
    expect(0 <= card.threshold <= 1, "threshold", card.threshold, "0 to 1")
    expect({KERAS, LITERT} <= set(card.files), "files", sorted(card.files), f"{KERAS} and {LITERT}")
    is_side = MIN_TILE_PX <= card.input_px <= MAX_INPUT_PX
    expect(is_side, "input_px", card.input_px, f"{MIN_TILE_PX} to {MAX_INPUT_PX} px")
    if card.lines is not None:
        expect(0 <= card.lines.threshold <= 1, "lines.threshold", card.lines.threshold, "0 to 1")
    tiles = [row.tiles for row in card.photos]
    rising = all(smaller < larger for smaller, larger in pairwise([0, *tiles]))
    expect(rising, "photos", tiles, "numbers of tiles above 0 that rise")
    if card.mm_per_px is not None:
        scale = (card.mm_per_px.min, card.mm_per_px.max)
        expect(0 < scale[0] <= scale[1], "mm_per_px", scale, "a range above 0")
    try:
        card.found_from_px(card.scan_options)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"found_from_px of a dataset is not a width ({error!r})") from error


def _unseen_figures(dataset: str, metrics: Mapping[str, Any]) -> UnseenFigures:
    recall = metrics["figures"]["recall"]["value"]
    wrong, right = metrics["confusion"]["false_positives"], metrics["confusion"]["true_negatives"]
    return UnseenFigures(dataset, recall, wrong / (wrong + right) if wrong + right else None)


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise BrokenModel(f"{path}: missing; {path.parent} is not a model folder.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenModel(f"{path}: cannot be read ({error}); get the model folder again.") from error
    if not isinstance(content, dict):
        raise BrokenModel(f"{path}: holds {type(content).__name__}, not a card; get the model folder again.")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _check_schema(path: Path, version: object) -> None:
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise BrokenModel(
            f"{path}: written in schema {version}, this crackscan reads up to {SCHEMA_VERSION}; "
            "update crackscan."
        )
    if version == 1:
        raise BrokenModel(
            f"{path}: written in schema 1, and the model cannot say where in a tile a crack is; "
            "train it again."
        )
