"""Position, time, direction and focal length from EXIF, with the mistakes that cameras make."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from crackscan.basics.records import Pose, Position
from crackscan.geo.pose.exif import captured_at, focal_px, gps_position, heading

GPS, BASE = ExifTags.GPS, ExifTags.Base


def exif_of(gps: dict[int, Any] | None = None, details: dict[int, Any] | None = None) -> Image.Exif:
    """Write EXIF into a JPEG and read it back, so that Pillow's own types come out."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    exif.get_ifd(ExifTags.IFD.Exif).update(details or {})
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    with Image.open(file) as photo:
        return photo.getexif()


def gps_of(lat: Any, lon: Any, lat_ref: str | None = "N", lon_ref: str | None = "E") -> Image.Exif:
    """Make the EXIF of a position; without a reference where it is None."""
    tags = {
        GPS.GPSLatitude: lat,
        GPS.GPSLongitude: lon,
        GPS.GPSLatitudeRef: lat_ref,
        GPS.GPSLongitudeRef: lon_ref,
    }
    return exif_of(gps={tag: value for tag, value in tags.items() if value is not None})


@pytest.mark.parametrize(
    ("refs", "signs"), [("NE", (1, 1)), ("SE", (1, -1)), ("NW", (-1, 1)), ("SW", (-1, -1)), ("sw", (-1, -1))]
)
def test_photo_position_has_its_hemisphere(refs: str, signs: tuple[int, int]) -> None:
    """Degrees, minutes and seconds add up, negative in the south and in the west."""
    pose = gps_position(gps_of((46.0, 50.0, 33.3855), (91.0, 59.0, 40.4156), *refs))
    assert (pose.lon, pose.lat) == pytest.approx((signs[0] * 91.994559889, signs[1] * 46.842607083), abs=1e-9)
    assert pose.note is None


@pytest.mark.parametrize("lat", [(46.5,), (46.0, 30.0), (46.5, 0.0, 0.0), (46.0, 29.0, 60.0)])
def test_photo_position_may_be_written_as_decimals(lat: tuple[float, ...]) -> None:
    """Decimal degrees, degrees and minutes, or seconds rounded up to 60 give the same position."""
    assert gps_position(gps_of(lat, (17.25,))) == Pose(lon=17.25, lat=46.5)


@pytest.mark.parametrize(
    ("refs", "assumed"), [((None, "E"), "north"), (("S", None), "east"), ((None, ""), "north and east")]
)
def test_missing_hemisphere_is_assumed_and_noted(refs: tuple[str | None, str | None], assumed: str) -> None:
    """Without a reference the position counts as north and east, and the note says so."""
    pose = gps_position(gps_of((46.5,), (17.25,), *refs))
    assert pose == Pose(
        lon=17.25,
        lat=-46.5 if refs[0] == "S" else 46.5,
        note=f"GPS position has no hemisphere; {assumed} assumed",
    )


def test_position_zero_is_not_a_fix() -> None:
    """Cameras write 0, 0 before they have satellites; a zero on one axis alone is a position."""
    assert gps_position(gps_of((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))) == Pose(
        note="GPS position is 0, 0, which cameras write without a fix; ignored"
    )
    assert gps_position(gps_of((0.0, 0.0, 0.0), (9.5, 0.0, 0.0))) == Pose(lon=9.5, lat=0)


NAN = IFDRational(0, 0)


@pytest.mark.parametrize(
    ("lat", "lon", "lat_ref"),
    [
        ((NAN, NAN, NAN), (17.0, 0.0, 0.0), "N"),
        ((46.0, 30.0, NAN), (17.0, 0.0, 0.0), "N"),
        ((90.0, 0.0, 1.0), (17.0, 0.0, 0.0), "N"),
        ((46.0, 0.0, 0.0), (180.5,), "N"),
        ((46.0, 61.0, 0.0), (17.0, 0.0, 0.0), "N"),
        ((46.0, 0.0, 0.0), (17.0, 0.0, 0.0), "W"),
        ((46.0, 0.0, 0.0, 1.0), (17.0, 0.0, 0.0), "N"),
        ((46.0, 0.0, 0.0), None, "N"),
    ],
)
def test_malformed_position_is_none_and_noted(lat: Any, lon: Any, lat_ref: str) -> None:
    """0/0, values out of range, a longitude's letter at a latitude or half a position give no position."""
    assert gps_position(gps_of(lat, lon, lat_ref)) == Pose(note="GPS position is malformed; ignored")


