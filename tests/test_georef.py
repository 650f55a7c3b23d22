"""Georeferences: where windows lie, and how large a pixel is there."""

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from makers import labelled_rows, make_mosaic, scan_options
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import transform

from crackscan.basics.errors import CrackscanError, MissingCRS
from crackscan.basics.records import Position, Window
from crackscan.geo.georef import (
    WGS84,
    Georeference,
    parse_crs,
    read_georeference,
    transform_to_wgs84,
)
from crackscan.geo.missing_crs import explain_missing_crs
from crackscan.scanning.plan import Plan

TILE = Window(224, 448, 224, 224)
NORTH_UP = Affine(0.02, 0, 638_838.7, 0, -0.02, 5_802_604.9)
FACADE = 'LOCAL_CS["north face",UNIT["metre",1]]'


def signed_area(ring: tuple[Position, ...]) -> float:
    """Return twice the area; positive is counter-clockwise."""
    lon0, lat0 = ring[0]
    local = [((lon - lon0 + 180) % 360 - 180, lat - lat0) for lon, lat in ring]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(local, local[1:] + local[:1], strict=True))


def expected_corners(affine: Affine, crs: str, window: Window) -> set[tuple[float, float]]:
    """Transform each corner alone, by independent code."""
    col, row, width, height = window
    corners = [(c, r) for c in (col, col + width) for r in (row, row + height)]
    xs = [affine.a * c + affine.b * r + affine.c for c, r in corners]
    ys = [affine.d * c + affine.e * r + affine.f for c, r in corners]
    return set(zip(*transform(crs, "EPSG:4326", xs, ys), strict=True))


def make_raster(path: Path, **profile: Any) -> Path:
    """Write a mosaic of 8 x 6 px for tests of its georeference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        return make_mosaic(path, width=8, height=6, **{"crs": None} | profile)


def read(path: Path, crs: str | None = None) -> tuple[Georeference | None, str]:
    """Return a raster's georeference, and the error that explains why there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as raster:
            return read_georeference(raster, crs), str(explain_missing_crs("site.tif", raster))


TRANSFORMS = {
    "north up": NORTH_UP,
    "rotated": NORTH_UP @ Affine.rotation(33),
    "upside down": NORTH_UP @ Affine.rotation(180),
    "sheared": NORTH_UP @ Affine.shear(20, 5),
    "south up": Affine(0.02, 0, 638_838.7, 0, 0.02, 5_802_604.9),
    "mirrored": Affine(-0.02, 0, 638_838.7, 0, -0.02, 5_802_604.9),
    "transposed": Affine(0, 0.02, 638_838.7, 0.02, 0, 5_802_604.9),
}


@pytest.mark.parametrize("affine", TRANSFORMS.values(), ids=TRANSFORMS)
def test_outline_is_the_true_quadrilateral_and_counter_clockwise(affine: Affine) -> None:
    """A tile's outline has its four true corners, from the top left one, whatever the transform."""
    location = Georeference(affine, CRS.from_epsg(32633)).locate(TILE)
    assert location is not None
    assert set(location.outline) == expected_corners(affine, "EPSG:32633", TILE)
    assert len(location.outline) == 4
    assert signed_area(location.outline) > 0
    (lon,), (lat,) = transform("EPSG:32633", "EPSG:4326", *([v] for v in affine * TILE[:2]))
    assert location.outline[0] == (lon, lat)


# metres and feet, degrees, Mercator, and axes that point south and west or to the pole
@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("EPSG:32753", 278_966, 8_597_744),
        ("EPSG:2263", 980_000, 200_000),
        ("EPSG:4326", 17.0, 52.0),
        ("EPSG:3857", 1_900_000, 6_800_000),
        ("EPSG:2048", -50_000, -3_700_000),
        ("EPSG:3031", 1_000_000, -1_000_000),
        ("EPSG:5514", -740_000, -1_040_000),
    ],
)
@pytest.mark.parametrize("south_up", [False, True])
def test_outline_is_counter_clockwise_in_any_crs(crs: str, x: float, y: float, *, south_up: bool) -> None:
    """The winding is right-handed in longitude and latitude, not only in the mosaic's own axes."""
    size = 1e-7 if crs == "EPSG:4326" else 0.01
    location = Georeference(
        Affine(size, 0, x, 0, size if south_up else -size, y), CRS.from_user_input(crs)
    ).locate(TILE)
    assert location is not None
    assert signed_area(location.outline) > 0


