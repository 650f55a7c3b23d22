"""Files in which users give the poses of photos: OpenDroneMap's geo.txt, and exiftool's tables.

Both are read line by line; a line that cannot be read is an error that names it.
"""

import csv
import math
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Pose, Position
from crackscan.basics.text_files import SEPARATOR_LINE, open_lines, open_table
from crackscan.geo.georef import parse_crs, transform_to_wgs84
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.pose.numbers import parse_number
from crackscan.geo.pose.xmp import ANGLES, build_pose

BATCH = 200  # positions transformed at once: PROJ takes 0.2 ms to set up
UTM = re.compile(r"WGS84 UTM (0?[1-9]|[1-5]\d|60)([NS])", re.IGNORECASE)  # OpenDroneMap's own notation
NUMBERS = (  # columns of exiftool's table
    *("GPSLatitude", "GPSLongitude", "GPSAltitude"),
    *("AbsoluteAltitude", "RelativeAltitude", "AboveGroundAltitude"),
    *(name for names in ANGLES for name in names),
)
MISSING = "-"  # what exiftool -f writes for a tag that a photo lacks


class PoseEntry(NamedTuple):
    """One line of a file: a photo and its pose."""

    name: str  # the photo's name or path, with forward slashes
    is_path: bool  # False: a bare name, which may mean a photo in any folder
    pose: Pose


class GeoTxtLine(NamedTuple):
    """A parsed line of geo.txt, its position still in the file's own coordinate system."""

    number: int  # from 1
    name: str
    x: float
    y: float
    rest: tuple[float, ...]  # empty; z in m; or z, yaw, pitch and roll in degrees


def entries(path: Path) -> Iterator[PoseEntry]:
    """Yield the entries of a geo.txt, or of a table of `exiftool -csv -n`, which has a column SourceFile.

    Raises:
        CrackscanError: a line cannot be read.
        OSError: the file cannot be read.
    """
    with open_lines(path, any_bytes=True) as lines:  # names may hold any bytes
        start = [next(lines, "")]
        if SEPARATOR_LINE.fullmatch(start[0]):
            start.append(next(lines, ""))
        every = chain(start, lines)
        is_table = "SourceFile" in re.split(r'[,;\t"\s]+', start[-1])
        yield from _table_entries(path, every) if is_table else _geo_txt_entries(path, every)


def _geo_txt_entries(path: Path, stream: Iterable[str]) -> Iterator[PoseEntry]:
    """Read OpenDroneMap's file: a coordinate system, then lines `name x y [z] [yaw pitch roll]`.

    What follows on a line is ignored (docs.opendronemap.org, geo).
    """
    numbered = ((number, text.strip()) for number, text in enumerate(stream, start=1))
    content = ((number, text) for number, text in numbered if text and not text.startswith("#"))
    first, text = next(content, (1, ""))
    utm = UTM.fullmatch(text)
    zone = utm and f"EPSG:32{6 if utm[2].upper() == 'N' else 7}{int(utm[1]):02}"
    crs = parse_crs(zone or text, where=f"{path}: line {first}:")
    lines = (_parse_line(path, number, text) for number, text in content)
    while batch := tuple(islice(lines, BATCH)):
        positions = transform_to_wgs84(crs, [line.x for line in batch], [line.y for line in batch])
        for line, position in zip(batch, positions, strict=True):
            pose = _pose_of_line(path, line, position)
            yield PoseEntry(posixpath.normpath(line.name), "/" in line.name, pose)


def _parse_line(path: Path, number: int, text: str) -> GeoTxtLine:
    name, *parts = text.split()
    wanted = parts[:6] if len(parts) >= 6 else parts[:3]
    parsed = [parse_number(part) for part in wanted]
    values = [value for value in parsed if value is not None]
    if len(values) < max(2, len(wanted)):
        raise CrackscanError(
            f"{path}: line {number}: {text!r} is not name x y [z] [yaw pitch roll]; "
            "correct it, or put # before it."
        )
    return GeoTxtLine(number, name.replace("\\", "/"), values[0], values[1], tuple(values[2:]))


