"""Files in which users give the positions of photos: OpenDroneMap's geo.txt, and exiftool's tables.

Both are read line by line; a line that cannot be read is an error that names it.
"""

import csv
import math
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Pose, Position
from crackscan.geo.georef import parse_crs, positions
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.pose.xmp import ANGLES, number, pose_of

BATCH = 200  # positions transformed at once: PROJ takes 0.2 ms to set up
UTM = re.compile(r"WGS84 UTM (0?[1-9]|[1-5]\d|60)([NS])", re.IGNORECASE)  # as OpenDroneMap writes it, too
NUMBERS = (
    *("GPSLatitude", "GPSLongitude", "GPSAltitude"),
    *("AbsoluteAltitude", "RelativeAltitude", "AboveGroundAltitude"),
    *(name for names in ANGLES for name in names),
)
MISSING = "-"  # what exiftool writes for a tag that is not there, if asked to


class Entry(NamedTuple):
    """What a line says of a photo."""

    name: str  # or its path, with forward slashes
    is_path: bool  # a bare name may mean a photo in any folder
    pose: Pose


class Line(NamedTuple):
    """A line of geo.txt, its position still in the file's own coordinate system."""

    number: int
    name: str
    x: float
    y: float
    rest: tuple[float, ...]  # none, z, or z, yaw, pitch and roll


def entries(path: Path) -> Iterator[Entry]:
    """Read a geo.txt, or a table of `exiftool -csv -n`, which has a column SourceFile.

    Raises:
        CrackscanError: a line cannot be read.
    """
    # names may hold any bytes, and Windows' editors put a mark before the text
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        is_table = "SourceFile" in next(csv.reader([stream.readline()]), [])
        stream.seek(0)
        yield from _table(path, stream) if is_table else _geo_txt(path, stream)


def _geo_txt(path: Path, stream: Iterable[str]) -> Iterator[Entry]:
    """Read OpenDroneMap's file: a coordinate system, then `name x y [z] [yaw pitch roll]` and more."""
    numbered = ((line, text.strip()) for line, text in enumerate(stream, start=1))
    said = ((line, text) for line, text in numbered if text and not text.startswith("#"))
    first, text = next(said, (1, ""))
    utm = UTM.fullmatch(text)
    zone = utm and f"EPSG:32{6 if utm[2].upper() == 'N' else 7}{int(utm[1]):02}"
    crs = parse_crs(zone or text, where=f"{path}: line {first}:")
    found = (_line(path, line, text) for line, text in said)
    while batch := tuple(islice(found, BATCH)):
        places = positions(crs, [line.x for line in batch], [line.y for line in batch])
        for line, place in zip(batch, places, strict=True):
            yield Entry(_normal(line.name), "/" in line.name, _placed(path, line, place))


def _line(path: Path, line: int, text: str) -> Line:
    name, *parts = text.split()
    wanted = parts[:6] if len(parts) >= 6 else parts[:3]
    values = [number(part) for part in wanted]
    known = [value for value in values if value is not None]
    if len(known) < max(2, len(wanted)):
        raise CrackscanError(
            f"{path}: line {line}: {text!r} is not name x y [z] [yaw pitch roll]; mend it, or begin it by #."
        )
    return Line(line, name.replace("\\", "/"), known[0], known[1], tuple(known[2:]))


def _placed(path: Path, line: Line, place: Position | None) -> Pose:
    if place is None or abs(place[0]) > 180 or abs(place[1]) > 90:
        raise CrackscanError(
            f"{path}: line {line.number}: {line.x:g} {line.y:g} is outside of the coordinate system; mend it."
        )
    z, *angles = line.rest or (None,)
    pose = _at(place, z)
    if not any(angle for angle in angles):  # zeros stand for unknown angles (docs.opendronemap.org, geo)
        return pose
    yaw, pitch, roll = (angle or 0.0 for angle in angles)
    attitude = Attitude.of_body(yaw, pitch, roll)
    return replace(pose, yaw=attitude.yaw, pitch=attitude.pitch, roll=attitude.roll)


def _table(path: Path, stream: Iterable[str]) -> Iterator[Entry]:
    """Read exiftool's table; columns may have their group before them, as in `EXIF:GPSLatitude`."""
    reader = csv.DictReader(stream)
    try:
        for row in reader:
            found = _values(row)
            if None in row or "SourceFile" not in found:
                raise CrackscanError(
                    f"{path}: line {reader.line_num}: names no file, or has more cells than columns; "
                    "write the table again."
                )
            pose = _tabled(found, f"{path}: line {reader.line_num}:")
            yield Entry(_normal(found["SourceFile"].replace("\\", "/")), is_path=True, pose=pose)
    except csv.Error as error:
        raise CrackscanError(
            f"{path}: line {reader.line_num}: is no CSV ({error}); write the table again."
        ) from error


def _values(row: dict[str, str | None]) -> dict[str, str]:
    """Return what a row has, by names without group; of several what exiftool composed, with its sign."""
    given = {column: (value or "").strip() for column, value in row.items() if column}
    by_group = sorted(given, key=lambda column: column.startswith("Composite:"))
    return {
        column.rpartition(":")[2]: given[column] for column in by_group if given[column] not in {"", MISSING}
    }


def _tabled(found: dict[str, str], where: str) -> Pose:
    for column in NUMBERS:
        if column in found and number(found[column]) is None:
            raise CrackscanError(
                f"{where} {column} is {found[column]!r}, no number; write the table with exiftool -csv -n."
            )
    pose = pose_of(found)
    lat, lon = number(found.get("GPSLatitude")), number(found.get("GPSLongitude"))
    altitude = number(found.get("GPSAltitude"))
    if found.get("GPSAltitudeRef") in {"1", "3"} and altitude is not None:
        altitude = -abs(altitude)
    if lat is None and lon is None:
        return pose
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        raise CrackscanError(f"{where} has no position on earth in GPSLatitude and GPSLongitude; mend it.")
    # a column of EXIF has no sign, but its letter beside it
    lat = -abs(lat) if found.get("GPSLatitudeRef", "").upper().startswith("S") else lat
    lon = -abs(lon) if found.get("GPSLongitudeRef", "").upper().startswith("W") else lon
    place = _at((lon, lat), pose.altitude if altitude is None else altitude)
    return replace(pose, lon=place.lon, lat=place.lat, altitude=place.altitude, note=place.note)


def _at(place: Position, altitude: float | None) -> Pose:
    lon, lat = place
    if math.hypot(lon, lat) == 0:
        return Pose(note="the table's position is 0, 0, which stands for none; ignored")
    return Pose(lon=lon, lat=lat, altitude=altitude)


def _normal(name: str) -> str:
    return posixpath.normpath(name)
