"""Position, ground resolution and footprint of photos such as drones write."""

import math
from pathlib import Path

import pytest
from drones import AUTEL, LAT, LON, PARROT, dji, drone_exif, make_drone_photo, packet
from makers import DarkMeansCrack, change, make_photo, scan_options
from PIL import ExifTags, Image

from crackscan.basics.records import Pose, Position, Result, ScanOptions, Work
from crackscan.geo.pose.attitude import Attitude
from crackscan.scanning.inference import infer

OPTIONS = scan_options(tile_px=224, threshold=0.5, footprint=True)

# Metres in a degree at LAT by the usual series (American Practical Navigator, "length of a degree").
TURNS = [math.radians(count * LAT) for count in range(6)]
M_NORTH = 111_132.92 - 559.82 * math.cos(TURNS[2]) + 1.175 * math.cos(TURNS[4])
M_EAST = 111_412.84 * math.cos(TURNS[1]) - 93.5 * math.cos(TURNS[3]) + 0.118 * math.cos(TURNS[5])
WIDTH, HEIGHT = 320, 240
FOCAL_PX = 24 / math.hypot(36, 24) * math.hypot(WIDTH, HEIGHT)
LEVEL = "the ground is taken to be level with the take-off point"


def row_of(path: Path, *, pose: Pose | None = None, options: ScanOptions = OPTIONS) -> Result:
    """Return the row of one photo."""
    work = Work(path.name, str(path), "photo", options.tiles, pose=pose)
    (row,) = infer(work, DarkMeansCrack(), options.rows)
    return row


def metres(ring: tuple[Position, ...] | None) -> list[tuple[float, float]]:
    """Return corners in metres east and north of the drone."""
    assert ring is not None
    return [((lon - LON) * M_EAST, (lat - LAT) * M_NORTH) for lon, lat in ring]


def crossing(
    first: tuple[float, float],
    second: tuple[float, float],
    third: tuple[float, float],
    fourth: tuple[float, float],
) -> list[float]:
    """Return where the diagonals of a footprint cross: the middle of the image."""
    diagonal, other = (complex(*third) - complex(*first), complex(*fourth) - complex(*second))
    step = complex(*second) - complex(*first)
    along = (step.conjugate() * other).imag / (diagonal.conjugate() * other).imag
    centre = complex(*first) + along * diagonal
    return [centre.real, centre.imag]


def test_drone_photo_has_position_height_and_resolution(tmp_path: Path) -> None:
    """Position and altitude are from EXIF, height and angles from XMP; the resolution follows."""
    row = row_of(make_drone_photo(tmp_path / "a.jpg", dji(GimbalPitchDegree="-90.00")))
    assert (row.lon, row.lat, row.position_from, row.altitude) == (LON, LAT, "exif", 200.0)
    assert (row.above_ground, row.heading, row.pitch) == (39.8, 45.0, -90.0)
    assert row.mm_per_px == pytest.approx(39_800 / FOCAL_PX)
    assert row.reason == LEVEL


def test_height_above_ground_needs_no_note_on_the_take_off(tmp_path: Path) -> None:
    """Where the drone measured the height above the ground, nothing is assumed."""
    nadir = PARROT.replace(b"-51.988888", b"-90.0")
    row = row_of(make_drone_photo(tmp_path / "a.jpg", nadir))
    assert row.mm_per_px == pytest.approx(43_813.8 / FOCAL_PX, rel=1e-4)
    assert row.reason is None


def test_position_of_xmp_is_used_where_exif_has_none(tmp_path: Path) -> None:
    """Some programs remove EXIF's GPS directory but leave the XMP; position_from says so."""
    exif = drone_exif(GPSLatitude=None, GPSLongitude=None, GPSAltitude=None)
    row = row_of(make_drone_photo(tmp_path / "a.jpg", AUTEL, exif=exif))
    assert (row.lon, row.lat, row.altitude) == (16.47592717, 47.64368732, 513.0)
    assert row.position_from == "xmp"


def segment(content: bytes) -> bytes:
    """Return an APP1 segment of a JPEG."""
    return b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize("is_last", [False, True])
def test_xmp_in_several_segments_is_read(tmp_path: Path, *, is_last: bool) -> None:
    """Another program's packet, and one too long for a segment, do not hide the drone's."""
    path = make_photo(tmp_path / "a.jpg")
    other = segment(b"http://ns.adobe.com/xap/1.0/\0" + packet("<rdf:Description/>"))
    drone = dji(GpsLatitude="55.2", GpsLongitude="15.5")
    extended = [
        segment(
            b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32
            + len(drone).to_bytes(4, "big") + offset.to_bytes(4, "big") + drone[offset : offset + 300]
        )
        for offset in reversed(range(0, len(drone), 300))
    ]  # fmt: skip
    single = [segment(b"http://ns.adobe.com/xap/1.0/\0" + drone)]
    jpeg = path.read_bytes()
    for of_drone in (single, extended):
        segments = [other, *of_drone] if is_last else [*of_drone, other]
        path.write_bytes(jpeg[:2] + b"".join(segments) + jpeg[2:])
        row = row_of(path)
        assert (row.lon, row.lat, row.above_ground) == (15.5, 55.2, 39.8)


