"""Where results go: a sink takes them one by one and writes a format of its own."""

import stat
from pathlib import Path
from typing import Literal, get_args

from crackscan.errors import CrackscanError
from crackscan.sinks.csv_rows import CSV
from crackscan.sinks.geojson import GEOJSON
from crackscan.sinks.geojsonl import GEOJSONL
from crackscan.sinks.rows import STDOUT, FileSink, RowSink, StreamSink

__all__ = ["Format", "RowSink", "check_target", "format_of", "is_stream", "needs_crs", "open_sink"]

Format = Literal["csv", "geojson", "geojsonl"]

LAYOUTS = {"csv": CSV, "geojson": GEOJSON, "geojsonl": GEOJSONL}
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".geojson": "geojson",
    ".json": "geojson",
    ".geojsonl": "geojsonl",
    ".geojsons": "geojsonl",
}


def open_sink(target: str | Path, chosen: Format | None = None) -> RowSink:
    """Make the sink for a target, `-` being standard output; `with` opens it.

    Raises: CrackscanError: the target's ending names no format, and none was chosen.
    """
    target = Path(target)
    layout = LAYOUTS[format_of(target, chosen)]
    return StreamSink(layout, target) if is_stream(target) else FileSink(layout, target)


def check_target(target: Path, chosen: Format) -> None:
    """Make sure, before the work, that a file can be written where it shall be.

    Raises: CrackscanError: it is a folder or write-protected; its folder is missing or closed.
    """
    FileSink(LAYOUTS[chosen], target).check()


def format_of(target: str | Path, chosen: Format | None = None) -> Format:
    """Tell the format: the chosen one, else by the target's ending; on standard output CSV.

    GDAL reads CSV from a pipe in constant memory, GeoJSON whole.

    Raises: CrackscanError: the ending names no format.
    """
    if chosen is not None:
        return chosen
    if Path(target) == STDOUT:
        return "csv"
    ending = Path(target).suffix.lower()
    if ending not in ENDINGS:
        found = f"the ending {ending} names no format" if ending else "no ending to tell the format by"
        endings, formats = ", ".join(ENDINGS), "|".join(get_args(Format))
        raise CrackscanError(f"{target}: {found}; end it in {endings}, or say --format {formats}.")
    return ENDINGS[ending]


def needs_crs(chosen: Format) -> bool:
    """Tell whether a mosaic must have a coordinate system for its tiles to be of use in a format."""
    return LAYOUTS[chosen].needs_crs


def is_stream(target: Path) -> bool:
    """Tell what must not be replaced by a file: standard output, a named pipe, /dev/null."""
    if target == STDOUT:
        return True
    try:
        mode = target.stat().st_mode
    except OSError:  # not there yet, or out of reach, which opening it will say
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
