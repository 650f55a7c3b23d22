"""The model card for people: README.md of a model folder, written from its card.json and nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from crackscan.evaluation.metrics import TITLES
from crackscan.model.card import LITERT_INT8, Card
from crackscan.training.model_folder.markdown import joined, number, shown, table
from crackscan.training.model_folder.readme_external import (
    LEFT_OUT_PICTURES,
    OUTSIDE_PICTURES,
    count,
    external_section,
    interval,
)

README = "README.md"
TRAINING_PICTURES: Mapping[str, str] = MappingProxyType(
    {"curves.png": "curves", "architecture.png": "architecture"}
)


def pictures_in(folder: Path) -> list[str]:
    """Return the pictures of a model folder that its README shows."""
    named = (*TRAINING_PICTURES, *LEFT_OUT_PICTURES, *OUTSIDE_PICTURES)
    return [name for name in named if (folder / name).is_file()]


def model_readme(card: Card, *, pictures: Sequence[str]) -> str:
    """Write the card in Markdown; pictures: the PNG files beside it, each shown where it belongs."""
    drawn = shown(TRAINING_PICTURES, pictures)
    sections = (
        _head(card),
        _figures(card),
        *external_section(card, pictures),
        _notes(card),
        _thresholds(card),
        _photos(card),
        _whole_numbers(card),
        _data(card),
        _training(card),
        _limits(card),
        f"## Pictures\n\n{drawn}" if drawn else "",
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def _head(card: Card) -> str:
    return (
        f"# {card.name}\n\n"
        f"Says of a tile of concrete, brought to {card.input_px} x {card.input_px} px, how probable it is "
        f"that it shows a crack. From {card.threshold:g} up it is called cracked.\n\n"
        f"Made on {card.created_at[:10]} by crackscan {card.versions['crackscan']}; rows name it "
        f"`{card.model_id}`. `model.keras` is for training on and for GPUs, `model.tflite` for scanning on "
        "CPUs; both take uint8 RGB and give the calibrated probability. On the images kept aside they differ "
        f"by {card.largest_difference:.1g} at most."
        + (
            " `surroundings.npz` is for tiles that overlap, and see what is around them."
            * card.has_dense_inference
        )
    )


def _figures(card: Card) -> str:
    splits = list(card.metrics)
    rows = [
        [title, *(interval(card.metrics[split]["figures"].get(name)) for split in splits)]
        for name, title in TITLES.items()
    ]
    counts = [["images (cracked)", *(count(card.metrics[split]) for split in splits)]]
    errors = [["missed, false alarms", *(_errors(card.metrics[split]) for split in splits)]]
    figures = table(["", *splits], [*counts, *errors, *rows])
    return (
        f"## How good it is\n\n{figures}\n\n"
        "With 95 % intervals, measured with `model.tflite` at the threshold above. Weights, calibration and "
        "threshold were chosen on the validation split, so only the test split is a measure of the model."
    )


def _notes(card: Card) -> str:
    if not card.notes:
        return ""
    return joined("## Where it is good, where it fails", "\n".join(f"- {note}" for note in card.notes))


def _thresholds(card: Card) -> str:
    rows = [
        [
            f"{row.threshold:g}" + (" (chosen)" if row.threshold == card.threshold else ""),
            number(row.recall, ".4f"),
            number(row.false_alarms_per_1000, ".1f"),
            number(row.missed_per_1000, ".2f"),
        ]
        for row in card.threshold_table
    ]
    heads = ["threshold", "recall", "false alarms per 1,000 uncracked", "missed per 1,000 at 5 % cracked"]
    return (
        f"## Choosing another threshold\n\n{table(heads, rows)}\n\nMeasured on the validation split. "
        f"How the threshold was chosen: {card.threshold_rule}. `crackscan scan --threshold` takes another."
    )


def _photos(card: Card) -> str:
    if not card.photos:
        return ""
    passed = list(dict.fromkeys(tiles for row in card.photos for tiles in row.found))
    rows = [
        [f"{row.tiles:,}", f"{row.evidence:.2f}", f"{row.false_alarms:.3f}"]
        + [number(row.found.get(tiles), ".3f") for tiles in passed]
        for row in card.photos
    ]
    heads = ["tiles", "limit", "false alarms", *(f"found, through {tiles}" for tiles in passed)]
    words = (
        "A photo is called cracked by the evidence of its cracked tiles that touch: their log-odds above the "
        "threshold's, added up. Measured on photos put together from tiles of the validation split, by the "
        "number of tiles in the photo and of those that a crack goes through; a real photo's are more alike. "
        "In uncracked ones, one tile more than there were is as sure a false alarm as a crack is sure: so "
        "few do not prove that there is none."
    )
    return joined("## Photos of many tiles", words, table(heads, rows))


def _whole_numbers(card: Card) -> str:
    if card.quantisation is None:
        return ""
    rows = [
        [
            data,
            f"{of.images:,}",
            f"{of.equal:.2%}",
            f"{of.change:.4f}",
            number(of.auc_loss, "+.4f"),
            f"{of.again:.1%}",
        ]
        for data, of in card.quantisation.agreement.items()
    ]
    heads = ["data", "images", "called the same", "mean change", "loss of ROC AUC", "by `model.tflite`"]
    there = (
        "`model-int8.tflite` computes in whole numbers, twice as fast, and is what `crackscan scan` uses."
        if LITERT_INT8 in card.files
        else "Whole numbers would be twice as fast, but change the answers too much; there is none."
    )
    words = (
        f"{there} Where its log-odds lie within {card.quantisation.log_odds:.2f} of the threshold's, or its "
        f"distance within {card.quantisation.distance:.3f} of the limit of the familiar, `model.tflite` "
        "judges the tile. Against that alone, on the validation split:"
    )
    return joined("## In whole numbers", words, table(heads, rows))


def _data(card: Card) -> str:
    heads = ["data", "images", "cracked", "labels corrected", "source and licence"]
    sources = [
        [one.name, f"{one.images:,}", f"{one.cracked:,}", f"{one.relabelled or 0:,}", one.citation or ""]
        for one in card.data
    ]
    splits = [[split, *(f"{count:,}" for count in of.values())] for split, of in card.split.counts.items()]
    labels = next(iter(card.split.counts.values()))
    return (
        f"## Data\n\n{table(heads, sources)}\n\n"
        f"{table(['split', *labels], splits)}\n\n"
        f"Held together in the split: {card.split.rule}. Seed {card.split.seed}; `split.csv` names every "
        "image and its fingerprints."
    )


def _training(card: Card) -> str:
    options = ", ".join(f"{name} {_option(value)}" for name, value in card.options.items())
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    return (
        f"## How it was made\n\n    {card.command}\n\n"
        f"From {card.weights}, in {card.seconds / 60:.1f} minutes, with {versions}.\n\n"
        f"Options: {options}.\n\n"
        f"Calibrated by {card.calibration.method} {card.calibration.temperature:.3f} (in the weights): on "
        f"samples made of validation tiles, calibration error {card.calibration.ece_before:.4f} before and "
        f"{card.calibration.ece_after:.4f} after.{_elsewhere(card)} "
        "`history.csv` and `logs/` have the course of the training: `tensorboard --logdir logs`."
    )


def _elsewhere(card: Card) -> str:
    if card.calibration.elsewhere is None:
        return ""
    return (
        f" A factor of {card.calibration.elsewhere:.2f} in it was found on the sources left out, so that the "
        "probabilities hold on structures that it has not seen; on those that it knows they are too careful."
    )


def _unfamiliar(card: Card) -> str:
    found = card.familiarity
    if found is None:
        return "It has no limit beyond which a tile is unfamiliar, so that it judges whatever it is shown."
    lost = "; ".join(
        f"{name}: {found.lost[name]:.1%} of {tiles:,} tiles" for name, tiles in found.tiles.items()
    )
    return (
        f"Tiles farther than {found.limit:g} from all that it was trained on are `unfamiliar`, not judged. "
        f"The limit is {found.rule} (lost: {lost}). It tells plants and other coloured things best; on grey "
        "ones do not rely on it."
    )


def _limits(card: Card) -> str:
    scale = (
        f"It was trained at {card.mm_per_px.min:g} to {card.mm_per_px.max:g} mm per px."
        if card.mm_per_px
        else "The ground resolution of its training images is unknown, so cracks' widths are not either."
    )
    return (
        "## Limits\n\n"
        "- The figures hold for images like those of the data above: the same cameras, distances and kind of "
        "surface. On other structures expect more misses, of thin and faint cracks first, and more alarms at "
        "joints, edges, shadows and stains. Measure it there, on images of your own: `crackscan evaluate`.\n"
        f"- {scale}\n"
        "- It knows concrete with and without cracks, and nothing else: on plants, water, sky or people its "
        "probability means nothing.\n"
        f"- {_unfamiliar(card)}\n"
        "- It points an inspector to where to look. That it finds nothing is no proof that nothing is there."
    )


def _errors(measured: Mapping[str, Any]) -> str:
    confusion = measured["confusion"]
    return f"{confusion['false_negatives']:,}, {confusion['false_positives']:,}"


def _option(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_option(one)}" for name, one in value.items()) + ")"
    return "none" if value is None else str(value)
