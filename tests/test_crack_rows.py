"""Scans per crack: each connected crack is one row, wherever tiles, bands and photos were cut."""

import csv
import math
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from commands import run
from drones import dji, make_drone_photo
from hypothesis import given
from hypothesis import strategies as st
from makers import CRACK_LEVEL, DarkMeansCrack, make_mosaic, make_photo, pixels
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rasterio.warp import transform
from stand_in import CARD, process

import crackscan
from crackscan.basics import grid
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Result, Window
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.pose.footprint import Camera, lines_in_outline
from crackscan.reading import Patch
from crackscan.scanning.cores import Cores, merged
from crackscan.scanning.lines.joining import SEAM_PX
from crackscan.scanning.tiles import Tile
from crackscan.scanning.trace_tiles import Tracer

pytest.importorskip("skimage")
geopandas = pytest.importorskip("geopandas")
shapely = pytest.importorskip("shapely")

pytestmark = pytest.mark.usefixtures("stand_in_model")

ACROSS = [(60, 100), (400, 160), (600, 380), (840, 420)]  # through four columns of tiles and two bands
SIZE = (900, 450)
Path2D = list[tuple[float, float]]


def draw(*lines: Path2D, size: tuple[int, int] = SIZE, width_px: int = 5) -> NDArray[np.uint8]:
    """Return bright concrete with dark lines through points (col, row), which are the outer corners of px."""
    picture = Image.fromarray(pixels(*size))
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=(CRACK_LEVEL,) * 3, width=width_px)
    return np.asarray(picture)


def length(line: Path2D) -> float:
    """Return the length of a polyline."""
    return sum(math.dist(a, b) for a, b in pairwise(line))


def save(path: Path, picture: NDArray[np.uint8], **profile: Any) -> Path:
    """Write a picture as a mosaic, or as a photo if the ending is .png."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(picture).save(path)
        return path
    return make_mosaic(path, bands=np.moveaxis(picture, -1, 0), **profile)


def cracks(path: Path, **options: Any) -> list[Result]:
    """Return the rows of a scan per crack; the stand-in needs a low threshold to see a thin line."""
    return list(crackscan.scan(path, per="crack", **options))


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def distance(row: Result, line: Path2D) -> float:
    """Return how far the row's lines and a line are apart at most, px."""
    drawn, found = shapely.LineString(line), shapely.from_wkt(row.pixels)
    return float(shapely.hausdorff_distance(drawn, found, densify=0.05))


@pytest.mark.parametrize("name", ["deck.tif", "photo.png"])
def test_crack_across_tiles_and_bands_is_one_row_of_its_true_length(tmp_path: Path, name: str) -> None:
    """A line through four columns of tiles and two bands is one crack; its length is right to 5 %."""
    (row,) = cracks(save(tmp_path / name, draw(ACROSS)))
    assert (row.kind, row.status, row.label) == ("crack", "ok", "crack")
    assert row.length_px == pytest.approx(length(ACROSS), rel=0.05)
    assert distance(row, ACROSS) < 4
    assert row.width_px == pytest.approx(5, abs=1)
    assert len(row.traces) > 3
    left, top, width, height = row.window or (0, 0, 0, 0)
    assert (left, top) == pytest.approx((60, 100), abs=4)
    assert (left + width, top + height) == pytest.approx((840, 420), abs=4)
    assert shapely.from_wkt(row.pixels).distance(shapely.Point(row.peak_col, row.peak_row)) < 2


def test_turned_picture_has_cracks_of_the_same_length(tmp_path: Path) -> None:
    """A quarter turn, which moves all borders of tiles, changes the length by less than 1 %."""
    picture = draw(ACROSS)
    lengths = [
        cracks(save(tmp_path / f"{turn}.tif", np.rot90(picture, turn)))[0].length_px for turn in range(4)
    ]
    assert lengths == pytest.approx([lengths[0]] * 4, rel=0.01)


