"""Cracks as lines in every format, read back by GDAL's own tools, pandas and geopandas."""

import csv
import json
import shutil
import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from crackscan.basics.records import MapGrid, Result, Trace
from crackscan.sinks import open_sink
from crackscan.sinks.wkt import MOST_CHARACTERS, multi_line_string

geopandas = pytest.importorskip("geopandas")
pandas = pytest.importorskip("pandas")
shapely = pytest.importorskip("shapely")

UTM = MapGrid("EPSG:32633", (0.005, 0.001, 400_000.0, 0.002, -0.004, 5_000_000.0))
PARTS = ((10.0, 20.0), (13.5, 24.0), (20.0, 30.5)), ((13.5, 24.0), (13.5, 40.0))
LINES = ((13.7, 45.1), (13.70001, 45.10001), (13.70002, 45.1)), ((13.70001, 45.10001), (13.70003, 45.10002))
CRACK = Result(
    source="deck.tif",
    kind="crack",
    status="ok",
    label="crack",
    probability=0.75,
    col=10,
    row=20,
    width=11,
    height=21,
    lon=13.7,
    lat=45.1,
    length_px=30.47,
    width_px=2.345,
    length_m=0.1524,
    width_mm=11.725,
    pixels="MULTILINESTRING ((10.0 20.0, 13.5 24.0, 20.0 30.5), (13.5 24.0, 13.5 40.0))",
    grid=UTM,
    traces=tuple(Trace(points, 0.75) for points in PARTS),
    lines=LINES,
)
PHOTO = replace(CRACK, source="a.jpg", grid=None, lines=(), position_from="exif")
MOSAIC = Result(
    source="deck.tif",
    kind="mosaic",
    status="ok",
    label="no-crack",
    probability=0.1,
    col=0,
    row=0,
    width=448,
    height=224,
    grid=UTM,
    outline=((13.7, 45.1), (13.7, 45.09), (13.8, 45.09), (13.8, 45.1)),
)


def write(path: Path, *rows: Result, **options: Any) -> Path:
    """Write rows in the format of a file's ending."""
    with open_sink(path, **options) as sink:
        for row in rows:
            sink.write(row)
    return path


def test_text_formats_hold_the_lines_and_their_pixels(tmp_path: Path) -> None:
    """CSV has both as WKT, GeoJSON the lines as its geometry; the numbers have fixed decimals."""
    with write(tmp_path / "a.csv", CRACK).open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["wkt"] == (
        "MULTILINESTRING((13.700000000 45.100000000, 13.700010000 45.100010000, 13.700020000 45.100000000), "
        "(13.700010000 45.100010000, 13.700030000 45.100020000))"
    )
    assert row["pixels"] == CRACK.pixels
    assert (row["length_px"], row["length_m"], row["width_px"]) == ("30.5", "0.1524", "2.35")
    assert row["max_width_mm"] == ""
    for ending in ("geojson", "geojsonl"):
        path = write(tmp_path / f"a.{ending}", CRACK)
        (table,) = [geopandas.read_file(path)]
        assert shapely.equals_exact(table.geometry[0], shapely.MultiLineString(LINES), 1e-12)
        assert table["length_px"][0] == 30.5


def test_geoparquet_holds_lines_beside_other_shapes(tmp_path: Path) -> None:
    """Lines, points and polygons are in one column, and the metadata names all three."""
    path = write(tmp_path / "a.parquet", CRACK, PHOTO, MOSAIC)
    table = geopandas.read_parquet(path)
    assert list(table.geometry.geom_type) == ["MultiLineString", "Point", "Polygon"]
    assert shapely.equals(table.geometry[0], shapely.MultiLineString(LINES))
    assert next(iter(pandas.read_parquet(path)["width_mm"])) == 11.72


