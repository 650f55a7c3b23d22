"""The XMP of drones, by maker; broken XMP loses nothing but itself."""

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
