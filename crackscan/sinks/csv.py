"""CSV: a row a result, its geometry as WKT in the last column."""

import re

from crackscan.basics.records import COLUMNS, Result
from crackscan.sinks.text import TextFormat
from crackscan.sinks.values import cells, geometry

_SPECIAL = re.compile(r'[",\n\r]')


def csv_line(result: Result) -> str:
    """Write one result as one record of RFC 4180, ended by LF."""
    texts = [_quoted(cell.text) if cell.text else "" for cell in cells(result)]
    return f"{','.join(texts)},{_quoted(_wkt(result))}\n"


def _wkt(result: Result) -> str:
    shape = geometry(result)
    if shape is None:
        return ""
    positions = ", ".join(f"{lon} {lat}" for lon, lat in shape.positions)
    return f"POLYGON(({positions}))" if shape.kind == "Polygon" else f"POINT({positions})"


def _quoted(text: str) -> str:
    # csv.writer leaves a lone CR bare before Python 3.13, and every reader ends the row there
    if _SPECIAL.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


CSV = TextFormat(row=csv_line, needs_crs=False, header=",".join((*COLUMNS, "wkt")) + "\n")
