"""What an evaluation leaves behind: JSON and CSV for machines, pictures for people."""

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
from crackscan.model.card import ThresholdRow

SCHEMA_VERSION = 1
PLACES = DECIMALS["probability"]  # of the figures in the CSVs
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
    write_whole(folder / "metrics.json", as_text(evaluation).encode())
    write_whole(
        folder / "predictions.csv", _csv(PREDICTION_COLUMNS, map(_prediction_row, evaluation.predictions))
    )
    write_whole(
        folder / "thresholds.csv", _csv(THRESHOLD_COLUMNS, map(_threshold_row, evaluation.thresholds))
    )
    if evaluation.widths:
        write_whole(folder / WIDTH_FILES[0], _csv(WIDTH_COLUMNS, _width_rows(evaluation.widths)))
    else:
        for name in WIDTH_FILES:  # of an earlier evaluation, that had them
            (folder / name).unlink(missing_ok=True)
    for name, picture in pictures(evaluation):
        write_whole(folder / name, picture)


def as_text(evaluation: Evaluation) -> str:
    """Return metrics.json: what `--json` prints, too."""
    return json.dumps(as_json(evaluation), indent=2, allow_nan=False) + "\n"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all that was measured, as JSON values."""
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
        "thresholds": [rounded(asdict(row)) for row in evaluation.thresholds],
        "unfamiliar": {label: asdict(one) for label, one in evaluation.unfamiliar.items()},
        "pointing": {
            "within_px": NEAR_PX,
            **{of: rounded(asdict(found)) for of, found in evaluation.pointing.items()},
        },
    }


def pictures(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the PNG of each picture."""
    from crackscan.evaluation.plots import draw

    yield from draw(evaluation)
    yield from by_source(evaluation)


def by_source(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the PNG of the pictures that show one source beside the other."""
    # matplotlib takes half a second that a run without pictures does without
    from crackscan.evaluation.contact_sheet import contact_sheet
    from crackscan.evaluation.dataset_plots import draw_datasets
    from crackscan.evaluation.plots import png, subtitle
    from crackscan.evaluation.width_plots import samples, width_curves

    yield "sources.png", png(lambda: draw_datasets(evaluation.by_data, subtitle(evaluation)))
    yield "errors.png", png(lambda: contact_sheet(evaluation))
    if evaluation.widths:
        yield "widths.png", png(lambda: width_curves(evaluation.widths, evaluation.by_data, evaluation.model))
        yield "widths-samples.png", png(lambda: samples(evaluation))


def left_out_pictures(evaluations: Sequence[Evaluation], *, of: str) -> Iterator[bytes]:
    """Yield a PNG of sources that models without them judged, and one of their widths if there are any.

    evaluations: one a source. of: the model that has learned from all of them.
    """
    from crackscan.evaluation.dataset_plots import draw_datasets
    from crackscan.evaluation.plots import png
    from crackscan.evaluation.width_plots import width_curves

    by_data = {data: metrics for one in evaluations for data, metrics in one.by_data.items()}
    widths = [source for one in evaluations for source in one.widths]
    title = f"{of}, made anew without each source"
    yield png(lambda: draw_datasets(by_data, title))
    if widths:
        yield png(lambda: width_curves(widths, by_data, title))


def _width_rows(draw_datasets: Iterable[DatasetWidths]) -> Iterator[dict[str, object]]:
    for widths in draw_datasets:
        for row in widths.rows:
            yield {
                "data": widths.data,
                "width_px": f"{row.width_px:g}",
                "cracks": row.cracks,
                **{name: cell for metric in MEASURED for name, cell in _bounds(metric, row).items()},
            }


def _bounds(metric: Metric, row: WidthRow) -> dict[str, str]:
    figure = row.figures[metric]
    values = {"": figure.value, "_low": figure.low, "_high": figure.high}
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


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
