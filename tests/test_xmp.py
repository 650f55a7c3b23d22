"""What the XMP of drones says, maker by maker; XMP that is broken costs nothing but itself."""

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
    """Its fractions are read; its angles by either convention are the same camera (its own documentation)."""
    pose = read_xmp(PARROT).pose
    assert (pose.yaw, pose.pitch, pose.roll) == (146.848038, -51.988888, -0.052789)
    assert (pose.height, pose.from_takeoff) == (pytest.approx(43.8138), False)
    assert Attitude.from_body_angles(146.781036, 38.011101, -0.041258) == pytest.approx(
        attitude(pose), abs=1e-4
    )


def test_autel_writes_as_dji_does_under_another_name() -> None:
    """Newer firmware has the namespace, the names and the misspelling of DJI; older has Pix4D's angles."""
    found = read_xmp(AUTEL)
    assert (found.pose.lon, found.pose.lat, found.pose.yaw) == (16.47592717, 47.64368732, -148.96)
    assert found.focal_px == 4404.166667
    old = attitude(read_xmp(OLD_AUTEL).pose)
    assert (old.elevation, old.heading) == (pytest.approx(-60), 258.5)


def test_sensefly_looks_down_with_its_wings() -> None:
    """Pitch 0 is straight down, roll tilts to a side, and the yaw of a sun sensor is not the camera's."""
    found = attitude(read_xmp(SENSEFLY, maker="sensefly").pose)
    assert found.off_nadir == pytest.approx(3.92, abs=0.01)
    assert found.heading == pytest.approx(278.5, abs=0.2)


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
    """XML that is none, or that would blow up, leaves a pose of which nothing is known but that."""
    found = read_xmp(broken)
    assert found.pose.lon is None
    assert found.pose.yaw is None
    assert found.pose.note in {"XMP unreadable", None}
    assert found.pose.note or broken.startswith(b"<a>")


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
def test_what_is_no_number_is_unknown(
    description: bytes | None, expected: tuple[float | None, float | None, float | None]
) -> None:
    """NaN, fractions of nothing and gaps are unknown, and so is all of a photo without XMP."""
    pose = read_xmp(description).pose
    assert (pose.yaw, pose.pitch, pose.roll) == expected
    assert pose.note is None


@given(position=st.integers(0, len(dji()) - 1), value=st.integers(0, 255))
def test_xmp_with_any_byte_changed_never_raises(position: int, value: int) -> None:
    """A bit that flipped on a memory card costs at most the XMP."""
    broken = bytearray(dji())
    broken[position] = value
    read_xmp(bytes(broken))
