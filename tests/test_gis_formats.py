"""GeoPackage, GeoParquet and heatmap, read back by GDAL's own tools, pandas and geopandas."""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from affine import Affine
from commands import run
from makers import CRACK_LEVEL, make_mosaic, make_photo, pixels

from crackscan.basics import grid
from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import COLUMNS, MapGrid, Result
from crackscan.sinks import Format, cog, geopackage, geoparquet, heatmap, open_sink
from crackscan.sinks.geopackage import outline

geopandas = pytest.importorskip("geopandas")
pandas = pytest.importorskip("pandas")
parquet = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.usefixtures("stand_in_model")

needs_gdal = pytest.mark.skipif(
    not all(map(shutil.which, ("ogrinfo", "ogr2ogr", "gdalinfo"))), reason="GDAL's tools are not installed"
)
UTM = MapGrid("EPSG:25832", (0.005, 0.0, 400_000.0, 0.0, -0.005, 5_000_000.0))
ROTATED = (
    Affine.translation(500_000, 5_400_000)
    * Affine.rotation(30)
    * Affine.shear(10)
    * Affine.scale(0.01, -0.02)
)
FILES: tuple[Format, ...] = ("gpkg", "parquet", "heatmap")
ENDINGS = {"gpkg": "gpkg", "parquet": "parquet", "heatmap": "tif"}


def tile(number: int = 0, **changes: Any) -> Result:
    """Make tile n of a row of tiles of 224 px."""
    west = 7.73 + number * 1.4e-5
    ring = (west, 45.14), (west, 45.13999), (west + 1.4e-5, 45.13999), (west + 1.4e-5, 45.14)
    row = Result(
        source="deck.tif",
        kind="tile",
        status="ok",
        label="no-crack",
        probability=0.25,
        col=number * 224,
        row=0,
        width=224,
        height=224,
        valid=1.0,
        lon=west,
        lat=45.14,
        outline=ring,
        grid=UTM,
    )
    return replace(row, **changes)


PHOTO = Result(source="a.jpg", kind="photo", status="ok", probability=0.5, lon=-91.99382594444, lat=46.8427)


def write(path: Path, *rows: Result, **options: Any) -> Path:
    """Write rows in the format of a file's ending."""
    with open_sink(path, **options) as sink:
        for row in rows:
            sink.write(row)
    return path


def layers(path: Path) -> dict[str, Any]:
    """Return the layers of a GeoPackage that hold rows, each as a table."""
    names = geopandas.list_layers(path)["name"]
    return {name: geopandas.read_file(path, layer=name) for name in names if name != "layer_styles"}


def rows_of(path: Path) -> Any:
    """Return the rows of all layers of a GeoPackage in one table."""
    return pandas.concat(table.drop(columns="geometry", errors="ignore") for table in layers(path).values())


