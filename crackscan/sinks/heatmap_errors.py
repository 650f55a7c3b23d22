"""Errors of a heatmap without exactly one mosaic: raised before the work, and for a journal's rows."""

from pathlib import Path

from crackscan.basics.errors import CrackscanError


def no_mosaic_error(target: str | Path) -> CrackscanError:
    """Return the error for a heatmap of photos only, or of a mosaic without a position."""
    return CrackscanError(
        f"{target}: a heatmap shows the tiles of one mosaic with a position, and there is none; "
        "write .csv or .gpkg instead."
    )


def several_mosaics_error(target: str | Path, first: str, second: str) -> CrackscanError:
    """Return the error for a heatmap of more than one mosaic."""
    return CrackscanError(
        f"{target}: a heatmap shows one mosaic, but there are {first} and {second}; "
        "scan each one separately, or write .gpkg instead."
    )
