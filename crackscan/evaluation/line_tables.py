"""The tables of traced cracks for the console, as texts."""

from collections.abc import Iterator, Sequence

from crackscan.evaluation.drawn_lines import DrawnRow
from crackscan.evaluation.line_metrics import LINE_TITLES, LineMetrics
from crackscan.evaluation.lines import LineEvaluation
from crackscan.evaluation.text_table import Table


def line_tables(lines: LineEvaluation) -> Iterator[Table]:
    """Yield the table of the photos with masks, and that of drawn cracks if they were traced."""
    if lines.overall.photos:
        yield _masks_table(lines)
    if lines.drawn:
        yield _drawn_table(lines.drawn)


def _masks_table(lines: LineEvaluation) -> Table:
    rows = [_row(data, metrics) for data, metrics in lines.by_data.items()]
    if len(rows) > 1:
        rows.append(_row("all", lines.overall))
    title = (
        f"Cracks as lines against masks: right within {lines.overall.tolerance_px:g} px; cracks of "
        f"probability {lines.threshold:g} or more"
    )
    return Table(title, ("dataset", "photos", *LINE_TITLES.values()), tuple(rows))


def _row(name: str, metrics: LineMetrics) -> tuple[str, ...]:
    return name, f"{metrics.photos:,}", *(metrics.figures[metric].text(3) for metric in LINE_TITLES)


def _drawn_table(drawn: Sequence[DrawnRow]) -> Table:
    rows = [
        (
            f"{row.width_px:g} px",
            f"{row.cracks:,}",
            f"{row.found:.3f}",
            _number(row.length_ratio),
            _number(row.width_error_px),
            _number(row.width_bias_px, "+.2f"),
            f"{row.told:.2f}",
        )
        for row in drawn
    ]
    headings = (
        *("crack", "tiles", "share of its length found", "traced / true length, median"),
        *("width: error, px", "bias, px", "told"),
    )
    return Table("Drawn cracks of known length and mean width, as lines", headings, tuple(rows))


def _number(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)
