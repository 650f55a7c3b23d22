"""The page of a review: that of a report with all rows, which asks its server for pictures and verdicts."""

from pathlib import Path
from typing import Any, BinaryIO

from crackscan.review.survey import SurveyRows
from crackscan.sinks.report.page import write_page
from crackscan.sinks.report.picture_store import PictureStore
from crackscan.sinks.report.survey import Survey

STATIC = Path(__file__).parent / "static"
# a module stands after those that it imports
MODULES = tuple(
    STATIC / f"{name}.js" for name in ("desk", "verdicts", "queues", "statistics", "heat", "viewer", "review")
)
STYLES = (STATIC / "review.css",)
ADDRESSES: dict[str, Any] = {
    "overview": "overview/{source}.webp",
    "picture": "picture/{row}.webp",
    "region": "region/{source}/{z}/{x}/{y}.webp",
    "repeats": "repeats",
    "row": "row/{row}",
    "state": "state",
    "statistics": "statistics?threshold={threshold}",
    "tiles": "tiles/{row}",
    "verdicts": "verdicts",
}


def write_review_page(file: BinaryIO, rows: SurveyRows) -> None:
    """Write the page, without pictures: it asks its server for them.

    Raises: OSError: the file cannot be written.
    """
    with PictureStore() as pictures:
        survey = Survey(rows.table, rows.records, rows.facts, pictures, served=ADDRESSES)
    sources = survey.facts["sources"]
    sources["sizes"] = rows.sizes
    for number, mosaic in sources["mosaics"].items():
        mosaic["overview"] = rows.sizes[number]
    write_page(file, survey, modules=MODULES, styles=STYLES)