def ogrinfo(path: Path, *arguments: str) -> str:
    """Return GDAL's description of a file; a warning is an error."""
    done = subprocess.run(["ogrinfo", *arguments, path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    """Return a rotated, sheared mosaic of 3 x 2 tiles, one cracked, one without data."""
    bands = np.moveaxis(pixels(600, 400), -1, 0).copy()
    bands[:, :224, 224:448] = CRACK_LEVEL
    alpha = np.full((1, 400, 600), 255, np.uint8)
    alpha[:, :224, :224] = 0
    return make_mosaic(
        tmp_path / "deck.tif",
        bands=np.concatenate([bands, alpha]),
        transform=ROTATED,
        crs="EPSG:25833",
        photometric="RGB",
        alpha="unspecified",
    )


def test_tiles_have_their_true_shape_in_the_mosaic_s_own_crs(deck: Path, tmp_path: Path) -> None:
    """Each polygon's corners follow from the mosaic's transform to the last digit, in its own CRS."""
    assert run("scan", deck, "-o", tmp_path / "o.gpkg").exit_code == 0
    ((name, table),) = layers(tmp_path / "o.gpkg").items()
    assert (name, table.crs.to_epsg(), len(table)) == ("cracks", 25833, 6)
    for row in table.itertuples():
        right, bottom = row.col + row.width, row.row + row.height
        corners = (row.col, row.row), (row.col, bottom), (right, bottom), (right, row.row)
        expected = [ROTATED @ corner for corner in corners]
        assert list(row.geometry.exterior.coords)[:-1] == [
            pytest.approx(corner, rel=1e-15) for corner in expected
        ]
        assert row.geometry.exterior.is_ccw


def test_every_format_has_the_rows_of_the_csv(site: Path, tmp_path: Path) -> None:
    """All formats have the same columns, types and values, to the last digit."""
    (site / "broken.jpg").write_bytes(b"")
    outputs = [part for ending in ("csv", "gpkg", "parquet") for part in ("-o", tmp_path / f"o.{ending}")]
    assert run("scan", site, *outputs).exit_code == 3
    expected = pandas.read_csv(tmp_path / "o.csv").drop(columns="wkt")
    in_parquet = pandas.read_parquet(tmp_path / "o.parquet").drop(columns="geometry")
    in_layers = rows_of(tmp_path / "o.gpkg")
    key = ["source", "col", "row"]
    for table in (in_parquet, in_layers):
        assert tuple(table.columns) == COLUMNS == tuple(expected.columns)
        pandas.testing.assert_frame_equal(
            table.sort_values(key).reset_index(drop=True),
            expected.sort_values(key).reset_index(drop=True),
            check_dtype=False,
            check_exact=True,
        )


def test_columns_have_their_types_even_if_they_are_empty(tmp_path: Path) -> None:
    """A column without values keeps its type, so that files of one schema can be joined."""
    schema = parquet.read_schema(write(tmp_path / "a.parquet", PHOTO))
    types = {str(schema.field(column).type) for column in ("lon", "heading", "probability")}
    assert types == {"double"}
    assert {str(schema.field(column).type) for column in ("col", "tiles")} == {"int64"}
    assert {str(schema.field(column).type) for column in ("source", "label", "reason")} == {"string"}


@needs_gdal
def test_gdal_reads_layer_types_and_index(tmp_path: Path) -> None:
    """GDAL's own tools, older ones too, open the file without a warning, with a spatial index."""
    path = write(tmp_path / "a.gpkg", tile(), tile(1, status="nodata", probability=None, label=None))
    description = ogrinfo(path, "-so", "-al")
    for line in (
        "Layer name: cracks",
        "Geometry: Polygon",
        "Feature Count: 2",
        'ID["EPSG",25832]',
        "probability: Real",
        "col: Integer64",
        "source: String",
    ):
        assert line in description
    indexed = ogrinfo(path, "-q", "-sql", "SELECT HasSpatialIndex('cracks', 'geom')")
    assert "= 1" in indexed


@needs_gdal
def test_map_coordinates_and_wgs84_agree(deck: Path, tmp_path: Path) -> None:
    """GDAL transforms the map's polygons to WGS 84 and gets the outlines of the GeoJSON."""
    run("scan", deck, "-o", tmp_path / "o.gpkg", "-o", tmp_path / "o.geojson")
    command = ["ogr2ogr", "-t_srs", "EPSG:4326", "-lco", "COORDINATE_PRECISION=12", tmp_path / "w.geojson"]
    subprocess.run([*command, tmp_path / "o.gpkg", "cracks"], check=True)
    rings = []
    for name in ("w.geojson", "o.geojson"):
        features = json.loads((tmp_path / name).read_text())["features"]
        rings.append([sorted(feature["geometry"]["coordinates"][0][:4]) for feature in features])
    assert np.array(rings[0]) == pytest.approx(np.array(rings[1]), abs=1.1e-9)


def test_photos_and_each_crs_have_their_layer(tmp_path: Path) -> None:
    """Photos are points in WGS 84, a second CRS is a layer of its own, and no row is lost."""
    rows = (
        PHOTO,
        tile(),
        tile(source="b.tif", grid=UTM._replace(crs="EPSG:32633")),
        tile(source="c.tif", grid=UTM._replace(crs="+proj=tmerc +lat_0=1 +lon_0=9 +ellps=GRS80 +units=m")),
        replace(PHOTO, source="no-gps.jpg", lon=None, lat=None),
        replace(PHOTO, source="seen.jpg", outline=tile().outline),
        tile(source="gone.tif", grid=None, outline=None, lon=None, lat=None, status="unreadable"),
    )
    tables = layers(write(tmp_path / "a.gpkg", *rows))
    assert {name: list(table["source"]) for name, table in tables.items()} == {
        "cracks": ["deck.tif"],
        "cracks_EPSG_32633": ["b.tif"],
        "cracks_CRS_3": ["c.tif"],
        "photos": ["a.jpg", "no-gps.jpg"],
        "footprints": ["seen.jpg"],
        "unplaced": ["gone.tif"],
    }
    assert tables["photos"].crs.to_epsg() == 4326
    assert tables["photos"].geometry.isna().tolist() == [False, True]
    assert "Transverse Mercator" in tables["cracks_CRS_3"].crs.to_wkt()


def test_scan_of_photos_alone_is_one_layer_cracks(tmp_path: Path) -> None:
    """Without mosaics, photos are in the main layer."""
    make_photo(tmp_path / "site" / "a.jpg")
    run("scan", tmp_path / "site", "-o", tmp_path / "o.gpkg")
    assert list(layers(tmp_path / "o.gpkg")) == ["cracks"]


def test_each_layer_has_a_default_style(tmp_path: Path) -> None:
    """QGIS gets exactly one rule for each probability, and a hatch for what was not assessed."""
    path = write(tmp_path / "a.gpkg", tile(), PHOTO)
    styles = geopandas.read_file(path, layer="layer_styles")
    assert list(styles["f_table_name"]) == ["cracks", "photos"]
    assert set(styles["f_geometry_column"]) == {"geom"}
    assert set(styles["useAsDefault"]) == {True}
    for text in styles["styleQML"]:
        style = ET.fromstring(text)
        rules = list(style.iter("rule"))
        assert len(list(style.iterfind("renderer-v2/symbols/symbol"))) == len(rules) == 6
    hatched = [layer.get("class") for layer in ET.fromstring(styles["styleQML"][0]).iter("layer")]
    assert hatched.count("LinePatternFill") == 1
    conditions = " OR ".join(f"({rule.get('filter')})" for rule in rules)
    with sqlite3.connect(":memory:") as database:
        for value in (0, 0.2, 0.1999999, 0.5, 0.8, 1, None):
            matches = [
                database.execute(f"SELECT {rule.get('filter')} FROM (SELECT ? AS probability)", (value,))
                for rule in rules
            ]
            assert sum(match.fetchone()[0] or 0 for match in matches) == 1, (value, conditions)
    database.close()


def test_geoparquet_describes_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata follows GeoParquet 1.1, geopandas reads the outlines, and rows are in groups."""
    monkeypatch.setattr(geoparquet, "ROW_GROUP", 2)
    path = write(tmp_path / "a.parquet", tile(), PHOTO, replace(PHOTO, lon=None))
    file = parquet.ParquetFile(path)
    assert file.metadata.num_row_groups == 2
    assert json.loads(file.metadata.metadata[b"geo"]) == {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point", "Polygon"]}},
    }
    table = geopandas.read_parquet(path)
    assert table.crs.to_string() == "OGC:CRS84"
    ring = list(table.geometry[0].exterior.coords)
    assert ring[:4] == [(round(lon, 9), round(lat, 9)) for lon, lat in tile().outline or ()]
    assert (table.geometry[1].x, table.geometry[1].y) == (-91.993825944, 46.8427)
    assert table.geometry[2] is None


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.6, 6 / 7])
@pytest.mark.parametrize("size", [(600, 400), (1000, 224), (100, 500), (225, 448)])
def test_each_pixel_lies_on_its_tile(tmp_path: Path, overlap: float, size: tuple[int, int]) -> None:
    """A pixel is centred on its tile; for a last tile, moved back, it stays in step and still overlaps it."""
    mosaic = MapGrid("EPSG:25833", (ROTATED.a, ROTATED.b, ROTATED.c, ROTATED.d, ROTATED.e, ROTATED.f))
    windows = list(grid.windows(*size, tile_px=224, overlap=overlap))
    step = grid.step_px(224, overlap)
    rows = [
        tile(**window._asdict(), grid=mosaic, probability=number / 100)
        for number, window in enumerate(windows)
    ]
    with rasterio.open(write(tmp_path / "heat.tif", *rows, overlap=overlap)) as heat:
        values = heat.read(1)
        assert heat.crs.to_epsg() == 25833
        to_px = ~ROTATED * heat.transform
    assert values.ravel().tolist() == pytest.approx([row.probability for row in rows])
    cols = values.shape[1]
    for number, window in enumerate(windows):
        at_col, at_row = number % cols, number // cols
        left, top = to_px * (at_col, at_row)
        right, bottom = to_px * (at_col + 1, at_row + 1)
        assert left < window.col + window.width
        assert top < window.row + window.height
        assert right > window.col
        assert bottom > window.row
        if window.col % step == 0:
            assert (left + right) / 2 == pytest.approx(window.col + window.width / 2, abs=1e-3)
        if window.row % step == 0:
            assert (top + bottom) / 2 == pytest.approx(window.row + window.height / 2, abs=1e-3)


def test_bands_of_many_rows_are_put_into_their_strips(tmp_path: Path) -> None:
    """The parts of a band come one after the other: all rows of the first before those of the second."""
    mosaic = MapGrid("EPSG:25833", (ROTATED.a, ROTATED.b, ROTATED.c, ROTATED.d, ROTATED.e, ROTATED.f))
    overlap, size = 6 / 7, (4500, 18_000)
    windows = [
        window
        for band in grid.bands(*size, tile_px=224, overlap=overlap)
        for window in grid.tiles(band, tile_px=224, overlap=overlap)
    ]
    rows = [tile(**window._asdict(), grid=mosaic, probability=(window.row % 977) / 977) for window in windows]
    with rasterio.open(write(tmp_path / "heat.tif", *rows, overlap=overlap)) as heat:
        values = heat.read(1)
    for window in windows[:: len(windows) // 999]:
        row, col = -(-window.row // 32), -(-window.col // 32)
        assert values[row, col] == pytest.approx((window.row % 977) / 977, abs=1e-6)
    assert not np.isnan(values).any()


@needs_gdal
def test_heatmap_is_cloud_optimised_and_nodata_if_not_assessed(deck: Path, tmp_path: Path) -> None:
    """GDAL calls it a COG of Float32; a tile without data is nodata, not zero."""
    make_photo(deck.parent / "site" / "a.jpg")
    shutil.move(deck, deck.parent / "site")
    done = run("scan", deck.parent / "site", "-o", tmp_path / "heat.tif", "--per", "tile")
    assert done.exit_code == 0, done.stderr
    description = json.loads(subprocess.check_output(["gdalinfo", "-json", tmp_path / "heat.tif"], text=True))
    assert description["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    (band,) = description["bands"]
    assert (band["type"], band["noDataValue"], band["description"]) == (
        "Float32",
        "NaN",
        "probability of a crack",
    )
    with rasterio.open(tmp_path / "heat.tif") as heat:
        values = heat.read(1)
    assert values.shape == (2, 3)
    assert np.isnan(values).tolist() == [[True, False, False], [False, False, False]]
    assert values[0, 1] > 0.9
    assert values[1, 1] < 0.5


def test_crack_does_not_fade_in_the_overviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every overview one cracked tile among thousands shows its full probability."""
    for module in (cog, heatmap):
        monkeypatch.setattr(module, "BLOCK", 16)
    monkeypatch.setitem(cog.OPTIMISED, "blocksize", 128)  # GDAL's minimum
    monkeypatch.setattr(heatmap, "BATCH", 100)
    rows = [
        tile(col, row=row * 224, probability=0.99 if (col, row) == (33, 37) else None if col < 8 else 0.01)
        for row in range(41)
        for col in range(35)
    ]
    with rasterio.open(write(tmp_path / "heat.tif", *rows)) as heat:
        assert heat.overviews(1) == [2, 4]
        assert heat.read(1)[37, 33] == np.float32(0.99)
    with rasterio.open(tmp_path / "heat.tif", overview_level=1) as small:
        values = small.read(1)
    assert values.shape == (11, 9)
    assert values[9, 8] == np.float32(0.99)
    assert np.isnan(values[:, :2]).all()
    assert np.isfinite(values[:, 2:]).all()


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["a.jpg"], "a heatmap shows the tiles of one mosaic with a position, and there is none; write .csv"),
        (
            ["a.tif", "b.tif"],
            "a heatmap shows one mosaic, but there are a.tif and b.tif; scan each one separately",
        ),
    ],
)
def test_heatmap_of_none_or_many_is_refused_before_the_work(
    tmp_path: Path, sources: list[str], message: str
) -> None:
    """The error comes at once and no file is left; `convert` gives the same error."""
    site, out = tmp_path / "site", tmp_path / "out"
    out.mkdir()
    for name in sources:
        (make_photo if name.endswith("jpg") else make_mosaic)(site / name)
    done = run("scan", site, "-o", out / "heat.tif")
    assert done.exit_code == 1
    assert message in done.stderr
    assert list(out.iterdir()) == []
    assert run("scan", site, "-o", out / "o.csv").exit_code == 0
    done = run("convert", out / "o.csv.journal", "-o", out / "heat.tif")
    assert done.exit_code == 1
    assert message in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["o.csv", "o.csv.journal"]


