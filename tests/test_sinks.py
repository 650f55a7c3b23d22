"""Text formats: their content, that they agree, and that a run that ends early leaves no partial file."""

import csv
import io
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import COLUMNS, DECIMALS, Kind, Label, Position, Result, Status
from crackscan.sinks import Format, RowSink, choose_format, needs_crs, open_sink

OUTLINE = (
    (132.96471323254517, -12.676794208922304),
    (132.96471294312917, -12.67683064690953),
    (132.96475005348518, -12.676830931079705),
    (132.96475034289588, -12.67679449309164),
)
TILE = Result(
    source="site.tif",
    kind="tile",
    status="ok",
    label="crack",
    probability=0.5,
    col=224,
    row=0,
    width=224,
    height=224,
    peak_col=304,
    peak_row=80,
    valid=1.0,
    lon=132.964731643,
    lat=-12.67681257,
    position_from="mosaic",
    mm_per_px=17.99632,
    model="concrete@1a2b3c4d",
    outline=OUTLINE,
)
PHOTO = Result(
    source="north/DJI_0025.JPG",
    kind="photo",
    status="ok",
    label="no-crack",
    probability=0.0000004,
    tiles=160,
    crack_tiles=0,
    lon=-91.99382594444444,
    lat=46.84277386111111,
    position_from="exif",
    altitude=198.509,
    above_ground=40.0,
    captured_at="2016-06-23T16:32:50-05:00",
    heading=0.0,
    pitch=-89.9,
)
UNREADABLE = Result(source="broken.jpg", kind="photo", status="unreadable", reason="image file is truncated")
FORMATS: tuple[Format, ...] = ("csv", "geojson", "geojsonl")


def write(path: Path, *results: Result) -> Path:
    """Write results to a path, in the format of its ending."""
    with open_sink(path) as sink:
        for result in results:
            sink.write(result)
    return path


def fail_after(sink: RowSink, error: type[BaseException], *results: Result) -> None:
    """Write results, then fail as a run might fail."""
    with sink:
        for result in results:
            sink.write(result)
        raise error


def csv_rows(path: Path) -> list[dict[str, str]]:
    """Read CSV as text, without any types."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def refuse(constant: str) -> None:
    """Raise an error for a constant such as NaN, which strict JSON does not have."""
    raise AssertionError(f"{constant} is not JSON")


def loads(text: str, **options: Any) -> Any:
    """Read JSON strictly."""
    return json.loads(text, parse_constant=refuse, **options)


def signed_area(ring: list[list[float]]) -> float:
    """Return twice the area of a closed ring; positive is counter-clockwise."""
    lon0, lat0 = ring[0]
    local = [(lon - lon0, lat - lat0) for lon, lat in ring]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(local))


def test_csv_has_the_columns_and_wkt_with_fixed_decimals(tmp_path: Path) -> None:
    """A row is as examples/output.md says: columns in order, fixed decimals, LF, UTF-8 without a BOM."""
    assert write(tmp_path / "a.csv", TILE, PHOTO, UNREADABLE).read_bytes().decode() == (
        "source,kind,status,label,probability,col,row,width,height,peak_col,peak_row,tiles,crack_tiles,valid,"
        "lon,lat,position_from,altitude,above_ground,mm_per_px,judged_mm_per_px,"
        "length_px,width_px,max_width_px,length_m,width_mm,max_width_mm,captured_at,heading,pitch,reason,model,pixels,wkt\n"
        "site.tif,tile,ok,crack,0.500000,224,0,224,224,304,80,,,1.0000,132.964731643,-12.676812570,mosaic,,,17.996,,,,,,,,,,,,"
        'concrete@1a2b3c4d,,"POLYGON((132.964713233 -12.676794209, 132.964712943 -12.676830647, '
        '132.964750053 -12.676830931, 132.964750343 -12.676794493, 132.964713233 -12.676794209))"\n'
        "north/DJI_0025.JPG,photo,ok,no-crack,0.000000,,,,,,,160,0,,-91.993825944,46.842773861,exif,198.509,40.000,,,,,,,,,"
        "2016-06-23T16:32:50-05:00,0.0,-89.9,,,,POINT(-91.993825944 46.842773861)\n"
        "broken.jpg,photo,unreadable,,,,,,,,,,,,,,,,,,,,,,,,,,,,image file is truncated,,,\n"
    )


def test_geojson_is_a_collection_by_rfc_7946(tmp_path: Path) -> None:
    """One FeatureCollection without a crs member; every feature has all columns, null where unknown."""
    collection = loads(write(tmp_path / "a.geojson", TILE, PHOTO, UNREADABLE).read_text("utf-8"))
    assert set(collection) == {"type", "features"}
    tile, photo, unreadable = collection["features"]
    for feature in (tile, photo, unreadable):
        assert feature["type"] == "Feature"
        assert tuple(feature["properties"]) == COLUMNS
    assert tile["properties"]["probability"] == 0.5
    assert tile["properties"]["captured_at"] is None
    assert photo["geometry"] == {"type": "Point", "coordinates": [-91.993825944, 46.842773861]}
    assert unreadable["geometry"] is None


def test_polygon_is_closed_counter_clockwise_and_keeps_its_width(tmp_path: Path) -> None:
    """A tile's ring ends where it began, is counter-clockwise, and nine decimals keep its width."""
    lon0, lat0 = OUTLINE[0]
    narrow = tuple((lon0 + (lon - lon0) / 80, lat0 + (lat - lat0) / 80) for lon, lat in OUTLINE)  # 5 cm wide
    path = write(tmp_path / "a.geojson", replace(TILE, outline=narrow))
    (feature,) = loads(path.read_text())["features"]
    (ring,) = feature["geometry"]["coordinates"]
    assert feature["geometry"]["type"] == "Polygon"
    assert ring[0] == ring[-1]
    assert len(ring) == 5
    assert signed_area(ring) == pytest.approx(signed_area([*map(list, narrow), list(narrow[0])]), rel=0.02)


