"""What an evaluation leaves behind: tables for people, JSON and CSV for machines, pictures for both."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from crackscan.card import ThresholdRow
from crackscan.evaluation import intervals, ranking
from crackscan.evaluation.intervals import Figure
from crackscan.evaluation.judging import Evaluation, Prediction
from crackscan.evaluation.metrics import TITLES, Metrics, rounded
from crackscan.evaluation.pointing import NEAR_PX, Pointing
from crackscan.evaluation.ranking import Metric
from crackscan.records import DECIMALS

SCHEMA_VERSION = 1
PLACES = DECIMALS["probability"]  # of the figures in the CSVs
NAMED = 10  # images not assessed that the console names; metrics.json has them all
IN_A_ROW: tuple[Metric, ...] = (  # what the table of several sources compares
    "roc_auc",
    "recall_at_5pct_false_alarms",
    "precision",
    "recall",
    "calibration_error",
)
PREDICTION_COLUMNS = (
    *("data", "source", "col", "row", "width", "height"),
    *("label", "predicted", "probability", "split", "group", "status", "reason"),
)
THRESHOLD_COLUMNS = tuple(field.name for field in fields(ThresholdRow))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; the first column names the row, the others are figures."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def prepare(folder: str | Path) -> Path:
    """Make the folder for a report, before any work is done for it.

    Raises:
        MissingExtra: matplotlib, which draws the pictures, is not installed.
    """
    import_module("crackscan.evaluation.plots")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_report(evaluation: Evaluation, folder: str | Path) -> None:
    """Write everything about an evaluation into a folder, over what an earlier one left there.

    Raises:
        MissingExtra: as `prepare`.
    """
    folder = prepare(folder)
    _write(folder / "metrics.json", as_text(evaluation).encode())
    _write(folder / "predictions.csv", _csv(PREDICTION_COLUMNS, map(_prediction_row, evaluation.predictions)))
    _write(folder / "thresholds.csv", _csv(THRESHOLD_COLUMNS, map(_threshold_row, evaluation.thresholds)))
    for name, picture in _pictures(evaluation):
        _write(folder / name, picture)


def as_text(evaluation: Evaluation) -> str:
    """Return metrics.json: what `--json` prints, too."""
    return json.dumps(as_json(evaluation), indent=2, allow_nan=False) + "\n"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all that was measured, as JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": evaluation.model,
        "split": evaluation.split,
        "threshold": evaluation.options.threshold,
        "tile_px": evaluation.options.tile_px,
        "overlap": evaluation.options.overlap,
        "prevalence": evaluation.prevalence,
        "intervals": {
            "level": intervals.LEVEL,
            "resamples": intervals.RESAMPLES,
            "seed": intervals.SEED,
            "calibration_bins": ranking.CALIBRATION_BINS,
        },
        "images": len(evaluation.predictions),
        "assessed": len(evaluation.assessed),
        "left_out": [asdict(problem) for problem in evaluation.problems],
        "not_assessed": [_not_assessed(prediction) for prediction in evaluation.not_assessed],
        "overall": evaluation.overall.as_json(),
        "by_data": {data: metrics.as_json() for data, metrics in evaluation.by_data.items()},
        "thresholds": [rounded(asdict(row)) for row in evaluation.thresholds],
        "pointing": {
            "within_px": NEAR_PX,
            **{of: rounded(asdict(found)) for of, found in evaluation.pointing.items()},
        },
    }


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """Yield what a person should see of an evaluation."""
    yield _figures_table(evaluation)
    if len(evaluation.by_data) > 1:
        yield _sources_table(evaluation.by_data)
    yield _confusion_table(evaluation)
    yield _thresholds_table(evaluation)
    if evaluation.pointing:
        yield _pointing_table(evaluation.pointing)
    if evaluation.not_assessed:
        yield _not_assessed_table(evaluation.not_assessed)


def _pictures(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    # matplotlib takes half a second that a run without -o does without
    from crackscan.evaluation.contact_sheet import contact_sheet
    from crackscan.evaluation.plots import draw, png

    yield from draw(evaluation)
    yield "errors.png", png(lambda: contact_sheet(evaluation))


def _figures_table(evaluation: Evaluation) -> Table:
    overall = evaluation.overall
    of_split = f" of the split {evaluation.split}" if evaluation.split else ""
    title = (
        f"{evaluation.model}: {overall.images:,} images{of_split}, {overall.cracked:,} of them cracked, "
        f"in {overall.groups:,} groups; threshold {overall.threshold:g}"
    )
    rows = [(TITLES[metric], *_cells(figure)) for metric, figure in overall.figures.items()]
    return Table(title, ("metric", "value", "95 % interval", "by"), tuple(rows))


def _cells(figure: Figure) -> tuple[str, str, str]:
    value = "-" if figure.value is None else f"{figure.value:.4f}"
    if figure.low is None or figure.high is None:
        return value, "-", figure.reason or ""
    how = " ".join(filter(None, (figure.interval, figure.reason)))
    return value, f"{figure.low:.4f} to {figure.high:.4f}", how


def _sources_table(by_data: Mapping[str, Metrics]) -> Table:
    rows = [
        (
            data,
            f"{metrics.images:,}",
            f"{metrics.cracked:,}",
            *(metrics.figures[m].text() for m in IN_A_ROW),
        )
        for data, metrics in by_data.items()
    ]
    title = "By source (no interval: too few groups, or no error, to resample)"
    return Table(title, ("source", "images", "cracked", *(TITLES[m] for m in IN_A_ROW)), tuple(rows))


def _confusion_table(evaluation: Evaluation) -> Table:
    confusion = evaluation.overall.confusion
    rows = (
        ("crack", f"{confusion.true_positives:,}", f"{confusion.false_negatives:,}"),
        ("no-crack", f"{confusion.false_positives:,}", f"{confusion.true_negatives:,}"),
    )
    return Table("Confusion matrix", ("truly", "called crack", "called no-crack"), rows)


def _thresholds_table(evaluation: Evaluation) -> Table:
    own = evaluation.options.threshold
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


def _pointing_table(pointing: Mapping[str, Pointing]) -> Table:
    rows = [
        (of, f"{one.near:,} of {one.tiles:,}", f"{one.near / one.tiles:.1%}", f"{one.chance:.1%}")
        for of, one in pointing.items()
    ]
    headings = ("cracked tiles", "peaks near the crack", "share", "by chance")
    return Table(f"Peak within {NEAR_PX} px of the crack's mask", headings, tuple(rows))


def _fixed(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _not_assessed_table(predictions: Sequence[Prediction]) -> Table:
    rows = [(p.example.source, p.result.status, p.result.reason or "") for p in predictions[:NAMED]]
    more = f", of which the first {NAMED} are" if len(predictions) > NAMED else ""
    title = f"Not assessed and not counted above: {len(predictions):,}{more}"
    return Table(title, ("source", "status", "reason"), tuple(rows))


def _not_assessed(prediction: Prediction) -> dict[str, str | None]:
    example, result = prediction.example, prediction.result
    return {"data": example.data, "source": example.source, "status": result.status, "reason": result.reason}


def _prediction_row(prediction: Prediction) -> dict[str, object]:
    example, result = prediction.example, prediction.result
    window = example.window or result.window
    probability = result.probability
    return {
        "data": example.data,
        "source": example.source,
        **(window._asdict() if window else {}),
        "label": prediction.label,
        "predicted": result.label,
        "probability": None if probability is None else f"{probability:.{PLACES}f}",
        "split": example.split,
        "group": prediction.group,
        "status": result.status,
        "reason": result.reason,
    }


def _threshold_row(row: ThresholdRow) -> dict[str, str]:
    cells = rounded(asdict(row)).items()
    return {column: "" if value is None else f"{value:.{PLACES}f}" for column, value in cells}


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step: a killed run leaves the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
