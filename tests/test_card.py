"""The card of a model: written, read back, and refused with a clear error where it is wrong."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from crackscan.basics.errors import BrokenModel
from crackscan.model.card import CARD, KERAS, LITERT, SCHEMA_VERSION, Card, sha256_of
from crackscan.model.card_records import Calibration, DatasetSummary, Scale, SplitSummary, ThresholdRow
from crackscan.training.model_folder.readme import model_readme


def figures(value: float) -> dict[str, Any]:
    """Return what `metrics.measure` returns, with one metric."""
    accuracy = {"value": value, "low": 0.9, "high": 1.0, "interval": "wilson", "reason": None}
    confusion = {"true_positives": 5, "false_negatives": 1, "false_positives": 2, "true_negatives": 4}
    return {"images": 12, "cracked": 6, "confusion": confusion, "figures": {"accuracy": accuracy}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files in place of a model's."""
    for name in (KERAS, LITERT):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.fixture
def card(folder: Path) -> Card:
    """Return a card of the folder, already written into it."""
    card = Card(
        name="bridge",
        created_at="2026-01-02T03:04:05+00:00",
        positive_class="Positive",
        input_px=224,
        threshold=0.42,
        threshold_rule="by hand",
        threshold_table=(
            ThresholdRow(threshold=0.42, recall=0.9, false_alarms_per_1000=1.5, missed_per_1000=None),
        ),
        calibration=Calibration(method="temperature", temperature=1.5, ece_before=0.02, ece_after=0.01),
        mm_per_px=Scale(min=0.5, max=2),
        data=(DatasetSummary(name="näher", images=12, cracked=6, citation="A. Author, CC BY 4.0"),),
        split=SplitSummary(
            seed=1,
            rule="by bridge",
            fractions={"train": 0.7, "validation": 0.15, "test": 0.15},
            counts={"train": {"crack": 6, "no-crack": 6}},
            sha256="0" * 64,
        ),
        metrics={"validation": figures(0.97), "test": figures(0.75)},
        largest_difference=1e-6,
        weights="none: random weights",
        command="crackscan train bridge -o models/bridge",
        seed=1,
        options={"batch": 32, "recipe": None},
        seconds=90.0,
        versions={"crackscan": "0.1.0", "keras": "3.15.1"},
        files={name: sha256_of(folder / name) for name in (KERAS, LITERT)},
    )
    card.write(folder)
    return card


def change(folder: Path, **values: Any) -> None:
    """Change fields of a written card."""
    path = folder / CARD
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_card_reads_back_as_it_was_written(card: Card, folder: Path) -> None:
    """Reading gives what was written, also where a float was written as a whole number."""
    assert Card.read(folder) == card


def test_rows_name_a_model_by_its_name_and_its_file(card: Card) -> None:
    """Eight digits of the LiteRT file's hash distinguish two models of one name."""
    other = replace(card, files=card.files | {LITERT: "f" * 64})
    assert card.model_id == f"bridge@{card.files[LITERT][:8]}"
    assert other.model_id == "bridge@ffffffff"