def test_file_of_another_program_is_not_replaced(deck: Path, tmp_path: Path) -> None:
    """A mosaic or a GeoPackage with other layers as -o is refused; an earlier output is replaced."""
    other = Path(shutil.copy(deck, tmp_path / "other.tif"))
    roads = tmp_path / "roads.gpkg"
    geopandas.GeoDataFrame(geometry=geopandas.points_from_xy([1], [2], crs="EPSG:4326")).to_file(roads)
    for path, message in (
        (other, "exists, and is not a heatmap of crackscan; choose another name with -o"),
        (roads, "already has other layers (roads), which would be lost; choose another name with -o."),
    ):
        before = path.read_bytes()
        done = run("scan", deck, "-o", path)
        assert done.exit_code == 1
        assert message in done.stderr
        assert path.read_bytes() == before
    outputs = ("-o", tmp_path / "o.gpkg", "-o", tmp_path / "o.tif")
    for _ in range(2):
        assert run("scan", deck, *outputs, "--fresh").exit_code == 0


def test_heatmap_in_the_scanned_folder_is_ignored(site: Path) -> None:
    """A survey scanned into its own folder can be scanned again."""
    for _ in range(2):
        assert run("scan", site, "-o", site / "heat.tif", "--fresh").exit_code == 0
    assert "Ignored 1 other file (.tif 1)." in run("scan", site).stderr