@given(
    angle=st.floats(0, 360),
    shear=st.floats(-60, 60),
    size=st.floats(0.001, 1),
    flip=st.booleans(),
    window=st.builds(
        Window, st.integers(0, 10**5), st.integers(0, 10**5), st.integers(1, 448), st.integers(1, 448)
    ),
)
def test_centre_lies_inside_a_counter_clockwise_outline(
    *, angle: float, shear: float, size: float, flip: bool, window: Window
) -> None:
    """For any transform the centre is left of all four edges, so outline and centre agree."""
    affine = (
        NORTH_UP @ Affine.rotation(angle) @ Affine.shear(shear) @ Affine.scale(size, -size if flip else size)
    )
    location = Georeference(affine, CRS.from_epsg(32633)).locate(window)
    assert location is not None
    for start, end in zip(location.outline, location.outline[1:] + location.outline[:1], strict=True):
        assert signed_area((start, end, location.centre)) > 0


def test_locations_of_many_windows_are_those_of_each() -> None:
    """Locating windows together gives the same as one by one, in their order."""
    georef = Georeference(TRANSFORMS["rotated"], CRS.from_epsg(32633))
    windows = [Window(col, 0, 224, 224 - col) for col in range(0, 200, 50)]
    assert georef.locate_all(windows) == [georef.locate(window) for window in windows]
    assert georef.locate_all([]) == []


def test_window_outside_the_projection_has_no_location() -> None:
    """A window outside of the map is None, and its neighbours keep their locations."""
    georef = Georeference(Affine(1000, 0, 0, 0, -1000, 0), CRS.from_string("+proj=ortho +lat_0=0 +lon_0=0"))
    inside, outside = Window(10, 10, 10, 10), Window(9000, 10, 10, 10)
    assert georef.locate_all([inside, outside, inside]) == [
        georef.locate(inside),
        None,
        georef.locate(inside),
    ]
    assert georef.locate(inside) is not None


def test_outline_across_the_antimeridian_is_one_ring_and_measured_right() -> None:
    """Such an outline is not cut: its longitudes jump, its centre is near 180, its pixel size is right."""
    crs = CRS.from_epsg(32601)  # UTM zone 1 begins at 180 degrees
    (x,), (y,) = transform("EPSG:4326", crs, [180.0], [10.0])
    location = Georeference(Affine(0.02, 0, x - 4.48 - 2.24, 0, -0.02, y + 8.96 + 2.24), crs).locate(TILE)
    assert location is not None
    assert {math.copysign(1, lon) for lon, _ in location.outline} == {1, -1}
    assert abs(location.centre[0]) == pytest.approx(180, abs=1e-6)
    assert signed_area(location.outline) > 0
    assert location.mm_per_px == pytest.approx(20, rel=2e-3)


# Lengths of a degree of longitude and of latitude in km, from tables of the WGS 84 ellipsoid.
DEGREES_KM = {
    0: (111.320, 110.574),
    15: (107.550, 110.649),
    30: (96.486, 110.852),
    45: (78.847, 111.132),
    60: (55.800, 111.412),
    -75: (28.902, 111.618),
}


@pytest.mark.parametrize(("lat", "km"), DEGREES_KM.items())
def test_mm_per_px_of_degrees_is_the_length_on_the_ground(lat: int, km: tuple[float, float]) -> None:
    """A pixel of 1e-8 degrees, about a millimetre, has the size by the tables of the ellipsoid."""
    crs = CRS.from_epsg(4326)
    along_lon, along_lat = km
    wide = Georeference(Affine(3e-8, 0, 17, 0, -1e-9, lat), crs).locate(TILE)
    tall = Georeference(Affine(1e-9, 0, 17, 0, -1e-8, lat), crs).locate(TILE)
    assert wide is not None
    assert tall is not None
    assert wide.mm_per_px == pytest.approx(along_lon * 1e6 * 3e-8, rel=2e-5)
    assert tall.mm_per_px == pytest.approx(along_lat * 1e6 * 1e-8, rel=2e-5)


