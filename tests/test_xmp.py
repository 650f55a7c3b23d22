"""The XMP of drones, by maker; broken XMP loses nothing but itself."""

from collections.abc import Callable
from time import monotonic

import pytest
from drones import AUTEL, OLD_AUTEL, PARROT, SENSEFLY, dji, packet
from hypothesis import given
from hypothesis import strategies as st

from crackscan.basics.records import Pose
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.pose.xmp import Xmp, read_xmp


def attitude(pose: Pose) -> Attitude:
    """Return the angles of a pose that has them all."""
    assert pose.yaw is not None
    assert pose.pitch is not None
    assert pose.roll is not None
    return Attitude(pose.yaw, pose.pitch, pose.roll)


def test_dji_gives_the_gimbal_and_the_height_above_take_off() -> None:
    """The angles are the gimbal's, not the aircraft's beside them."""
    assert read_xmp(dji()) == Xmp(
        Pose(altitude=198.31, height=39.8, from_takeoff=True, yaw=45.0, pitch=-89.9, roll=0.0)
    )


def test_parrot_gives_the_camera_and_the_height_above_ground() -> None:
    """Fractions are read; its angles by both conventions give the same attitude (Parrot's documentation)."""
    pose = read_xmp(PARROT).pose
    assert (pose.yaw, pose.pitch, pose.roll) == (146.848038, -51.988888, -0.052789)
    assert (pose.height, pose.from_takeoff) == (pytest.approx(43.8138), False)
    assert Attitude.from_body_angles(146.781036, 38.011101, -0.041258) == pytest.approx(
        attitude(pose), abs=1e-4
    )


def test_autel_writes_as_dji_does_in_another_namespace() -> None:
    """Newer firmware has DJI's names and its misspelling, older has Pix4D's angles."""
    xmp = read_xmp(AUTEL)
    assert (xmp.pose.lon, xmp.pose.lat, xmp.pose.yaw) == (16.47592717, 47.64368732, -148.96)
    assert xmp.focal_px == 4404.166667
    old = attitude(read_xmp(OLD_AUTEL).pose)
    assert (old.elevation, old.heading) == (pytest.approx(-60), 258.5)


def test_sensefly_writes_the_angles_of_its_wings() -> None:
    """Pitch 0 is straight down, roll tilts to a side, and the yaw of the light sensor is ignored."""
    camera = attitude(read_xmp(SENSEFLY, maker="sensefly").pose)
    assert camera.off_nadir == pytest.approx(3.92, abs=0.01)
    assert camera.heading == pytest.approx(278.5, abs=0.2)


@pytest.mark.parametrize(
    "broken",
    [
        dji()[:400],
        dji().replace(b"xmlns:drone-dji", b"xmlns:other"),
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="klingon"?><a/>',
        b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
        b"<a>" * 5000 + b"</a>" * 5000,
    ],
    ids=["truncated", "no namespace", "no text", "no encoding", "entities", "nested"],
)
def test_broken_xmp_is_a_note(broken: bytes) -> None:
    """Broken XML, or XML that would expand without limit, gives an empty pose with a note."""
    pose = read_xmp(broken).pose
    assert pose.lon is None
    assert pose.yaw is None
    assert pose.note in {"XMP unreadable", None}
    assert pose.note or broken.startswith(b"<a>")


EXIF = 'xmlns:exif="http://ns.adobe.com/exif/1.0/"'


def standard(**properties: str) -> bytes:
    """Return a packet with properties of XMP's own schema for EXIF."""
    attributes = " ".join(f'exif:{name}="{value}"' for name, value in properties.items())
    return packet(f"<rdf:Description {EXIF} {attributes}/>")


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        ("55,12.0N", "15,30.0W", (-15.5, 55.2)),
        ("55,12,0S", "15,30,00E", (15.5, -55.2)),
        ("55.2N", "15.5e", (15.5, 55.2)),
        ("-55.2", "15.5", (15.5, -55.2)),
        ("55,12.0", "15,30.0W", None),
        ("55,72.0N", "15,30.0W", None),
        ("95,12.0N", "15,30.0W", None),
        ("55,12.0E", "15,30.0W", None),
        ("0,0N", "0,0E", None),
        ("", "15,30.0W", None),
    ],
)
def test_position_of_xmp_itself_is_read(lat: str, lon: str, expected: tuple[float, float] | None) -> None:
    """Programs that tag photos afterwards write it, and nothing else."""
    pose = read_xmp(
        standard(GPSLatitude=lat, GPSLongitude=lon, GPSAltitude="405/10", GPSAltitudeRef="1")
    ).pose
    assert (pose.lon, pose.lat) == (pytest.approx(expected) if expected else (None, None))
    assert pose.altitude == (-40.5 if expected else None)


def test_direction_and_time_of_xmp_itself_are_read() -> None:
    """Only a direction from true north is one."""
    xmp = read_xmp(
        standard(GPSImgDirection="1763/10", GPSImgDirectionRef="T", DateTimeOriginal="2024-05-06T07:08Z")
    )
    assert (xmp.heading, xmp.captured_at) == (176.3, "2024-05-06T07:08:00+00:00")
    assert read_xmp(standard(GPSImgDirection="1763/10", GPSImgDirectionRef="M")).heading is None


