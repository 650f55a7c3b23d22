"""Formats of areas of interest: only these are opened, because others may open connections or other files."""

import json
import re
from pathlib import Path
from typing import Any

from crackscan.basics.errors import CrackscanError

FORMATS = (
    rb"SQLite format 3\0",  # GeoPackage
    rb"\0\0\x27\x0a",  # Shapefile
    rb"fgb\x03",  # FlatGeobuf
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>|<!--.*?-->|\s)*<kml\b",
)
JSON = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
ADDRESSES = {"link", "url", "ogc"}  # types of coordinate systems
HEAD_BYTES = 4096


def check_area_file(path: Path) -> None:
    """Make sure that a file is GeoJSON, a GeoPackage, a Shapefile, KML or FlatGeobuf.

    Raises: CrackscanError: it is something else, or names its coordinate system by an address.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if JSON.match(head):
                _check_geojson(head + file.read())
                return
    except OSError as error:
        raise CrackscanError(f"--aoi {path}: {error.strerror}; give GeoJSON or a GeoPackage.") from error
    except (ValueError, RecursionError) as error:
        raise CrackscanError(
            f"--aoi {path}: cannot be used ({error}); give GeoJSON or a GeoPackage."
        ) from error
    if not any(re.match(start, head, re.DOTALL | re.IGNORECASE) for start in FORMATS):
        raise CrackscanError(
            f"--aoi {path}: is not a format of areas that is read; give GeoJSON or a GeoPackage."
        )


def _check_geojson(content: bytes) -> None:
    """Check the objects of a JSON file: one, or one a line.

    Raises: ValueError: they are not GeoJSON, or name an address.
    """
    decoder, rest = json.JSONDecoder(object_pairs_hook=_object), content.decode("utf-8-sig").strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        if "type" not in document:
            raise ValueError("it is not GeoJSON")
        rest = rest[end:].lstrip()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of a JSON file.

    Raises: ValueError: it holds a coordinate system that GDAL would fetch, whose names it reads in any case.
    """
    for name, value in pairs:
        if name.lower() == "crs" and isinstance(value, dict):
            kinds = {str(kind).lower() for key, kind in value.items() if key.lower() == "type"}
            if not ADDRESSES.isdisjoint(kinds):
                raise ValueError("it names its coordinate system by an address")
    return dict(pairs)