@pytest.mark.parametrize("north", [0.0, 4_400_000.0, 8_000_000.0])
@pytest.mark.parametrize("pixels", [1, 224])
def test_mm_per_px_removes_the_scale_of_utm(north: float, pixels: int) -> None:
    """Where UTM's scale is 0.9996, a millimetre on the map is 1.0004 mm on the ground."""
    location = Georeference(Affine(0.001, 0, 500_000, 0, -0.001, north), CRS.from_epsg(32633)).locate(
        Window(0, 0, pixels, pixels)
    )
    assert location is not None
    assert location.mm_per_px == pytest.approx(1 / 0.9996, rel=1e-7 if pixels > 1 else 1e-5)


@pytest.mark.parametrize(
    ("crs", "x", "y"), [("EPSG:2263", 984_250, 220_000), ("EPSG:2222", 700_000, 1_000_000)]
)
def test_mm_per_px_of_feet_is_in_millimetres(crs: str, x: float, y: float) -> None:
    """A pixel of a hundredth of a US or an international foot is 3.048 mm."""
    location = Georeference(Affine(0.01, 0, x, 0, -0.01, y), CRS.from_user_input(crs)).locate(TILE)
    assert location is not None
    assert location.mm_per_px == pytest.approx(3.048, rel=2e-4)


@pytest.mark.parametrize("lat", [0, 45, 60, -70])
def test_mm_per_px_of_web_mercator_is_measured_on_the_ground(lat: float) -> None:
    """At 60 degrees 20 mm of Web Mercator are 10 mm on the ground: its scale is removed."""
    crs = CRS.from_epsg(3857)
    (x,), (y,) = transform("EPSG:4326", crs, [17.0], [lat])
    location = Georeference(Affine(0.02, 0, x, 0, -0.02, y), crs).locate(Window(0, 0, 224, 224))
    assert location is not None
    parallel = math.cos(math.radians(lat)) / math.sqrt(1 - 0.00669438 * math.sin(math.radians(lat)) ** 2)
    assert location.mm_per_px == pytest.approx(20 * parallel, rel=1e-6)


def test_mm_per_px_of_oblong_pixels_is_their_longer_side() -> None:
    """The longer side limits the narrowest crack that can be seen, also in a rotated mosaic."""
    affine = Affine.translation(500_000, 5_800_000) @ Affine.rotation(30) @ Affine.scale(0.01, 0.03)
    location = Georeference(affine, CRS.from_epsg(32633)).locate(TILE)
    assert location is not None
    assert location.mm_per_px == pytest.approx(30, rel=1e-3)


def test_georeference_is_that_of_the_file(tmp_path: Path) -> None:
    """The transform and the coordinate system are the file's, and `--crs` does not overrule them."""
    path = make_raster(tmp_path / "site.tif", crs="EPSG:32633", transform=NORTH_UP)
    georef, _ = read(path, "EPSG:2263")
    assert georef == Georeference(NORTH_UP, CRS.from_epsg(32633))


def test_crs_without_a_code_is_kept(tmp_path: Path) -> None:
    """A custom coordinate system without an EPSG code locates tiles as well."""
    own = "+proj=tmerc +lat_0=48 +lon_0=11 +k=1 +x_0=1000 +y_0=2000 +ellps=WGS84 +units=m"
    georef, _ = read(
        make_raster(tmp_path / "site.tif", crs=own, transform=Affine(0.01, 0, 1000, 0, -0.01, 2000))
    )
    assert georef is not None
    location = georef.locate(Window(0, 0, 10, 10))
    assert location is not None
    assert location.outline[0] == pytest.approx((11, 48), abs=1e-9)


def test_pixel_is_point_is_shifted_by_half_a_pixel(tmp_path: Path) -> None:
    """In a file whose coordinates are of pixel centres, the first corner is half a pixel up and left."""
    at_origin = Affine(2, 0, 500_000, 0, -2, 5_800_000)
    with rasterio.Env(GTIFF_POINT_GEO_IGNORE=True):  # write the numbers as they are
        path = tmp_path / "site.tif"
        make_raster(path, crs="EPSG:32633", transform=at_origin)
        with rasterio.open(path, "r+") as raster:
            raster.update_tags(AREA_OR_POINT="Point")
            raster.transform = at_origin
    georef, _ = read(path)
    assert georef is not None
    assert (georef.transform.c, georef.transform.f) == (499_999, 5_800_001)


