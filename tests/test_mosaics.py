"""The tiles of a mosaic get the same results however it is stored; tiles without data are not assessed."""

import os
import subprocess
import sys
import threading
from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
import rasterio
from commands import run
from makers import DarkMeansCrack, labelled_rows, make_mosaic, pixels, scan_options
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.windows import Window as Area

from crackscan.basics import grid
from crackscan.basics.records import Result, ScanOptions, Window
from crackscan.reading import Mosaic, Patch
from crackscan.scanning.inference import infer, infer_each
from crackscan.scanning.plan import Plan

OPTIONS = scan_options(tile_px=224, threshold=0.5)
WIDE = partial(scan_options, 32, 0.5)
WIDTH, HEIGHT = 300, 2100  # above 2,000 px GDAL shows one long strip as many


def scan_mosaic(path: Path, options: ScanOptions = OPTIONS) -> list[Result]:
    """Return the rows of a scan with the stand-in classifier."""
    return labelled_rows(Plan((str(path),), options.tiles), options)


def picture() -> NDArray[np.uint8]:
    """Return the bands of a bright mosaic that gets darker from tile to tile."""
    shade = np.add.outer(np.arange(HEIGHT) // 224 * 12, np.arange(WIDTH) // 224 * 3)
    return np.moveaxis((pixels(WIDTH, HEIGHT) - shade[..., None]).astype(np.uint8), -1, 0)


def comparable(rows: list[Result]) -> list[tuple[Any, ...]]:
    """Return the fields that must not depend on how the file is stored."""
    return [(row.window, row.status, row.probability, row.valid, row.outline) for row in rows]


STORAGE: dict[str, dict[str, Any]] = {
    "one strip": {"blockysize": HEIGHT, "compress": "deflate"},
    "strips of one row": {"blockysize": 1},
    "tiles, band by band": {"tiled": True, "blockxsize": 64, "blockysize": 128, "interleave": "band"},
    "BigTIFF": {"BIGTIFF": "YES", "compress": "lzw", "predictor": 2},
    "COG": {"driver": "COG", "compress": "deflate", "blocksize": 256},
}


@pytest.mark.parametrize("profile", STORAGE.values(), ids=STORAGE)
def test_storage_of_the_file_changes_nothing(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Strips, tiles, a BigTIFF and a Cloud-Optimised GeoTIFF with its overviews give the same rows."""
    plain = make_mosaic(tmp_path / "plain.tif", bands=picture())
    stored = make_mosaic(tmp_path / "m.tif", bands=picture(), **profile)
    assert comparable(scan_mosaic(stored)) == comparable(scan_mosaic(plain))


@pytest.mark.parametrize("overlap", [0.0, pytest.param(6 / 7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("profile", [{"tiled": True, "blockxsize": 64, "blockysize": 64}, {"blockysize": 64}])
def test_bands_of_a_wide_mosaic_together_give_the_rows_of_each_alone(
    tmp_path: Path, profile: dict[str, Any], overlap: float
) -> None:
    """Rows are the same, in the same order, for any storage and whichever bands are processed together."""
    bright = np.random.default_rng(1).integers(0, 256, (3, 250, 1300), np.uint8)
    works = list(
        Plan((str(make_mosaic(tmp_path / "m.tif", bands=bright, **profile)),), WIDE(overlap=overlap).tiles)
    )
    together = list(infer_each(works, DarkMeansCrack(), OPTIONS.rows))
    assert together == [infer(work, DarkMeansCrack(), OPTIONS.rows) for work in works]
    for band in together:
        corners = [(row.row, row.col) for row in band]
        assert corners == sorted(corners)
        assert len({row.probability for row in band}) > 20


@pytest.mark.parametrize("profile", [{"tiled": True, "blockxsize": 64, "blockysize": 64}, {"blockysize": 16}])
def test_wide_mosaic_is_decoded_little_more_than_once(
    tmp_path: Path, profile: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block cache of a quarter of the file is enough for that, for blocks and for strips."""
    path = make_mosaic(tmp_path / "m.tif", bands=np.full((3, 7 * 32, 3200), 200, np.uint8), **profile)
    with rasterio.open(path) as dataset:
        (block_height, block_width), *_ = dataset.block_shapes
    cache: dict[tuple[int, int], None] = {}
    decoded = Counter[tuple[int, int]]()
    read = Mosaic.read_tiles

    def counting(mosaic: Mosaic, windows: list[Window], **how: int) -> list[Patch]:
        area = grid.bounding_window(tuple(windows))
        rows = range(area.row // block_height, (area.row + area.height - 1) // block_height + 1)
        cols = range(area.col // block_width, (area.col + area.width - 1) // block_width + 1)
        for block in product(rows, cols):
            decoded[block] += block not in cache
            cache.pop(block, None)
            cache[block] = None
            while len(cache) * block_height * block_width > 7 * 32 * 3200 / 4:
                del cache[next(iter(cache))]
        return read(mosaic, windows, **how)

    monkeypatch.setattr(Mosaic, "read_tiles", counting)
    assert {row.status for row in scan_mosaic(path, WIDE())} == {"ok"}
    assert decoded.total() <= 1.1 * len(decoded)


def test_overviews_change_nothing_at_full_resolution(tmp_path: Path) -> None:
    """Overviews inside the file or beside it are not read in place of its pixels."""
    path = make_mosaic(tmp_path / "m.tif", bands=picture())
    before = comparable(scan_mosaic(path))
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], Resampling.nearest)
    assert (tmp_path / "m.tif.ovr").exists()
    assert comparable(scan_mosaic(path)) == before


def half_valid(path: Path, kind: str) -> Path:
    """Write a mosaic of 2 x 2 tiles whose left ones are nodata by one kind of mask."""
    bands, mask = np.full((3, 448, 448), 90, np.uint8), np.full((448, 448), 255, np.uint8)
    mask[:, :224] = 0
    grey, alpha = kind.startswith("grey"), kind.endswith("alpha")
    data = bands[:1] if grey else bands
    if kind.startswith("16"):
        data = data.astype(np.uint16) * 257
        mask = mask.astype(np.uint16) * 257
    if alpha:
        return make_mosaic(path, bands=np.concatenate([data, mask[None]]), alpha="YES")
    if kind == "nodata":
        return make_mosaic(path, bands=np.where(mask == 0, 7, data).astype(np.uint8), nodata=7)
    make_mosaic(path, bands=data)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind.endswith("internal mask")),
        rasterio.open(path, "r+") as dataset,
    ):
        dataset.write_mask(mask > 0)
    assert path.with_name(f"{path.name}.msk").exists() == kind.endswith(".msk")
    return path


