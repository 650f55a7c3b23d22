"""`--aoi`: only tiles that touch the areas are judged, in any CRS, and the summary counts the others."""

import csv
import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from commands import run
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import change, make_mosaic, make_photo, scan_options
from PIL import Image
from rasterio.crs import CRS
from rasterio.warp import transform

from crackscan.basics import grid
from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import Window
from crackscan.geo.areas import Areas, PixelAreas
from crackscan.scanning.plan import Plan

LEFT, TOP, PIXEL = 400_000.0, 5_000_000.0, 0.005  # of makers' mosaics, EPSG:32633, m
OPTIONS = scan_options(tile_px=224, threshold=0.5)


def polygon(*corners: tuple[float, float]) -> shapely.Polygon:
    """Return a polygon in EPSG:32633 from pixels (col, row) of makers' mosaics."""
    return shapely.Polygon([(LEFT + col * PIXEL, TOP - row * PIXEL) for col, row in corners])


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """Return a rectangle of pixels as `polygon` does."""
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def save(path: Path, *shapes: shapely.Geometry, crs: str = "EPSG:32633", layer: str | None = None) -> Path:
    """Write shapes of EPSG:32633 in another coordinate system."""

    def transform_points(points: np.ndarray) -> np.ndarray:
        return np.array(transform("EPSG:32633", CRS.from_user_input(crs), *points.T.tolist())).T

    wkb = shapely.to_wkb([shapely.transform(shape, transform_points) for shape in shapes])
    pyogrio.raw.write(
        path, np.array(wkb), [], [], geometry_type="Unknown", crs=crs, layer=layer, append=path.exists()
    )
    return path


def windows(plan: Plan) -> list[Window]:
    """Return the tiles of a plan."""
    return [
        tile
        for work in plan
        for tile in grid.tiles(
            work.window or Window(0, 0, 0, 0), tile_px=work.tile_px, overlap=work.options.overlap
        )
    ]


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("a.geojson", "EPSG:4326"),
        ("a.gpkg", "EPSG:32633"),
        ("a.gpkg", "EPSG:2056"),
        ("a.gpkg", "EPSG:3857"),
        ("a.gpkg", "EPSG:32632"),
    ],
)
def test_areas_choose_the_same_tiles_in_any_coordinate_system(tmp_path: Path, name: str, crs: str) -> None:
    """An L of two strips, 1 m wide, chooses the same tiles in degrees, Swiss or Mercator metres."""
    path = make_mosaic(tmp_path / "m.tif", width=2000, height=1500)
    shape = shapely.union(box(450, 10, 650, 1200), box(450, 1150, 1300, 1200))
    plan = Plan((str(path),), OPTIONS.tiles, areas=Areas.read(save(tmp_path / name, shape, crs=crs)))
    all_tiles = list(grid.windows(2000, 1500, tile_px=224))
    expected = [
        tile
        for tile in all_tiles
        if (tile.col == 448 and tile.row < 1200) or (tile.row == 1120 and 448 <= tile.col < 1300)
    ]
    assert windows(plan) == expected
    assert plan.outside == {"tile": len(all_tiles) - len(expected)}


def test_areas_are_right_on_a_rotated_mosaic_in_another_crs(tmp_path: Path) -> None:
    """Tiles and areas are compared in the mosaic's pixels, so its rotation and units do not matter."""
    (x,), (y,) = transform("EPSG:4326", "EPSG:2263", [-74.0], [40.7])
    affine = Affine.translation(x, y) @ Affine.rotation(40) @ Affine.scale(0.02, -0.02)
    path = make_mosaic(tmp_path / "m.tif", width=1120, height=1120, crs="EPSG:2263", transform=affine)
    spot = affine * (700.0, 900.0)
    lonlat = transform("EPSG:2263", "EPSG:4326", [spot[0]], [spot[1]])
    file = tmp_path / "a.geojson"
    file.write_text(json.dumps({"type": "Point", "coordinates": [lonlat[0][0], lonlat[1][0]]}))
    assert windows(Plan((str(path),), OPTIONS.tiles, areas=Areas.read(file))) == [Window(672, 896, 224, 224)]