def test_metadata_of_jpeg_2000_are_read(tmp_path: Path) -> None:
    """They lie in boxes with identifiers, before or after the picture."""
    Image.new("RGB", (64, 64), (150, 150, 150)).save(tmp_path / "a.jp2")
    picture = (tmp_path / "a.jp2").read_bytes()
    boxes = b"".join(
        (len(content) + 24).to_bytes(4, "big") + b"uuid" + identifier + content
        for identifier, content in (
            (b"JpgTiffExif->JP2", drone_exif().tobytes().removeprefix(b"Exif\0\0")),
            (bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), dji()),
        )
    )
    position = picture.index(b"jp2c") - 4
    picture = picture[:position] + boxes + picture[position:]
    (tmp_path / "a.jp2").write_bytes(picture)
    row = row_of(tmp_path / "a.jp2")
    assert (row.lon, row.lat, row.position_from) == (LON, LAT, "exif")
    assert row.above_ground == 39.8


@pytest.mark.parametrize(
    ("xmp", "exif", "reason"),
    [
        (dji(GimbalPitchDegree="+0.00"), None, "it looks more than 5 degrees off straight down"),
        (dji(GimbalPitchDegree="-84.0"), None, "it looks more than 5 degrees off straight down"),
        (dji(GimbalRollDegree=""), None, "the camera's angles are unknown"),
        (dji(RelativeAltitude="-12.50"), None, "its height above the ground is unknown"),
        (dji(RelativeAltitude=""), None, "its height above the ground is unknown"),
        (None, None, "the camera's angles are unknown"),
        (dji(), Image.Exif(), "its focal length is unknown"),
        (dji(CalibratedFocalLength="3666.67"), Image.Exif(), "its position is unknown"),
    ],
)
def test_photo_whose_footprint_is_unknown_stays_a_point(
    tmp_path: Path, xmp: bytes | None, exif: Image.Exif | None, reason: str
) -> None:
    """A façade, a drone below its take-off point, a phone: no footprint, and the row says why."""
    row = row_of(make_drone_photo(tmp_path / "a.jpg", xmp, exif=exif))
    assert row.outline is None
    assert f"no footprint: {reason}" in (row.reason or "")
    assert row.status == "ok"


def test_facade_photo_has_point_and_heading_but_no_resolution(tmp_path: Path) -> None:
    """At pitch 0 the height does not give the distance of the wall."""
    row = row_of(
        make_drone_photo(tmp_path / "a.jpg", dji(GimbalPitchDegree="+0.00", GimbalYawDegree="-27.0"))
    )
    assert (row.lon, row.lat, row.heading, row.pitch) == (LON, LAT, 333.0, 0.0)
    assert row.mm_per_px is None


def test_footprint_is_only_made_when_asked_for(tmp_path: Path) -> None:
    """Without --footprint a photo is a point, without a note on what is missing."""
    path = make_drone_photo(tmp_path / "a.jpg", dji())
    row = row_of(path, options=change(OPTIONS, footprint=False))
    assert row.outline is None
    assert row.reason == LEVEL


@pytest.mark.parametrize("yaw", [0, 30, 90, -132])
def test_footprint_turns_with_the_heading(tmp_path: Path, yaw: int) -> None:
    """The top of the image points in the direction of the heading, and its pixels measure mm_per_px."""
    xmp = dji(GimbalPitchDegree="-90", GimbalYawDegree=f"{yaw}")
    row = row_of(make_drone_photo(tmp_path / "a.jpg", xmp))
    top_left, bottom_left, bottom_right, top_right = metres(row.outline)
    assert row.mm_per_px is not None
    assert math.dist(top_left, top_right) == pytest.approx(WIDTH * row.mm_per_px / 1000, rel=1e-3)
    assert math.dist(top_left, bottom_left) == pytest.approx(HEIGHT * row.mm_per_px / 1000, rel=1e-3)
    assert math.dist(bottom_left, top_right) == pytest.approx(math.dist(top_left, bottom_right), rel=1e-5)
    up = (top_left[0] - bottom_left[0], top_left[1] - bottom_left[1])
    assert math.degrees(math.atan2(*up)) % 360 == pytest.approx(yaw % 360, abs=0.1)