def test_cracks_that_do_not_touch_are_rows_of_their_own(tmp_path: Path) -> None:
    """Two lines are two rows; a line that branches is one, with the length of all its branches."""
    one, other = [(50, 60), (400, 60)], [(50, 300), (400, 380)]
    branch = [(200, 60), (300, 200)]
    first, second = sorted(
        cracks(save(tmp_path / "a.png", draw(one, branch, other))), key=lambda row: row.row or 0
    )
    assert first.length_px == pytest.approx(length(one) + length(branch), rel=0.06)
    assert second.length_px == pytest.approx(length(other), rel=0.05)


@pytest.mark.parametrize(
    ("options", "scale"),
    [
        ({"overlap": 0.5}, 1),
        ({"options": crackscan.Options(tile_px=300)}, 1),
        ({"options": crackscan.Options(mm_per_px=10.0)}, 2),
        ({"options": crackscan.Options(mm_per_px=17.0)}, 3),
    ],
    ids=["overlap", "large tiles", "resampled", "resampled to an odd size"],
)
def test_points_lie_in_the_pixels_of_the_file(tmp_path: Path, options: dict[str, Any], scale: int) -> None:
    """Whatever the tiles and the resolution of judging, a crack is one row where it was drawn."""
    line = [(col * scale, row * scale) for col, row in ACROSS]
    picture = draw(line, size=(SIZE[0] * scale, SIZE[1] * scale), width_px=5 * scale)
    (row,) = cracks(save(tmp_path / "deck.tif", picture), **options)
    assert row.length_px == pytest.approx(length(line), rel=0.05)
    assert distance(row, line) < 5 * scale
    assert row.length_m == pytest.approx(length(line) * 0.005, rel=0.06)
    assert row.width_mm == pytest.approx(20 * scale, rel=0.25)  # Pillow draws sloping lines a px too narrow


SOUTH_UP = Affine(0.01, 0, 500_000, 0, 0.01, 5_400_000)
ROTATED = Affine.translation(500_000, 5_400_000) * Affine.rotation(30) * Affine.scale(0.01, -0.01)
SHEARED = ROTATED * Affine.shear(15) * Affine.scale(1, 2)


SETTINGS = pytest.mark.parametrize(
    ("crs", "affine", "metre"),
    [
        ("EPSG:25833", ROTATED, 1.0),
        ("EPSG:25833", SHEARED, 1.0),
        ("EPSG:25833", SOUTH_UP, 1.0),
        ("EPSG:2263", Affine(0.02, 0, 1_000_000, 0, -0.02, 200_000), 0.3048006096),
    ],
    ids=["rotated", "sheared", "south-up", "feet"],
)


@SETTINGS
def test_lines_lie_on_the_map_where_they_were_drawn(
    tmp_path: Path, crs: str, affine: Affine, metre: float
) -> None:
    """In any mosaic the lines are where the transform puts them, and are as long as on the ground."""
    deck = save(tmp_path / "deck.tif", draw(ACROSS), crs=crs, transform=affine)
    outputs = [part for ending in ("geojson", "gpkg") for part in ("-o", tmp_path / f"o.{ending}")]
    assert run("scan", deck, "--per", "crack", *outputs).exit_code == 0
    expected = shapely.LineString([affine @ point for point in ACROSS])
    ((_, in_crs),) = geopandas.read_file(tmp_path / "o.gpkg", layer="crack_lines").iterrows()
    assert shapely.hausdorff_distance(in_crs.geometry, expected, densify=0.05) < 6 * 0.02
    assert in_crs.length_m == pytest.approx(expected.length * metre, rel=0.05)
    on_earth = geopandas.read_file(tmp_path / "o.geojson")
    back = on_earth.to_crs(crs).geometry[0]
    assert shapely.hausdorff_distance(back, in_crs.geometry) < 1e-3
    position = transform("EPSG:4326", crs, [in_crs.lon], [in_crs.lat])
    assert in_crs.geometry.distance(shapely.Point(position[0][0], position[1][0])) < 0.05