@pytest.mark.parametrize(
    "kind", ["alpha", "grey alpha", "16 bit alpha", "nodata", "internal mask", "grey internal mask", ".msk"]
)
@pytest.mark.parametrize("decimation", [1, 2])
def test_nodata_tiles_are_not_assessed(tmp_path: Path, kind: str, decimation: int) -> None:
    """Alpha, a nodata value and a mask in the file or beside it are respected at any resolution."""
    path = half_valid(tmp_path / "m.tif", kind)
    options = scan_options(
        tile_px=224 // decimation,
        threshold=0.5,
        target_mm_per_px=5.0 * decimation if decimation > 1 else None,
    )
    rows = scan_mosaic(path, options)
    assert [(row.status, row.valid) for row in rows] == [("nodata", 0.0), ("ok", 1.0)] * 2
    assert rows[1].probability == pytest.approx(1 - 90 / 255, abs=0.002)


def sparse(path: Path, **profile: Any) -> Path:
    """Write a mosaic of which only the block around column 1300, row 300 is ever written."""
    settings = {"width": 1344, "height": 448, "count": 3, "dtype": "uint8", "driver": "GTiff"}
    blocks = {"tiled": True, "blockxsize": 256, "blockysize": 256, "SPARSE_OK": True, "crs": "EPSG:32633"}
    georef = {"transform": from_origin(400_000.0, 5_000_000.0, 0.005, 0.005)}
    with rasterio.open(path, "w", **settings | blocks | georef | profile) as dataset:
        dataset.write(np.full((3, 192, 64), 90, np.uint8), window=Area(1280, 256, 64, 192))
    return path


