"""The section of a model's README on cracks as lines."""

from collections.abc import Mapping, Sequence
from typing import Any

from crackscan.evaluation.line_metrics import LINE_TITLES
from crackscan.model.card import Card
from crackscan.model.card_records import LineRecord
from crackscan.training.model_folder.markdown import format_number, join, show_pictures, table
from crackscan.training.model_folder.readme_external import format_interval

LINE_PICTURES = ("lines.png",)
_CAPTIONS = {"lines.png": "drawn cracks by mean width; traced lines: right green, missed red, false yellow"}


def line_section(card: Card, pictures: Sequence[str]) -> str:
    """Return the section; "" for a model without a line head."""
    record = card.lines
    if record is None:
        return ""
    return join(
        "## Cracks as lines",
        _describe(record),
        *_left_out(record),
        *_outside(card),
        "On photos with masks of the model's own datasets. The validation split chose the threshold and the "
        "weights, so only the test split shows how good it is on other photos of these datasets:",
        _metrics_table(record.metrics),
        *_drawn(record),
        show_pictures(_CAPTIONS, pictures),
    )


def _describe(record: LineRecord) -> str:
    photos = "; ".join(
        f"{data} ({', '.join(f'{count:,} {split}' for split, count in splits.items())})"
        for data, splits in record.photos.items()
    )
    options = ", ".join(f"{name} {value}" for name, value in record.options.items())
    return (
        f"`lines.tflite` ({record.precision}) traces cracks for `crackscan scan --per crack`. A crack of "
        f"probability {record.threshold:g} or more is written: {record.threshold_rule}. It was made by "
        f"`{record.command}` in {record.seconds / 60:.1f} minutes ({options}), from photos with masks: "
        f"{photos}; and from cracks drawn on uncracked tiles. A point of a line is right within 4 px."
    )


def _left_out(record: LineRecord) -> list[str]:
    if not record.left_out:
        return []
    words = (
        "**On structures that the line head has not seen.** Each dataset was traced by a head that was "
        "trained without it, with fewer steps. The backbone is the model's own and may know the dataset:"
    )
    return [words, _metrics_table(record.left_out)]


def _outside(card: Card) -> list[str]:
    traced = {data: own.lines for data, own in (card.outside or {}).items() if own.lines}
    words = "**On datasets that the model was not trained on**, by `crackscan evaluate`:"
    return [words, _metrics_table(traced)] if traced else []


def _metrics_table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            name,
            f"{own['photos']:,}",
            *(format_interval(own["figures"].get(metric), places=2) for metric in LINE_TITLES),
        ]
        for name, own in metrics.items()
    ]
    return table(["photos of", "photos", *LINE_TITLES.values()], rows)


def _drawn(record: LineRecord) -> list[str]:
    rows = [
        [
            f"{row['width_px']:g} px",
            f"{row['cracks']:,}",
            format_number(row["found"], ".2f"),
            format_number(row["length_ratio"], ".2f"),
            format_number(row["width_error_px"], ".2f"),
            format_number(row["width_bias_px"], "+.2f"),
            format_number(row["told"], ".2f"),
        ]
        for row in (record.drawn or {}).get("rows", ())
    ]
    if not rows:
        return []
    heads = [
        *("mean width", "cracks", "share of the length found", "traced / true length"),
        *("width: error, px", "bias, px", "told"),
    ]
    words = (
        "Cracks of known length and mean width, drawn on uncracked test tiles. Errors are medians over the "
        "cracks of which at least half is found; `told` is the share of these that got a width. True is the "
        "width where the crack was traced: its ends, which get narrow, do not count:"
    )
    return [words, table(heads, rows)]