def test_gimbal_rolled_by_180_degrees_turns_the_frame(tmp_path: Path) -> None:
    """A gimbal may write the heading 14.4 as yaw -165.6 and roll 180."""
    turned = row_of(
        make_drone_photo(
            tmp_path / "a.jpg",
            dji(GimbalYawDegree="-165.6", GimbalPitchDegree="-90", GimbalRollDegree="180.0"),
        )
    )
    plain = row_of(make_drone_photo(tmp_path / "b.jpg", dji(GimbalYawDegree="14.4", GimbalPitchDegree="-90")))
    assert turned.heading == plain.heading == 14.4
    assert metres(turned.outline) == [pytest.approx(corner, abs=1e-6) for corner in metres(plain.outline)]


def test_tilt_moves_the_footprint_ahead(tmp_path: Path) -> None:
    """Three degrees of tilt at 100 m move the middle of the image 5.2 m ahead, here to the north-east."""
    xmp = dji(GimbalPitchDegree="-87", RelativeAltitude="+100.0")
    corners = metres(row_of(make_drone_photo(tmp_path / "a.jpg", xmp)).outline)
    middle = crossing(*corners)
    assert math.hypot(*middle) == pytest.approx(100 * math.tan(math.radians(3)), rel=1e-3)
    assert math.degrees(math.atan2(*middle)) == pytest.approx(45, abs=0.1)


def test_roll_below_wings_moves_the_footprint_aside() -> None:
    """In Pix4D's convention roll +3 lifts the left wing, and the camera below looks 3 degrees to the left."""
    sight = Attitude.from_body_angles(0, 0, 3).axes[:, 0]
    assert sight[1] < 0
    assert math.degrees(math.asin(-sight[1])) == pytest.approx(3)


def test_each_tile_of_a_photo_has_its_own_footprint(tmp_path: Path) -> None:
    """With --per tile the tiles of a photo lie side by side inside its footprint."""
    path = make_drone_photo(tmp_path / "a.jpg", dji(GimbalPitchDegree="-90"), width=448, height=448)
    options = change(OPTIONS, per="tile")
    tiles = infer(Work("a.jpg", str(path), "photo", options.tiles), DarkMeansCrack(), options.rows)
    outlines = [metres(tile.outline) for tile in tiles]
    assert len(outlines) == 4
    assert outlines[0][2] == pytest.approx((0, 0), abs=1e-6)  # the inner corner is below the drone
    assert outlines[0][3] == pytest.approx(outlines[1][0], abs=1e-6)


def test_photo_turned_by_exif_has_no_footprint(tmp_path: Path) -> None:
    """Makers do not say whether the angles are those of the turned image."""
    exif = drone_exif()
    exif[ExifTags.Base.Orientation] = 6
    row = row_of(make_drone_photo(tmp_path / "a.jpg", dji(), exif=exif))
    assert row.outline is None
    assert row.mm_per_px is not None
    assert "no footprint: its EXIF orientation turns it" in (row.reason or "")


def test_broken_xmp_loses_neither_photo_nor_position(tmp_path: Path) -> None:
    """The row notes that the XMP could not be read."""
    row = row_of(make_drone_photo(tmp_path / "a.jpg", dji()[:300]), options=change(OPTIONS, footprint=False))
    assert (row.status, row.lon, row.reason) == ("ok", LON, "XMP unreadable")


def test_table_overrules_the_photo(tmp_path: Path) -> None:
    """The user's table overrules EXIF and XMP, which fill in what it does not have."""
    path = make_drone_photo(tmp_path / "a.jpg", dji(), exif=drone_exif(GPSLatitudeRef=None))
    row = row_of(path, pose=Pose(lon=8.25, lat=47.5, altitude=412.0))
    assert (row.lon, row.lat, row.altitude, row.position_from) == (8.25, 47.5, 412.0, "geo")
    assert (row.heading, row.above_ground) == (45.0, 39.8)
    assert "hemisphere" not in (row.reason or "")  # that position is not used
    turned = row_of(path, pose=Pose(yaw=10.0, pitch=-90.0, roll=0.0, height=20.0))
    assert (turned.lon, turned.position_from, turned.heading, turned.above_ground) == (
        LON,
        "exif",
        10.0,
        20.0,
    )


@pytest.mark.parametrize(
    ("name", "above_ground", "heading"), [("DJI_0018.JPG", 39.8, 45.0), ("DJI_0025.JPG", 40.0, 228.0)]
)
def test_real_drone_photo_has_its_footprint(
    real_data: Path, name: str, above_ground: float, heading: float
) -> None:
    """A DJI 40 m above a beach shows 75 x 42 m, also after an image viewer saved the photo again."""
    path = real_data / "drone-photos" / name
    from crackscan.geo.pose.camera_view import CameraView
    from crackscan.reading import read_photo

    view = CameraView.from_photo(read_photo(path), None, footprint=True)
    assert (view.columns["above_ground"], view.columns["heading"]) == (above_ground, heading)
    assert view.columns["pitch"] == pytest.approx(-89.9)
    assert view.columns["mm_per_px"] == pytest.approx(18, rel=0.1)
    assert view.outline(None) is not None