def test_crs_option_is_used_where_the_mosaic_has_none(tmp_path: Path) -> None:
    """Without a coordinate system there is no georeference; `--crs` gives one."""
    path = make_raster(tmp_path / "site.tif", transform=NORTH_UP)
    assert read(path) == (
        None,
        "site.tif: no CRS; give one with --crs EPSG:32633 or write CSV instead.",
    )
    assert read(path, "EPSG:32633")[0] == Georeference(NORTH_UP, CRS.from_epsg(32633))


@pytest.mark.parametrize("crs", [FACADE, "EPSG:5701", "IAU_2015:49900"], ids=["façade", "vertical", "Mars"])
def test_crs_that_is_not_of_the_earth_counts_as_none(tmp_path: Path, crs: str) -> None:
    """A façade, a height system or Mars has no longitude and latitude here; nothing is guessed."""
    path = make_raster(tmp_path / "site.tif", crs=CRS.from_user_input(crs), transform=NORTH_UP)
    assert read(path)[0] is None
    assert read(path, "EPSG:32633")[0] is not None


def test_error_for_a_local_crs_says_so(tmp_path: Path) -> None:
    """For a façade the error says what its coordinate system lacks and what to do."""
    path = make_raster(tmp_path / "site.tif", crs=CRS.from_user_input(FACADE), transform=NORTH_UP)
    assert read(path)[1] == (
        "site.tif: its CRS is a local one, without longitude and latitude; "
        "give one with --crs EPSG:32633 or write CSV instead."
    )


@pytest.mark.parametrize(
    ("of_file", "option", "named"),
    [("EPSG:4326", None, "its CRS is EPSG:4326"), (None, "EPSG:4258", "--crs names EPSG:4258")],
)
def test_metres_are_not_degrees(tmp_path: Path, of_file: str | None, option: str | None, named: str) -> None:
    """PROJ passes them through, where somebody assigned a geographic system to a mosaic in metres."""
    affine = Affine(0.002, 0, 500_000, 0, -0.002, 6_100_000)
    path = make_raster(tmp_path / "m.tif", crs=of_file, transform=affine)
    with rasterio.open(path) as dataset:
        assert read_georeference(dataset, option) is None
        error = explain_missing_crs("m.tif", dataset, option)
    assert f"m.tif: its coordinates are not degrees, though {named}; " in str(error)


def test_longitudes_from_0_to_360_are_counted_from_180() -> None:
    """Some rasters of the whole earth begin at Greenwich."""
    assert transform_to_wgs84(WGS84, [190.0, 10.0, 361.0], [50.0, 90.0, 0.0]) == [(-170, 50), (10, 90), None]


def test_no_transform_is_no_georeference_even_with_a_crs(tmp_path: Path) -> None:
    """Pixel numbers are not metres: without a transform `--crs` is not enough, and the error says so."""
    assert read(make_raster(tmp_path / "site.tif", transform=None), "EPSG:32633") == (
        None,
        "site.tif: no geotransform, so --crs is not enough; rectify it with gdalwarp or write CSV instead.",
    )


def control_points(*pixels: tuple[int, int], off_px: float = 0.0) -> list[GroundControlPoint]:
    """Return points (col, row) on a rotated transform; the first one is moved by `off_px`."""
    points = []
    for number, (col, row) in enumerate(pixels):
        x, y = TRANSFORMS["rotated"] * (col + (off_px if number == 0 else 0), row)
        points.append(GroundControlPoint(row=row, col=col, x=x, y=y))
    return points


FIVE = ((4, 3), (0, 0), (8, 0), (0, 6), (8, 6))


@pytest.mark.parametrize(("off_px", "tolerance_px"), [(0.0, 1e-6), (1.0, 0.3)])
def test_ground_control_points_that_agree_give_a_georeference(
    tmp_path: Path, off_px: float, tolerance_px: float
) -> None:
    """Where one transform fits them to a pixel, tiles lie as in a rectified file."""
    points = control_points(*FIVE, off_px=off_px)
    georef, _ = read(make_raster(tmp_path / "site.tif", transform=None, gcps=points, crs="EPSG:32633"))
    assert georef is not None
    assert georef.crs == CRS.from_epsg(32633)
    for pixel in FIVE:
        actual = ~TRANSFORMS["rotated"] * (georef.transform * pixel)
        assert math.dist(actual, pixel) < tolerance_px


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        (control_points(*FIVE, off_px=3), "ground control points that are off from any affine transform by"),
        (control_points(*FIVE[:3]), "3 ground control points, which do not determine a transform"),
        (
            control_points((0, 0), (1, 1), (2, 2), (3, 3)),
            "4 ground control points, which do not determine a transform",
        ),
    ],
    ids=["bent", "few", "on a line"],
)
def test_ground_control_points_that_disagree_give_no_georeference(
    tmp_path: Path, points: list[GroundControlPoint], problem: str
) -> None:
    """A bent image, too few points, or points on a line: nothing is guessed, the error names the tool."""
    georef, sentence = read(make_raster(tmp_path / "site.tif", transform=None, gcps=points, crs="EPSG:32633"))
    assert georef is None
    assert sentence.startswith(f"site.tif: only {problem}")
    assert sentence.endswith(", so --crs is not enough; rectify it with gdalwarp or write CSV instead.")