@pytest.mark.parametrize("format_name", FILES)
def test_stream_is_refused(site: Path, format_name: Format) -> None:
    """A format that needs a file is refused for a stream; the error names those that can be streamed."""
    done = run("scan", site, "-o", "-", "--format", format_name)
    assert done.exit_code == 1
    assert (
        f"-: {format_name} cannot be streamed; name a file, or choose --format csv|geojson|geojsonl."
        in done.stderr
    )


@pytest.mark.parametrize(("format_name", "module"), [("gpkg", "pyogrio"), ("parquet", "pyarrow")])
def test_missing_library_is_an_error_before_the_work(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: Format, module: str
) -> None:
    """Without the extra the error names it, and no work is done."""
    for name in [
        name for name in sys.modules if name.startswith(("crackscan.sinks.geo", "crackscan.sinks.arrow"))
    ]:
        if name != "crackscan.sinks.geojson":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    done = run("scan", site, "-o", tmp_path / f"o.{format_name}")
    assert done.exit_code == 1
    assert f'this format needs {module}; install the extra: pip install "crackscan[gis]".' in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("format_name", FILES)
def test_mosaic_without_crs_is_refused(tmp_path: Path, format_name: Format) -> None:
    """As for GeoJSON, the error comes before the work and says what to do."""
    mosaic = make_mosaic(tmp_path / "facade.tif", crs=None)
    done = run("scan", mosaic, "-o", tmp_path / "o", "--format", format_name)
    assert done.exit_code == 1
    assert "no CRS; give one with --crs EPSG:32633 or write CSV instead." in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["facade.tif"]


