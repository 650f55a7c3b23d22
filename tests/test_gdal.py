"""What GDAL may open, and what it does not read is never judged."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import stand_in
from commands import run
from makers import DarkMeansCrack, make_mosaic, make_photo, pixels, scan_options

from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.basics.records import Window, Work
from crackscan.geo.areas import Areas
from crackscan.geo.georef import parse_crs
from crackscan.reading import mosaics, open_mosaic
from crackscan.scanning.inference import infer, infer_each
from crackscan.scanning.plan import Plan

OPTIONS = scan_options(tile_px=224, threshold=0.5)
WHOLE = Window(0, 0, 448, 448)
BAND = '<VRTRasterBand dataType="Byte" band="1"{}>{}</VRTRasterBand>'
SOURCE = (
    '<SimpleSource><SourceFilename relativeToVRT="{}">{}</SourceFilename><SourceBand>1</SourceBand>'
    '<SrcRect xOff="0" yOff="0" xSize="448" ySize="448"/><DstRect xOff="0" yOff="0" xSize="448" ySize="448"/>'
    "</SimpleSource>"
)
PYTHON = (
    "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
    "<PixelFunctionCode>def f(in_ar, out_ar, *a, **k): out_ar[:] = 0</PixelFunctionCode>"
)
RAW = '<SourceFilename relativeToVRT="1">part.tif</SourceFilename><ImageOffset>0</ImageOffset>'
SERVICE = (
    "<WCS_GDAL><ServiceURL>http://127.0.0.1:1/wcs?</ServiceURL><CoverageName>x</CoverageName></WCS_GDAL>"
)


def write_vrt(path: Path, band: str) -> Path:
    """Write a VRT of 448 x 448 px from the text of its band."""
    header = "<SRS>EPSG:32633</SRS><GeoTransform>500000,0.01,0,5000000,0,-0.01</GeoTransform>"
    path.write_text(f'<VRTDataset rasterXSize="448" rasterYSize="448">{header}{band}</VRTDataset>')
    return path


def vrt_of(path: Path, *parts: str, relative: int = 1) -> Path:
    """Write a VRT of some parts, each of which fills it."""
    sources = "".join(SOURCE.format(relative, part) for part in parts)
    return write_vrt(path, BAND.format("", sources))


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Return a mosaic of four tiles in a folder."""
    return make_mosaic(tmp_path / "part.tif", width=448, height=448)


def move_tag(path: Path, tag: int) -> None:
    """Let a tag of a TIFF lie behind the end of the file."""
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry) == (tag,):
            struct.pack_into("<I", content, entry + 8, len(content) + 1000)
    path.write_bytes(content)


@pytest.mark.parametrize("tag", [33550, 33922, 34735])
def test_mosaic_whose_position_cannot_be_read_is_unreadable(part: Path, tag: int) -> None:
    """It is neither placed elsewhere nor judged as a photo."""
    move_tag(part, tag)
    (work,) = Plan((str(part),), OPTIONS.tiles)
    assert work.kind == "mosaic"
    assert "IO error during reading" in (work.fault or "")


@pytest.mark.parametrize(
    "change", [{"crs": "EPSG:32632"}, {"width": 500}, {"bands": np.zeros((1, 448, 448), np.uint8)}]
)
def test_mosaic_that_changes_after_planning_is_unreadable(part: Path, change: dict[str, Any]) -> None:
    """Its tiles are tried again by the next run, whose plan has the new position."""
    works = list(Plan((str(part),), OPTIONS.tiles))
    make_mosaic(part, **({"width": 448, "height": 448} if "bands" not in change else {}) | change)
    rows = [row for band in infer_each(works, DarkMeansCrack(), OPTIONS.rows) for row in band]
    assert [row.status for row in rows] == ["unreadable"] * 4
    assert "not as it was when the scan was planned" in (rows[0].reason or "")


