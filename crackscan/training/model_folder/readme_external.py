"""The sections of a model's README on datasets that the model was not trained on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crackscan.evaluation.metrics import COMPARED, TITLES
from crackscan.evaluation.widths import MEASURED, describe_range
from crackscan.model.card import Card
from crackscan.model.card_records import ExternalEvaluation, HeldOutDataset
from crackscan.training.model_folder.markdown import format_number, join, show_pictures, table

OUTSIDE_PICTURES = ("sources.png", "widths.png")  # of `evaluate --onto-card`
LEFT_OUT_PICTURES = ("left-out.png", "left-out-widths.png")  # of `leave-one-out`
_CAPTIONS = (
    "ROC AUC and recall of each dataset, with their 95 % intervals",
    "recall by the width of synthetic cracks, and recall of real cracks",
)


def external_sections(card: Card, pictures: Sequence[str]) -> Iterator[str]:
    """Yield the sections; pictures: the PNG files beside the card."""
    if card.left_out:
        datasets = card.left_out.sources
        yield _section(
            "## What to expect on unknown structures",
            datasets,
            _describe_held_out(datasets, card.left_out.weights),
        )
        yield from _with_pictures(datasets, LEFT_OUT_PICTURES, pictures)
    if card.outside:
        yield _section("## On datasets that it was not trained on", card.outside, _describe_external())
        yield from _with_pictures(card.outside, OUTSIDE_PICTURES, pictures)


def _section(heading: str, datasets: Mapping[str, ExternalEvaluation], words: str) -> str:
    rows = [
        [
            name,
            format_count(dataset.metrics),
            *(format_interval(dataset.metrics["figures"].get(metric), places=3) for metric in COMPARED),
        ]
        for name, dataset in datasets.items()
    ]
    heads = ["dataset", "images (cracked)", *(TITLES[metric] for metric in COMPARED)]
    return join(heading, table(heads, rows), " ".join([words, *_warnings(datasets)]))


def _describe_external() -> str:
    return (
        "With 95 % intervals, measured by `crackscan evaluate` at the threshold above. The model was not "
        "trained on any of these images or on a copy of one, so expect such figures on other structures."
    )


def _describe_held_out(datasets: Mapping[str, HeldOutDataset], weights: str | None) -> str:
    lost = [
        f"{dataset.unfamiliar:.1%} of {name}"
        for name, dataset in datasets.items()
        if dataset.unfamiliar is not None
    ]
    trainings = _describe_trainings(datasets)
    unfamiliar = f" Of the held-out images, {', '.join(lost)} would be `unfamiliar`." if lost else ""
    began = f" They began with {weights}, and not with a model that knows these datasets." if weights else ""
    return (
        "With 95 % intervals. Each dataset was judged by a model that was trained in the same way without "
        "it, at that model's own threshold. This model was trained on all of them. The other models: "
        f"{'; '.join(trainings)}.{began}{unfamiliar}"
    )


def _describe_trainings(datasets: Mapping[str, HeldOutDataset]) -> Iterator[str]:
    """Yield a text for each training, which may have left out several datasets."""
    trainings: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for name, dataset in datasets.items():
        trainings.setdefault((dataset.trained_on, dataset.steps), []).append(name)
    for (trained_on, steps), names in trainings.items():
        yield f"without {' and '.join(names)} by {steps:,} steps on {' and '.join(trained_on)}"


def _warnings(datasets: Mapping[str, ExternalEvaluation]) -> list[str]:
    return [
        f"The intervals of {name} are {reason}."
        for name, dataset in datasets.items()
        if (reason := _interval_reason(dataset.metrics["figures"]))
    ]


def _with_pictures(
    datasets: Mapping[str, ExternalEvaluation], names: tuple[str, str], pictures: Sequence[str]
) -> Iterator[str]:
    figures, curve = (
        show_pictures({name: caption}, pictures) for name, caption in zip(names, _CAPTIONS, strict=True)
    )
    yield figures
    yield _widths({name: dataset for name, dataset in datasets.items() if dataset.widths}, curve)


def _widths(datasets: Mapping[str, ExternalEvaluation], picture: str) -> str:
    if not datasets:
        return ""
    heads = [f"{name}: {TITLES[metric]}" for name in datasets for metric in MEASURED]
    ranges = "; ".join(_width_range(name, dataset.widths or {}) for name, dataset in datasets.items())
    words = (
        "Synthetic cracks of known mean width, in px of the model's input, were drawn on uncracked tiles of "
        f"each dataset. 9 of 10 are found {ranges}. Synthetic cracks are easier than real ones: use the "
        "curve to compare models and to see the trend. The last row is the recall of the real cracks."
    )
    return join("### Recall by crack width", words, table(["crack", *heads], _width_rows(datasets)), picture)


def _width_range(name: str, widths: Mapping[str, Any]) -> str:
    # cards from before 2026-11-25 have no found_to_px
    ends = (widths["found_from_px"], widths.get("found_to_px", {}))
    own, at_rate = (describe_range(*(end.get(metric) for end in ends)) for metric in MEASURED)
    return f"on {name} {own} (at 5 % false alarms {at_rate})"


def _width_rows(datasets: Mapping[str, ExternalEvaluation]) -> list[list[str]]:
    """Return a row for no crack, for each synthetic width, and for real cracks; two columns a dataset."""
    columns = [(dataset.metrics["figures"], dataset.widths or {}) for dataset in datasets.values()]
    none = [
        cell for _, widths in columns for cell in (format_number(widths["false_alarms"], ".3f"), "≤ 0.050")
    ]
    real = [_value(figures, metric) for figures, _ in columns for metric in MEASURED]
    synthetic = [
        [f"{row['width_px']:g} px"]
        + [_value(widths["rows"][index]["figures"], metric) for _, widths in columns for metric in MEASURED]
        for index, row in enumerate(columns[0][1]["rows"])
    ]
    return [["none: false alarms", *none], *synthetic, ["real, any width", *real]]


def format_interval(figure: Mapping[str, Any] | None, *, places: int = 4) -> str:
    """Return a figure of the card, with its interval if it has one."""
    if figure is None or figure["value"] is None:
        return "-"
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:.{places}f}"
    return f"{figure['value']:.{places}f} ({figure['low']:.{places}f} to {figure['high']:.{places}f})"


def format_count(metrics: Mapping[str, Any]) -> str:
    """Return the number of images, and of cracked ones."""
    return f"{metrics['images']:,} ({metrics['cracked']:,})"


def _interval_reason(figures: Mapping[str, Mapping[str, Any]]) -> str | None:
    reasons = (figure["reason"] for figure in figures.values() if figure["low"] is not None)
    return next(filter(None, reasons), None)


def _value(figures: Mapping[str, Any], metric: str) -> str:
    return format_number(figures[metric]["value"], ".3f")
