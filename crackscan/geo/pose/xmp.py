"""Position, height and camera direction of a drone's photo, from its XMP.

DJI and newer Autels write the gimbal's angles, Parrot and Skydio the camera's, all in the convention of
`Attitude`; senseFly, older Autels and many others write Pix4D's `Camera:Yaw`, `Pitch` and `Roll`. The
aircraft's own angles (`FlightYawDegree`, ...) are not read: its camera may look in another direction.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from crackscan.basics.records import Pose
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.pose.capture_time import parse_capture_time
from crackscan.geo.pose.numbers import parse_number
from crackscan.geo.pose.xmp_exif import EXIF_NAMESPACE, add_standard_position, read_standard_heading

SKYDIO_CAMERA = "CameraOrientationNED"  # exiftool appends the names in it
ANGLES = (
    ("GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree"),
    ("CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"),
    (f"{SKYDIO_CAMERA}Yaw", f"{SKYDIO_CAMERA}Pitch", f"{SKYDIO_CAMERA}Roll"),
)
BODY_ANGLES = ("Camera:Yaw", "Camera:Pitch", "Camera:Roll")
# Parts of the namespaces of BODY_ANGLES, which differ by maker and firmware. MicaSense's DLS:Yaw is not among
# them: it is the angle of a light sensor.
CAMERA_NAMESPACES = ("camera", "pix4d")
LATITUDES = ("GpsLatitude", "skydio:Latitude")
LONGITUDES = ("GpsLongitude", "GpsLongtitude", "skydio:Longitude")  # older firmware of DJI writes the second
ZERO_ANGLES = "all angles of the camera are 0, which some drones write for unknown ones; ignored"
ROOT = re.compile(rb"<((?:x:)?xmpmeta|x:xapmeta|rdf:RDF)[\s>]")
PACKET_PADDING = b"\0 \t\r\n"

Angles = tuple[float | None, float | None, float | None]


class Xmp(NamedTuple):
    """A photo's pose by its XMP, and the maker's calibrated focal length."""

    pose: Pose
    focal_px: float | None = None  # px of the photo as it was taken
    heading: float | None = None  # degrees clockwise from true north, by XMP's own properties
    captured_at: str | None = None  # ISO 8601


def read_xmp(packet: bytes | None, *, maker: str = "") -> Xmp:
    """Parse XMP packets; for what is not XML the pose holds only a note.

    Args:
        packet: the bytes of the file; one packet, or several one after the other.
        maker: of the camera, in lower case, from EXIF.
    """
    if not packet or not packet.strip(PACKET_PADDING):
        return Xmp(Pose())
    properties, is_whole = _read_properties(packet.strip(PACKET_PADDING))
    note = None if is_whole else "XMP unreadable" if properties is None else "a part of the XMP is unreadable"
    values = dict(reversed(properties or []))  # if a name occurs twice, the first one counts
    pose = add_standard_position(build_pose(values, maker=maker), values)
    return Xmp(
        replace(pose, note="; ".join(filter(None, (pose.note, note))) or None),
        parse_number(values.get("CalibratedFocalLength")),
        read_standard_heading(values),
        parse_capture_time(values.get("exif:DateTimeOriginal", "")),
    )


def _read_properties(packet: bytes) -> tuple[list[tuple[str, str]] | None, bool]:
    """Return the properties of all XML in a packet, None if nothing is XML, and whether all of it was read.

    A packet is not an XML document: bytes of any kind may follow the XML, and other packets.
    """
    if (whole := _parse(packet)) is not None:
        return whole, True
    parts = [_parse(document) for document in _documents(packet)]
    read = [part for part in parts if part is not None]
    return (list(chain.from_iterable(read)) if read else None), bool(read) and len(read) == len(parts)


def _documents(packet: bytes) -> Iterator[bytes]:
    """Yield the XML elements in a packet that hold XMP."""
    end, missing = 0, set[bytes]()
    while begin := ROOT.search(packet, end):
        close = b"</" + begin[1]
        position = -1 if close in missing else packet.find(close, begin.end())
        after = packet.find(b">", position) + 1 if position >= 0 else 0
        if after:
            yield packet[begin.start() : after]
        else:
            missing.add(close)  # so that many begins without an end take no long time
        end = after or begin.end()


def _parse(document: bytes) -> list[tuple[str, str]] | None:
    """Return the properties of an XML document, or None if it is not one."""
    try:
        return list(_properties(fromstring(document)))
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return None


def build_pose(properties: Mapping[str, str], *, maker: str = "") -> Pose:
    """Build a pose from XMP properties.

    Args:
        properties: name without namespace → value; "Camera:Yaw" and the like as in BODY_ANGLES.
        maker: of the camera, in lower case.
    """
    lat = _parse_within(_first(properties, LATITUDES), 90)
    lon = _parse_within(_first(properties, LONGITUDES), 180)
    has_position = lat is not None and lon is not None and not lat == lon == 0
    above_ground = parse_number(properties.get("AboveGroundAltitude"))
    (yaw, pitch, roll), note = _read_angles(properties, maker)
    return Pose(
        lon=lon if has_position else None,
        lat=lat if has_position else None,
        altitude=parse_number(properties.get("AbsoluteAltitude")),
        height=parse_number(properties.get("RelativeAltitude")) if above_ground is None else above_ground,
        from_takeoff=above_ground is None and parse_number(properties.get("RelativeAltitude")) is not None,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        note=note,
    )


def _read_angles(properties: Mapping[str, str], maker: str) -> tuple[Angles, str | None]:
    """Return yaw, pitch and roll of the camera in degrees, each None if unknown, and a note on doubts."""
    note = None
    for names in (*ANGLES, BODY_ANGLES):
        yaw, pitch, roll = (parse_number(properties.get(name)) for name in names)
        if yaw == pitch == 0 and not roll:
            note = ZERO_ANGLES
        elif names == BODY_ANGLES:
            return _from_body_angles(yaw, pitch, roll, maker), note
        elif any(name in properties for name in names):
            return (yaw, pitch, roll), None
    return (None, None, None), note


def _from_body_angles(yaw: float | None, pitch: float | None, roll: float | None, maker: str) -> Angles:
    if yaw is None or pitch is None:
        return yaw, None if pitch is None else pitch - 90, None
    if maker == "sensefly":
        roll = -(roll or 0.0)  # has the opposite sign (OpenDroneMap, opendm/photo.py)
    return Attitude.from_body_angles(yaw, pitch, roll or 0.0)


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    """Yield names and values, which XMP writes as attributes or as elements, in the order of the packet."""
    for element in root.iter():
        yield from _own_properties(element)
        if element.tag.endswith(f"}}{SKYDIO_CAMERA}"):  # beside it are the same names for the aircraft
            for part in element.iter():
                yield from ((f"{SKYDIO_CAMERA}{name}", value) for name, value in _own_properties(part))


def _own_properties(element: Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        yield _local_name(name), value.strip()
    if element.text and element.text.strip():
        yield _local_name(element.tag), element.text.strip()


def _local_name(name: str) -> str:
    """Return a name without its namespace, but with "Camera:", "exif:" or "skydio:" where that counts."""
    namespace, _, local = name.rpartition("}")
    if namespace == EXIF_NAMESPACE:
        return f"exif:{local}"
    if local in {"Latitude", "Longitude"} and "skydio" in namespace:
        return f"skydio:{local}"
    is_camera = any(word in namespace.lower() for word in CAMERA_NAMESPACES)
    return f"Camera:{local}" if is_camera and f"Camera:{local}" in BODY_ANGLES else local


def _first(properties: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((properties[name] for name in names if properties.get(name)), None)


def _parse_within(text: str | None, limit: float) -> float | None:
    value = parse_number(text)
    return value if value is not None and abs(value) <= limit else None