@settings(max_examples=40)
@given(
    width=st.integers(1, 1500),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.9]),
    spans=st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 400)), min_size=1, max_size=4),
)
def test_runs_of_tiles_cut_again_are_the_same_tiles(
    width: int, overlap: float, spans: list[tuple[int, int]]
) -> None:
    """Areas do not move the tile grid, so that rows can be compared."""
    areas = PixelAreas(shapely.union_all([shapely.box(left, 0, left + across, 9) for left, across in spans]))
    tiles = list(grid.tiles(Window(0, 0, width, 224), tile_px=224, overlap=overlap))
    repeated = [
        (tile, touches)
        for run_, touches in areas.runs(tiles)
        for tile in grid.tiles(grid.bounding_window(run_), tile_px=224, overlap=overlap)
    ]
    assert [tile for tile, _ in repeated] == tiles
    for tile, touches in repeated:
        assert touches == any(
            left <= tile.col + tile.width and tile.col <= left + across for left, across in spans
        )


def test_areas_leave_out_single_tiles_of_blocks(tmp_path: Path) -> None:
    """In dense inference, too, only tiles that touch are judged, on the same tile grid."""
    path = make_mosaic(tmp_path / "m.tif", width=1700, height=1000)
    options = change(OPTIONS, overlap=1 - 3 / 7)
    spot = save(tmp_path / "a.geojson", box(500, 300, 1500, 320))
    all_tiles = set(windows(Plan((str(path),), options.tiles)))
    plan = Plan((str(path),), options.tiles, areas=Areas.read(spot))
    chosen = windows(plan)
    expected = {tile for tile in all_tiles if touching(tile, (500, 300, 1500, 320))}
    assert set(chosen) == expected
    assert len(chosen) == len(expected) > 40
    assert plan.outside == {"tile": len(all_tiles) - len(expected)}


def touching(tile: Window, area: tuple[int, int, int, int]) -> bool:
    """Say whether a tile touches a rectangle of left, top, right, bottom."""
    left, top, right, bottom = area
    across = left <= tile.col + tile.width and tile.col <= right
    return across and top <= tile.row + tile.height and tile.row <= bottom


