"""Where results go: a sink takes them one by one and writes a format of its own."""

import stat
from pathlib import Path
from typing import Literal, get_args

from crackscan.basics.errors import CrackscanError, MissingExtra
from crackscan.sinks.base import STDOUT, FileSink, RowSink
from crackscan.sinks.csv import CSV
from crackscan.sinks.geojson import GEOJSON
from crackscan.sinks.geojsonl import GEOJSONL
from crackscan.sinks.heatmap_checks import no_mosaic_error, several_mosaics_error
from crackscan.sinks.text import TextFile, TextStream

__all__ = [
    "Format",
    "RowSink",
    "check_target",
    "format_of",
    "is_stream",
    "needs_crs",
    "no_mosaic_error",
    "open_sink",
    "several_mosaics_error",
]

Format = Literal["csv", "geojson", "geojsonl", "gpkg", "parquet", "heatmap"]

TEXT_FORMATS = {"csv": CSV, "geojson": GEOJSON, "geojsonl": GEOJSONL}  # text; all others are files only
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
}


def open_sink(
    target: str | Path, chosen: Format | None = None, *, overlap: float = 0.0, has_mosaics: bool = True
) -> RowSink:
    """Make the sink for a target, `-` being standard output; `with` opens it.

    Args:
        target: where the rows go.
        chosen: the format; None tells it by the target's ending.
        overlap: the fraction of a tile that it shares with the next, 0 <= overlap < 1; a heatmap's pixels
            are as far apart.
        has_mosaics: whether any of the rows are those of mosaics; where not, GeoPackage's layer of photos
            is the main one.

    Raises:
        CrackscanError: the target's ending names no format, and none was chosen; or it is a stream, and the
            format cannot be streamed.
        MissingExtra: the format's libraries are not installed.
    """
    target = Path(target)
    chosen = format_of(target, chosen)
    if is_stream(target):
        return TextStream(TEXT_FORMATS[chosen], target)
    return _file_sink(chosen, target, overlap=overlap, has_mosaics=has_mosaics)


def check_target(target: Path, chosen: Format) -> None:
    """Make sure, before the work, that a file can be written where it shall be.

    Raises:
        CrackscanError: it is a folder or write-protected; its folder is missing or closed.
        MissingExtra: the format's libraries are not installed.
    """
    _file_sink(chosen, target).check()


def _file_sink(chosen: Format, target: Path, *, overlap: float = 0.0, has_mosaics: bool = True) -> FileSink:
    try:  # libraries are imported only for their format
        match chosen:
            case "gpkg":
                from crackscan.sinks.geopackage import GeoPackage

                return GeoPackage(target, has_mosaics=has_mosaics)
            case "parquet":
                from crackscan.sinks.geoparquet import GeoParquet

                return GeoParquet(target)
            case "heatmap":
                from crackscan.sinks.heatmap import Heatmap

                return Heatmap(target, overlap=overlap)
            case _:
                return TextFile(TEXT_FORMATS[chosen], target)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f'{target}: this format needs {error.name}; install the extra: pip install "crackscan[gis]".'
        ) from error


def format_of(target: str | Path, chosen: Format | None = None) -> Format:
    """Tell the format: the chosen one, else by the target's ending; on standard output CSV.

    GDAL reads CSV from a pipe in constant memory, GeoJSON whole.

    Raises: CrackscanError: the ending names no format, or a format that a stream cannot have.
    """
    found = chosen or ("csv" if Path(target) == STDOUT else _by_ending(Path(target)))
    if found not in TEXT_FORMATS and is_stream(Path(target)):
        raise CrackscanError(
            f"{target}: {found} cannot be streamed; name a file, or choose --format {'|'.join(TEXT_FORMATS)}."
        )
    return found


def _by_ending(target: Path) -> Format:
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        found = f"the ending {ending} names no format" if ending else "no ending to tell the format by"
        endings, formats = ", ".join(ENDINGS), "|".join(get_args(Format))
        raise CrackscanError(f"{target}: {found}; end it in {endings}, or say --format {formats}.")
    return ENDINGS[ending]


def needs_crs(chosen: Format) -> bool:
    """Tell whether a mosaic must have a coordinate system for its tiles to be of use in a format."""
    return chosen not in TEXT_FORMATS or TEXT_FORMATS[chosen].needs_crs


def is_stream(target: Path) -> bool:
    """Tell what must not be replaced by a file: standard output, a named pipe, /dev/null."""
    if target == STDOUT:
        return True
    try:
        mode = target.stat().st_mode
    except OSError:  # not there yet, or out of reach, which opening it will say
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
