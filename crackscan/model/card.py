"""The card of a model: what it is, what it was made from, how good it is. The one definition of card.json.

Scanning reads it, so this module imports nothing heavy.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from crackscan.basics.errors import BrokenModel
from crackscan.basics.records import Engine, PhotoLimit, RowOptions, ScanOptions, TileOptions
from crackscan.model.typed_json import expect, typed

# from 2 on, the LiteRT file also answers where its evidence lies; from 3 on, files take larger pictures
SCHEMA_VERSION = 3
CARD = "card.json"
KERAS = "model.keras"
LITERT = "model.tflite"
LITERT_INT8 = "model-int8.tflite"  # only where its answers keep the mark of `training.agreement`
OOD_FILE = "familiar.npz"
CONTEXT_FILE = "surroundings.npz"  # how tiles are judged with what is around them


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How logits became probabilities; the temperature is already inside the model's weights."""

    method: str
    temperature: float  # above 1: the network was too sure of itself
    ece_before: float  # expected calibration error on samples made of validation tiles, 0..1
    ece_after: float
    elsewhere: float | None = None  # the part of the temperature that was found on sources left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """What one threshold finds and wrongly flags on the validation split; None where a class is absent."""

    threshold: float
    recall: float | None
    false_alarms_per_1000: float | None  # of uncracked tiles
    missed_per_1000: float | None  # of all tiles, where 5 % are cracked


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoLimitRow:
    """From which evidence a photo of so many tiles is cracked, and what that finds; see `decision`.

    Measured on photos put together from the validation split's tiles.
    """

    tiles: int
    evidence: float
    false_alarms: float  # share of uncracked photos that are called cracked
    found: Mapping[str, float]  # tiles that a crack goes through → share of such photos called cracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The ground resolutions that the model was trained on, mm per px."""

    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """One DATA argument of the training."""

    name: str
    images: int
    cracked: int
    relabelled: int | None = None  # of the images, those whose label a person corrected
    citation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEvaluation:
    """What was found on a source that the model has not learned from."""

    metrics: Mapping[str, Any]  # what `metrics.measure` found
    widths: Mapping[str, Any] | None = None  # recall of drawn cracks, by `crackscan.evaluation.widths`


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutDataset(ExternalEvaluation):
    """What a model that is made in the same way, but without one DATA, makes of that DATA."""

    trained_on: tuple[str, ...]  # the DATA that it learned from
    steps: int  # of its fine-tuning
    temperature: float  # that its log-odds there must be divided by to be right; above 1: it was too sure
    unfamiliar: float | None  # share of that DATA that a scan by it would not judge; None: it has no limit
    reach: float | None = None  # how far that DATA is from what it knows: see `familiarity.reach`


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossDataset:
    """What was found by leaving out each DATA in turn."""

    temperature: float  # one for all of them, each counting the same
    sources: Mapping[str, HeldOutDataset]  # DATA → what a model without it made of it


