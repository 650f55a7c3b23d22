"""What the XMP of a drone's photo says: where it was, how high, and whither its camera looked.

DJI and newer Autels write the gimbal's angles, Parrot the camera's, all as `Attitude` has them; senseFly,
older Autels and many others write Pix4D's `Camera:Yaw`, `Pitch` and `Roll`. The aircraft's own angles
(`FlightYawDegree`, ...) are not read: its camera may look elsewhere.
"""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from crackscan.basics.records import Pose
from crackscan.geo.pose.attitude import Attitude

ANGLES = (
    ("GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree"),
    ("CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"),
)
BODY_ANGLES = ("Camera:Yaw", "Camera:Pitch", "Camera:Roll")
# The names of these namespaces differ by maker and firmware; MicaSense's DLS:Yaw is of another instrument.
CAMERA_NAMESPACES = ("camera", "pix4d")
PACKET_PADDING = b"\0 \t\r\n"

Angles = tuple[float | None, float | None, float | None]


class Xmp(NamedTuple):
    """A photo's pose as its XMP tells it, and the maker's calibrated focal length."""

    pose: Pose
    focal_px: float | None = None  # px of the photo as it was taken


def read_xmp(packet: bytes | None, *, maker: str = "") -> Xmp:
    """Read an XMP packet; one that is no XML costs no photo, but gives a note.

    Args:
        packet: as it stands in the file.
        maker: of the camera, in lower case, as EXIF has it.
    """
    if not packet or not packet.strip(PACKET_PADDING):
        return Xmp(Pose())
    try:
        properties = list(_properties(fromstring(packet.strip(PACKET_PADDING))))
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return Xmp(Pose(note="XMP unreadable"))
    found = dict(reversed(properties))  # of two the first counts
    return Xmp(pose_of(found, maker=maker), number(found.get("CalibratedFocalLength")))


def pose_of(found: Mapping[str, str], *, maker: str = "") -> Pose:
    """Put a pose together from XMP's properties, by their names without namespace."""
    lat = _within(found.get("GpsLatitude"), 90)
    lon = _within(found.get("GpsLongitude") or found.get("GpsLongtitude"), 180)  # as DJI long wrote it
    placed = lat is not None and lon is not None and not lat == lon == 0
    above_ground = number(found.get("AboveGroundAltitude"))
    yaw, pitch, roll = _angles(found, maker)
    return Pose(
        lon=lon if placed else None,
        lat=lat if placed else None,
        altitude=number(found.get("AbsoluteAltitude")),
        height=number(found.get("RelativeAltitude")) if above_ground is None else above_ground,
        from_takeoff=above_ground is None and number(found.get("RelativeAltitude")) is not None,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def number(text: str | None) -> float | None:
    """Read a number, or a fraction as Parrot writes it; `None` for what is neither, and for NaN."""
    try:
        over, _, under = (text or "").partition("/")
        value = float(over) / (float(under) if under else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _angles(found: Mapping[str, str], maker: str) -> Angles:
    for names in ANGLES:
        if any(name in found for name in names):
            yaw, pitch, roll = (number(found.get(name)) for name in names)
            return yaw, pitch, roll
    yaw, pitch, roll = (number(found.get(name)) for name in BODY_ANGLES)
    if yaw is None or pitch is None:
        return yaw, None if pitch is None else pitch - 90, None
    if maker == "sensefly":
        roll = -(roll or 0.0)  # counts the other way round (OpenDroneMap, opendm/photo.py)
    return Attitude.of_body(yaw, pitch, roll or 0.0)


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    """Yield names and values, which XMP writes as attributes or as elements."""
    for element in root.iter():
        for name, value in element.attrib.items():
            yield _local(name), value.strip()
        if element.text and element.text.strip():
            yield _local(element.tag), element.text.strip()


def _local(name: str) -> str:
    namespace, _, local = name.rpartition("}")
    of_camera = any(word in namespace.lower() for word in CAMERA_NAMESPACES)
    return f"Camera:{local}" if of_camera and f"Camera:{local}" in BODY_ANGLES else local


def _within(text: str | None, limit: float) -> float | None:
    value = number(text)
    return value if value is not None and abs(value) <= limit else None