def test_photo_without_gps_has_no_position_and_no_note() -> None:
    """Most photos have no position: that needs no note."""
    assert gps_position(Image.Exif()) == Pose()
    assert gps_position(exif_of(gps={GPS.GPSAltitude: 12.0})) == Pose()


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        ("2016:06:23 16:32:50", None, "2016-06-23T16:32:50"),
        ("2016:06:23 16:32:50", "-05:00", "2016-06-23T16:32:50-05:00"),
        ("2016:06:23 16:32:50", "Z", "2016-06-23T16:32:50+00:00"),
        ("2016-06-23T16:32:50", "+09:30", "2016-06-23T16:32:50+09:30"),
        ("2016:06:23 16:32:50\0", "   :  ", "2016-06-23T16:32:50"),
        ("2016:06:23 16:32:50", "noon", "2016-06-23T16:32:50"),
        ("2024:05:06 07:08:09Z", None, "2024-05-06T07:08:09+00:00"),
        ("2024-05-06T07:08:09+02:00", "-05:00", "2024-05-06T07:08:09+02:00"),
        ("2024:05:06 07:08:09.123 -0330", None, "2024-05-06T07:08:09-03:30"),
        ("2024-05-06T07:08", "+02:00", "2024-05-06T07:08:00+02:00"),
        ("0000:00:00 00:00:00", None, None),
        ("    :  :     :  :  ", None, None),
        ("2016:06:31 16:32:50", None, None),
        ("2016:06:23 24:32:50", None, None),
        ("2016:06:23", None, None),
        ("yesterday", "+02:00", None),
        (None, "+02:00", None),
    ],
)
def test_capture_time_is_iso_8601_or_nothing(
    taken: str | None, offset: str | None, expected: str | None
) -> None:
    """The time of capture has its offset where there is one; malformed times give None."""
    tags = {BASE.DateTimeOriginal: taken, BASE.OffsetTimeOriginal: offset}
    exif = exif_of(details={tag: value for tag, value in tags.items() if value is not None})
    assert captured_at(exif) == expected


def test_time_of_editing_is_not_the_time_of_capture() -> None:
    """The tag that image viewers rewrite is not used as the time of capture."""
    exif = Image.Exif()
    exif[BASE.DateTime] = "2016:06:23 19:24:40"
    assert captured_at(exif) is None


@pytest.mark.parametrize(
    ("direction", "ref", "expected"),
    [
        (0.0, "T", 0.0),
        (271.26, "T", 271.3),
        (359.97, "T", 0.0),
        (360.0, "T", 0.0),
        (361.0, "T", None),
        (NAN, "T", None),
        (90.0, "M", None),
        (90.0, None, None),
        (None, "T", None),
    ],
)
def test_heading_is_true_north_only(direction: Any, ref: str | None, expected: float | None) -> None:
    """A direction counts if it is in range and refers to true north."""
    tags = {GPS.GPSImgDirection: direction, GPS.GPSImgDirectionRef: ref}
    assert heading(exif_of(gps={tag: value for tag, value in tags.items() if value is not None})) == expected


@pytest.mark.parametrize(
    ("altitude", "reference", "expected"),
    [
        (198.309, b"\0", 198.309),
        (12.5, b"\1", -12.5),
        (12.5, b"\3", -12.5),
        (12.5, b"\2", 12.5),
        (12.5, None, 12.5),
        (12.5, b"", 12.5),
        (NAN, b"\0", None),
        (None, b"\0", None),
    ],
)
def test_altitude_counts_from_its_reference(
    altitude: Any, reference: bytes | None, expected: float | None
) -> None:
    """Altitudes below the sea or below the ellipsoid (EXIF 3.0) are negative; 0/0 is not an altitude."""
    gps = {GPS.GPSLatitude: (46.5,), GPS.GPSLongitude: (17.25,), GPS.GPSLatitudeRef: "N"}
    gps |= {GPS.GPSLongitudeRef: "E", GPS.GPSAltitude: altitude, GPS.GPSAltitudeRef: reference}
    assert (
        gps_position(exif_of({tag: value for tag, value in gps.items() if value is not None})).altitude
        == expected
    )


