"""Position and direction in XMP's own properties for EXIF (XMP Specification Part 2, the Exif schema).

Programs that tag photos afterwards write them, and pictures whose EXIF was removed still have them.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from crackscan.basics.records import Pose
from crackscan.geo.pose.attitude import normalise_heading
from crackscan.geo.pose.numbers import parse_number

EXIF_NAMESPACE = "{http://ns.adobe.com/exif/1.0/"  # as ElementTree begins a name
BELOW = {"1", "3"}  # GPSAltitudeRef, as in `exif.BELOW`
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_COORDINATE = re.compile(rf"({_NUMBER})(?:,({_NUMBER}))?(?:,({_NUMBER}))?\s*([NSEW])", re.IGNORECASE)


def add_standard_position(pose: Pose, properties: Mapping[str, str]) -> Pose:
    """Return a pose with the position and altitude of the properties "exif:GPS...", where it has none."""
    lat = _parse_coordinate(properties.get("exif:GPSLatitude", ""), "NS", 90)
    lon = _parse_coordinate(properties.get("exif:GPSLongitude", ""), "EW", 180)
    if pose.lon is not None or lat is None or lon is None or lat == lon == 0:
        return pose
    altitude = parse_number(properties.get("exif:GPSAltitude"))
    if altitude is not None and properties.get("exif:GPSAltitudeRef") in BELOW:
        altitude = -altitude
    return replace(pose, lon=lon, lat=lat, altitude=altitude if pose.altitude is None else pose.altitude)


def read_standard_heading(properties: Mapping[str, str]) -> float | None:
    """Return the camera's direction in degrees clockwise from true north; a magnetic one is unknown."""
    direction = parse_number(properties.get("exif:GPSImgDirection"))
    is_true = properties.get("exif:GPSImgDirectionRef", "").upper().startswith("T")
    return (
        normalise_heading(direction) if is_true and direction is not None and 0 <= direction <= 360 else None
    )


def _parse_coordinate(text: str, letters: str, limit: float) -> float | None:
    """Parse "DDD,MM,SSk", "DDD,MM.mmk", or a decimal number of degrees with a letter or a sign."""
    parts = _COORDINATE.fullmatch(text)
    if parts is None:
        value = parse_number(text)
    elif parts[4].upper() in letters and all(float(part or 0) <= 60 for part in parts.group(2, 3)):
        degrees = sum(float(part or 0) / 60**power for power, part in enumerate(parts.group(1, 2, 3)))
        value = -degrees if parts[4].upper() in "SW" else degrees
    else:
        value = None
    return value if value is not None and abs(value) <= limit else None
