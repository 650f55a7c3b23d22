"""The part of a model folder's README on data that was not learned from, written from the card alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crackscan.evaluation.metrics import COMPARED, TITLES
from crackscan.evaluation.widths import MEASURED, describe_range
from crackscan.model.card import Card
from crackscan.model.card_records import ExternalEvaluation, HeldOutDataset
from crackscan.training.model_folder.markdown import joined, number, shown, table

OUTSIDE_PICTURES = ("sources.png", "widths.png")  # of `evaluate --onto-card`
LEFT_OUT_PICTURES = ("left-out.png", "left-out-widths.png")  # of `leave-one-out`
_CAPTIONS = (
    "ranking and recall of each source, with their 95 % intervals",
    "recall against the width of drawn cracks, and of real ones",
)


def external_section(card: Card, pictures: Sequence[str]) -> Iterator[str]:
    """Give the sections; pictures: the PNG files beside the card."""
    if card.left_out:
        sources = card.left_out.sources
        yield _section("## Each source left out in turn", sources, _left_out(sources))
        yield from _pictured(sources, LEFT_OUT_PICTURES, pictures)
    if card.outside:
        yield _section("## On data that it has not learned from", card.outside, _outside())
        yield from _pictured(card.outside, OUTSIDE_PICTURES, pictures)


def _section(heading: str, found: Mapping[str, ExternalEvaluation], words: str) -> str:
    rows = [
        [
            data,
            count(outside.metrics),
            *(interval(outside.metrics["figures"].get(metric), places=3) for metric in COMPARED),
        ]
        for data, outside in found.items()
    ]
    heads = ["data", "images (cracked)", *(TITLES[metric] for metric in COMPARED)]
    return joined(heading, table(heads, rows), " ".join([words, *_cautions(found)]))


def _outside() -> str:
    return (
        "With 95 % intervals, measured by `crackscan evaluate` at the threshold above. None of these images, "
        "nor a copy of one, was learned from: expect figures like these of other structures, not those above."
    )


def _left_out(found: Mapping[str, HeldOutDataset]) -> str:
    lost = [f"{one.unfamiliar:.1%} of {data}" for data, one in found.items() if one.unfamiliar is not None]
    gate = f" Of the tiles left out, {', '.join(lost)} would be `unfamiliar` to it." if lost else ""
    return (
        "With 95 % intervals. For each source a model was made in the same way from the others alone, and "
        f"judged all of it at its own threshold: {'; '.join(map(_of_others, found.items()))}.{gate} So the "
        "way in which this model was made is measured on structures that it never saw: expect figures like "
        "these of other structures, not those above."
    )


def _of_others(left_out: tuple[str, HeldOutDataset]) -> str:
    data, found = left_out
    return f"without {data} by {found.steps:,} steps on {' and '.join(found.trained_on)}"


def _cautions(found: Mapping[str, ExternalEvaluation]) -> list[str]:
    return [
        f"The intervals of {data} are {caution}."
        for data, outside in found.items()
        if (caution := _caution(outside.metrics["figures"]))
    ]


def _pictured(
    found: Mapping[str, ExternalEvaluation], names: tuple[str, str], pictures: Sequence[str]
) -> Iterator[str]:
    drawn, curve = (shown({name: caption}, pictures) for name, caption in zip(names, _CAPTIONS, strict=True))
    yield drawn
    yield _widths({data: outside for data, outside in found.items() if outside.widths}, curve)


def _widths(measured: Mapping[str, ExternalEvaluation], drawn: str) -> str:
    if not measured:
        return ""
    heads = [f"{data}: {TITLES[metric]}" for data in measured for metric in MEASURED]
    words = (
        "Cracks of known mean width, px of the model's input, are drawn on uncracked tiles of each source; "
        f"9 of 10 are found {'; '.join(_reach(data, one.widths or {}) for data, one in measured.items())}. "
        "Drawn cracks are not real ones, and easier: the curve compares models and shows the trend. The last "
        "row is the recall of the real ones."
    )
    rows = table(["crack", *heads], _width_rows(measured))
    return joined("### From which width on", words, rows, drawn)


def _reach(data: str, widths: Mapping[str, Any]) -> str:
    ends = (
        widths["found_from_px"],
        widths.get("found_to_px", {}),
    )  # cards before 2026-11-25 had the first only
    own, at_rate = (describe_range(*(end.get(metric) for end in ends)) for metric in MEASURED)
    return f"on {data} {own} (at 5 % false alarms {at_rate})"


def _width_rows(measured: Mapping[str, ExternalEvaluation]) -> list[list[str]]:
    """Return a row for no crack, for each drawn width, and for the real cracks; two columns a source."""
    sources = [(outside.metrics["figures"], outside.widths or {}) for outside in measured.values()]
    none = [cell for _, widths in sources for cell in (number(widths["false_alarms"], ".3f"), "≤ 0.050")]
    real = [_value(figures, metric) for figures, _ in sources for metric in MEASURED]
    drawn = [
        [f"{row['width_px']:g} px"]
        + [_value(widths["rows"][number]["figures"], metric) for _, widths in sources for metric in MEASURED]
        for number, row in enumerate(sources[0][1]["rows"])
    ]
    return [["none: false alarms", *none], *drawn, ["real, any width", *real]]


def interval(figure: Mapping[str, Any] | None, *, places: int = 4) -> str:
    """Return a figure of the card with its interval, as far as there are."""
    if figure is None or figure["value"] is None:
        return "-"
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:.{places}f}"
    return f"{figure['value']:.{places}f} ({figure['low']:.{places}f} to {figure['high']:.{places}f})"


def _caution(figures: Mapping[str, Mapping[str, Any]]) -> str | None:
    return next((one["reason"] for one in figures.values() if one["low"] is not None and one["reason"]), None)


def _value(figures: Mapping[str, Any], metric: str) -> str:
    return number(figures[metric]["value"], ".3f")


def count(measured: Mapping[str, Any]) -> str:
    """Return how many images were measured, and how many of them are cracked."""
    return f"{measured['images']:,} ({measured['cracked']:,})"