@dataclass(frozen=True, slots=True, kw_only=True)
class OODLimit:
    """From which distance on a tile is unlike anything that the model was trained on; see `familiar`."""

    limit: float
    rule: str  # how it was chosen
    tiles: Mapping[str, int]  # DATA and class of genuine concrete → tiles that it was chosen on
    lost: Mapping[str, float]  # the same → share of these tiles beyond the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Agreement:
    """How close the answers of engine litert-int8 are to those of litert on some tiles."""

    images: int
    equal: float  # share of tiles that both call the same
    change: float  # of the probability, on average
    auc_loss: float | None  # None where there is one class only
    again: float  # share of tiles that the float file judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """What was found of the file in whole numbers, be it that it is not there because it missed the mark."""

    log_odds: float  # where its answer is as near as this to the threshold, the float file judges
    distance: float  # the same of the limit of what is familiar
    agreement: Mapping[str, Int8Agreement]  # on the validation split, of each DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """How the examples were divided; split.csv has it one by one."""

    seed: int
    rule: str  # what was held together
    fractions: Mapping[str, float]  # asked for
    counts: Mapping[str, Mapping[str, int]]  # split → label → images
    sha256: str  # of split.csv


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What card.json holds, field by field."""

    schema_version: int = SCHEMA_VERSION
    name: str
    created_at: str  # ISO 8601, UTC
    positive_class: str  # what the data calls cracked
    input_px: int  # the network's input is square
    threshold: float  # from this probability up a tile is called cracked
    threshold_rule: str  # how it was chosen
    threshold_table: tuple[ThresholdRow, ...]
    photos: tuple[PhotoLimitRow, ...] = ()
    familiarity: OODLimit | None = None  # None: nothing is called unfamiliar
    quantisation: Quantisation | None = None  # None: it was not tried
    calibration: Calibration
    mm_per_px: Scale | None = None
    data: tuple[DatasetSummary, ...]
    split: SplitSummary
    metrics: Mapping[str, Mapping[str, Any]]  # split, and "split, DATA" → what `metrics.measure` found
    outside: Mapping[str, ExternalEvaluation] | None = (
        None  # source → what `evaluate --onto-card` found there
    )
    left_out: CrossDataset | None = None  # what `leave-one-out` found
    notes: tuple[str, ...] | None = None  # where it is good and where it fails, by who looked at pictures
    largest_difference: float  # between the probabilities of the two files, on the test split
    weights: str  # what the training started from
    command: str
    seed: int
    options: Mapping[str, Any]
    seconds: float  # the training took, on the machine that did it
    versions: Mapping[str, str]
    files: Mapping[str, str]  # file → sha256

    @property
    def model_id(self) -> str:
        """The name that rows carry: no two models share it."""
        return f"{self.name}@{self.files[LITERT][:8]}"

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The engines that the model can answer by, the fastest on a CPU first.

        Where float16 could decide is known once whole numbers were tried, whose error is larger.
        """
        exact: tuple[Engine, ...] = ("litert", "tensorflow")
        if self.quantisation is not None:
            exact += ("tensorflow-float16",)
        return ("litert-int8", *exact) if LITERT_INT8 in self.files else exact

    @property
    def has_dense_inference(self) -> bool:
        """Say whether tiles that overlap can be judged in one pass, each with its surroundings."""
        return CONTEXT_FILE in self.files

    @property
    def scan_options(self) -> ScanOptions:
        """The options of a scan, as far as the model decides them."""
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
            ),
        )

    def found_from_px(self, options: ScanOptions) -> float | None:
        """Return from which width on 9 of 10 drawn cracks are found, in px of a tile as it is judged.

        So are all wider ones, or half of all widths and more: the README says where the widest are not.
        The worst of what was measured elsewhere, and by models that lacked a source only where this one was
        not. `None` where on some source it was not measured, where no width reached that, or where the
        threshold is higher than the one that it was measured at.
        """
        elsewhere = self.outside or (self.left_out.sources if self.left_out else {})
        measured = [source.widths for source in elsewhere.values() if source.widths]
        found = [widths["found_from_px"]["recall"] for widths in measured]
        if not found or None in found or options.rows.threshold > self.threshold:
            return None
        return float(max(found)) * options.tiles.tile_px / self.input_px

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read the card of a model folder.

        Raises:
            BrokenModel: there is none, or it is not one that this version understands.
        """
        path = Path(folder) / CARD
        content = _parsed(path)
        version = content.get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise BrokenModel(
                f"{path}: written in schema {version}, this crackscan reads up to {SCHEMA_VERSION}; "
                "update crackscan."
            )
        if version == 1:
            raise BrokenModel(
                f"{path}: written in schema 1, and the model cannot say where in a tile a crack is; "
                "train it anew."
            )
        try:
            card: Self = typed(cls, content)
            expect(0 <= card.threshold <= 1, "threshold", card.threshold, "0 to 1")
            expect({KERAS, LITERT} <= set(card.files), "files", sorted(card.files), f"{KERAS} and {LITERT}")
        except ValueError as error:
            raise BrokenModel(f"{path}: {error}; get the model folder again or train it anew.") from error
        return card

    def text(self) -> str:
        """Return what card.json holds."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, folder: str | Path) -> None:
        """Write card.json into a folder."""
        (Path(folder) / CARD).write_text(self.text(), encoding="utf-8")

    def verify(self, folder: str | Path) -> None:
        """Check that the model's files are those that the card speaks of.

        Raises:
            BrokenModel: one is missing or is another file; the text names it.
        """
        for name, expected in self.files.items():
            path = Path(folder) / name
            if not path.is_file():
                raise BrokenModel(f"{path}: missing; get the model folder again.")
            if (found := sha256_of(path)) != expected:
                raise BrokenModel(
                    f"{path}: not the file that card.json speaks of (sha256 {found[:12]}…, "
                    f"expected {expected[:12]}…); get the model folder again."
                )


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BrokenModel(f"{path}: missing; {path.parent} is no model folder.") from None
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path}: cannot be read ({error}); get the model folder again.") from error
    if not isinstance(content, dict):
        raise BrokenModel(f"{path}: holds {type(content).__name__}, not a card; get the model folder again.")
    return content
