"""CSV: one line for each result, its geometry as WKT in the last column."""

import re
from dataclasses import replace

from crackscan.basics.records import COLUMNS, REVIEW_COLUMNS, Result
from crackscan.sinks.text import TextFormat
from crackscan.sinks.values import cells, geometry
from crackscan.sinks.wkt import multi_line_string

_SPECIAL = re.compile(r'[",;\t\n\r]')  # ; and tab part cells where a spreadsheet guesses


def format_row(result: Result) -> str:
    """Format one result as one record of RFC 4180, ended by LF."""
    texts = [_quote(cell.text) if cell.text else "" for cell in cells(result)]
    return f"{','.join(texts)},{_quote(_wkt(result))}\n"


def _wkt(result: Result) -> str:
    shape = geometry(result)
    if shape is None:
        return ""
    if shape.kind == "MultiLineString":
        return multi_line_string(shape.parts)
    positions = ", ".join(f"{lon} {lat}" for lon, lat in shape.positions)
    return f"POLYGON(({positions}))" if shape.kind == "Polygon" else f"POINT({positions})"


def _quote(text: str) -> str:
    # csv.writer does not quote a lone CR before Python 3.13, and every reader ends the row there
    if _SPECIAL.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


CSV = TextFormat(format_row, needs_crs=False, header=",".join((*COLUMNS, "wkt")) + "\n")
REVIEWED_CSV = replace(CSV, header=",".join((*COLUMNS, *REVIEW_COLUMNS, "wkt")) + "\n")