def test_geojsonl_has_one_feature_on_each_line(tmp_path: Path) -> None:
    """Each line is ended by LF and equals a feature of the collection."""
    results = TILE, PHOTO, UNREADABLE
    lines = write(tmp_path / "a.geojsonl", *results).read_bytes().decode().split("\n")
    assert lines.pop() == ""
    collection = loads(write(tmp_path / "a.geojson", *results).read_text("utf-8"))
    assert [loads(line) for line in lines] == collection["features"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "source,kind,status,label,probability,col,row,width,height,peak_col,peak_row,tiles,"),
        ("a.geojson", '{"type": "FeatureCollection", "features": [\n\n]}\n'),
        ("a.geojsonl", ""),
    ],
)
def test_run_without_rows_writes_a_valid_empty_file(tmp_path: Path, name: str, expected: str) -> None:
    """A scan without rows writes a file that other programs can open."""
    assert write(tmp_path / name).read_text().startswith(expected)


def test_numbers_keep_their_decimals_in_json(tmp_path: Path) -> None:
    """Probabilities of 0 and 1 are written as reals, so that no reader guesses an integer column."""
    text = write(
        tmp_path / "a.geojsonl", replace(TILE, probability=1.0), replace(TILE, probability=0)
    ).read_text()
    assert '"probability": 1.000000' in text
    assert '"probability": 0.000000' in text


@pytest.mark.parametrize("ending", ["csv", "geojsonl"])
def test_unknown_numbers_and_negative_zero_are_not_write(tmp_path: Path, ending: str) -> None:
    """NaN and infinity are unknown, and a tiny negative number is 0.000, not -0.000."""
    row = replace(PHOTO, probability=math.nan, valid=math.inf, lon=-1e-12, heading=-0.0)
    text = write(tmp_path / f"a.{ending}", row).read_text().lower()
    assert not any(word in text for word in ("nan", "inf", "-0.0"))


def test_outline_that_is_not_finite_is_left_out(tmp_path: Path) -> None:
    """A ring with an unknown corner is left out completely: three corners would be another shape."""
    row = replace(TILE, outline=(*OUTLINE[:3], (math.nan, 1.0)))
    assert csv_rows(write(tmp_path / "a.csv", row))[0]["wkt"] == ""


HARD_NAMES = [
    "a,b.jpg",
    'the "north" face.jpg',
    "two\nlines.jpg",
    "old\rmac.jpg",
    "straße/桥 🌉.jpg",
    " spaced .jpg",
    "back\\slash.jpg",
    "NA.jpg",
]