def test_file_is_opened_again_after_an_error(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL gives zeros for what it could not read before in the same dataset."""
    opened = list[rasterio.DatasetReader]()
    open_raster = mosaics.open_raster

    def counted(*arguments: Any) -> rasterio.DatasetReader:
        opened.append(open_raster(*arguments))
        return opened[-1]

    monkeypatch.setattr(mosaics, "open_raster", counted)
    make_mosaic(part, width=448, height=448, tiled=True, blockxsize=128, blockysize=128, compress="deflate")
    with rasterio.open(part) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    with part.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(64))
    with open_mosaic(part) as mosaic:
        for _ in range(2):
            with pytest.raises(Unreadable):
                mosaic.read(Window(0, 0, 224, 224))
        for _ in range(2):
            assert mosaic.read(Window(224, 224, 224, 224)).pixels.min() > 0
    assert len(opened) == 3
    assert all(dataset.closed for dataset in opened)


def test_refused_read_is_refused_again(part: Path) -> None:
    """A VRT that computes its pixels by Python code, which must not run: none of its tiles is judged."""
    derived = ' subClass="VRTDerivedRasterBand"'
    path = write_vrt(part.with_name("a.vrt"), BAND.format(derived, PYTHON + SOURCE.format(1, part.name)))
    rows = [
        row
        for work in Plan((str(path),), OPTIONS.tiles)
        for row in infer(work, DarkMeansCrack(), OPTIONS.rows)
    ]
    assert [row.status for row in rows] == ["unreadable"] * 4
    assert all(row.reason for row in rows)


def fault_of(path: Path, *others: Path) -> str | None:
    """Return why a mosaic cannot be planned."""
    works = [work for work in Plan((str(path), *map(str, others)), OPTIONS.tiles) if work.path == str(path)]
    return works[0].fault


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "address": (
        lambda path: vrt_of(path, "/vsicurl/http://127.0.0.1:1/a.tif", relative=0),
        "not a file in a folder",
    ),
    "service": (lambda path: vrt_of(path, "WMS:http://127.0.0.1:1/", relative=0), "not a file in a folder"),
    "text": (lambda path: vrt_of(path, SERVICE.replace("<", "&lt;"), relative=0), "not a file in a folder"),
    "elsewhere": (lambda path: vrt_of(path, "../part.tif"), "name the folder of the part"),
    "absolute": (lambda path: vrt_of(path, "/etc/passwd", relative=0), "name the folder of the part"),
    "no picture": (lambda path: vrt_of(path, "service.tif"), "service.tif is not a picture"),
    "raw": (
        lambda path: write_vrt(path, BAND.format(' subclass="VRTRawRasterBand"', RAW)),
        "VRTRawRasterBand",
    ),
    "itself": (lambda path: vrt_of(path, path.name), "more than 8 levels deep"),
    "entities": (lambda path: write_vrt(path, '<!DOCTYPE a [<!ENTITY b "c">]>'), "document type"),
    "damaged": (lambda path: write_vrt(path, "<a>"), "XML is damaged"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_vrt_reads_only_pictures_in_its_folder(tmp_path: Path, kind: str) -> None:
    """Other files, services and bytes of other files are refused before GDAL opens anything."""
    folder = tmp_path / "vrt"
    for place in (tmp_path, folder):
        make_mosaic(place / "part.tif")
    (folder / "service.tif").write_text(SERVICE)
    write, reason = HOSTILE[kind]
    assert reason in (fault_of(write(folder / "a.vrt")) or "")
    inner = folder / "b.tif"
    inner.write_bytes((folder / "a.vrt").read_bytes())  # a VRT by another name, in a VRT
    assert fault_of(vrt_of(folder / "outer.vrt", "b.tif"))


@pytest.mark.parametrize("relative", [0, 1])
def test_parts_may_lie_in_a_folder_that_the_user_named(tmp_path: Path, relative: int) -> None:
    """By its path or by a link to it."""
    part = make_mosaic(tmp_path / "parts" / "a.tif", width=448, height=448)
    (tmp_path / "link").symlink_to(part.parent)
    path = tmp_path / "vrt" / "a.vrt"
    path.parent.mkdir()
    vrt_of(path, "../parts/a.tif" if relative else str(part), relative=relative)
    assert "name the folder" in (fault_of(path) or "")
    for folder in (part.parent, tmp_path / "link"):
        works = [work for work in Plan((str(path), str(folder)), OPTIONS.tiles) if work.path == str(path)]
        assert {row.status for rows in infer_each(works, DarkMeansCrack(), OPTIONS.rows) for row in rows} == {
            "ok"
        }


def test_vrts_inside_vrts_have_a_limit(tmp_path: Path, part: Path) -> None:
    """Each level multiplies the parts: 19 kB once took gigabytes."""
    for level in range(6):
        below = f"{level - 1}.vrt" if level else part.name
        vrt_of(tmp_path / f"{level}.vrt", *[below] * 10)
    assert fault_of(tmp_path / "3.vrt") is None
    assert "over 100,000 parts" in (fault_of(tmp_path / "5.vrt") or "")


def test_text_of_a_service_is_not_opened(tmp_path: Path) -> None:
    """Neither as a photo nor as a mosaic, and no part of it is a connection."""
    (tmp_path / "a.tif").write_text(SERVICE)
    (work,) = Plan((str(tmp_path),), OPTIONS.tiles, kind="mosaic")
    assert "not recognized as being in a supported file format" in (work.fault or "")


AREAS = {
    "other format": '<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>',
    "service": "<OGRWFSDataSource><URL>http://127.0.0.1:1/</URL></OGRWFSDataSource>",
    "link": '{"type": "FeatureCollection", "features": [], "crs": {"type": "link"}}',
    "link in a shape": '{"type": "Feature", "geometry": {"type": "Point", "CRS": {"TYPE": "Link"}}}',
    "other JSON": '{"links": [{"href": "http://127.0.0.1:1/"}]}',
    "damaged JSON": '{"type": "FeatureCollection", "features": [',
}


@pytest.mark.parametrize("kind", AREAS)
def test_areas_of_other_formats_are_refused(tmp_path: Path, kind: str) -> None:
    """Whatever the file's name, nothing else is opened."""
    path = tmp_path / "a.geojson"
    path.write_text(AREAS[kind])
    with pytest.raises(CrackscanError, match="give GeoJSON or a GeoPackage"):
        Areas.read(path)


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1:1/crs", " HTTPS://127.0.0.1:1/crs", "/vsicurl/http://127.0.0.1:1"]
)
def test_coordinate_system_is_not_fetched(text: str) -> None:
    """PROJ would open a connection."""
    with pytest.raises(CrackscanError, match="not a coordinate system that PROJ knows"):
        parse_crs(text)