def test_all_layers_and_shapes_count(tmp_path: Path) -> None:
    """A GeoPackage of several layers, lines among them, and a polygon that crosses itself."""
    path = make_mosaic(tmp_path / "m.tif", width=1120, height=1120)
    file = save(tmp_path / "a.gpkg", box(10, 10, 20, 20), layer="decks")
    line = shapely.LineString(
        [(LEFT + 1000 * PIXEL, TOP - 1000 * PIXEL), (LEFT + 1010 * PIXEL, TOP - 1100 * PIXEL)]
    )
    save(file, line, crs="EPSG:4326", layer="axes")
    save(file, polygon((500, 10), (600, 100), (600, 10), (500, 100)), layer="drawn badly")
    chosen = windows(Plan((str(path),), OPTIONS.tiles, areas=Areas.read(file)))
    assert {(tile.col // 224, tile.row // 224) for tile in chosen} == {(0, 0), (2, 0), (4, 4)}


def make_positioned_photo(path: Path, lon: float | None, lat: float = 0.0) -> Path:
    """Write a photo whose EXIF has a position, if lon is given."""
    exif = Image.Exif()
    if lon is not None:
        exif.get_ifd(0x8825).update({1: "N", 2: (lat, 0.0, 0.0), 3: "E", 4: (lon, 0.0, 0.0)})
    return make_photo(path, exif=exif)


@pytest.mark.usefixtures("stand_in_model")
def test_photos_taken_elsewhere_are_left_out(tmp_path: Path) -> None:
    """Photos inside, and of unknown position, are judged; one outside gets no row and is counted."""
    make_positioned_photo(tmp_path / "site" / "inside.jpg", 8.5, 47.5)
    make_positioned_photo(tmp_path / "site" / "outside.jpg", 9.5, 47.5)
    make_positioned_photo(tmp_path / "site" / "unknown.jpg", None)
    (tmp_path / "site" / "broken.jpg").write_bytes(b"no picture")
    make_mosaic(tmp_path / "site" / "m.tif")
    file = tmp_path / "a.geojson"
    file.write_text(json.dumps(shapely.geometry.mapping(shapely.box(8, 47, 9, 48))))
    done = run("scan", tmp_path / "site", "-o", tmp_path / "rows.csv", "--aoi", file)
    assert done.exit_code == 3
    with (tmp_path / "rows.csv").open() as rows:
        assert [row["source"] for row in csv.DictReader(rows)] == ["broken.jpg", "inside.jpg", "unknown.jpg"]
    sentence = f"Outside of the areas in {file}, and without a row: 6 tiles and 1 photo."
    assert sentence in done.stderr


@pytest.mark.usefixtures("stand_in_model")
@pytest.mark.parametrize("out", ["rows.csv", "-"])
def test_areas_that_touch_nothing_are_an_error(tmp_path: Path, out: str) -> None:
    """An empty output would look like a survey without cracks."""
    path = make_mosaic(tmp_path / "m.tif")
    file = save(tmp_path / "a.gpkg", box(9000, 9000, 9100, 9100))
    done = run("scan", path, "-o", out if out == "-" else tmp_path / out, "--aoi", file)
    assert done.exit_code == 1
    assert f"--aoi {file}: touches none of 6 tiles; check where its areas lie" in done.stderr
    assert not (tmp_path / "rows.csv").exists()


@pytest.mark.usefixtures("stand_in_model")
def test_scan_resumes_with_the_same_areas_only(tmp_path: Path) -> None:
    """Areas are compared by their shapes: a copy of the file resumes, moved areas are refused."""
    path, out = make_mosaic(tmp_path / "m.tif"), tmp_path / "rows.csv"
    first = save(tmp_path / "a.gpkg", box(10, 10, 20, 20))
    again = save(tmp_path / "again.gpkg", box(10, 10, 20, 20))
    other = save(tmp_path / "other.gpkg", box(300, 10, 320, 20))
    assert run("scan", path, "-o", out, "--aoi", first).exit_code == 0
    assert "this scan is complete" in run("scan", path, "-o", out, "--aoi", again).stderr
    for arguments in (["--aoi", other], []):
        done = run("scan", path, "-o", out, *arguments)
        assert done.exit_code == 1
        assert "rows were made with aoi" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.geojson", "{}", "give GeoJSON or a GeoPackage"),
        ("a.geojson", '{"type":"FeatureCollection","features":[]}', "holds no areas; draw some"),
    ],
)
def test_file_without_areas_is_one_sentence(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    """A file that cannot be read, or holds no areas, is an error of one sentence before any work."""
    (tmp_path / name).write_text(content)
    with pytest.raises(CrackscanError, match=sentence):
        Areas.read(tmp_path / name)


RING = [[15.0, 45.0], [15.1, 45.0], [15.1, 45.1], [15.0, 45.1]]


def write_geojson(path: Path, *rings: list[list[float]]) -> Path:
    """Write polygons of one ring each, as they are."""
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for ring in rings
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_ring_that_is_not_closed_is_closed(tmp_path: Path) -> None:
    """Hand-written GeoJSON often lacks the last point; GDAL closes such rings, too."""
    closed = Areas.read(write_geojson(tmp_path / "closed.geojson", [*RING, RING[0]]))
    opened = Areas.read(write_geojson(tmp_path / "open.geojson", RING))
    assert opened.shape.equals(closed.shape)
    assert (opened.closed, closed.closed) == (1, 0)


@pytest.mark.parametrize(
    ("ring", "sentence"),
    [
        ([[15.0, 45.0]], "shape 2 is not a valid geometry; draw it again"),
        ([[x * 1e5, y * 1e5] for x, y in RING], "shape 2 has no longitude and latitude by EPSG:4326"),
    ],
    ids=["one point", "metres"],
)
def test_shape_that_cannot_be_used_is_named(tmp_path: Path, ring: list[list[float]], sentence: str) -> None:
    """One sentence names the file and the shape."""
    path = write_geojson(tmp_path / "a.geojson", RING, ring)
    with pytest.raises(CrackscanError, match=rf"a\.geojson: {sentence}"):
        Areas.read(path)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_areas_without_a_coordinate_system_are_refused(tmp_path: Path) -> None:
    """No coordinate system is guessed."""
    pyogrio.raw.write(
        tmp_path / "a.gpkg",
        shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)])),
        [],
        [],
        geometry_type="Polygon",
        crs=None,
    )
    with pytest.raises(CrackscanError, match=r"a.gpkg: names no coordinate system; save it with one"):
        Areas.read(tmp_path / "a.gpkg")


def test_mosaic_without_a_crs_is_refused_with_areas(tmp_path: Path) -> None:
    """Whether it touches the areas is unknown, so the run ends before it begins, with advice."""
    path = make_mosaic(tmp_path / "m.tif", crs=None)
    areas = Areas.read(save(tmp_path / "a.gpkg", box(10, 10, 20, 20)))
    with pytest.raises(CrackscanError, match="no CRS; give one with --crs EPSG:32633 or leave out --aoi"):
        Plan((str(path),), OPTIONS.tiles, areas=areas).count()