@pytest.mark.parametrize("name", HARD_NAMES)
@pytest.mark.parametrize("ending", FORMATS)
def test_any_file_name_comes_back_as_it_was(tmp_path: Path, name: str, ending: str) -> None:
    """Commas, quotes, line ends and any script in a name survive every format."""
    path = write(tmp_path / f"a.{ending}", replace(PHOTO, source=name), UNREADABLE)
    if ending == "csv":
        sources = [row["source"] for row in csv_rows(path)]
    else:
        text = path.read_text("utf-8")
        features = loads(text)["features"] if ending == "geojson" else map(loads, text.splitlines())
        sources = [feature["properties"]["source"] for feature in features]
    assert sources == [name, "broken.jpg"]


@pytest.mark.parametrize("ending", FORMATS)
def test_name_that_is_not_utf_8_is_escaped(tmp_path: Path, ending: str) -> None:
    """Bytes that are not UTF-8 are shown as escapes; the file stays valid UTF-8."""
    path = write(tmp_path / f"a.{ending}", replace(PHOTO, source=os.fsdecode(b"caf\xe9.jpg")))
    assert "caf\\udce9.jpg" in path.read_text("utf-8").replace("\\\\", "\\")


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_reason_is_one_line_and_not_a_formula(tmp_path: Path, start: str) -> None:
    """A spreadsheet shows any message of a decoder as text, on one line."""
    (row,) = csv_rows(
        write(tmp_path / "a.csv", replace(UNREADABLE, reason=f"{start}\n\x00 cut\x1b[31m\toff "))
    )
    assert row["reason"] == f"'{start.strip()} cut [31m off"


@pytest.mark.parametrize("separator", ";\t,")
def test_cell_is_one_in_any_spreadsheet(tmp_path: Path, separator: str) -> None:
    """A spreadsheet may part cells at semicolons or tabs; none of the parts is a formula of its own."""
    name = f"a{separator}=1+1.jpg"
    path = write(tmp_path / "a.csv", replace(PHOTO, source=name))
    assert path.read_text("utf-8").splitlines()[1].startswith(f'"{name}",')
    assert csv_rows(path)[0]["source"] == name


texts = st.text(st.characters(exclude_categories=[]), max_size=20)
numbers = st.none() | st.floats(-1e3, 1e3) | st.sampled_from([math.nan, math.inf, -0.0, 1e-9])
counts = st.none() | st.integers(0, 10**9)
positions: st.SearchStrategy[Position] = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
results = st.builds(
    Result,
    source=texts.filter(bool),
    kind=st.sampled_from(get_args(Kind)),
    status=st.sampled_from(get_args(Status)),
    label=st.none() | st.sampled_from(get_args(Label)),
    captured_at=st.none() | texts,
    reason=st.none() | texts,
    model=st.none() | texts,
    outline=st.none() | st.tuples(*[positions] * 4),
    **dict.fromkeys(DECIMALS, numbers),
    **dict.fromkeys(
        ("col", "row", "width", "height", "peak_col", "peak_row", "tiles", "crack_tiles"), counts
    ),
)


def as_texts(feature: dict[str, Any]) -> dict[str, str]:
    """Turn a feature, its numbers as they were written, into the cells of a CSV row."""
    cells = {column: "" if value is None else value for column, value in feature["properties"].items()}
    shape = feature["geometry"]
    if shape is None:
        return cells | {"wkt": ""}
    point = shape["type"] == "Point"
    ring = [shape["coordinates"]] if point else shape["coordinates"][0]
    listed = ", ".join(" ".join(position) for position in ring)
    return cells | {"wkt": f"POINT({listed})" if point else f"POLYGON(({listed}))"}