def test_journal_gives_the_same_bytes_at_any_time(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`convert` writes the bytes of the scan; another threshold changes labels, but not the heatmap."""
    monkeypatch.setattr(geopackage, "BATCH", 2)
    names = [f"o.{ending}" for ending in ENDINGS.values()]
    (first := tmp_path / "first").mkdir()
    (then := tmp_path / "then").mkdir()
    run("scan", site, *[part for name in names for part in ("-o", first / name)])
    journal = first / f"{names[0]}.journal"
    assert run("convert", journal, *[part for name in names for part in ("-o", then / name)]).exit_code == 0
    assert [(first / name).read_bytes() for name in names] == [(then / name).read_bytes() for name in names]
    run("convert", journal, "-o", then / "o.gpkg", "-o", then / "o.tif", "--threshold", 0)
    assert (first / "o.tif").read_bytes() == (then / "o.tif").read_bytes()
    labels = rows_of(then / "o.gpkg")["label"]
    assert set(labels) == {"crack"}
    assert sorted(path.name for path in then.iterdir()) == sorted(names)


@pytest.mark.parametrize("format_name", FILES)
def test_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, format_name: Format) -> None:
    """If the disk is full, the run says so in a sentence, and no partial file is left."""
    resource = pytest.importorskip("resource", reason="needs POSIX file size limits, to imitate a full disk")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / f"a.{ENDINGS[format_name]}"
    rows = [tile(number, source="deck.tif", probability=number % 997 / 997) for number in range(3000)]
    if format_name == "parquet":
        rows = [replace(row, source=f"{number * 7919}") for number, row in enumerate(rows)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, limits[1]))
    try:
        with pytest.raises(CrackscanError) as caught:
            write(path, *rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value).startswith(f"{path}: cannot be written: ")
    assert str(caught.value).endswith("; choose another place with -o.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_name", FILES)
def test_unusual_names_and_numbers_are_stored_as_in_csv(tmp_path: Path, format_name: Format) -> None:
    """Names in any script or that are not UTF-8, and numbers that are not finite, are stored as in CSV."""
    row = tile(source="straße/\udce9 🌉.tif", probability=float("nan"), valid=float("inf"), reason="=1+1")
    path = write(tmp_path / f"brücke é.{ENDINGS[format_name]}", row)
    if format_name == "heatmap":
        with rasterio.open(path) as heat:
            assert np.isnan(heat.read(1)).all()
        return
    table = geopandas.read_parquet(path) if format_name == "parquet" else layers(path)["cracks"]
    stored = table.iloc[0]
    assert stored["source"] == r"straße/\udce9 🌉.tif"
    assert stored["reason"] == "'=1+1"
    assert pandas.isna(stored["probability"])
    assert pandas.isna(stored["valid"])


def test_south_up_outline_is_counter_clockwise() -> None:
    """An outline is counter-clockwise even if the raster's rows run north."""
    ring = outline(MapGrid("EPSG:25832", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)), tile().window)
    assert ring[0] == ring[-1]
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring)) > 0


