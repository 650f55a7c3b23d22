"""The README of a model folder, written from its card.json alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from crackscan.evaluation.metrics import TITLES
from crackscan.model.card import LITERT_INT8, Card
from crackscan.model.card_records import OODLimit
from crackscan.training.fitting.weights import MEAN_OF
from crackscan.training.model_folder.markdown import format_number, join, show_pictures, table
from crackscan.training.model_folder.readme_external import (
    LEFT_OUT_PICTURES,
    OUTSIDE_PICTURES,
    external_sections,
    format_count,
    format_interval,
)
from crackscan.training.model_folder.readme_lines import LINE_PICTURES, line_section
from crackscan.training.model_folder.readme_unfamiliar import unfamiliar_section

README = "README.md"
TRAINING_PICTURES: Mapping[str, str] = MappingProxyType(
    {"curves.png": "curves", "architecture.png": "architecture"}
)


def list_pictures(folder: Path) -> list[str]:
    """Return the pictures of a model folder that its README shows."""
    names = (*TRAINING_PICTURES, *LEFT_OUT_PICTURES, *OUTSIDE_PICTURES, *LINE_PICTURES)
    return [name for name in names if (folder / name).is_file()]


def model_readme(card: Card, *, pictures: Sequence[str]) -> str:
    """Return the card as Markdown; pictures: the PNG files beside it, which are shown in their sections."""
    drawn = show_pictures(TRAINING_PICTURES, pictures)
    sections = (
        _introduction(card),
        *external_sections(card, pictures),
        line_section(card, pictures),
        _limits(card),
        _notes(card),
        unfamiliar_section(card.familiarity),
        _figures(card),
        _thresholds(card),
        _photos(card),
        _int8(card),
        _data(card),
        _training(card),
        f"## Pictures of the training\n\n{drawn}" if drawn else "",
    )
    return join(*sections) + "\n"


def _introduction(card: Card) -> str:
    files = [
        ["`model.tflite`", "scans on CPUs"],
        ["`model-int8.tflite`", "scans on CPUs, faster"],
        ["`model.keras`", "scans on GPUs, and further training"],
        ["`familiar.npz`", "detection of out-of-distribution tiles (status `unfamiliar`)"],
        ["`surroundings.npz`", "the head for overlapping tiles, which are judged with their context"],
        ["`lines.tflite`", "traces cracks as lines"],
    ]
    own = [row for row in files if row[0].strip("`") in card.files]
    purpose = (
        "This model estimates for a tile of concrete the probability that it shows a crack. A tile with a "
        f"probability of {card.threshold:g} or more is called cracked. Its input is {card.input_px} x "
        f"{card.input_px} px, uint8 RGB; tiles of other sizes are resized."
    )
    split = "test" if "test" in card.metrics else "validation"
    origin = (
        f"Trained on {card.created_at[:10]} with crackscan {card.versions['crackscan']}. Rows name it "
        f"`{card.model_id}`. The calibration is part of the weights. On the {split} images, `model.keras` "
        f"and `model.tflite` differ by at most {card.largest_difference:.1g}."
    )
    return join(f"# {card.name}", purpose, origin, table(["file", "for"], own))


def _figures(card: Card) -> str:
    splits = list(card.metrics)
    rows = [
        [title, *(format_interval(card.metrics[split]["figures"].get(name)) for split in splits)]
        for name, title in TITLES.items()
    ]
    counts = [["images (cracked)", *(format_count(card.metrics[split]) for split in splits)]]
    errors = [["missed, false alarms", *(_errors(card.metrics[split]) for split in splits)]]
    words = (
        "With 95 % intervals, measured with `model.tflite` at the threshold above. The validation split "
        "chose weights, calibration and threshold, so only the test split shows how good the model is on "
        "images like those that it was trained on."
    )
    figures = table(["", *splits], [*counts, *errors, *rows])
    return join("## On the datasets that it was trained on", figures, words)


def _notes(card: Card) -> str:
    if not card.notes:
        return ""
    return join("## Where it is good, where it fails", "\n".join(f"- {note}" for note in card.notes))


def _thresholds(card: Card) -> str:
    rows = [
        [
            f"{row.threshold:g}" + (" (chosen)" if row.threshold == card.threshold else ""),
            format_number(row.recall, ".4f"),
            format_number(row.false_alarms_per_1000, ".1f"),
            format_number(row.missed_per_1000, ".2f"),
        ]
        for row in card.threshold_table
    ]
    heads = ["threshold", "recall", "false alarms per 1,000 uncracked", "missed per 1,000 at 5 % cracked"]
    words = (
        "`crackscan scan --threshold` sets another threshold. This is what others give on the validation "
        f"split. The model's own was chosen so: {card.threshold_rule}."
    )
    return join("## Choosing another threshold", words, table(heads, rows))


def _photos(card: Card) -> str:
    if not card.photos:
        return ""
    lengths = list(dict.fromkeys(tiles for row in card.photos for tiles in row.found))
    rows = [
        [f"{row.tiles:,}", f"{row.evidence:.2f}", f"{row.false_alarms:.3f}"]
        + [format_number(row.found.get(tiles), ".3f") for tiles in lengths]
        for row in card.photos
    ]
    heads = ["tiles", "limit", "false alarms", *(f"recall, crack through {tiles}" for tiles in lengths)]
    words = (
        "A photo is called cracked if a cluster of its cracked tiles is above a limit. Of tiles that touch, "
        "the log-odds above the threshold's are added up. The limit grows with the number of tiles. It was "
        "chosen on simulated photos of validation tiles, by the number of tiles and of cracked tiles; the "
        "tiles of a real photo resemble each other more. The simulation allows for false alarms that the few "
        "uncracked tiles did not show."
    )
    return join("## Photos of many tiles", words, table(heads, rows))


def _int8(card: Card) -> str:
    if card.quantisation is None:
        return ""
    rows = [
        [
            dataset,
            f"{agreement.images:,}",
            f"{agreement.equal:.2%}",
            f"{agreement.change:.4f}",
            format_number(agreement.auc_loss, "+.4f"),
            f"{agreement.again:.1%}",
        ]
        for dataset, agreement in card.quantisation.agreement.items()
    ]
    heads = ["dataset", "images", "same decision", "mean change", "loss of ROC AUC", "by `model.tflite`"]
    existence = (
        "`model-int8.tflite` is twice as fast, and `crackscan scan` uses it by default."
        if LITERT_INT8 in card.files
        else "An int8 model would be twice as fast, but would change the results too much; there is none."
    )
    words = (
        f"{existence} `model.tflite` judges a tile again if its log-odds are within "
        f"{card.quantisation.log_odds:.2f} of the threshold's. Compared with `model.tflite` alone, "
        "on the validation split:"
    )
    return join("## The int8 model", words, table(heads, rows))


def _data(card: Card) -> str:
    heads = ["dataset", "images", "cracked", "labels corrected", "source and licence"]
    datasets = [
        [
            dataset.name,
            f"{dataset.images:,}",
            f"{dataset.cracked:,}",
            f"{dataset.relabelled or 0:,}",
            dataset.citation or "",
        ]
        for dataset in card.data
    ]
    splits = [
        [split, *(f"{count:,}" for count in counts.values())] for split, counts in card.split.counts.items()
    ]
    labels = next(iter(card.split.counts.values()))
    words = (
        f"Kept together in the split: {card.split.rule}. Seed {card.split.seed}. `split.csv` lists every "
        "image with its fingerprints."
    )
    return join("## Training data", table(heads, datasets), table(["split", *labels], splits), words)


_COURSE = "`history.csv` and `logs/` show the course of the training: `tensorboard --logdir logs`."


def _training(card: Card) -> str:
    options = ", ".join(f"{name} {_format_option(value)}" for name, value in card.options.items())
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    return join(
        "## How it was trained",
        f"    {card.command}",
        f"From {card.weights}, in {card.seconds / 60:.1f} minutes, with {versions}.",
        f"Options: {options}.",
        _calibration(card) if card.weights.startswith(MEAN_OF) else f"{_calibration(card)} {_COURSE}",
    )


def _calibration(card: Card) -> str:
    calibration = card.calibration
    words = (
        f"Calibration: {calibration.method} {calibration.temperature:.3f}, part of the weights. On samples "
        f"made of validation tiles the calibration error was {calibration.ece_before:.4f} before and "
        f"{calibration.ece_after:.4f} after it."
    )
    if calibration.elsewhere is not None:
        words += (
            f" A factor of {calibration.elsewhere:.2f} of it, and {calibration.shift or 0:+.2f} on the "
            "log-odds, come from the held-out datasets, so that the "
            "probabilities are right on structures that the model has not seen. On its own datasets it is "
            "less certain than it could be."
        )
    return words


def _limits(card: Card) -> str:
    scale = (
        f"It was trained at {card.mm_per_px.min:g} to {card.mm_per_px.max:g} mm per px."
        if card.mm_per_px
        else "The resolution of its training images is not known, so it cannot measure the width of cracks."
    )
    unknown = (
        "On unknown structures expect more missed cracks, thin and faint ones first, and more false alarms "
        "at joints, edges, shadows and stains. Measure it on your own labelled images: `crackscan evaluate`."
    )
    knowledge = (
        "It knows concrete with and without cracks, and nothing else. Its probability means nothing on "
        "plants, water, sky or people."
    )
    proof = '"No crack" is not proof. The model shows an inspector where to look.'
    limits = (proof, unknown, knowledge, _unfamiliar(card.familiarity), scale)
    return join("## Limits", "\n".join(f"- {limit}" for limit in limits))


def _unfamiliar(limit: OODLimit | None) -> str:
    if limit is None:
        return "It does not detect unfamiliar tiles, so it judges everything."
    return (
        f"Tiles whose distance from concrete is above {limit.limit:g} are `unfamiliar` and not judged. It "
        "detects plants best; do not rely on it for grey things, such as water, rock or asphalt, or in grey "
        "or pale photos."
    )


def _errors(metrics: Mapping[str, Any]) -> str:
    confusion = metrics["confusion"]
    return f"{confusion['false_negatives']:,}, {confusion['false_positives']:,}"


def _format_option(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_format_option(option)}" for name, option in value.items()) + ")"
    return "none" if value is None else str(value)