@pytest.mark.parametrize("profile", [{}, {"nodata": 0}, {"interleave": "band"}, {"compress": "deflate"}])
def test_blocks_that_were_never_written_are_nodata(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Their tiles get rows with the status nodata, even if the file declares no nodata value."""
    path = sparse(tmp_path / "m.tif", **profile)
    rows = scan_mosaic(path)
    assert [row.status for row in rows] == ["nodata"] * 12
    assert [row.valid for row in rows] == [0.0] * 11 + [192 * 64 / 224**2]
    small = scan_mosaic(path, scan_options(tile_px=64, threshold=0.5))
    assessed = [row for row in small if row.status == "ok"]
    assert {(row.col, row.valid) for row in assessed} == {(1280, 1.0)}
    assert [row.row for row in assessed] == [256, 320, 384]


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Return four mosaics side by side; the third one is cracked."""
    return [
        make_mosaic(
            tmp_path / "parts" / f"{number}.tif",
            bands=np.moveaxis(pixels(224, 224, crack=number == 2), -1, 0),
            transform=from_origin(400_000.0 + number * 1.12, 5_000_000.0, 0.005, 0.005),
        )
        for number in range(4)
    ]


def make_vrt(path: Path, parts: list[Path]) -> Path:
    """Build a VRT with GDAL's own tool."""
    if which("gdalbuildvrt") is None:
        pytest.skip("needs gdalbuildvrt")
    subprocess.run(["gdalbuildvrt", "-q", path, *parts], check=True)
    return path


def test_vrt_gives_the_rows_of_its_parts(tmp_path: Path, parts: list[Path]) -> None:
    """Tiles have the same outlines and probabilities as in the scans of the parts."""
    rows = scan_mosaic(make_vrt(tmp_path / "all.vrt", parts))
    alone = [row for part in parts for row in scan_mosaic(part)]
    assert [row.label for row in rows] == ["no-crack", "no-crack", "crack", "no-crack"]
    assert [row.probability for row in rows] == [row.probability for row in alone]
    for row, other in zip(rows, alone, strict=True):
        assert np.allclose(row.outline or (), other.outline or (), rtol=0, atol=1e-9)


def test_part_of_a_vrt_that_is_gone_is_unreadable(tmp_path: Path, parts: list[Path]) -> None:
    """The tiles of a missing part are unreadable; those of the others are assessed."""
    path = make_vrt(tmp_path / "all.vrt", parts)
    parts[1].unlink()
    assert [row.status for row in scan_mosaic(path)] == ["ok", "unreadable", "ok", "ok"]


def test_gap_between_the_parts_of_a_vrt_is_nodata(tmp_path: Path, parts: list[Path]) -> None:
    """A place without a part is nodata, not black concrete."""
    path = make_vrt(tmp_path / "all.vrt", [parts[0], parts[2], parts[3]])
    assert [row.status for row in scan_mosaic(path)] == ["ok", "nodata", "ok", "ok"]


@pytest.mark.usefixtures("stand_in_model")
def test_changed_part_of_a_vrt_is_scanned_again(tmp_path: Path, parts: list[Path]) -> None:
    """The .vrt file does not change, but the journal checks its parts, also those of a VRT inside it."""
    inner = make_vrt(tmp_path / "inner.vrt", parts)
    outer, out = make_vrt(tmp_path / "outer.vrt", [inner]), tmp_path / "rows.csv"
    assert "1 cracked" in run("scan", outer, "-o", out).stderr
    assert "this scan is complete" in run("scan", outer, "-o", out).stderr
    before = parts[0].stat()
    make_mosaic(
        parts[0],
        bands=np.moveaxis(pixels(224, 224, crack=True), -1, 0),
        transform=from_origin(400_000.0, 5_000_000.0, 0.005, 0.005),
    )
    assert parts[0].stat().st_size == before.st_size
    assert "2 cracked" in run("scan", outer, "-o", out).stderr


def test_mosaic_is_not_closed_while_a_thread_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a signal nobody waits for the thread; closing the file under it would crash the process."""
    begun, end = threading.Event(), threading.Event()
    monkeypatch.setattr(Mosaic, "_read", lambda *_: begun.set() or end.wait())
    mosaic = Mosaic(make_mosaic(tmp_path / "m.tif"))
    reading = threading.Thread(target=mosaic.read, args=(Window(0, 0, 9, 9),))
    reading.start()
    begun.wait()
    mosaic.close()
    assert not mosaic.dataset.closed
    end.set()
    reading.join()
    mosaic.close()
    assert mosaic.dataset.closed


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_named_pipe_beside_a_mosaic_is_not_waited_for(tmp_path: Path) -> None:
    """GDAL would open the side file, and no time limit would end it."""
    mosaic = make_mosaic(tmp_path / "deck.tif")
    os.mkfifo(f"{mosaic}.aux.xml")
    done = run("scan", mosaic, "-o", tmp_path / "o.csv")
    assert done.exit_code == 3
    assert "its side file with the ending .aux.xml is not a regular file (named pipe)" in done.stderr