def test_folder_without_a_card_is_refused_by_name(tmp_path: Path) -> None:
    """The error names the missing card and says that the folder is not a model folder."""
    with pytest.raises(BrokenModel, match=r"card\.json: missing; .* is not a model folder\.$"):
        Card.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00", "[" * 100_000, '{"threshold": NaN}'])
def test_garbled_card_is_refused(tmp_path: Path, text: str) -> None:
    """For a truncated card, or another file, the error says what to do."""
    (tmp_path / CARD).write_text(text)
    with pytest.raises(BrokenModel, match=r"card\.json: .*get the model folder again\.$"):
        Card.read(tmp_path)


@pytest.mark.usefixtures("card")
def test_newer_card_asks_for_an_update(folder: Path) -> None:
    """A card of a newer schema is refused, whatever else is in it."""
    change(folder, schema_version=SCHEMA_VERSION + 1, threshold={"new": "shape"})
    with pytest.raises(BrokenModel, match="update crackscan"):
        Card.read(folder)


@pytest.mark.usefixtures("card")
def test_card_of_a_model_that_cannot_say_where_is_refused(folder: Path) -> None:
    """A model of the first schema gave a probability alone; the error says to train it again."""
    change(folder, schema_version=1)
    with pytest.raises(BrokenModel, match=r"schema 1, and the model cannot say where .* train it again\.$"):
        Card.read(folder)


def row(tiles: int) -> dict[str, Any]:
    """Return a limit for photos of this many tiles."""
    return {"tiles": tiles, "evidence": 1.0, "false_alarms": 0.1, "found": {}}


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("threshold", "0.5", "threshold is '0.5', expected a number"),
        ("threshold", True, "threshold is True, expected a number"),
        ("threshold", 1.5, "threshold is 1.5, expected 0 to 1"),
        ("input_px", 224.5, "input_px is 224.5, expected a whole number"),
        ("calibration", {"method": "temperature"}, "lacks 'calibration.temperature'"),
        ("data", [{"name": 3, "images": 1, "cracked": 1}], "data[0].name is 3, expected a text"),
        ("photos", [row(0)], "photos is [0], expected numbers of tiles above 0 that rise"),
        ("photos", [row(20), row(20)], "photos is [20, 20], expected numbers of tiles above 0 that rise"),
        ("input_px", 0, "input_px is 0, expected 16 to 8192 px"),
        ("mm_per_px", {"min": 0, "max": 2}, "mm_per_px is (0, 2), expected a range above 0"),
        (
            "outside",
            {"a": {"metrics": {}, "widths": {"found_from_px": 3}}},
            "found_from_px of a dataset is not a width",
        ),
        ("files", {}, "files is [], expected model.keras and model.tflite"),
    ],
)
def test_wrong_field_is_named(folder: Path, field: str, value: Any, complaint: str) -> None:
    """The error says which field is wrong, its value, and what was expected."""
    change(folder, **{field: value})
    with pytest.raises(BrokenModel) as caught:
        Card.read(folder)
    assert complaint in str(caught.value)


def test_missing_field_is_named(card: Card, folder: Path) -> None:
    """The error names a missing field."""
    content = asdict(card)
    del content["threshold"]
    (folder / CARD).write_text(json.dumps(content))
    with pytest.raises(BrokenModel, match="lacks 'threshold'"):
        Card.read(folder)


def test_untouched_files_are_verified(card: Card, folder: Path) -> None:
    """The files that the card was written for are accepted."""
    card.verify(folder)


@pytest.mark.parametrize("name", [KERAS, LITERT])
def test_exchanged_file_is_refused_by_name(card: Card, folder: Path, name: str) -> None:
    """A file from another model is detected by its hash."""
    (folder / name).write_bytes(b"another model")
    with pytest.raises(BrokenModel, match=f"{name}: not the file of card.json"):
        card.verify(folder)


def test_missing_file_is_refused_by_name(card: Card, folder: Path) -> None:
    """The error names a file that is missing."""
    (folder / LITERT).unlink()
    with pytest.raises(BrokenModel, match=r"model\.tflite: missing; get the model folder again\.$"):
        card.verify(folder)


def test_readme_of_a_model_holds_what_its_card_holds(card: Card) -> None:
    """Metrics, datasets with citations, the command and the threshold are in the model's README."""
    text = model_readme(card, pictures=["curves.png"])
    for expected in (
        "| accuracy | 0.9700 (0.9000 to 1.0000) | 0.7500 (0.9000 to 1.0000) |",
        "| missed, false alarms | 1, 2 | 1, 2 |",
        "| 0.42 (chosen) | 0.9000 | 1.5 | - |",
        "A. Author, CC BY 4.0",
        "    crackscan train bridge -o models/bridge\n",
        "0.5 to 2 mm per px",
        "![curves](curves.png)",
        card.model_id,
    ):
        assert expected in text