@given(rows=st.lists(results, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_formats_agree_row_by_row(tmp_path: Path, rows: list[Result]) -> None:
    """For any row, CSV, GeoJSON and GeoJSON lines hold the same text, digit by digit."""
    table = csv_rows(write(tmp_path / "a.csv", *rows))
    as_written = {"parse_float": str, "parse_int": str}
    collection = loads(write(tmp_path / "a.geojson", *rows).read_text("utf-8"), **as_written)
    lines = write(tmp_path / "a.geojsonl", *rows).read_bytes().decode().split("\n")[:-1]
    assert table == [as_texts(feature) for feature in collection["features"]]
    assert collection["features"] == [loads(line, **as_written) for line in lines]
    assert len(table) == len(rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cracks.csv", "csv"),
        ("CRACKS.CSV", "csv"),
        ("cracks.geojson", "geojson"),
        ("cracks.json", "geojson"),
        ("cracks.geojsonl", "geojsonl"),
        ("cracks.geojsons", "geojsonl"),
        ("cracks.gpkg", "gpkg"),
        ("cracks.parquet", "parquet"),
        ("heat.TIF", "heatmap"),
        ("-", "csv"),
    ],
)
def test_ending_chooses_the_format(name: str, expected: Format) -> None:
    """Each ending has its format; standard output gets CSV, which GDAL can stream."""
    assert choose_format(name) == expected


def test_chosen_format_overrules_the_ending() -> None:
    """`--format` decides, even if the ending is unknown."""
    assert (choose_format("cracks.txt", "csv"), choose_format("-", "geojsonl")) == ("csv", "geojsonl")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("cracks.shp", "the ending .shp is not a known format"),
        ("cracks", "the name has no ending"),
    ],
)
def test_unknown_ending_is_an_error_that_lists_the_formats(name: str, problem: str) -> None:
    """The sentence says what is wrong and which endings there are."""
    with pytest.raises(CrackscanError) as caught:
        open_sink(name)
    assert str(caught.value) == (
        f"{name}: {problem}; use one of .csv, .geojson, .json, .geojsonl, .geojsons, .gpkg, .parquet, "
        ".geoparquet, .tif, .tiff, .html, .htm, or give "
        "--format csv|geojson|geojsonl|gpkg|parquet|heatmap|html."
    )


def test_geographic_formats_need_a_crs() -> None:
    """CSV shows tiles of a façade by their pixels; the other formats need a position."""
    assert [name for name in get_args(Format) if not needs_crs(name)] == ["csv"]
    assert open_sink("-", "geojson").needs_crs