def test_explanation_is_a_missing_crs(tmp_path: Path) -> None:
    """The explanation is the error that a run ends with."""
    with rasterio.open(make_raster(tmp_path / "site.tif", transform=NORTH_UP)) as raster:
        assert isinstance(explain_missing_crs("site.tif", raster), MissingCRS)


@pytest.mark.parametrize("text", ["EPSG:99999", "32633", "", "WGS 84 / UTM 33", "+proj=nonsense"])
def test_unknown_crs_is_an_error_that_names_it(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A misspelt `--crs` is an error of one sentence, and GDAL prints nothing itself."""
    with pytest.raises(CrackscanError) as caught:
        parse_crs(text)
    assert str(caught.value) == (
        f"--crs {text}: not a coordinate system that PROJ knows; name one like EPSG:32633."
    )
    assert capfd.readouterr().err == ""


def test_crs_without_longitude_and_latitude_is_an_error() -> None:
    """A system of heights cannot locate tiles."""
    with pytest.raises(CrackscanError) as caught:
        parse_crs("EPSG:5701")
    assert str(caught.value) == "--crs EPSG:5701: has no longitude and latitude; name one like EPSG:32633."


@pytest.mark.parametrize(
    "text", ["EPSG:32633", "+proj=utm +zone=33 +datum=WGS84", "ESRI:102100", "EPSG:7415"]
)
def test_crs_is_read_as_people_write_it(text: str) -> None:
    """Codes of EPSG and ESRI, PROJ strings and compound systems are accepted."""
    assert parse_crs(text).is_projected


@pytest.mark.parametrize(
    ("name", "mm_per_px"),
    [
        ("deepforest_australia_18mm_epsg32753.tif", 18),
        ("deepness_rgba_20mm_epsg32633.tif", 20),
        ("deepforest_yell_no_crs.tiff", None),
    ],
)
def test_real_mosaic_has_the_resolution_of_its_name(
    real_data: Path, name: str, mm_per_px: float | None
) -> None:
    """Real orthomosaics have the resolution that their makers state; without a CRS there is none."""
    georef, _ = read(real_data / "mosaics" / name)
    location = georef.locate(Window(0, 0, 224, 224)) if georef else None
    assert (location.mm_per_px if location else None) == (
        pytest.approx(mm_per_px, rel=1e-3) if mm_per_px else None
    )


def test_tiles_without_a_place_on_earth_say_why(tmp_path: Path) -> None:
    """A position is missing in the rows, though the mosaic has a coordinate system."""
    metres = make_mosaic(tmp_path / "m.tif", width=224, height=224, crs="EPSG:4326")
    over_the_pole = from_origin(8.0, 90.002, 1e-5, 1e-5)
    pole = make_mosaic(tmp_path / "p.tif", width=224, height=672, crs="EPSG:4326", transform=over_the_pole)
    local = make_mosaic(tmp_path / "l.tif", width=224, height=224, crs=FACADE)
    options = scan_options(tile_px=224, judge_too_coarse=True)
    metres_row, first, *others, local_row = labelled_rows(
        Plan(tuple(map(str, (metres, pole, local))), options.tiles), options
    )
    assert metres_row.reason == "no position: its coordinates are not degrees, though its CRS is EPSG:4326"
    assert first.lon is None
    assert (first.reason or "").endswith("no position: outside of the area of its coordinate system")
    assert all(row.lon is not None and "no position" not in (row.reason or "") for row in others)
    assert (local_row.lon, local_row.reason) == (None, None)
