"""The tables of an evaluation, as texts: what a person sees of it in the console."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crackscan.basics.records import Label
from crackscan.evaluation.evaluate import Evaluation, Prediction, Unfamiliar
from crackscan.evaluation.intervals import Estimate
from crackscan.evaluation.metrics import COMPARED, TITLES, Metrics
from crackscan.evaluation.pointing import NEAR_PX, Pointing
from crackscan.evaluation.widths import MEASURED, DatasetWidths

NAMED = 10  # images not assessed that the console names; metrics.json has them all


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; the first column names the row, the others are figures."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """Yield what a person should see of an evaluation."""
    yield _figures_table(evaluation)
    if len(evaluation.by_data) > 1:
        yield _sources_table(evaluation.by_data)
    yield _confusion_table(evaluation)
    yield _thresholds_table(evaluation)
    for widths in evaluation.widths:
        yield _widths_table(widths, evaluation.by_data[widths.data])
    if evaluation.pointing:
        yield _pointing_table(evaluation.pointing)
    if evaluation.unfamiliar:
        yield _unfamiliar_table(evaluation.unfamiliar)
    if evaluation.not_assessed:
        yield _not_assessed_table(evaluation.not_assessed)


def _figures_table(evaluation: Evaluation) -> Table:
    overall = evaluation.overall
    of_split = f" of the split {evaluation.split}" if evaluation.split else ""
    title = (
        f"{evaluation.model}: {overall.images:,} images{of_split}, {overall.cracked:,} of them cracked, "
        f"in {overall.groups:,} groups; threshold {overall.threshold:g}"
    )
    rows = [(TITLES[metric], *_cells(figure)) for metric, figure in overall.figures.items()]
    return Table(title, ("metric", "value", "95 % interval", "by"), tuple(rows))


def _cells(figure: Estimate) -> tuple[str, str, str]:
    value = "-" if figure.value is None else f"{figure.value:.4f}"
    if figure.low is None or figure.high is None:
        return value, "-", figure.reason or ""
    how = " ".join(filter(None, (figure.interval, figure.reason)))
    return value, f"{figure.low:.4f} to {figure.high:.4f}", how


def _sources_table(by_data: Mapping[str, Metrics]) -> Table:
    rows = [
        (
            data,
            f"{metrics.images:,} ({metrics.cracked:,})",
            *(metrics.figures[m].text(3) for m in COMPARED),
        )
        for data, metrics in by_data.items()
    ]
    cautions = {data: metrics.caution for data, metrics in by_data.items() if metrics.caution}
    title = "\n".join(
        [
            "By source (no interval: too few groups, or no error, to resample)",
            *(f"The intervals of {data} are {caution}" for data, caution in cautions.items()),
        ]
    )
    return Table(title, ("source", "images (cracked)", *(TITLES[m] for m in COMPARED)), tuple(rows))


def _confusion_table(evaluation: Evaluation) -> Table:
    confusion = evaluation.overall.confusion
    rows = (
        ("crack", f"{confusion.true_positives:,}", f"{confusion.false_negatives:,}"),
        ("no-crack", f"{confusion.false_positives:,}", f"{confusion.true_negatives:,}"),
    )
    return Table("Confusion matrix", ("truly", "called crack", "called no-crack"), rows)


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
            _fixed(row.recall, 4),
            _fixed(row.false_alarms_per_1000, 1),
            _fixed(row.missed_per_1000, 2),
        )
        for row in evaluation.thresholds
    ]
    return Table("Thresholds", headings, tuple(rows))


def _widths_table(widths: DatasetWidths, metrics: Metrics) -> Table:
    """Show recall against width between what alarms without a crack and the source's own cracks.

    Those are harder than drawn ones, and a reader should see by how much.
    """
    rows = [
        ("none: false alarms", f"{widths.uncracked:,}", f"{widths.false_alarms:.3f}", ""),
        *(
            (f"{row.width_px:g} px", f"{row.cracks:,}", *(row.figures[metric].text(3) for metric in MEASURED))
            for row in widths.rows
        ),
    ]
    if metrics.cracked:
        own = (metrics.figures[metric].text(3) for metric in MEASURED)
        rows.append(("real, any width", f"{metrics.cracked:,}", *own))
    title = (
        f"{widths.data}: cracks drawn on uncracked tiles, by mean width; {widths.reach('recall')} "
        f"at the threshold, {widths.reach('recall_at_5pct_false_alarms')} at 5 % false alarms\n"
        f"95 % intervals by {widths.interval_kinds}"
    )
    return Table(title, ("crack", "tiles", *(TITLES[metric] for metric in MEASURED)), tuple(rows))


def _pointing_table(pointing: Mapping[str, Pointing]) -> Table:
    rows = [
        (of, f"{one.near:,} of {one.tiles:,}", f"{one.near / one.tiles:.1%}", f"{one.chance:.1%}")
        for of, one in pointing.items()
    ]
    headings = ("cracked tiles", "peaks near the crack", "share", "by chance")
    return Table(f"Peak within {NEAR_PX} px of the crack's mask", headings, tuple(rows))


def _fixed(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _unfamiliar_table(unfamiliar: Mapping[Label, Unfamiliar]) -> Table:
    rows = [
        (label, f"{one.lost:,} of {one.images:,}", f"{one.lost / one.images:.1%}")
        for label, one in unfamiliar.items()
    ]
    title = "Unfamiliar, so not judged by scan (judged and counted above)"
    return Table(title, ("truly", "unfamiliar", "share"), tuple(rows))


def _not_assessed_table(predictions: Sequence[Prediction]) -> Table:
    rows = [(p.example.source, p.result.status, p.result.reason or "") for p in predictions[:NAMED]]
    more = f", of which the first {NAMED} are" if len(predictions) > NAMED else ""
    title = f"Not assessed and not counted above: {len(predictions):,}{more}"
    return Table(title, ("source", "status", "reason"), tuple(rows))
