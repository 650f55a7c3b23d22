"""Output formats. A sink takes results one by one and writes them in one format."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from crackscan.basics.errors import CrackscanError, MissingExtra
from crackscan.basics.gis_environment import set_aside_foreign_variables
from crackscan.basics.progress import Progress
from crackscan.basics.run_facts import RunFacts
from crackscan.sinks.base import STDOUT, FileSink, RowSink
from crackscan.sinks.csv import CSV, REVIEWED_CSV
from crackscan.sinks.geojson import GEOJSON
from crackscan.sinks.geojsonl import GEOJSONL
from crackscan.sinks.heatmap_errors import no_mosaic_error, several_mosaics_error
from crackscan.sinks.text import TextFile, TextFormat, TextStream

set_aside_foreign_variables()  # before this room imports rasterio or pyogrio

__all__ = [
    "Format",
    "RowSink",
    "check_target",
    "choose_format",
    "is_stream",
    "needs_crs",
    "no_mosaic_error",
    "open_sink",
    "several_mosaics_error",
]

Format = Literal["csv", "geojson", "geojsonl", "gpkg", "parquet", "heatmap", "html"]

TEXT_FORMATS = {"csv": CSV, "geojson": GEOJSON, "geojsonl": GEOJSONL}  # only these can be streamed
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".geojson": "geojson",
    ".json": "geojson",
    ".geojsonl": "geojsonl",
    ".geojsons": "geojsonl",
    ".gpkg": "gpkg",
    ".parquet": "parquet",
    ".geoparquet": "parquet",
    ".tif": "heatmap",
    ".tiff": "heatmap",
    ".html": "html",
    ".htm": "html",
}


def open_sink(
    target: str | Path,
    format_name: Format | None = None,
    *,
    overlap: float = 0.0,
    has_mosaics: bool = True,
    reviewed: bool = False,
    run: RunFacts | None = None,
    progress: Progress | None = None,
) -> RowSink:
    """Make the sink for a target, `-` being standard output; `with` opens it.

    Args:
        target: where the rows go.
        format_name: None chooses by the target's ending.
        overlap: the fraction of a tile that it shares with the next, 0 <= overlap < 1; sets the distance
            between a heatmap's pixels.
        has_mosaics: whether any of the rows belong to mosaics; if not, a GeoPackage's layer of photos is its
            main one.
        reviewed: whether the rows are reviewed ones, whose further columns the output gets.
        run: facts that a report tells; it cannot do without.
        progress: listens while a report's pictures are drawn.

    Raises:
        CrackscanError: no format is given and the target's ending names none; or the target is a stream, and
            the format cannot be streamed.
        MissingExtra: the format's libraries are not installed.
    """
    target = Path(target)
    format_name = choose_format(target, format_name)
    if is_stream(target):
        return TextStream(_text_format(format_name, reviewed=reviewed), target)
    if format_name == "html":
        return _report(target, run, progress)
    return _file_sink(format_name, target, overlap=overlap, has_mosaics=has_mosaics, reviewed=reviewed)


def check_target(target: Path, format_name: Format) -> None:
    """Make sure, before the work, that a file can be written at the target.

    Raises:
        CrackscanError: it is a folder or write-protected; its folder is missing or closed.
        MissingExtra: the format's libraries are not installed.
    """
    (_report(target) if format_name == "html" else _file_sink(format_name, target)).check()


def _report(target: Path, run: RunFacts | None = None, progress: Progress | None = None) -> FileSink:
    with _missing_extra(target, "review"):
        from crackscan.sinks.report.sink import Report

        return Report(target, run, progress)


def _text_format(format_name: Format, *, reviewed: bool) -> TextFormat:
    return REVIEWED_CSV if reviewed and format_name == "csv" else TEXT_FORMATS[format_name]


def _file_sink(
    format_name: Format,
    target: Path,
    *,
    overlap: float = 0.0,
    has_mosaics: bool = True,
    reviewed: bool = False,
) -> FileSink:
    with _missing_extra(target, "gis"):  # each format imports its own libraries
        match format_name:
            case "gpkg":
                from crackscan.sinks.geopackage import GeoPackage

                return GeoPackage(target, has_mosaics=has_mosaics, reviewed=reviewed)
            case "parquet":
                from crackscan.sinks.geoparquet import GeoParquet

                return GeoParquet(target, reviewed=reviewed)
            case "heatmap":
                from crackscan.sinks.heatmap import Heatmap

                return Heatmap(target, overlap=overlap)
            case _:
                return TextFile(_text_format(format_name, reviewed=reviewed), target)


@contextmanager
def _missing_extra(target: Path, extra: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f'{target}: this format needs {error.name}; install the extra: pip install "crackscan[{extra}]".'
        ) from error


def choose_format(target: str | Path, format_name: Format | None = None) -> Format:
    """Return the given format, else the one of the target's ending; for standard output, CSV.

    GDAL reads CSV from a pipe in constant memory, but GeoJSON as a whole.

    Raises:
        CrackscanError: the ending names no format, or the target is a stream and the format needs a file.
    """
    chosen = format_name or ("csv" if Path(target) == STDOUT else _by_ending(Path(target)))
    if chosen not in TEXT_FORMATS and is_stream(Path(target)):
        raise CrackscanError(
            f"{target}: {chosen} cannot be streamed; "
            f"name a file, or choose --format {'|'.join(TEXT_FORMATS)}."
        )
    return chosen


def _by_ending(target: Path) -> Format:
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        problem = f"the ending {ending} is not a known format" if ending else "the name has no ending"
        endings, formats = ", ".join(ENDINGS), "|".join(get_args(Format))
        raise CrackscanError(f"{target}: {problem}; use one of {endings}, or give --format {formats}.")
    return ENDINGS[ending]


def needs_crs(format_name: Format) -> bool:
    """Return whether a mosaic without a coordinate system would be useless in a format."""
    return format_name not in TEXT_FORMATS or TEXT_FORMATS[format_name].needs_crs


def is_stream(target: Path) -> bool:
    """Return whether a target must not be replaced by a file: standard output, a named pipe, /dev/null."""
    if target == STDOUT:
        return True
    try:
        mode = target.stat().st_mode
    except OSError:  # not there yet, or not accessible: opening it gives the reason
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
