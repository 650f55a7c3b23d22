"""The tables of an evaluation for the console, as texts."""

from collections.abc import Iterator, Mapping, Sequence

from crackscan.basics.records import Label
from crackscan.evaluation.evaluate import Evaluation, Prediction, UnfamiliarCount
from crackscan.evaluation.intervals import Estimate
from crackscan.evaluation.line_tables import line_tables
from crackscan.evaluation.metrics import COMPARED, TITLES, Metrics
from crackscan.evaluation.pointing import NEAR_PX, Pointing
from crackscan.evaluation.text_table import Table
from crackscan.evaluation.widths import MEASURED, DatasetWidths

NAMED = 10  # images not assessed that the console names; metrics.json names all


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """Yield the tables of an evaluation."""
    yield _metrics_table(evaluation)
    if len(evaluation.by_data) > 1:
        yield _datasets_table(evaluation.by_data)
    yield _confusion_table(evaluation)
    yield _thresholds_table(evaluation)
    for widths in evaluation.widths:
        yield _widths_table(widths, evaluation.by_data[widths.data])
    if evaluation.lines is not None:
        yield from line_tables(evaluation.lines)
    if evaluation.pointing:
        yield _pointing_table(evaluation.pointing)
    if evaluation.unfamiliar:
        yield _unfamiliar_table(evaluation.unfamiliar)
    if evaluation.not_assessed:
        yield _not_assessed_table(evaluation.not_assessed)


def _metrics_table(evaluation: Evaluation) -> Table:
    overall = evaluation.overall
    split = f" of the split {evaluation.split}" if evaluation.split else ""
    title = (
        f"{evaluation.model}: {overall.images:,} images{split}, {overall.cracked:,} of them cracked, "
        f"in {overall.groups:,} groups; threshold {overall.threshold:g}"
    )
    rows = [(TITLES[metric], *_estimate_cells(estimate)) for metric, estimate in overall.figures.items()]
    return Table(title, ("metric", "value", "95 % interval", "method"), tuple(rows))


def _estimate_cells(estimate: Estimate) -> tuple[str, str, str]:
    value = "-" if estimate.value is None else f"{estimate.value:.4f}"
    if estimate.low is None or estimate.high is None:
        return value, "-", estimate.reason or ""
    method = " ".join(filter(None, (estimate.interval, estimate.reason)))
    return value, f"{estimate.low:.4f} to {estimate.high:.4f}", method


def _datasets_table(by_data: Mapping[str, Metrics]) -> Table:
    rows = [
        (
            dataset,
            f"{metrics.images:,} ({metrics.cracked:,})",
            *(metrics.figures[metric].text(3) for metric in COMPARED),
        )
        for dataset, metrics in by_data.items()
    ]
    cautions = {dataset: metrics.caution for dataset, metrics in by_data.items() if metrics.caution}
    title = "\n".join(
        [
            "By dataset (values without an interval: too few groups, or no error to resample)",
            *(f"The intervals of {dataset} are {caution}" for dataset, caution in cautions.items()),
        ]
    )
    headings = ("dataset", "images (cracked)", *(TITLES[metric] for metric in COMPARED))
    return Table(title, headings, tuple(rows))


def _confusion_table(evaluation: Evaluation) -> Table:
    confusion = evaluation.overall.confusion
    rows = (
        ("crack", f"{confusion.true_positives:,}", f"{confusion.false_negatives:,}"),
        ("no-crack", f"{confusion.false_positives:,}", f"{confusion.true_negatives:,}"),
    )
    return Table("Confusion matrix", ("label", "called crack", "called no-crack"), rows)


def _thresholds_table(evaluation: Evaluation) -> Table:
    own = evaluation.options.rows.threshold
    headings = (
        "threshold",
        "recall",
        "false alarms per 1,000 uncracked tiles",
        f"missed cracks per 1,000 tiles at {evaluation.prevalence * 100:g} % prevalence",
    )
    rows = [
        (
            f"{row.threshold:g}{' (used)' if row.threshold == own else ''}",
            _format_number(row.recall, 4),
            _format_number(row.false_alarms_per_1000, 1),
            _format_number(row.missed_per_1000, 2),
        )
        for row in evaluation.thresholds
    ]
    return Table("Thresholds", headings, tuple(rows))


def _widths_table(widths: DatasetWidths, metrics: Metrics) -> Table:
    """Show recall against width, with false alarms above and the recall of the real cracks below.

    Real cracks are harder to find than synthetic ones; the table shows by how much.
    """
    rows = [
        ("none: false alarms", f"{widths.uncracked:,}", f"{widths.false_alarms:.3f}", ""),
        *(
            (f"{row.width_px:g} px", f"{row.cracks:,}", *(row.figures[metric].text(3) for metric in MEASURED))
            for row in widths.rows
        ),
    ]
    if metrics.cracked:
        real = (metrics.figures[metric].text(3) for metric in MEASURED)
        rows.append(("real, any width", f"{metrics.cracked:,}", *real))
    title = (
        f"{widths.data}: recall of synthetic cracks on uncracked tiles, by mean width\n"
        f"Found: {widths.describe_detectable('recall')} at the threshold, "
        f"{widths.describe_detectable('recall_at_5pct_false_alarms')} at 5 % false alarms\n"
        f"95 % intervals by {widths.interval_kinds}"
    )
    return Table(title, ("crack", "tiles", *(TITLES[metric] for metric in MEASURED)), tuple(rows))


def _pointing_table(pointing: Mapping[str, Pointing]) -> Table:
    rows = [
        (name, f"{item.near:,} of {item.tiles:,}", f"{item.near / item.tiles:.1%}", f"{item.chance:.1%}")
        for name, item in pointing.items()
    ]
    headings = ("cracked tiles", "peaks near the crack", "share", "by chance")
    return Table(f"Peaks within {NEAR_PX} px of the crack in the mask", headings, tuple(rows))


def _format_number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _unfamiliar_table(unfamiliar: Mapping[Label, UnfamiliarCount]) -> Table:
    rows = [
        (label, f"{count.lost:,} of {count.images:,}", f"{count.lost / count.images:.1%}")
        for label, count in unfamiliar.items()
    ]
    title = "Unfamiliar images: a scan does not judge them (they are counted above)"
    return Table(title, ("label", "unfamiliar", "share"), tuple(rows))


def _not_assessed_table(predictions: Sequence[Prediction]) -> Table:
    rows = [
        (item.example.source, item.result.status, item.result.reason or "") for item in predictions[:NAMED]
    ]
    more = f"; the first {NAMED} are" if len(predictions) > NAMED else ""
    title = f"Not assessed and not counted above: {len(predictions):,}{more}"
    return Table(title, ("source", "status", "reason"), tuple(rows))