def gdal(*command: object, given: str = "") -> str:
    """Return what one of GDAL's own tools prints."""
    done = subprocess.run(list(map(str, command)), input=given, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.skipif(
    not (shutil.which("gdaltransform") and shutil.which("ogr2ogr")), reason="GDAL's tools are not installed"
)
@SETTINGS
def test_gdal_s_tools_find_lines_where_they_find_the_pixels(
    tmp_path: Path, crs: str, affine: Affine, metre: float
) -> None:
    """A tool that knows nothing of this program puts the drawn pixels onto the map beside the lines."""
    deck = save(tmp_path / "deck.tif", draw(ACROSS), crs=crs, transform=affine)
    assert run("scan", deck, "--per", "crack", "-o", tmp_path / "o.gpkg").exit_code == 0
    pixels = "\n".join(f"{col} {row}" for col, row in ACROSS)
    places = [
        tuple(map(float, line.split()[:2])) for line in gdal("gdaltransform", deck, given=pixels).splitlines()
    ]
    text = gdal(
        "ogr2ogr", "-f", "CSV", "-lco", "GEOMETRY=AS_WKT", "/vsistdout/", tmp_path / "o.gpkg", "crack_lines"
    )
    (row,) = csv.DictReader(text.splitlines())
    found, expected = shapely.from_wkt(row["WKT"]), shapely.LineString(places)
    assert shapely.hausdorff_distance(found, expected, densify=0.05) < 6 * 0.02
    assert float(row["length_m"]) == pytest.approx(expected.length * metre, rel=0.05)


def test_width_in_mm_counts_across_the_line_where_pixels_are_not_square(tmp_path: Path) -> None:
    """Of pixels that are 10 mm wide and 20 mm high, a level line's width has the height."""
    stretched = Affine(0.01, 0, 500_000, 0, -0.02, 5_400_000)
    widths = []
    for number, line in enumerate(([(50, 200), (800, 200)], [(450, 20), (450, 430)])):
        deck = save(tmp_path / f"{number}.tif", draw(line), crs="EPSG:25833", transform=stretched)
        (row,) = cracks(deck)
        widths.append((row.width_mm or 0) / (row.width_px or 1))
    assert widths == pytest.approx([20, 10], rel=0.01)


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Return a folder with a crack in each kind of source, and inputs without one."""
    site = tmp_path / "site"
    save(site / "a.png", draw(ACROSS))
    make_photo(site / "b.png", width=700, height=500)
    (site / "c.jpg").write_bytes(b"no picture")
    save(site / "d.tif", draw(ACROSS))
    make_mosaic(site / "e.tif")
    alpha = np.full((*SIZE[::-1], 1), 255, np.uint8)
    alpha[:224, :224] = 0
    gaps = np.concatenate([draw(ACROSS), alpha], axis=2)
    save(site / "f.tif", gaps, photometric="RGB", alpha="unspecified")
    (site / "g.vrt").write_text("<VRTDataset/>")
    return site


def test_every_input_has_a_row(survey: Path, tmp_path: Path) -> None:
    """Where a crack is, it is a row; an input without one, or not seen whole, has one of its own."""
    done = run("scan", survey, "--per", "crack", "-o", tmp_path / "o.csv")
    assert done.exit_code == 3
    rows = [(row["source"], row["kind"], row["status"], row["label"]) for row in table(tmp_path / "o.csv")]
    assert rows == [
        ("a.png", "crack", "ok", "crack"),
        ("b.png", "photo", "ok", "no-crack"),
        ("c.jpg", "photo", "unreadable", ""),
        ("d.tif", "crack", "ok", "crack"),
        ("e.tif", "mosaic", "ok", "no-crack"),
        ("f.tif", "crack", "ok", "crack"),
        ("f.tif", "mosaic", "ok", "crack"),
        ("g.vrt", "mosaic", "unreadable", ""),
    ]
    (gaps,) = [
        row for row in table(tmp_path / "o.csv") if (row["source"], row["kind"]) == ("f.tif", "mosaic")
    ]
    assert gaps["reason"] == "1 of 15 tiles were not assessed: 1 without data"
    assert (gaps["tiles"], gaps["width"], gaps["height"]) == ("14", "900", "450")
    total_m = sum(float(row["length_m"] or 0) for row in table(tmp_path / "o.csv"))
    assert f"3 cracks traced: 2 with {total_m:.2f} m together, 1 of unknown resolution." in done.stderr


def test_cracked_photo_without_a_line_says_so(tmp_path: Path) -> None:
    """Where tiles are cracked and no line is sure enough, the photo is not called uncracked."""
    (row,) = cracks(make_photo(tmp_path / "a.png", width=500, height=300, crack=True), threshold=1.0)
    assert (row.kind, row.label, row.crack_tiles) == ("photo", "crack", 6)
    assert row.reason == "tiles are cracked, but no line in them is long and sure enough"


def test_same_bytes_for_any_number_of_workers(survey: Path, tmp_path: Path) -> None:
    """One worker and three write the same file in each format."""
    endings = ("csv", "geojson", "geojsonl", "gpkg", "parquet")
    for jobs in (1, 3):
        outputs = [part for ending in endings for part in ("-o", tmp_path / f"{jobs}.{ending}")]
        run("scan", survey, "--per", "crack", "--jobs", jobs, *outputs)
    for ending in endings:
        assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"3.{ending}").read_bytes()


def test_parts_join_a_crack_that_runs_through_both(tmp_path: Path) -> None:
    """A crack across bands of both parts is one row, and each format has the bytes of one scan."""
    site, whole, names = tmp_path / "site", tmp_path / "whole", ("o.csv", "o.gpkg", "o.geojson")
    save(site / "a.png", draw(ACROSS))
    save(site / "b.tif", draw([(60, 40), (160, 3500)], size=(224, 16 * 224)))  # three runs of bands
    whole.mkdir()
    command = ["scan", site, "--per", "crack", "--lines", "--quiet"]
    run(*command, *(part for name in names for part in ("-o", whole / name)))
    journals = [tmp_path / f"{number}.journal" for number in (1, 2)]
    for number, journal in enumerate(journals, start=1):
        run(*command, "-o", tmp_path / "o.csv", "--journal", journal, "--part", f"{number}/2")
    joined = run("convert", *journals, *(part for name in names for part in ("-o", tmp_path / name)))
    assert joined.exit_code == 0
    for name in names:
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes(), name
    (_, down) = table(tmp_path / "o.csv")
    assert float(down["length_px"]) == pytest.approx(3461, rel=0.02)


def test_killed_scan_resumes_to_the_same_bytes(survey: Path, tmp_path: Path) -> None:
    """A scan that was killed amid a mosaic joins its cracks as if it had never stopped."""
    (survey / "c.jpg").unlink()
    (survey / "g.vrt").unlink()
    whole, cut = tmp_path / "whole.gpkg", tmp_path / "cut.gpkg"
    command = ["scan", survey, "--per", "crack", "--jobs", 1, "--quiet"]
    assert run(*command, "-o", whole).exit_code == 0
    log = tmp_path / "judged"
    log.write_text("")
    scanning = process([*command, "-o", cut], judged=log, slowly=0.05)
    while len(log.read_text().splitlines()) < 4 and scanning.is_alive():
        scanning.join(0.02)
    scanning.kill()
    scanning.join()
    assert not cut.exists()
    assert Path(f"{cut}.journal").exists()
    assert run(*command, "-o", cut).exit_code == 0
    assert cut.read_bytes() == whole.read_bytes()


def test_stream_has_the_rows_of_a_file(survey: Path, tmp_path: Path) -> None:
    """Without a journal the same rows are written while the scan runs."""
    run("scan", survey, "--per", "crack", "-o", tmp_path / "o.csv")
    assert run("scan", survey, "--per", "crack", "-o", "-").stdout == (tmp_path / "o.csv").read_text()


def test_journal_gives_cracks_tiles_and_photos(survey: Path, tmp_path: Path) -> None:
    """A scan for lines can be written in all forms, each the same as if it had been scanned so."""
    run("scan", survey, "--per", "crack", "-o", tmp_path / "o.csv")
    for per in ("photo", "tile", "crack"):
        converted, scanned = tmp_path / f"{per}.csv", tmp_path / f"{per}-scanned.csv"
        assert run("convert", tmp_path / "o.csv.journal", "--per", per, "-o", converted).exit_code == 0
        assert run("scan", survey, "--per", per, "-o", scanned).exit_code == 3
        assert converted.read_bytes() == scanned.read_bytes()


def test_same_journal_serves_scans_of_all_forms(survey: Path, tmp_path: Path) -> None:
    """Who asks for tiles after cracks does not judge again."""
    journal = ("--journal", tmp_path / "j", "-o", tmp_path / "o.csv", "--lines")
    run("scan", survey, "--per", "crack", *journal)
    done = run("scan", survey, "--per", "tile", *journal)
    assert "Resuming" in done.stderr
    assert "2 of 12" in done.stderr  # what could not be read is tried again
    assert {row["kind"] for row in table(tmp_path / "o.csv")} == {"tile", "photo"}


def test_limits_can_be_changed_later(tmp_path: Path) -> None:
    """Threshold and least length of cracks are applied when rows are written, and nothing is lost."""
    short, long = [(50, 60), (130, 60)], [(50, 300), (400, 300)]
    tiny = [(600, 60), (630, 60)]
    photo = save(tmp_path / "a.png", draw(short, long, tiny))
    run("scan", photo, "--per", "crack", "-o", tmp_path / "o.csv")
    assert [round(float(row["length_px"]), -1) for row in table(tmp_path / "o.csv")] == [80, 350]

    def converted(*options: object) -> list[dict[str, str]]:
        done = run("convert", tmp_path / "o.csv.journal", "-o", tmp_path / "c.csv", *options)
        assert done.exit_code == 0, done.stderr
        return table(tmp_path / "c.csv")

    assert len(converted("--min-length", 0)) == 3
    assert [row["kind"] for row in converted("--min-length", 100)] == ["crack"]
    (photo_row,) = converted("--min-length", 1000)
    assert photo_row["kind"] == "photo"
    assert {row["kind"] for row in converted("--threshold", 0.99)} == {"photo"}
    summary = crackscan.convert(tmp_path / "o.csv.journal", tmp_path / "l.csv", min_length_px=100)
    assert (summary.cracks, summary.rows) == (1, 1)


def test_geopackage_of_tiles_has_a_layer_of_lines(survey: Path, tmp_path: Path) -> None:
    """With --lines a GeoPackage of photos and tiles has the cracks, too; other formats stay as they are."""
    command = ("scan", survey, "-o", tmp_path / "o.gpkg", "-o", tmp_path / "o.csv")
    done = run(*command, "--lines")
    assert "3 cracks traced: 2 with" in done.stderr
    layers = geopandas.list_layers(tmp_path / "o.gpkg").set_index("name")["geometry_type"].to_dict()
    assert layers["crack_lines"] == "MultiLineString"
    assert layers["cracks"] == "Polygon"
    lines = geopandas.read_file(tmp_path / "o.gpkg", layer="crack_lines")
    assert list(lines["source"]) == ["d.tif", "f.tif"]
    photos = geopandas.read_file(tmp_path / "o.gpkg", layer="photos")
    assert list(photos[photos.kind == "crack"].source) == ["a.png"]
    plain = tmp_path / "plain.csv"
    run("scan", survey, "-o", plain)
    assert plain.read_bytes() == (tmp_path / "o.csv").read_bytes()


def test_heatmap_beside_cracks_shows_tiles(tmp_path: Path) -> None:
    """A heatmap has its tiles, also if the other output has cracks."""
    deck = save(tmp_path / "deck.tif", draw(ACROSS))
    run("scan", deck, "--per", "crack", "-o", tmp_path / "c.csv", "-o", tmp_path / "heat.tif")
    run("scan", deck, "-o", tmp_path / "alone.tif")
    with rasterio.open(tmp_path / "heat.tif") as heat, rasterio.open(tmp_path / "alone.tif") as alone:
        assert np.array_equal(heat.read(1), alone.read(1), equal_nan=True)
    assert [row["kind"] for row in table(tmp_path / "c.csv")] == ["crack"]


def test_model_without_a_line_head_is_an_error_before_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the model and what to do; without lines the same model scans."""
    photo = make_photo(tmp_path / "a.png")
    monkeypatch.setattr(CARD, "has_lines", False)
    for option in (("--per", "crack"), ("--lines",)):
        done = run("scan", photo, *option, "-o", tmp_path / "o.csv")
        assert done.exit_code == 1
        assert " ".join(done.stderr.split()) == (
            "error: dark@00000000: has no line head, so it cannot trace cracks; choose another --model, or "
            "leave out --per crack and --lines."
        )
        assert not (tmp_path / "o.csv.journal").exists()
    assert run("scan", photo, "-o", tmp_path / "o.csv").exit_code == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--per", "crack"), "was not scanned for lines; scan again with --per crack or --lines."),
        (("--min-length", "5"), "was not scanned for lines; scan again with --per crack or --lines."),
        (
            ("--per", "tile"),
            "was scanned with --per photo; scan again with --per tile, or with --lines, which records both.",
        ),
    ],
)
def test_journal_without_lines_cannot_give_them(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    """The sentence says how to scan instead."""
    run("scan", make_photo(tmp_path / "a.png"), "-o", tmp_path / "o.csv")
    done = run("convert", tmp_path / "o.csv.journal", "-o", tmp_path / "c.csv", *options)
    assert done.exit_code == 1
    assert " ".join(done.stderr.split()).endswith(sentence)


def test_plain_tiles_are_not_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line head sees only tiles in which a crack may be, with their surroundings, and each pixel once."""
    seen: list[tuple[int, ...]] = []
    original = DarkMeansCrack.line_probabilities

    def watched(self: DarkMeansCrack, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(image.shape[:2])
        return original(self, image)

    monkeypatch.setattr(DarkMeansCrack, "line_probabilities", watched)
    bright = np.full((672, 896, 3), 255, np.uint8)
    save(tmp_path / "plain.png", bright)
    cracks(tmp_path / "plain.png")
    assert seen == []
    bright[:224, :672] -= np.uint8(255 * CARD.scan_options.rows.line_floor + 3)
    save(tmp_path / "some.png", bright)
    cracks(tmp_path / "some.png")
    assert sorted(seen) == [(256, 256), (256, 480)]


@given(
    width=st.integers(1, 900),
    height=st.integers(1, 900),
    tile_px=st.integers(16, 300),
    overlap=st.sampled_from([0.0, 0.3, 1 / 7, 4 / 7]),
)
def test_cores_share_out_all_pixels(width: int, height: int, tile_px: int, overlap: float) -> None:
    """Each pixel belongs to the core of exactly one tile that holds it, and rectangles keep it so."""
    cores = Cores((width, height), tile_px=tile_px, overlap=overlap)
    tiles = list(grid.windows(width, height, tile_px=tile_px, overlap=overlap))
    parts = [cores.core(tile) for tile in tiles]
    assert count(parts, width, height)
    for tile, core in zip(tiles, parts, strict=True):
        assert tile.col <= core.col
        assert tile.row <= core.row
        assert core.col + core.width <= tile.col + tile.width
        assert core.row + core.height <= tile.row + tile.height
    assert count(merged(parts, most_px=100_000, around_px=32), width, height)


def count(parts: list[Window], width: int, height: int) -> bool:
    """Return whether windows cover each pixel once."""
    times = np.zeros((height, width), np.int8)
    for part in parts:
        times[part.row : part.row + part.height, part.col : part.col + part.width] += 1
    return bool((times == 1).all())


def test_library_yields_cracks(tmp_path: Path) -> None:
    """A program gets the same rows, with the lines as numbers."""
    (row,) = cracks(save(tmp_path / "deck.tif", draw(ACROSS)), jobs=1)
    assert len(row.lines) == len(row.traces)
    assert [len(line) for line in row.lines] == [len(trace.points) for trace in row.traces]


@given(
    col=st.floats(0, 640),
    row=st.floats(0, 480),
    attitude=st.builds(Attitude, st.floats(0, 360), st.floats(-94.9, -85.1), st.just(0.0)),
)
def test_lines_of_a_photo_lie_where_its_camera_sees_the_ground(
    col: float, row: float, attitude: Attitude
) -> None:
    """The corners of a footprint place any pixel as its ray does, also if the camera is tilted a little."""
    camera = Camera(30.0, 500.0, attitude, (640, 480))
    whole = camera.outline((13.4, 52.5), Window(0, 0, 640, 480))
    ray = camera.outline((13.4, 52.5), Window(col, row, 1, 1))  # type: ignore[arg-type]
    assert whole
    assert ray
    (((lon, lat), _),) = lines_in_outline([[(col, row), (0, 0)]], (640, 480), whole)
    assert (lon, lat) == pytest.approx(ray[0], abs=1e-12)


def test_crack_of_a_drone_photo_lies_in_its_footprint(tmp_path: Path) -> None:
    """A photo that looks straight down gives metres; with --footprint also lines on the map."""
    path = make_drone_photo(tmp_path / "DJI_0001.JPG", dji(), width=SIZE[0], height=SIZE[1])
    picture = path.read_bytes()
    Image.fromarray(draw(ACROSS)).save(tmp_path / "drawn.jpg", quality=95)
    drawn = (tmp_path / "drawn.jpg").read_bytes()
    path.write_bytes(picture[: picture.index(b"\xff\xdb")] + drawn[drawn.index(b"\xff\xdb") :])
    (tmp_path / "drawn.jpg").unlink()
    (point,) = cracks(path)
    assert not point.lines
    assert point.position_from == "exif"
    assert point.length_m == pytest.approx(length(ACROSS) * (point.mm_per_px or 0) / 1000, rel=0.05)
    (row,) = cracks(path, options=crackscan.Options(footprint=True))
    outline = next(iter(crackscan.scan(path, options=crackscan.Options(footprint=True)))).outline
    lines = shapely.MultiLineString(row.lines)
    assert shapely.Polygon(outline).contains(lines)
    degree_m = 111_000
    assert lines.length * degree_m == pytest.approx(
        row.length_m, rel=0.45
    )  # degrees of longitude are shorter
    assert row.length_m == point.length_m


def test_crack_through_an_area_is_one_row_with_overlap(tmp_path: Path) -> None:
    """Tiles of an area come block by block, and rows of tiles out of order; the crack stays one."""
    deck = save(tmp_path / "deck.tif", draw([(50, 40), (300, 620), (640, 100)], size=(700, 700)))
    left, top, pixel = 400_000.0, 5_000_000.0, 0.005
    corners = [(0, 0), (0, 690), (690, 690), (690, 0), (500, 0), (480, 300), (200, 300), (180, 0)]
    shape = shapely.Polygon([(left + col * pixel, top - row * pixel) for col, row in corners])
    geopandas.GeoSeries([shape], crs="EPSG:32633").to_file(tmp_path / "area.gpkg")
    rows = cracks(deck, overlap=0.5, options=crackscan.Options(aoi=tmp_path / "area.gpkg"))
    (row,) = [row for row in rows if row.kind == "crack"]
    assert row.length_px == pytest.approx(length([(50, 40), (300, 620), (640, 100)]), rel=0.05)


def test_unreadable_surroundings_cost_no_crack() -> None:
    """If what lies around tiles cannot be read, they are traced without it, one by one."""
    picture, asked = draw([(20, 100), (430, 130)], size=(448, 224)), []

    def read(window: Window) -> Patch:
        asked.append(window)
        if window.width > 224:
            raise Unreadable("a block is damaged")
        return Patch(picture, None).crop(window)

    tiles = [Tile(Window(col, 0, 224, 224), "ok", probability=0.9) for col in (0, 224)]
    traced = Tracer(DarkMeansCrack(), read, Cores((448, 224), tile_px=224), 1.0, 0.1).trace(tiles)
    assert asked == [Window(0, 0, 448, 224), Window(0, 0, 224, 224), Window(224, 0, 224, 224)]
    ((first,), (second,)) = [tile.traces for tile in traced]
    assert math.dist(first.points[-1], second.points[0]) < SEAM_PX


def test_edge_of_missing_data_is_no_crack(tmp_path: Path) -> None:
    """The border between concrete and nothing has no line, though it is filled with the mean colour."""
    picture = draw(size=(448, 224))
    picture = np.concatenate([picture, np.full((*picture.shape[:2], 1), 255, np.uint8)], axis=2)
    picture[:, 300:] = 0
    picture[100:110, 40:200, :3] = CRACK_LEVEL
    rows = cracks(save(tmp_path / "deck.tif", picture, photometric="RGB", alpha="unspecified"))
    (row,) = [row for row in rows if row.kind == "crack"]
    assert (row.col or 0) + (row.width or 0) < 210
