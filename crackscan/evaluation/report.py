"""The report of an evaluation: JSON and CSV files, and pictures."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from crackscan.basics.atomic import write_whole
from crackscan.basics.records import DECIMALS
from crackscan.evaluation import intervals, ranking
from crackscan.evaluation.evaluate import Evaluation, Prediction
from crackscan.evaluation.metrics import rounded
from crackscan.evaluation.pointing import NEAR_PX
from crackscan.evaluation.ranking import Metric
from crackscan.evaluation.widths import MEASURED, DatasetWidths, WidthRow
from crackscan.model.card_records import ThresholdRow

SCHEMA_VERSION = 1
PLACES = DECIMALS["probability"]  # decimals of the metrics in the CSVs
PREDICTION_COLUMNS = (
    *("data", "source", "col", "row", "width", "height"),
    *("label", "predicted", "probability", "split", "group", "status", "reason"),
)
THRESHOLD_COLUMNS = tuple(field.name for field in fields(ThresholdRow))
WIDTH_COLUMNS = (
    *("data", "width_px", "cracks"),
    *(f"{metric}{end}" for metric in MEASURED for end in ("", "_low", "_high")),
)
WIDTH_FILES = ("widths.csv", "widths.png", "widths-samples.png")
REPORT_FILES = (
    *("metrics.json", "predictions.csv", "thresholds.csv", *WIDTH_FILES, "sources.png", "errors.png"),
    *("confusion.png", "roc.png", "precision_recall.png", "reliability.png"),
)


def prepare_folder(folder: str | Path) -> Path:
    """Make the folder of a report; call it first, so that errors come before the long work.

    Raises:
        MissingExtra: matplotlib, which draws the pictures, is not installed.
    """
    import_module("crackscan.evaluation.plots")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_report(evaluation: Evaluation, folder: str | Path) -> None:
    """Write all files of a report into a folder, and replace those of an earlier report.

    Raises:
        MissingExtra: as `prepare_folder`.
    """
    folder = prepare_folder(folder)
    write_whole(folder / "metrics.json", as_text(evaluation).encode())
    write_whole(
        folder / "predictions.csv", _to_csv(PREDICTION_COLUMNS, map(_prediction_row, evaluation.predictions))
    )
    write_whole(
        folder / "thresholds.csv", _to_csv(THRESHOLD_COLUMNS, map(_threshold_row, evaluation.thresholds))
    )
    if evaluation.widths:
        write_whole(folder / WIDTH_FILES[0], _to_csv(WIDTH_COLUMNS, _width_rows(evaluation.widths)))
    else:
        for name in WIDTH_FILES:  # of an earlier report
            (folder / name).unlink(missing_ok=True)
    for name, picture in pictures(evaluation):
        write_whole(folder / name, picture)


def as_text(evaluation: Evaluation) -> str:
    """Return the text of metrics.json, which `--json` prints, too."""
    return json.dumps(as_json(evaluation), indent=2, allow_nan=False) + "\n"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the content of metrics.json as JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": evaluation.model,
        "split": evaluation.split,
        "threshold": evaluation.options.rows.threshold,
        "tile_px": evaluation.options.tiles.tile_px,
        "overlap": evaluation.options.tiles.overlap,
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
        "widths": {widths.data: widths.as_json() for widths in evaluation.widths},
        "lines": None if evaluation.lines is None else evaluation.lines.as_json(),
        "thresholds": [rounded(asdict(row)) for row in evaluation.thresholds],
        "unfamiliar": {label: asdict(count) for label, count in evaluation.unfamiliar.items()},
        "pointing": {
            "within_px": NEAR_PX,
            **{name: rounded(asdict(pointing)) for name, pointing in evaluation.pointing.items()},
        },
    }


def pictures(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the PNG of each picture."""
    from crackscan.evaluation.plots import curve_pictures

    yield from curve_pictures(evaluation)
    yield from dataset_pictures(evaluation)


def dataset_pictures(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the PNG of the pictures that compare datasets, and show their errors."""
    # imported here, because matplotlib takes half a second to load
    from crackscan.evaluation.contact_sheet import draw_contact_sheet
    from crackscan.evaluation.dataset_plots import draw_datasets
    from crackscan.evaluation.plots import describe_evaluation, render_png
    from crackscan.evaluation.width_plots import draw_width_curves, draw_width_samples

    subtitle = describe_evaluation(evaluation)
    yield "sources.png", render_png(lambda: draw_datasets(evaluation.by_data, subtitle))
    yield "errors.png", render_png(lambda: draw_contact_sheet(evaluation))
    if evaluation.widths:
        widths, by_data = evaluation.widths, evaluation.by_data
        yield "widths.png", render_png(lambda: draw_width_curves(widths, by_data, evaluation.model))
        yield "widths-samples.png", render_png(lambda: draw_width_samples(evaluation))


def cross_dataset_pictures(evaluations: Sequence[Evaluation], *, model: str) -> Iterator[bytes]:
    """Yield a PNG that compares datasets, each evaluated by a model trained without it.

    If crack widths were measured, yield their PNG, too. evaluations: one per dataset. model: the one trained
    on all datasets.
    """
    from crackscan.evaluation.dataset_plots import draw_datasets
    from crackscan.evaluation.plots import render_png
    from crackscan.evaluation.width_plots import draw_width_curves

    by_data = {name: metrics for item in evaluations for name, metrics in item.by_data.items()}
    widths = [dataset for item in evaluations for dataset in item.widths]
    title = f"{model}, retrained without each dataset"
    yield render_png(lambda: draw_datasets(by_data, title))
    if widths:
        yield render_png(lambda: draw_width_curves(widths, by_data, title))


def _width_rows(datasets: Iterable[DatasetWidths]) -> Iterator[dict[str, object]]:
    for widths in datasets:
        for row in widths.rows:
            yield {
                "data": widths.data,
                "width_px": f"{row.width_px:g}",
                "cracks": row.cracks,
                **{name: cell for metric in MEASURED for name, cell in _estimate_cells(metric, row).items()},
            }


def _estimate_cells(metric: Metric, row: WidthRow) -> dict[str, str]:
    estimate = row.figures[metric]
    values = {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
    return {f"{metric}{end}": "" if value is None else f"{value:.{PLACES}f}" for end, value in values.items()}


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


def _to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
