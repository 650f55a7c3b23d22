"""However a mosaic is stored, its tiles are judged the same; what it does not hold is not judged."""

import subprocess
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
WIDTH, HEIGHT = 300, 2100  # taller than 2,000 px: GDAL shows one long strip as many


def rows(path: Path, options: ScanOptions = OPTIONS) -> list[Result]:
    """Return the rows of a scan with the stand-in classifier."""
    return labelled_rows(Plan((str(path),), options.tiles), options)


def picture() -> NDArray[np.uint8]:
    """Return bands of a bright mosaic that gets darker from tile to tile."""
    shade = np.add.outer(np.arange(HEIGHT) // 224 * 12, np.arange(WIDTH) // 224 * 3)
    return np.moveaxis((pixels(WIDTH, HEIGHT) - shade[..., None]).astype(np.uint8), -1, 0)


def told(found: list[Result]) -> list[tuple[Any, ...]]:
    """Return what must not depend on how the file is made."""
    return [(row.window, row.status, row.probability, row.valid, row.outline) for row in found]


STORED: dict[str, dict[str, Any]] = {
    "one strip": {"blockysize": HEIGHT, "compress": "deflate"},
    "strips of one row": {"blockysize": 1},
    "tiles, band by band": {"tiled": True, "blockxsize": 64, "blockysize": 128, "interleave": "band"},
    "BigTIFF": {"BIGTIFF": "YES", "compress": "lzw", "predictor": 2},
    "COG": {"driver": "COG", "compress": "deflate", "blocksize": 256},
}


@pytest.mark.parametrize("profile", STORED.values(), ids=STORED)
def test_layout_of_the_file_changes_nothing(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Strips, tiles, a BigTIFF and a Cloud-Optimised GeoTIFF with its overviews give the same rows."""
    plain = make_mosaic(tmp_path / "plain.tif", bands=picture())
    assert told(rows(make_mosaic(tmp_path / "m.tif", bands=picture(), **profile))) == told(rows(plain))


@pytest.mark.parametrize("overlap", [0.0, 6 / 7])
@pytest.mark.parametrize("profile", [{"tiled": True, "blockxsize": 64, "blockysize": 64}, {"blockysize": 64}])
def test_bands_of_a_wide_mosaic_are_judged_at_once_as_each_alone(
    tmp_path: Path, profile: dict[str, Any], overlap: float
) -> None:
    """Rows come in the same order, however the file lies and with whatever else a band is judged."""
    bright = np.random.default_rng(1).integers(0, 256, (3, 250, 1300), np.uint8)
    works = list(
        Plan((str(make_mosaic(tmp_path / "m.tif", bands=bright, **profile)),), WIDE(overlap=overlap).tiles)
    )
    at_once = list(infer_each(works, DarkMeansCrack(), OPTIONS.rows))
    assert at_once == [infer(work, DarkMeansCrack(), OPTIONS.rows) for work in works]
    for band in at_once:
        corners = [(row.row, row.col) for row in band]
        assert corners == sorted(corners)
        assert len({row.probability for row in band}) > 20


@pytest.mark.parametrize("profile", [{"tiled": True, "blockxsize": 64, "blockysize": 64}, {"blockysize": 16}])
def test_wide_mosaic_is_decoded_little_more_than_once(
    tmp_path: Path, profile: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache of a quarter of the file serves for that, in blocks or in strips: not a row of blocks each."""
    path = make_mosaic(tmp_path / "m.tif", bands=np.full((3, 7 * 32, 3200), 200, np.uint8), **profile)
    with rasterio.open(path) as dataset:
        (high, wide), *_ = dataset.block_shapes
    cache: dict[tuple[int, int], None] = {}
    decoded = Counter[tuple[int, int]]()
    read = Mosaic.read_tiles

    def watched(mosaic: Mosaic, windows: list[Window], **how: int) -> list[Patch]:
        area = grid.bounding_window(tuple(windows))
        rows = range(area.row // high, (area.row + area.height - 1) // high + 1)
        for block in product(rows, range(area.col // wide, (area.col + area.width - 1) // wide + 1)):
            decoded[block] += block not in cache
            cache.pop(block, None)
            cache[block] = None
            while len(cache) * high * wide > 7 * 32 * 3200 / 4:
                del cache[next(iter(cache))]
        return read(mosaic, windows, **how)

    monkeypatch.setattr(Mosaic, "read_tiles", watched)
    assert {row.status for row in rows(path, WIDE(0.0))} == {"ok"}
    assert decoded.total() <= 1.1 * len(decoded)


def test_overviews_change_nothing_at_full_resolution(tmp_path: Path) -> None:
    """Reduced copies inside of the file or beside it are not what is judged."""
    path = make_mosaic(tmp_path / "m.tif", bands=picture())
    before = told(rows(path))
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], Resampling.nearest)
    assert (tmp_path / "m.tif.ovr").exists()
    assert told(rows(path)) == before


def half_valid(path: Path, how: str) -> Path:
    """Write a mosaic of two by two tiles whose left ones are no data, said in one of many ways."""
    bands, mask = np.full((3, 448, 448), 90, np.uint8), np.full((448, 448), 255, np.uint8)
    mask[:, :224] = 0
    grey, alpha = how.startswith("grey"), how.endswith("alpha")
    data = bands[:1] if grey else bands
    if how.startswith("16"):
        data = data.astype(np.uint16) * 257
        mask = mask.astype(np.uint16) * 257
    if alpha:
        return make_mosaic(path, bands=np.concatenate([data, mask[None]]), alpha="YES")
    if how == "nodata":
        return make_mosaic(path, bands=np.where(mask == 0, 7, data).astype(np.uint8), nodata=7)
    make_mosaic(path, bands=data)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=how.endswith("internal mask")),
        rasterio.open(path, "r+") as dataset,
    ):
        dataset.write_mask(mask > 0)
    assert path.with_name(f"{path.name}.msk").exists() == how.endswith(".msk")
    return path


@pytest.mark.parametrize(
    "how", ["alpha", "grey alpha", "16 bit alpha", "nodata", "internal mask", "grey internal mask", ".msk"]
)
@pytest.mark.parametrize("decimation", [1, 2])
def test_what_is_no_data_is_not_judged(tmp_path: Path, how: str, decimation: int) -> None:
    """Alpha, a nodata value, a mask in the file or beside it say it, at any resolution."""
    path = half_valid(tmp_path / "m.tif", how)
    options = scan_options(
        tile_px=224 // decimation,
        threshold=0.5,
        target_mm_per_px=5.0 * decimation if decimation > 1 else None,
    )
    found = rows(path, options)
    assert [(row.status, row.valid) for row in found] == [("nodata", 0.0), ("ok", 1.0)] * 2
    assert found[1].probability == pytest.approx(1 - 90 / 255, abs=0.002)


def sparse(path: Path, **profile: Any) -> Path:
    """Write a mosaic of which only the block around column 1300, row 300 was ever written."""
    settings = {"width": 1344, "height": 448, "count": 3, "dtype": "uint8", "driver": "GTiff"}
    blocks = {"tiled": True, "blockxsize": 256, "blockysize": 256, "SPARSE_OK": True, "crs": "EPSG:32633"}
    place = {"transform": from_origin(400_000.0, 5_000_000.0, 0.005, 0.005)}
    with rasterio.open(path, "w", **settings | blocks | place | profile) as dataset:
        dataset.write(np.full((3, 192, 64), 90, np.uint8), window=Area(1280, 256, 64, 192))
    return path


@pytest.mark.parametrize("profile", [{}, {"nodata": 0}, {"interleave": "band"}, {"compress": "deflate"}])
def test_blocks_that_were_never_written_are_no_data(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Tiles of them have their rows, also where the file names no nodata value."""
    path = sparse(tmp_path / "m.tif", **profile)
    found = rows(path)
    assert [row.status for row in found] == ["nodata"] * 12
    assert [row.valid for row in found] == [0.0] * 11 + [192 * 64 / 224**2]
    small = rows(path, scan_options(tile_px=64, threshold=0.5))
    judged = [row for row in small if row.status == "ok"]
    assert {(row.col, row.valid) for row in judged} == {(1280, 1.0)}
    assert [row.row for row in judged] == [256, 320, 384]


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Return four mosaics that lie side by side, the third with a cracked tile."""
    return [
        make_mosaic(
            tmp_path / "parts" / f"{number}.tif",
            bands=np.moveaxis(pixels(224, 224, crack=number == 2), -1, 0),
            transform=from_origin(400_000.0 + number * 1.12, 5_000_000.0, 0.005, 0.005),
        )
        for number in range(4)
    ]


def make_vrt(path: Path, parts: list[Path]) -> Path:
    """Put mosaics together as GDAL does."""
    if which("gdalbuildvrt") is None:
        pytest.skip("needs gdalbuildvrt")
    subprocess.run(["gdalbuildvrt", "-q", path, *parts], check=True)
    return path


def test_vrt_is_read_as_the_mosaic_that_it_stands_for(tmp_path: Path, parts: list[Path]) -> None:
    """Its parts' tiles have the places and the probabilities that they have by themselves."""
    found = rows(make_vrt(tmp_path / "all.vrt", parts))
    alone = [row for part in parts for row in rows(part)]
    assert [row.label for row in found] == ["no-crack", "no-crack", "crack", "no-crack"]
    assert [row.probability for row in found] == [row.probability for row in alone]
    for row, other in zip(found, alone, strict=True):
        assert np.allclose(row.outline or (), other.outline or (), rtol=0, atol=1e-9)


def test_part_of_a_vrt_that_is_gone_is_unreadable(tmp_path: Path, parts: list[Path]) -> None:
    """The tiles of a missing part say so; those of the others are judged."""
    path = make_vrt(tmp_path / "all.vrt", parts)
    parts[1].unlink()
    assert [row.status for row in rows(path)] == ["ok", "unreadable", "ok", "ok"]


def test_gap_between_the_parts_of_a_vrt_is_no_data(tmp_path: Path, parts: list[Path]) -> None:
    """Where no part lies there is nothing to judge, not black concrete."""
    path = make_vrt(tmp_path / "all.vrt", [parts[0], parts[2], parts[3]])
    assert [row.status for row in rows(path)] == ["ok", "nodata", "ok", "ok"]


@pytest.mark.usefixtures("stand_in_model")
def test_part_of_a_vrt_that_changed_is_judged_again(tmp_path: Path, parts: list[Path]) -> None:
    """The .vrt itself stays as it is, also inside of another one; the journal looks at what it is made of."""
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
