"""Formats of areas of interest: only these are opened, because others may open connections or other files."""

import json
import re
from collections.abc import Iterator
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
HEAD_BYTES = 4096


def check_area_file(path: Path) -> None:
    """Make sure that a file is GeoJSON, a GeoPackage, a Shapefile, KML or FlatGeobuf.

    Raises: CrackscanError: it is something else, or names its coordinate system by an address.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if JSON.match(head):
                for content in _documents(head + file.read()):
                    _check_geojson(path, content)
                return
    except OSError as error:
        raise CrackscanError(f"--aoi {path}: {error.strerror}; give GeoJSON or a GeoPackage.") from error
    except (ValueError, RecursionError) as error:
        raise CrackscanError(f"--aoi {path}: is damaged JSON ({error}); give GeoJSON.") from error
    if not any(re.match(start, head, re.DOTALL | re.IGNORECASE) for start in FORMATS):
        raise CrackscanError(
            f"--aoi {path}: is not a format of areas that is read; give GeoJSON or a GeoPackage."
        )


def _documents(text: bytes) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON file: one, or one a line."""
    decoder, rest = json.JSONDecoder(), text.decode("utf-8-sig").strip()
    while rest:
        content, end = decoder.raw_decode(rest)
        yield content
        rest = rest[end:].lstrip()


def _check_geojson(path: Path, content: dict[str, Any]) -> None:
    crs = content.get("crs")
    if "type" not in content or (isinstance(crs, dict) and crs.get("type") not in {"name", "EPSG"}):
        raise CrackscanError(
            f"--aoi {path}: is not GeoJSON, or names its coordinate system by an address; save it as GeoJSON."
        )
