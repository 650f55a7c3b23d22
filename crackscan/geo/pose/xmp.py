"""Position, height and camera direction of a drone's photo, from its XMP.

DJI and newer Autels write the gimbal's angles, Parrot the camera's, all in the convention of `Attitude`;
senseFly, older Autels and many others write Pix4D's `Camera:Yaw`, `Pitch` and `Roll`. The aircraft's own
angles (`FlightYawDegree`, ...) are not read: its camera may look in another direction.
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
# Parts of the namespaces of BODY_ANGLES, which differ by maker and firmware. MicaSense's DLS:Yaw is not among
# them: it is the angle of a light sensor.
CAMERA_NAMESPACES = ("camera", "pix4d")
PACKET_PADDING = b"\0 \t\r\n"

Angles = tuple[float | None, float | None, float | None]


class Xmp(NamedTuple):
    """A photo's pose by its XMP, and the maker's calibrated focal length."""

    pose: Pose
    focal_px: float | None = None  # px of the photo as it was taken


def read_xmp(packet: bytes | None, *, maker: str = "") -> Xmp:
    """Parse an XMP packet; for one that is not XML the pose holds only a note.

    Args:
        packet: the bytes of the file.
        maker: of the camera, in lower case, from EXIF.
    """
    if not packet or not packet.strip(PACKET_PADDING):
        return Xmp(Pose())
    try:
        properties = list(_properties(fromstring(packet.strip(PACKET_PADDING))))
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return Xmp(Pose(note="XMP unreadable"))
    values = dict(reversed(properties))  # if a name occurs twice, the first one counts
    return Xmp(build_pose(values, maker=maker), parse_number(values.get("CalibratedFocalLength")))


def build_pose(properties: Mapping[str, str], *, maker: str = "") -> Pose:
    """Build a pose from XMP properties.

    Args:
        properties: name without namespace → value; "Camera:Yaw" and the like as in BODY_ANGLES.
        maker: of the camera, in lower case.
    """
    lat = _parse_within(properties.get("GpsLatitude"), 90)
    # older firmware of DJI writes GpsLongtitude
    lon = _parse_within(properties.get("GpsLongitude") or properties.get("GpsLongtitude"), 180)
    has_position = lat is not None and lon is not None and not lat == lon == 0
    above_ground = parse_number(properties.get("AboveGroundAltitude"))
    yaw, pitch, roll = _read_angles(properties, maker)
    return Pose(
        lon=lon if has_position else None,
        lat=lat if has_position else None,
        altitude=parse_number(properties.get("AbsoluteAltitude")),
        height=parse_number(properties.get("RelativeAltitude")) if above_ground is None else above_ground,
        from_takeoff=above_ground is None and parse_number(properties.get("RelativeAltitude")) is not None,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def parse_number(text: str | None) -> float | None:
    """Parse a number, or a fraction as Parrot writes it; None for anything else, NaN and infinity."""
    try:
        numerator, _, denominator = (text or "").partition("/")
        value = float(numerator) / (float(denominator) if denominator else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _read_angles(properties: Mapping[str, str], maker: str) -> Angles:
    """Return yaw, pitch and roll of the camera in degrees, each None if unknown."""
    for names in ANGLES:
        if any(name in properties for name in names):
            yaw, pitch, roll = (parse_number(properties.get(name)) for name in names)
            return yaw, pitch, roll
    yaw, pitch, roll = (parse_number(properties.get(name)) for name in BODY_ANGLES)
    if yaw is None or pitch is None:
        return yaw, None if pitch is None else pitch - 90, None
    if maker == "sensefly":
        roll = -(roll or 0.0)  # has the opposite sign (OpenDroneMap, opendm/photo.py)
    return Attitude.from_body_angles(yaw, pitch, roll or 0.0)


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    """Yield names and values, which XMP writes as attributes or as elements, in the order of the packet."""
    for element in root.iter():
        for name, value in element.attrib.items():
            yield _local_name(name), value.strip()
        if element.text and element.text.strip():
            yield _local_name(element.tag), element.text.strip()


def _local_name(name: str) -> str:
    """Return a name without its namespace, but for "Camera:" before those in BODY_ANGLES."""
    namespace, _, local = name.rpartition("}")
    is_camera = any(word in namespace.lower() for word in CAMERA_NAMESPACES)
    return f"Camera:{local}" if is_camera and f"Camera:{local}" in BODY_ANGLES else local


def _parse_within(text: str | None, limit: float) -> float | None:
    value = parse_number(text)
    return value if value is not None and abs(value) <= limit else None
