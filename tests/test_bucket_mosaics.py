"""Mosaics in a bucket: GDAL reads the tiles it needs, and reaches nothing else by them."""

from pathlib import Path

import numpy as np
import pytest
from buckets import BUCKET, Proxy, Store, lead_to
from commands import run
from makers import make_mosaic
from test_buckets import flat, rows

from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.reading import open_mosaic

pytestmark = pytest.mark.usefixtures("stand_in_model")
BLOCKS = {"tiled": True, "blockxsize": 256, "blockysize": 256}


def noise(size: int) -> np.ndarray:
    """Return what no compression makes smaller."""
    return np.random.default_rng(1).integers(0, 255, (3, size, size)).astype(np.uint8)


def test_mosaic_gives_the_same_rows_as_on_a_disk(store: Store, tmp_path: Path) -> None:
    """Positions, pixels and the order of rows are the same; a mosaic stands in the rows by its name."""
    folder = tmp_path / "survey"
    make_mosaic(folder / "deck.tif", width=900, height=700, bands=noise(700)[:, :, :], **BLOCKS)
    outputs = ["-o", "o.csv", "-o", "o.geojson"]
    assert run("scan", folder, *outputs).exit_code == 0
    local = [Path(name).read_bytes() for name in ("o.csv", "o.geojson")]
    done = run("scan", store.put_folder(folder, "in"), *outputs, "--fresh")
    assert done.exit_code == 0, done.stderr
    assert [Path(name).read_bytes() for name in ("o.csv", "o.geojson")] == local


@pytest.mark.slow
def test_tiles_are_read_and_not_the_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window of a mosaic costs its blocks and the header, and no second look at the file."""
    path = make_mosaic(tmp_path / "a.tif", bands=noise(2048), **BLOCKS)
    name = store.put("a.tif", path)
    with Proxy(store.url).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        with open_mosaic(name) as remote, open_mosaic(path) as local:
            window = Window(300, 300, 500, 500)
            assert (remote.read(window).pixels == local.read(window).pixels).all()
    fetched = sum(seen.sent for seen in proxy.requests if seen.method == "GET")
    assert fetched < path.stat().st_size / 4
    assert all(seen.range for seen in proxy.requests if seen.method == "GET" and "a.tif" in seen.path)


@pytest.mark.slow
def test_files_beside_a_mosaic_count(store: Store, tmp_path: Path) -> None:
    """A mask in a file of its own says which pixels are valid, in a bucket as on a disk."""
    import rasterio

    path = make_mosaic(tmp_path / "m" / "a.tif", width=448, height=448)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        mask = np.full((448, 448), 255, np.uint8)
        mask[:224] = 0
        dataset.write_mask(mask)
    assert (tmp_path / "m" / "a.tif.msk").exists()
    address = store.put_folder(tmp_path / "m", "m")
    assert run("scan", address, "-o", "o.csv").exit_code == 0
    assert [row["status"] for row in rows(Path("o.csv"))] == ["nodata", "nodata", "ok", "ok"]
    store.client.delete_object(Bucket=BUCKET, Key="m/a.tif.msk")
    run("scan", address, "-o", "o.csv")
    assert [row["status"] for row in rows(Path("o.csv"))] == ["ok"] * 4


@pytest.mark.slow
def test_read_that_fails_is_a_row_and_is_tried_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles that could not be fetched are never called uncracked, and the reason is that of the store."""
    path = make_mosaic(tmp_path / "a.tif", bands=noise(672), **BLOCKS)
    name = store.put("a.tif", path)
    with Proxy(store.url).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        proxy.spoil = lambda seen: 503 if seen.range and int(seen.range[6:].split("-")[0]) > 300_000 else None
        assert run("scan", name, "-o", "o.csv").exit_code == 3
        found = rows(Path("o.csv"))
        assert {row["status"] for row in found} == {"ok", "unreadable"}
        assert any("SlowDown" in row["reason"] for row in found)
        proxy.spoil = lambda _: None
        assert run("scan", name, "-o", "o.csv").exit_code == 0
    assert {row["status"] for row in rows(Path("o.csv"))} == {"ok"}


@pytest.mark.slow
def test_mosaic_that_was_replaced_is_judged_again(store: Store, tmp_path: Path) -> None:
    """Another ETag is another file."""
    name = store.put("a.tif", make_mosaic(tmp_path / "a.tif", width=448, height=448))
    run("scan", name, "-o", "o.csv")
    dark = np.full((3, 448, 448), 10, np.uint8)
    store.put("a.tif", make_mosaic(tmp_path / "a.tif", bands=dark))
    done = run("scan", name, "-o", "o.csv")
    assert done.exit_code == 0
    assert {row["label"] for row in rows(Path("o.csv"))} == {"crack"}