def _pose_of_line(path: Path, line: GeoTxtLine, position: Position | None) -> Pose:
    if position is None or abs(position[0]) > 180 or abs(position[1]) > 90:
        raise CrackscanError(
            f"{path}: line {line.number}: {line.x:g} {line.y:g} is outside of the coordinate system; "
            "correct it."
        )
    z, *angles = line.rest or (None,)
    pose = _pose_at(position, z)
    if not any(angle for angle in angles):  # zeros stand for unknown angles (docs.opendronemap.org, geo)
        return pose
    yaw, pitch, roll = (angle or 0.0 for angle in angles)
    attitude = Attitude.from_body_angles(yaw, pitch, roll)
    return replace(pose, yaw=attitude.yaw, pitch=attitude.pitch, roll=attitude.roll)


def _table_entries(path: Path, lines: Iterator[str]) -> Iterator[PoseEntry]:
    """Read exiftool's table; column names may begin with their group, as in `EXIF:GPSLatitude`."""
    number = 1
    try:
        table = open_table(lines)
        for cells in filter(None, table.reader):
            number = table.line
            values = _values_by_name(dict(zip(table.columns, cells, strict=False)))
            if len(cells) > len(table.columns) or "SourceFile" not in values:
                raise CrackscanError(
                    f"{path}: line {number}: names no file, or has more cells than columns; "
                    "write the table again."
                )
            pose = _pose_of_row(values, f"{path}: line {number}:")
            name = posixpath.normpath(values["SourceFile"].replace("\\", "/"))
            yield PoseEntry(name, is_path=True, pose=pose)
    except csv.Error as error:
        raise CrackscanError(
            f"{path}: line {number}: not a line of CSV ({error}); write the table again."
        ) from error


def _values_by_name(row: dict[str, str]) -> dict[str, str]:
    """Return a row's values by column name without group, empty ones left out.

    Of several groups, Composite counts: exiftool puts the sign of the hemisphere there.
    """
    values = {column: value.strip() for column, value in row.items() if column}
    by_group = sorted(values, key=lambda column: column.startswith("Composite:"))
    return {
        column.rpartition(":")[2]: values[column]
        for column in by_group
        if values[column] not in {"", MISSING}
    }


def _pose_of_row(values: dict[str, str], where: str) -> Pose:
    for column in NUMBERS:
        if column in values and parse_number(values[column]) is None:
            raise CrackscanError(
                f"{where} {column} is {values[column]!r}, not a number; "
                "write the table with exiftool -csv -n."
            )
    pose = build_pose(values)
    position = _position_of_row(values, where)
    if position is None:
        return pose
    altitude = _altitude_of_row(values)
    gps = _pose_at(position, pose.altitude if altitude is None else altitude)
    note = "; ".join(filter(None, (pose.note, gps.note))) or None
    return replace(pose, lon=gps.lon, lat=gps.lat, altitude=gps.altitude, note=note)


def _position_of_row(values: dict[str, str], where: str) -> Position | None:
    """Return (lon, lat) in degrees, or None if a row has neither."""
    lat, lon = parse_number(values.get("GPSLatitude")), parse_number(values.get("GPSLongitude"))
    if lat is None and lon is None:
        return None
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        raise CrackscanError(f"{where} has no position on earth in GPSLatitude and GPSLongitude; correct it.")
    # columns of the group EXIF have no sign, but a letter in a column of its own
    lat = -abs(lat) if values.get("GPSLatitudeRef", "").upper().startswith("S") else lat
    lon = -abs(lon) if values.get("GPSLongitudeRef", "").upper().startswith("W") else lon
    return lon, lat


def _altitude_of_row(values: dict[str, str]) -> float | None:
    altitude = parse_number(values.get("GPSAltitude"))
    is_below = values.get("GPSAltitudeRef") in {"1", "3"}  # as in `exif.BELOW`
    return -abs(altitude) if is_below and altitude is not None else altitude


def _pose_at(position: Position, altitude: float | None) -> Pose:
    lon, lat = position
    if math.hypot(lon, lat) == 0:
        return Pose(note="the table's position is 0, 0, which stands for none; ignored")
    return Pose(lon=lon, lat=lat, altitude=altitude)