SIZE = (5472, 3648)  # of a 1" sensor, 13.2 x 8.8 mm


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (
            {BASE.FocalLength: 8.8, BASE.FocalPlaneXResolution: 414.5, BASE.FocalPlaneResolutionUnit: 4},
            3647.6,
        ),
        (
            {BASE.FocalLength: 8.8, BASE.FocalPlaneXResolution: 4145.0, BASE.FocalPlaneResolutionUnit: 3},
            3647.6,
        ),
        ({BASE.FocalLength: 8.8, BASE.FocalPlaneXResolution: 10528.3}, 3647.6),  # without a unit: inches
        ({BASE.FocalLength: 8.8, BASE.FocalLengthIn35mmFilm: 24}, 3647.7),  # by the diagonals
        ({BASE.FocalLengthIn35mmFilm: 24, BASE.DigitalZoomRatio: 2.0}, None),
        ({BASE.FocalLengthIn35mmFilm: 24, BASE.DigitalZoomRatio: NAN}, 3647.7),
        ({BASE.FocalLengthIn35mmFilm: 0}, None),
        ({BASE.FocalLength: 8.8}, None),
        ({BASE.FocalLength: 8.8, BASE.FocalPlaneXResolution: NAN}, None),
        ({}, None),
    ],
)
def test_focal_length_in_pixels(details: dict[int, Any], expected: float | None) -> None:
    """Lens and sensor give it, else the 35 mm equivalent; digital zoom and zeros give None."""
    focal = focal_px(exif_of(details=details), SIZE)
    assert focal == (expected and pytest.approx(expected, rel=1e-4))


@pytest.mark.parametrize(
    ("size", "expected"),
    [(SIZE, 3666.7), ((2736, 1824), 1833.3), ((1824, 2736), 1833.3), ((3648, 3648), None)],
)
def test_focal_length_follows_the_size_of_the_photo(size: tuple[int, int], expected: float | None) -> None:
    """It scales with a photo at half its size, or turned; for a cropped photo it is None."""
    details = {BASE.ExifImageWidth: SIZE[0], BASE.ExifImageHeight: SIZE[1], BASE.FocalLengthIn35mmFilm: 24}
    focal = focal_px(exif_of(details=details), size, calibrated_px=3666.666504)
    assert focal == (expected and pytest.approx(expected, abs=0.1))


WHOLE_EXIF = gps_of((46.0, 50.0, 33.3855), (91.0, 59.0, 40.4156)).tobytes()


@given(position=st.integers(8, len(WHOLE_EXIF) - 1), value=st.integers(0, 255), cut=st.booleans())
def test_broken_exif_never_raises(*, position: int, value: int, cut: bool) -> None:
    """Whichever byte of the directories is changed, the worst result is a photo without a position."""
    broken = bytearray(WHOLE_EXIF)
    broken[position] = value
    exif = Image.Exif()
    try:
        exif.load(bytes(broken[: position + 1] if cut else broken))
    except Exception:  # noqa: BLE001 - a concern of the photo reader
        return
    pose = gps_position(exif)
    assert pose.lon is None or (abs(pose.lon) <= 180 and abs(pose.lat or 0) <= 90)
    captured_at(exif)
    heading(exif)
    focal_px(exif, (4000, 3000))


@pytest.mark.parametrize(
    ("name", "position", "taken"),
    [
        ("DJI_0018.JPG", (-91.994559889, 46.842607083), "2016-06-23T16:31:59"),
        ("DJI_0025.JPG", (-91.993825944, 46.842773861), "2016-06-23T16:32:50"),  # and saved again at 19:24:40
        ("DJI_0030.JPG", (-91.994084167, 46.842281611), "2016-06-23T16:33:27"),
    ],
)
def test_real_drone_photo_says_where_and_when(
    real_data: Path, name: str, position: Position, taken: str
) -> None:
    """A DJI photo has its position and time of capture, also after an image viewer saved it again."""
    with Image.open(real_data / "drone-photos" / name) as photo:
        exif = photo.getexif()
    pose = gps_position(exif)
    assert (pose.lon, pose.lat) == pytest.approx(position, abs=1e-8)
    assert (captured_at(exif), heading(exif)) == (taken, None)