@pytest.mark.parametrize("name", ["PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH"])
def test_variables_of_other_programs_are_set_aside(tmp_path: Path, part: Path, name: str) -> None:
    """They lead to data of another version, with which no mosaic could be placed."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "proj.db").write_bytes(b"another PROJ's")
    command = [sys.executable, stand_in.__file__, "scan", part, "-o", tmp_path / "o.geojson", "-q"]
    environment = os.environ | {name: str(tmp_path / "other")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"Polygon"' in (tmp_path / "o.geojson").read_text()


@pytest.mark.usefixtures("stand_in_model")
def test_gdal_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A tag that libtiff finds odd gives neither a line on stderr nor another result."""
    make_photo(tmp_path / "a.tif", tiffinfo={297: 1})
    make_mosaic(tmp_path / "b.tif", bands=np.moveaxis(pixels(448, 448), -1, 0))
    assert run("scan", tmp_path, "-o", tmp_path / "o.csv", "-q").exit_code == 0
    assert "Warning" not in capfd.readouterr().err


STATISTICS = '<Metadata><MDI key="STATISTICS_MAXIMUM">1</MDI></Metadata><Histograms><HistItem/></Histograms>'


@pytest.mark.usefixtures("stand_in_model")
@pytest.mark.parametrize(
    ("band", "changes"),
    [
        (STATISTICS, False),
        ("<NoDataValue>150</NoDataValue>", True),
        (f"{STATISTICS}<NoDataValue>1</NoDataValue>", True),
    ],
)
def test_statistics_beside_a_mosaic_are_not_a_change(
    tmp_path: Path,
    part: Path,
    band: str,
    changes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A GIS writes them when it shows the mosaic; a nodata value there is a change."""
    out = tmp_path / "o.csv"
    assert run("scan", part, "-o", out).exit_code == 0
    side = tmp_path / "part.tif.aux.xml"
    side.write_text(f'<PAMDataset>\n <PAMRasterBand band="1">\n{band}\n</PAMRasterBand>\n</PAMDataset>')
    assert ("this scan is complete" in run("scan", part, "-o", out).stderr) != changes
    if changes:
        side.write_text(side.read_text().replace(band, STATISTICS + band.replace(STATISTICS, "")))
        assert "this scan is complete" in run("scan", part, "-o", out).stderr


def test_work_of_a_mosaic_has_its_identity(part: Path) -> None:
    """So that a band is read from the mosaic that was planned."""
    (first, second) = Plan((str(part),), OPTIONS.tiles)
    assert isinstance(first, Work)
    assert first.identity == second.identity
    assert first.identity
