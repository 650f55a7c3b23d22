"""Outputs with what people said about the rows: further columns, only where they are asked for."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from pandas import isna

from crackscan.basics.records import COLUMNS, REVIEW_COLUMNS, Result, ReviewedResult
from crackscan.sinks import open_sink

PLACE: Any = {"source": "a.jpg", "kind": "photo", "status": "ok", "lon": 13.0, "lat": 52.0}
REVIEWED = ReviewedResult(
    **PLACE,
    label="crack",
    probability=0.2,
    review="crack",
    reviewer="=anna, bob",
    reviewed_at="2026-11-28T12:00:00Z",
    review_note="two lines\nof text",
)
UNSEEN = ReviewedResult(**PLACE | {"source": "b.jpg"}, label="no-crack", probability=0.1)


def write(target: Path, *rows: Result, reviewed: bool) -> Path:
    """Write rows to a file."""
    with open_sink(target, reviewed=reviewed) as sink:
        for row in rows:
            sink.write(row)
    return target


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of any format, with None for what is empty."""
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        return [{name: value or None for name, value in row.items()} for row in rows]
    if path.suffix == ".geojson":
        return [feature["properties"] for feature in json.loads(path.read_text("utf-8"))["features"]]
    if path.suffix == ".gpkg":
        rows = pyogrio.read_dataframe(path, layer="photos").drop(columns="geometry").to_dict("records")
        return [{name: None if isna(value) else value for name, value in row.items()} for row in rows]
    from pyarrow import parquet

    rows = parquet.read_table(path).to_pylist()
    return [{name: value for name, value in row.items() if name != "geometry"} for row in rows]


@pytest.mark.parametrize("ending", ["csv", "geojson", "gpkg", "parquet"])
def test_verdicts_are_columns_of_every_format(tmp_path: Path, ending: str) -> None:
    """Who opens the final table sees for each row what was said, by whom and when, and what nobody saw."""
    seen, unseen = read_rows(write(tmp_path / f"final.{ending}", REVIEWED, UNSEEN, reviewed=True))
    assert tuple(seen)[: len(COLUMNS + REVIEW_COLUMNS)] == COLUMNS + REVIEW_COLUMNS
    assert (seen["label"], seen["review"], seen["reviewed_at"]) == ("crack", "crack", "2026-11-28T12:00:00Z")
    assert seen["reviewer"] == "'=anna, bob", "a spreadsheet would run it"
    assert seen["review_note"] == "two lines of text"
    assert {unseen[column] for column in REVIEW_COLUMNS} == {None}


@pytest.mark.parametrize("ending", ["csv", "gpkg", "parquet"])
def test_columns_of_a_scan_stay_as_they_are(tmp_path: Path, ending: str) -> None:
    """Who reviews nothing gets no empty columns; a table without a row has its columns all the same."""
    row = Result(**PLACE, probability=0.2)
    (written,) = read_rows(write(tmp_path / f"scan.{ending}", row, reviewed=False))
    assert not set(REVIEW_COLUMNS) & set(written)
    if ending == "csv":
        header = write(tmp_path / "empty.csv", reviewed=True).read_text("utf-8").rstrip().split(",")
        assert tuple(header) == (*COLUMNS, *REVIEW_COLUMNS, "wkt")