def test_target_stays_as_it_was_until_the_end(tmp_path: Path) -> None:
    """An earlier result is replaced in one step by a whole file, and no other file is left."""
    path = tmp_path / "a.csv"
    path.write_text("earlier")
    with open_sink(path) as sink:
        sink.write(TILE)
        assert path.read_text() == "earlier"
    assert len(csv_rows(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_run_that_ends_early_leaves_the_target_alone(tmp_path: Path, error: type[BaseException]) -> None:
    """No partial file takes the target's name, and no other file is left."""
    path = tmp_path / "a.geojson"
    path.write_text("earlier")
    with pytest.raises(error):
        fail_after(open_sink(path), error, TILE, PHOTO)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    """A killed run leaves a hidden file; the next run removes it, but no other file."""
    for name in (".a.csv.1234abcd.tmp.csv", ".a.csv.1234abcd.tmp", ".a.csv.notes", ".b.csv.1234abcd.tmp.csv"):
        (tmp_path / name).touch()
    write(tmp_path / "a.csv", TILE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a.csv.notes",
        ".b.csv.1234abcd.tmp.csv",
        "a.csv",
    ]


@pytest.mark.parametrize("ending", FORMATS)
def test_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, ending: str) -> None:
    """If the disk is full, the run says so, and no partial file is left."""
    resource = pytest.importorskip("resource", reason="needs POSIX file size limits, to imitate a full disk")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink = open_sink(tmp_path / f"a.{ending}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(CrackscanError) as caught:
            fail_after(sink, AssertionError, *[TILE] * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"{tmp_path / f'a.{ending}'}: cannot be written: File too large; choose another place with -o."
    )
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_an_error_before_the_work(tmp_path: Path) -> None:
    """The run ends when the sink is opened, not after hours, and says what to do."""
    with pytest.raises(CrackscanError) as caught, open_sink(tmp_path / "none" / "a.csv"):
        pytest.fail("the sink opened")
    assert str(caught.value) == (
        f"{tmp_path / 'none' / 'a.csv'}: there is no folder {tmp_path / 'none'}; create it first."
    )


def test_folder_as_target_is_an_error(tmp_path: Path) -> None:
    """A folder with the name of the output is not replaced."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(CrackscanError) as caught, open_sink(tmp_path / "a.csv"):
        pytest.fail("the sink opened")
    assert str(caught.value) == f"{tmp_path / 'a.csv'}: is a folder; name a file in it."


def test_name_too_long_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    """The sentence contains the message of the operating system."""
    with pytest.raises(CrackscanError) as caught, open_sink(tmp_path / ("a" * 300 + ".csv")):
        pytest.fail("the sink opened")
    assert str(caught.value).endswith(
        ".csv: cannot be written: File name too long; choose another place with -o."
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere, so nothing is refused"
)
def test_closed_folder_and_protected_file_are_errors(tmp_path: Path) -> None:
    """A folder without permission, or a file protected from writing, is refused before the work."""
    protected = tmp_path / "a.csv"
    protected.touch(mode=0o400)
    with (
        pytest.raises(CrackscanError, match="is write-protected; choose another name with -o"),
        open_sink(protected),
    ):
        pytest.fail("the sink opened")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CrackscanError, match="Permission denied"), open_sink(tmp_path / "b.csv"):
            pytest.fail("the sink opened")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    """The file that a link points to is replaced, not the link."""
    link = tmp_path / "latest.csv"
    link.symlink_to(tmp_path / "real.csv")
    write(link, TILE)
    assert link.is_symlink()
    assert len(csv_rows(tmp_path / "real.csv")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs permission bits")
def test_output_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    """Colleagues can read a result if they could read a file made by hand there."""
    (tmp_path / "by-hand").touch()
    assert write(tmp_path / "a.csv", TILE).stat().st_mode == (tmp_path / "by-hand").stat().st_mode


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """A pipe or a device, such as /dev/null, receives the rows and is not replaced by a file."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    write(pipe, TILE)
    reader.join(timeout=10)
    assert pipe.is_fifo()
    assert received == [write(tmp_path / "a.csv", TILE).read_text()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_stream_that_takes_no_more_is_an_error() -> None:
    """A stream to a full disk also gives an error in one sentence."""
    with pytest.raises(CrackscanError) as caught, open_sink("/dev/full", "csv") as sink:
        sink.write(TILE)
    assert str(caught.value) == (
        "/dev/full: cannot be written: No space left on device; choose another place with -o."
    )


def test_standard_output_gets_each_row_at_once(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each row is sent when it is made, in UTF-8 with LF, whatever the terminal's encoding."""
    with open_sink("-") as sink:
        sink.write(replace(TILE, source="brücke.tif"))
        header, row = capfdbinary.readouterr().out.decode().splitlines()
        assert header.startswith("source,kind")
        assert row.startswith("brücke.tif,tile")
        sink.write(PHOTO)
        assert capfdbinary.readouterr().out.count(b"\n") == 1
    assert not sys.stdout.closed


def test_truncated_stream_is_not_valid(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """After an error the collection on standard output has no end, so that its reader notices."""
    with pytest.raises(RuntimeError):
        fail_after(open_sink("-", "geojson"), RuntimeError, TILE)
    with pytest.raises(json.JSONDecodeError):
        loads(capfdbinary.readouterr().out.decode())


SCRIPT = """
from crackscan.basics.records import Result
from crackscan.sinks import open_sink
try:
    with open_sink("-", "csv") as sink:
        for number in range(100_000):
            sink.write(Result(source=f"{number}.jpg", kind="photo", status="ok"))
except BrokenPipeError:
    raise SystemExit(77)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another error for a closed pipe")
def test_closed_pipe_raises_broken_pipe_error() -> None:
    """`| head` gives a BrokenPipeError, which the command line handles without a message."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith(b"source,")
        run.stdout.close()
        assert run.wait(timeout=30) in {77, 120}  # 120: Python could not flush the closed stream either


def test_sinks_import_nothing_heavy() -> None:
    """Writing text needs only the standard library."""
    code = "import sys, crackscan.sinks; print({'numpy', 'rasterio', 'pandas', 'pyarrow'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_pandas_reads_the_types(tmp_path: Path) -> None:
    """In pandas, probabilities are floats even if all are 0 or 1, and unknown values are missing."""
    pandas = pytest.importorskip("pandas")
    rows = replace(TILE, probability=1.0), replace(TILE, probability=0.0), UNREADABLE
    table = pandas.read_csv(write(tmp_path / "a.csv", *rows))
    assert tuple(table.columns) == (*COLUMNS, "wkt")
    assert table["probability"].dtype == float
    assert table["probability"].isna().tolist() == [False, False, True]
    assert table["wkt"].str.startswith("POLYGON").tolist()[:2] == [True, True]


needs_gdal = pytest.mark.skipif(
    not (shutil.which("ogrinfo") and shutil.which("ogr2ogr")),
    reason="GDAL's command-line tools are not installed",
)


def tiles(count: int) -> list[Result]:
    """Make neighbouring tiles in a row; the first half has probability 0."""
    return [
        replace(
            TILE,
            probability=0.0 if number < count / 2 else 0.25,
            outline=tuple((lon + number * 3.7e-5, lat) for lon, lat in OUTLINE),
        )
        for number in range(count)
    ]


def summary(path: Path) -> str:
    """Return GDAL's description of a file."""
    return subprocess.check_output(["ogrinfo", "-so", "-al", path], text=True)


@needs_gdal
@pytest.mark.parametrize("ending", ["geojson", "geojsonl"])
def test_gdal_opens_the_geographic_formats(tmp_path: Path, ending: str) -> None:
    """GDAL reads polygons, points and rows without a position, in WGS 84, and probabilities as reals."""
    description = summary(write(tmp_path / f"a.{ending}", *tiles(3), PHOTO, UNREADABLE))
    assert "Feature Count: 5" in description
    assert "probability: Real" in description
    assert 'ID["EPSG",4326]' in description


WKT = (
    *("-oo", "GEOM_POSSIBLE_NAMES=wkt", "-oo", "KEEP_GEOM_COLUMNS=NO"),
    *("-oo", "AUTODETECT_TYPE=YES", "-a_srs", "EPSG:4326"),
)


def piped_commands() -> list[tuple[str, str]]:
    """Return the pipes into GDAL in examples/output.md, each with its format."""
    text = (ROOT / "examples" / "output.md").read_text(encoding="utf-8").replace("\\\n", "")
    pipes = re.findall(
        r"^    crackscan scan survey.tif -o -(?: --format (\w+))? \| (ogr2ogr .*)$", text, re.MULTILINE
    )
    assert pipes, "examples/output.md no longer shows a pipe into GDAL"
    return [(format_name or "csv", command) for format_name, command in pipes]


@needs_gdal
@pytest.mark.parametrize(("ending", "command"), piped_commands())
def test_gdal_takes_a_pipe_of_more_than_a_megabyte(tmp_path: Path, ending: Format, command: str) -> None:
    """All of 10,000 tiles arrive by the documented command: plain pipes of GeoJSON lines fail above 1 MB."""
    path = write(tmp_path / f"a.{ending}", *tiles(10_000))
    assert path.stat().st_size > 2_500_000
    with path.open("rb") as rows:
        subprocess.run(["bash", "-c", f"cat | {command}"], stdin=rows, cwd=tmp_path, check=True)
    description = summary(tmp_path / "cracks.gpkg")
    assert "Layer name: cracks" in description
    assert "Feature Count: 10000" in description
    assert "probability: Real" in description
    assert 'ID["EPSG",4326]' in description
    assert "wkt" not in description
    polygons = "SELECT COUNT(*) FROM cracks WHERE ST_GeometryType(geom) = 'POLYGON'"
    counted = subprocess.check_output(
        ["ogrinfo", "-q", tmp_path / "cracks.gpkg", "-sql", polygons], text=True
    )
    assert "= 10000" in counted


@needs_gdal
def test_gdal_reads_a_tile_at_its_position(tmp_path: Path) -> None:
    """The polygon that GDAL reads from CSV has the corners that were written."""
    path = write(tmp_path / "a.csv", TILE)
    command = ["ogr2ogr", "-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=9", "/vsistdout/", path, *WKT]
    (feature,) = json.load(io.BytesIO(subprocess.check_output(command)))["features"]
    (ring,) = feature["geometry"]["coordinates"]
    assert sorted(map(tuple, ring[:4])) == sorted((round(lon, 9), round(lat, 9)) for lon, lat in OUTLINE)
