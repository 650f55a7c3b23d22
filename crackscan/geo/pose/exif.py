"""Position, time, direction and focal length of a photo, from its EXIF."""

import math
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from crackscan.basics.records import Pose
from crackscan.geo.pose.attitude import normalise_heading
from crackscan.geo.pose.capture_time import parse_capture_time

BELOW = {1, 3}  # GPSAltitudeRef: below the sea, below the ellipsoid (3 is new in EXIF 3.0)
MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit; 4 and 5 are common practice
INCH = 2  # the FocalPlaneResolutionUnit of photos without one
DIAGONAL_35MM = math.hypot(36, 24)  # mm; the 35 mm equivalent compares diagonals (CIPA DCG-001)
ASPECT_TOLERANCE = 0.01  # relative; rounding changes the aspect ratio of a scaled photo by less


def gps_position(exif: Image.Exif) -> Pose:
    """Read where a photo was taken: lon and lat in degrees, the altitude in m, and a note on doubts.

    Returns: an empty pose, with or without a note, where EXIF has no usable position.
    """
    gps = _read_directory(exif, ExifTags.IFD.GPSInfo)
    if ExifTags.GPS.GPSLatitude not in gps and ExifTags.GPS.GPSLongitude not in gps:
        return Pose()
    lat = _read_degrees(gps.get(ExifTags.GPS.GPSLatitude), limit=90)
    lon = _read_degrees(gps.get(ExifTags.GPS.GPSLongitude), limit=180)
    south = _read_letter(gps.get(ExifTags.GPS.GPSLatitudeRef))
    west = _read_letter(gps.get(ExifTags.GPS.GPSLongitudeRef))
    if lat is None or lon is None or south not in {"", "N", "S"} or west not in {"", "E", "W"}:
        return Pose(note="GPS position is malformed; ignored")
    if lat == lon == 0:
        return Pose(note="GPS position is 0, 0, which cameras write without a fix; ignored")
    assumed = [word for word, letter in (("north", south), ("east", west)) if not letter]
    return Pose(
        lon=-lon if west == "W" else lon,
        lat=-lat if south == "S" else lat,
        altitude=_read_altitude(gps),
        note=f"GPS position has no hemisphere; {' and '.join(assumed)} assumed" if assumed else None,
    )


def captured_at(exif: Image.Exif) -> str | None:
    """Read when the photo was taken, as ISO 8601, with the offset from UTC where the camera wrote one.

    The tag DateTime does not stand in for DateTimeOriginal: programs that edit a photo change it.
    """
    details = _read_directory(exif, ExifTags.IFD.Exif)
    return parse_capture_time(
        _read_text(details.get(ExifTags.Base.DateTimeOriginal)),
        _read_text(details.get(ExifTags.Base.OffsetTimeOriginal)),
    )


def heading(exif: Image.Exif) -> float | None:
    """Read the camera's direction in degrees clockwise from true north, 0 <= heading < 360.

    Returns: None also for a magnetic direction, which is off by up to 20 degrees in inhabited regions, and
        for one without a reference.
    """
    gps = _read_directory(exif, ExifTags.IFD.GPSInfo)
    direction = _read_number(gps.get(ExifTags.GPS.GPSImgDirection))
    if _read_letter(gps.get(ExifTags.GPS.GPSImgDirectionRef)) != "T" or not 0 <= direction <= 360:
        return None
    return normalise_heading(direction)


def maker(exif: Image.Exif) -> str:
    """Read the camera's maker in lower case; empty where EXIF has none."""
    return _read_text(exif.get(ExifTags.Base.Make)).lower()


def focal_px(exif: Image.Exif, size: tuple[int, int], *, calibrated_px: float | None = None) -> float | None:
    """Return the focal length in px of the photo.

    The first of these that is known: the maker's calibrated one; focal length times pixels per mm of the
    sensor (EXIF 2.32: FocalLength, FocalPlaneXResolution); the 35 mm equivalent, which compares diagonals
    (CIPA DCG-001). The last one is accurate to 10 %: it is a whole number of mm, and for drones that crop
    their photos to 16:9 it refers to the whole sensor.

    Args:
        exif: of the photo.
        size: (width, height) of the photo, px.
        calibrated_px: the maker's calibrated focal length, in px of the photo as it was taken.

    Returns: None where none of them is known, where the photo was cropped since it was taken, or after a
        digital zoom, which changes the scale by an unknown crop.
    """
    details = _read_directory(exif, ExifTags.IFD.Exif)
    scale = _scale_since_taken(details, size)
    if scale is None or _read_number(details.get(ExifTags.Base.DigitalZoomRatio)) > 1:
        return None
    focal_mm = _read_number(details.get(ExifTags.Base.FocalLength))
    equivalent_mm = _read_number(details.get(ExifTags.Base.FocalLengthIn35mmFilm))
    candidates = (
        (math.nan if calibrated_px is None else calibrated_px) * scale,
        focal_mm * _read_px_per_mm(details) * scale,
        equivalent_mm / DIAGONAL_35MM * math.hypot(*size),
    )
    return next((focal for focal in candidates if 0 < focal < math.inf), None)


def _scale_since_taken(details: Mapping[int, Any], size: tuple[int, int]) -> float | None:
    """Return the factor by which a photo was scaled since it was taken; None if its aspect ratio changed."""
    taken = [
        _read_number(details.get(tag))
        for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
    ]
    if not all(side > 0 for side in taken):
        return 1.0
    long, short = max(size) / max(taken), min(size) / min(taken)  # the photo may have been turned
    return long if math.isclose(long, short, rel_tol=ASPECT_TOLERANCE) else None


def _read_px_per_mm(details: Mapping[int, Any]) -> float:
    unit = details.get(ExifTags.Base.FocalPlaneResolutionUnit, INCH)
    mm = MM_PER_UNIT.get(unit, math.nan) if isinstance(unit, int) else math.nan
    return _read_number(details.get(ExifTags.Base.FocalPlaneXResolution)) / mm


def _read_altitude(gps: Mapping[int, Any]) -> float | None:
    altitude = _read_number(gps.get(ExifTags.GPS.GPSAltitude))
    if not math.isfinite(altitude):
        return None
    reference = gps.get(ExifTags.GPS.GPSAltitudeRef, 0)
    if isinstance(reference, bytes):
        reference = reference[0] if reference else 0
    return -altitude if reference in BELOW else altitude


def _read_directory(exif: Image.Exif, tag: ExifTags.IFD) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag) or {}
    except Exception:  # noqa: BLE001 - Pillow parses it only now, and broken bytes raise anything
        return {}


def _read_text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return value.strip("\0 ") if isinstance(value, str) else ""


def _read_letter(value: object) -> str:
    return _read_text(value)[:1].upper()


def _read_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def _read_degrees(value: object, *, limit: int) -> float | None:
    """Return degrees, minutes and seconds, of which the last ones may lack, as degrees; None out of range."""
    parts = [_read_number(part) for part in (value if isinstance(value, tuple) else (value,))]
    if not 1 <= len(parts) <= 3:
        return None
    # written so that NaN, which Pillow makes of 0/0, is out of range; seconds may have been rounded up to 60
    if not all(0 <= part <= 60 for part in parts[1:]):
        return None
    degrees = sum(part / 60**power for power, part in enumerate(parts))
    return degrees if 0 <= degrees <= limit and parts[0] >= 0 else None