def vrt(part: str, *, relative: int = 1) -> bytes:
    """Return a VRT of one part."""
    return f"""<VRTDataset rasterXSize="448" rasterYSize="448">
      <GeoTransform>400000, 0.005, 0, 5000000, 0, -0.005</GeoTransform>
      {
        "".join(
            f'''<VRTRasterBand dataType="Byte" band="{band}"><SimpleSource>
      <SourceFilename relativeToVRT="{relative}">{part}</SourceFilename><SourceBand>{band}</SourceBand>
      <SrcRect xOff="0" yOff="0" xSize="448" ySize="448"/><DstRect xOff="0" yOff="0" xSize="448" ySize="448"/>
      </SimpleSource></VRTRasterBand>'''
            for band in (1, 2, 3)
        )
    }</VRTDataset>""".encode()


@pytest.mark.slow
def test_vrt_reads_its_parts_from_the_bucket(store: Store, tmp_path: Path) -> None:
    """The parts of a VRT lie beside it, or in a folder that the user names as well."""
    part = make_mosaic(tmp_path / "part.tif", width=448, height=448)
    store.put("in/parts/part.tif", part)
    name = store.put("in/all.vrt", vrt("parts/part.tif"))
    done = run("scan", name, "-o", "o.csv")
    assert done.exit_code == 0, Path("o.csv").read_text()
    assert [row["status"] for row in rows(Path("o.csv"))] == ["ok"] * 4
    store.client.delete_object(Bucket=BUCKET, Key="in/parts/part.tif")
    assert run("scan", name, "-o", "gone.csv").exit_code == 3
    assert "its part part.tif is gone" in rows(Path("gone.csv"))[0]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("climb", [0, 2, 9])
@pytest.mark.parametrize("key", ["all.vrt", "in/deep/all.vrt"])
def test_vrt_in_a_bucket_reads_no_disk(store: Store, tmp_path: Path, key: str, climb: int) -> None:
    """Neither an absolute path nor steps up lead out of the bucket, also if the user names that folder."""
    secret = make_mosaic(tmp_path / "secret" / "part.tif", width=448, height=448)
    part = "../" * climb + str(secret).lstrip("/") if climb else str(secret)
    name = store.put(key, vrt(part))
    for more in ((), (secret.parent,)):
        run("scan", name, *more, "-o", "o.csv", "--fresh")
        (row,) = [row for row in rows(Path("o.csv")) if row["source"] == name]
        assert row["status"] == "unreadable"
        assert "gone" in row["reason"] or "lies outside of its folder" in row["reason"], row["reason"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["s3://survey/part.tif", "/vsis3/survey/part.tif", "/vsicurl/http://127.0.0.1:1/part.tif"]
)
@pytest.mark.parametrize("place", ["bucket", "disk"])
def test_vrt_names_no_address(store: Store, tmp_path: Path, part: str, place: str) -> None:
    """A VRT on a disk reaches no bucket, and one in a bucket no other one."""
    store.put("part.tif", make_mosaic(tmp_path / "part.tif", width=448, height=448))
    own = tmp_path / "own" / "all.vrt"
    own.parent.mkdir()
    own.write_bytes(vrt(part, relative=0))
    name = str(own) if place == "disk" else store.put("in/all.vrt", own)
    assert run("scan", name, f"s3://{BUCKET}", "-o", "o.csv").exit_code == 3
    row = next(row for row in rows(Path("o.csv")) if row["source"] == name)
    assert "is not a file in a folder" in row["reason"]


@pytest.mark.slow
def test_part_of_another_folder_must_be_named(store: Store, tmp_path: Path) -> None:
    """A VRT reads only what the user put before it."""
    store.put("other/part.tif", make_mosaic(tmp_path / "part.tif", width=448, height=448))
    name = store.put("in/all.vrt", vrt("../other/part.tif"))
    assert run("scan", name, "-o", "o.csv").exit_code == 3
    assert "lies outside of its folder" in rows(Path("o.csv"))[0]["reason"]
    assert run("scan", name, f"s3://{BUCKET}/other", "-o", "both.csv").exit_code == 0


@pytest.mark.slow
def test_gdal_itself_has_no_way_to_the_bucket(store: Store, tmp_path: Path) -> None:
    """What GDAL knows of networks stays closed while mosaics of buckets are read."""
    name = store.put("a.tif", make_mosaic(tmp_path / "a.tif", width=448, height=448))
    import rasterio

    with open_mosaic(name) as mosaic:
        mosaic.read(Window(0, 0, 100, 100))
        for path in (f"/vsis3/{BUCKET}/a.tif", f"/vsicurl/{store.url}/{BUCKET}/a.tif"):
            with pytest.raises(rasterio.errors.RasterioIOError):
                rasterio.open(path)
    with pytest.raises(Unreadable), open_mosaic(f"/vsis3/{BUCKET}/a.tif"):
        pass


@pytest.mark.slow
def test_missing_coordinate_system_names_the_address(store: Store, tmp_path: Path) -> None:
    """An error shows the name that the user gave."""
    name = store.put("a.tif", make_mosaic(tmp_path / "a.tif", width=448, height=448, crs=None))
    done = run("scan", name, "-o", "o.geojson")
    assert done.exit_code == 1
    assert flat(done.stderr).startswith(f"error: {name}: ")