LOSSES = {
    "a row": "DELETE FROM cracks WHERE fid = 1",
    "the spatial index": "DELETE FROM rtree_cracks_geom WHERE id = 1",
    "a trigger": "DROP TRIGGER rtree_cracks_geom_insert",
    "the entry of the index": "DELETE FROM gpkg_extensions",
    "the extent": "UPDATE gpkg_contents SET max_x = max_x + 1 WHERE table_name = 'cracks'",
    "the number of rows": "UPDATE gpkg_ogr_contents SET feature_count = 7",
    "the version": "PRAGMA user_version = 0",
    "the styles": "DELETE FROM layer_styles",
    "the coordinate system": "DELETE FROM gpkg_spatial_ref_sys WHERE srs_id > 4326",
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_geopackage_that_lacks_something_takes_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """GDAL does not say that SQL of its own has failed."""
    check = geopackage.check_geopackage

    def lose_and_check(path: Path, *arguments: Any) -> None:
        with sqlite3.connect(path) as database:
            database.create_function("ST_IsEmpty", 1, lambda _: False)
            for name in ("MinX", "MinY", "MaxX", "MaxY"):
                database.create_function(f"ST_{name}", 1, lambda _: 0.0)
            database.execute(loss)
        database.close()
        check(path, *arguments)

    monkeypatch.setattr(geopackage, "check_geopackage", lose_and_check)
    with pytest.raises(CrackscanError, match="was not written whole"):
        write(tmp_path / "a.gpkg", tile(), tile(1), PHOTO)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost_bytes", [1, 4096, 1_000_000])
def test_heatmap_whose_temporary_file_is_cut_takes_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost_bytes: int
) -> None:
    """Its pixels are compared with those that were to be written."""
    describe = cog._describe

    def cut_and_describe(level: cog.Level, *arguments: Any) -> Path:
        size = level.path.stat().st_size
        os.truncate(level.path, max(size - lost_bytes, 0))
        return describe(level, *arguments)

    monkeypatch.setattr(cog, "_describe", cut_and_describe)
    with pytest.raises(CrackscanError, match="cannot be written"):
        write(tmp_path / "a.tif", *map(tile, range(5000)))
    assert list(tmp_path.iterdir()) == []


def test_heatmap_with_another_pixel_takes_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as zeros, where a block could not be written."""
    copy = rasterio.shutil.copy

    def change_and_copy(source: Path, *arguments: Any, **options: Any) -> None:
        raw = source.with_suffix(".raw")
        whole = raw.read_bytes()
        raw.write_bytes(bytes(4) + whole[4:])
        copy(source, *arguments, **options)
        raw.write_bytes(whole)

    monkeypatch.setattr(rasterio.shutil, "copy", change_and_copy)
    with pytest.raises(CrackscanError, match="cannot be written"):
        write(tmp_path / "a.tif", *map(tile, range(700)))
    assert list(tmp_path.iterdir()) == []
