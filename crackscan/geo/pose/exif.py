"""What EXIF says of a photo: where and when it was taken, whither, and through which lens."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from crackscan.basics.records import Pose
from crackscan.geo.pose.attitude import compass

BELOW = {1, 3}  # GPSAltitudeRef of what counts downwards; EXIF 3.0 tells the sea from the ellipsoid
MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit; 4 and 5 are common practice
INCH = 2  # what no unit means
DIAGONAL_35MM = math.hypot(36, 24)  # mm, by which lenses are called equivalent (CIPA DCG-001)
SAME_SHAPE = 0.01  # by which the shape of a scaled photo may differ from the camera's, from rounding


def gps_position(exif: Image.Exif) -> Pose:
    """Read where a photo was taken: lon, lat, the altitude that goes with them, and what to know of them."""
    gps = _directory(exif, ExifTags.IFD.GPSInfo)
    if ExifTags.GPS.GPSLatitude not in gps and ExifTags.GPS.GPSLongitude not in gps:
        return Pose()
    lat = _degrees(gps.get(ExifTags.GPS.GPSLatitude), limit=90)
    lon = _degrees(gps.get(ExifTags.GPS.GPSLongitude), limit=180)
    south = _letter(gps.get(ExifTags.GPS.GPSLatitudeRef))
    west = _letter(gps.get(ExifTags.GPS.GPSLongitudeRef))
    if lat is None or lon is None or south not in {"", "N", "S"} or west not in {"", "E", "W"}:
        return Pose(note="GPS position is malformed; ignored")
    if lat == lon == 0:
        return Pose(note="GPS position is 0, 0, which cameras write without a fix; ignored")
    assumed = [word for word, letter in (("north", south), ("east", west)) if not letter]
    return Pose(
        lon=-lon if west == "W" else lon,
        lat=-lat if south == "S" else lat,
        altitude=_altitude(gps),
        note=f"GPS position has no hemisphere; {' and '.join(assumed)} assumed" if assumed else None,
    )


def captured_at(exif: Image.Exif) -> str | None:
    """Read when the shutter opened, as ISO 8601, with its offset from UTC where the camera wrote one.

    The file's own `DateTime` is no substitute: programs that edit a photo change it.
    """
    details = _directory(exif, ExifTags.IFD.Exif)
    # EXIF separates dates by colons; some programs write ISO 8601
    taken = re.fullmatch(
        r"([0-9]{4})[:-]([0-9]{2})[:-]([0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})",
        _text(details.get(ExifTags.Base.DateTimeOriginal)),
    )
    if not taken:
        return None
    year, month, day, time = taken.groups()
    offset = re.fullmatch(r"Z|[+-][0-9]{2}:[0-9]{2}", _text(details.get(ExifTags.Base.OffsetTimeOriginal)))
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{time}{offset.group() if offset else ''}")
    except ValueError:  # 0000:00:00 00:00:00, the 31st of June, an offset of 99 hours
        return None
    return moment.isoformat()


def heading(exif: Image.Exif) -> float | None:
    """Read where the camera pointed, in degrees clockwise from true north, 0 <= heading < 360.

    `None` also for a magnetic direction, which is off by up to 20 degrees where people build, and for one
    that does not say which it is.
    """
    gps = _directory(exif, ExifTags.IFD.GPSInfo)
    direction = _number(gps.get(ExifTags.GPS.GPSImgDirection))
    if _letter(gps.get(ExifTags.GPS.GPSImgDirectionRef)) != "T" or not 0 <= direction <= 360:
        return None
    return compass(direction)


def maker(exif: Image.Exif) -> str:
    """Read who made the camera, in lower case; empty where that is not said."""
    return _text(exif.get(ExifTags.Base.Make)).lower()


def focal_px(exif: Image.Exif, size: tuple[int, int], *, calibrated_px: float | None = None) -> float | None:
    """Find the focal length of the photo's lens, in px of a photo of this size (width, height).

    In this order: the maker's calibrated one, in px of the photo as it was taken; focal length times pixels
    per mm of the sensor (EXIF 2.32: FocalLength, FocalPlaneXResolution); the 35 mm equivalent, which
    compares diagonals (CIPA DCG-001). That is a whole number of mm, and where a drone crops its photos to
    16:9 it speaks of the whole sensor: good to a tenth.

    Returns: `None` where none of them is there, where the photo was cropped since it was taken, or where the
    camera zoomed digitally, since its lens then says nothing.
    """
    details = _directory(exif, ExifTags.IFD.Exif)
    scale = _scale(details, size)
    if scale is None or _number(details.get(ExifTags.Base.DigitalZoomRatio)) > 1:
        return None
    focal_mm = _number(details.get(ExifTags.Base.FocalLength))
    equivalent_mm = _number(details.get(ExifTags.Base.FocalLengthIn35mmFilm))
    found = (
        (math.nan if calibrated_px is None else calibrated_px) * scale,
        focal_mm * _px_per_mm(details) * scale,
        equivalent_mm / DIAGONAL_35MM * math.hypot(*size),
    )
    return next((focal for focal in found if 0 < focal < math.inf), None)


def _scale(details: Mapping[int, Any], size: tuple[int, int]) -> float | None:
    """Return by how much a photo was scaled since it was taken; `None` where its shape has changed."""
    taken = [
        _number(details.get(tag)) for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
    ]
    if not all(side > 0 for side in taken):
        return 1.0
    long, short = max(size) / max(taken), min(size) / min(taken)  # it may have been turned
    return long if math.isclose(long, short, rel_tol=SAME_SHAPE) else None


def _px_per_mm(details: Mapping[int, Any]) -> float:
    unit = details.get(ExifTags.Base.FocalPlaneResolutionUnit, INCH)
    mm = MM_PER_UNIT.get(unit, math.nan) if isinstance(unit, int) else math.nan
    return _number(details.get(ExifTags.Base.FocalPlaneXResolution)) / mm


def _altitude(gps: Mapping[int, Any]) -> float | None:
    altitude = _number(gps.get(ExifTags.GPS.GPSAltitude))
    if not math.isfinite(altitude):
        return None
    reference = gps.get(ExifTags.GPS.GPSAltitudeRef, 0)
    if isinstance(reference, bytes):
        reference = reference[0] if reference else 0
    return -altitude if reference in BELOW else altitude


def _directory(exif: Image.Exif, tag: ExifTags.IFD) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag) or {}
    except Exception:  # noqa: BLE001 - Pillow parses it only now, and broken bytes raise whatever they lead to
        return {}


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return value.strip("\0 ") if isinstance(value, str) else ""


def _letter(value: object) -> str:
    return _text(value)[:1].upper()


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def _degrees(value: object, *, limit: int) -> float | None:
    """Add up degrees, minutes and seconds, or the first of them alone; `None` where they are out of range."""
    parts = [_number(part) for part in (value if isinstance(value, tuple) else (value,))]
    if not 1 <= len(parts) <= 3:
        return None
    # asked so that NaN, which Pillow makes of 0/0, is out of range; seconds may have been rounded up to 60
    if not all(0 <= part <= 60 for part in parts[1:]):
        return None
    degrees = sum(part / 60**power for power, part in enumerate(parts))
    return degrees if 0 <= degrees <= limit and parts[0] >= 0 else None