def test_geopackage_has_lines_in_the_mosaic_s_own_crs(tmp_path: Path) -> None:
    """Each point follows from the mosaic's transform to the last digit; other rows have other layers."""
    ground = replace(PHOTO, source="b.jpg", lines=LINES)
    path = write(tmp_path / "a.gpkg", CRACK, MOSAIC, PHOTO, ground)
    a, b, c, d, e, f = UTM.transform
    expected = [[(a * x + b * y + c, d * x + e * y + f) for x, y in part] for part in PARTS]
    table = geopandas.read_file(path, layer="crack_lines")
    assert table.crs.to_epsg() == 32633
    assert shapely.equals(table.geometry[0], shapely.MultiLineString(expected))
    others = {name: geopandas.read_file(path, layer=name) for name in geopandas.list_layers(path)["name"]}
    assert {name: list(rows["source"]) for name, rows in others.items() if name != "layer_styles"} == {
        "crack_lines": ["deck.tif"],
        "mosaics": ["deck.tif"],
        "photos": ["a.jpg"],
        "crack_lines_EPSG_4326": ["b.jpg"],
    }
    assert shapely.equals(others["crack_lines_EPSG_4326"].geometry[0], shapely.MultiLineString(LINES))


@pytest.mark.skipif(not shutil.which("ogrinfo"), reason="GDAL's tools are not installed")
def test_gdal_reads_the_layer_of_lines(tmp_path: Path) -> None:
    """GDAL's own tool opens it without a warning and finds type, extent and index."""
    path = write(tmp_path / "a.gpkg", CRACK)
    done = subprocess.run(["ogrinfo", "-so", "-al", path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for line in ("Layer name: crack_lines", "Geometry: Multi Line String", "Feature Count: 1"):
        assert line in done.stdout
    command = ["ogrinfo", "-q", path, "-sql", "SELECT HasSpatialIndex('crack_lines', 'geom')"]
    assert "= 1" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    converted = tmp_path / "b.geojson"
    subprocess.run(["ogr2ogr", "-t_srs", "EPSG:4326", converted, path, "crack_lines"], check=True)
    (feature,) = json.loads(converted.read_text())["features"]
    assert feature["geometry"]["type"] == "MultiLineString"
    assert feature["properties"]["pixels"] == CRACK.pixels


def test_file_can_be_replaced_by_a_later_scan(tmp_path: Path) -> None:
    """Its layers are known as those of a scan, not as another program's."""
    path = write(tmp_path / "a.gpkg", CRACK, replace(CRACK, grid=UTM._replace(crs="EPSG:25833")), MOSAIC)
    assert write(path, CRACK) == path


def test_style_draws_each_width_once_and_colours_by_probability(tmp_path: Path) -> None:
    """Each crack matches one rule, wider ones have heavier lines, and the colour follows an expression."""
    path = write(tmp_path / "a.gpkg", CRACK)
    styles = geopandas.read_file(path, layer="layer_styles")
    style = ET.fromstring(styles["styleQML"][0])
    assert style.findtext("layerGeometryType") == "1"
    rules = list(style.iter("rule"))
    weights = [
        float(option.get("value", ""))
        for option in style.iter("Option")
        if option.get("name") == "line_width"
    ]
    assert weights[:4] == sorted(weights[:4]) == weights[4:8]
    cases = [
        (0.1, 1),
        (0.3, 1),
        (0.31, 9),
        (2, None),
        (50, 2),
        (None, 2),
        (None, 2.5),
        (None, 99),
        (None, None),
    ]
    with sqlite3.connect(":memory:") as database:
        for widths in cases:
            query = "SELECT {} FROM (SELECT ? AS width_mm, ? AS width_px)"
            found = [database.execute(query.format(rule.get("filter")), widths) for rule in rules]
            assert sum(match.fetchone()[0] or 0 for match in found) == 1, widths
        for option in style.iter("Option"):
            if option.get("name") == "expression":
                select = f"SELECT {option.get('value')} FROM (SELECT 0.7 AS probability)"
                assert database.execute(select).fetchone() == ("244,109,67",)
    database.close()


def test_lines_of_a_row_fit_into_a_cell_of_a_spreadsheet() -> None:
    """A long crack has fewer points in a table, keeps its ends, and no table is torn apart."""
    long = [(f"{n:.9f}", f"{n / 7:.9f}") for n in range(5000)]
    text = multi_line_string([long, long[:2]])
    assert MOST_CHARACTERS / 2.1 < len(text) <= MOST_CHARACTERS
    read = shapely.from_wkt(text)
    assert read.geoms[0].coords[0] == (0, 0)
    assert read.geoms[0].coords[-1] == pytest.approx((4999, 4999 / 7))
    assert read.length == pytest.approx(5000 * (50 / 49) ** 0.5, rel=1e-3)
    branches = multi_line_string([long[:3]] * 3000)
    assert len(branches) <= MOST_CHARACTERS
    assert len(shapely.from_wkt(branches).geoms) > 300