def test_position_of_the_maker_comes_before_that_of_xmp_itself() -> None:
    """Its altitude is that of its position."""
    own = dji(GpsLatitude="55.2", GpsLongitude="15.5")
    other = standard(GPSLatitude="10,0N", GPSLongitude="10,0E", GPSAltitude="1/1")
    pose = read_xmp(other + own).pose
    assert (pose.lon, pose.lat, pose.altitude) == (15.5, 55.2, 198.31)


@pytest.mark.parametrize(
    "around",
    [
        lambda drone: drone + packet("<rdf:Description/>"),
        lambda drone: packet("<rdf:Description/>") + b"\n" + drone,
        lambda drone: drone + b'<?xpacket end="w"',
        lambda drone: drone + b"</x:xmpmeta>\xff\xfe\0",
        lambda drone: b"\x07 something" + drone,
        lambda drone: drone.replace(b"</x:xmpmeta>", b"</x:xm"),
    ],
    ids=["two", "two, last", "end cut", "end twice", "bytes before", "xmpmeta cut"],
)
def test_packet_is_not_an_xml_document(around: Callable[[bytes], bytes]) -> None:
    """What precedes and follows the XML is passed over, and of several packets all are read."""
    whole = read_xmp(dji())
    assert read_xmp(around(dji())) == whole


def test_broken_packet_beside_a_whole_one_is_noted() -> None:
    """What can be read is read."""
    pose = read_xmp(packet("<rdf:Description>") + dji()).pose
    assert pose.height == 39.8
    assert pose.note == "a part of the XMP is unreadable"


def test_many_begins_without_an_end_take_no_time() -> None:
    """A hostile packet of megabytes is looked through once for each kind of end."""
    began = monotonic()
    assert read_xmp(b"<x:xmpmeta >" * 300_000).pose.note == "XMP unreadable"
    assert monotonic() - began < 5


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ({"GimbalYawDegree": "+0.00", "GimbalPitchDegree": "-0.0", "GimbalRollDegree": "0"}, None),
        ({"GimbalYawDegree": "+0.00", "GimbalPitchDegree": "0.0"}, None),
        ({"GimbalYawDegree": "+0.00", "GimbalPitchDegree": "-90", "GimbalRollDegree": "0"}, (0, -90, 0)),
        ({"GimbalYawDegree": "0.1", "GimbalPitchDegree": "0", "GimbalRollDegree": "0"}, (0.1, 0, 0)),
    ],
)
def test_angles_that_are_all_zero_are_unknown(
    angles: dict[str, str], expected: tuple[float, float, float] | None
) -> None:
    """Some drones write zeros, whatever the gimbal does."""
    attributes = " ".join(f'drone-dji:{name}="{value}"' for name, value in angles.items())
    xmlns = 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"'
    pose = read_xmp(packet(f"<rdf:Description {xmlns} {attributes}/>")).pose
    assert (pose.yaw, pose.pitch, pose.roll) == (expected or (None, None, None))
    assert (pose.note is None) == (expected is not None)


@pytest.mark.parametrize(
    "camera",
    [
        '<s:CameraOrientationNED s:Pitch="-7.5" s:Roll="0.2" s:Yaw="127.4"/>',
        '<s:CameraOrientationNED rdf:parseType="Resource">{}</s:CameraOrientationNED>'.format(
            "<s:Pitch>-7.5</s:Pitch><s:Roll>0.2</s:Roll><s:Yaw>127.4</s:Yaw>"
        ),
    ],
    ids=["attributes", "elements"],
)
def test_skydio_writes_the_camera_beside_the_aircraft(camera: str) -> None:
    """Both have a yaw; only the one of the camera counts."""
    pose = read_xmp(
        packet(
            '<rdf:Description xmlns:s="https://www.skydio.com/drone-skydio/1.0/" s:Latitude="37.5" '
            's:Longitude="-122.3" s:RelativeAltitude="12.5">'
            f'<s:VehicleOrientationNED s:Pitch="1" s:Roll="2" s:Yaw="3"/>{camera}</rdf:Description>'
        )
    ).pose
    assert (pose.yaw, pose.pitch, pose.roll) == (127.4, -7.5, 0.2)
    assert (pose.lon, pose.lat, pose.height) == (-122.3, 37.5, 12.5)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (dji(GimbalYawDegree="nan", GimbalPitchDegree="1/0", GimbalRollDegree=""), (None, None, None)),
        (
            packet('<rdf:Description xmlns:Camera="http://pix4d.com/camera/1.0" Camera:Yaw="9"/>'),
            (9, None, None),
        ),
        (packet("<rdf:Description/>"), (None, None, None)),
        (None, (None, None, None)),
        (b"\0\0", (None, None, None)),
    ],
)
def test_values_that_are_not_numbers_are_unknown(
    description: bytes | None, expected: tuple[float | None, float | None, float | None]
) -> None:
    """NaN, fractions of zero and missing values are unknown, and so is everything without XMP."""
    pose = read_xmp(description).pose
    assert (pose.yaw, pose.pitch, pose.roll) == expected
    assert pose.note is None


@given(position=st.integers(0, len(dji()) - 1), value=st.integers(0, 255))
def test_xmp_with_any_byte_changed_never_raises(position: int, value: int) -> None:
    """A flipped bit on a memory card loses at most the XMP."""
    broken = bytearray(dji())
    broken[position] = value
    read_xmp(bytes(broken))
