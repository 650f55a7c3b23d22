"""`--aoi` over photos in a bucket: each position is read from a part of the photo, many at the same time."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import shapely
from buckets import BUCKET, Proxy, Store, lead_to
from commands import run
from drones import dji, drone_exif
from makers import make_photo
from PIL import Image, TiffImagePlugin
from test_areas import make_positioned_photo

from crackscan.reading import read_metadata
from crackscan.reading.remote import range_files
from crackscan.reading.remote.range_files import BLOCK_BYTES, RangeFile

pytestmark = pytest.mark.usefixtures("stand_in_model")


@pytest.fixture
def areas(tmp_path: Path) -> Path:
    """Return a file with one area."""
    file = tmp_path / "areas.geojson"
    file.write_text(json.dumps(shapely.geometry.mapping(shapely.box(8, 47, 9, 48))))
    return file


def make_large_photo(path: Path, lon: float) -> None:
    """Write a photo of a few hundred kB with a position."""
    make_positioned_photo(path, lon, 47.5)
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3)).astype(np.uint8)
    with Image.open(path) as small:
        Image.fromarray(noise).save(path, exif=small.getexif(), quality=95)


def test_photo_outside_costs_one_request_for_its_head(
    store: Store, tmp_path: Path, areas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position lies in a JPEG's first bytes; only photos inside are fetched, and once."""
    for number in range(6):
        make_large_photo(tmp_path / "site" / f"{number}.jpg", 8.5 if number < 2 else 9.5)
    address = store.put_folder(tmp_path / "site", "in")
    with Proxy(store.url).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        done = run("scan", address, "-o", "remote.csv", "--aoi", areas)
    assert done.exit_code == 0, done.stderr
    assert "without a row: 4 photos." in done.stderr
    fetched = [(seen.path[-5:], seen.range) for seen in proxy.requests if seen.path.endswith(".jpg")]
    heads = [(f"{number}.jpg", f"bytes=0-{BLOCK_BYTES - 1}") for number in range(6)]
    assert sorted(fetched, key=str) == sorted([*heads, ("0.jpg", None), ("1.jpg", None)], key=str)
    assert run("scan", tmp_path / "site", "-o", "local.csv", "--aoi", areas).exit_code == 0
    assert Path("remote.csv").read_bytes() == Path("local.csv").read_bytes()


@pytest.mark.slow
def test_positions_are_asked_for_at_the_same_time(
    store: Store, tmp_path: Path, areas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A survey of many photos waits for its store a few times, and not once for each photo."""
    for number in range(32):
        make_positioned_photo(tmp_path / "site" / f"{number}.jpg", 9.5, 47.5)
    make_positioned_photo(tmp_path / "site" / "inside.jpg", 8.5, 47.5)
    address = store.put_folder(tmp_path / "site", "in")
    with Proxy(store.url, delay=0.3).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        started = time.monotonic()
        assert run("scan", address, "-o", "o.csv", "--aoi", areas).exit_code == 0
    assert time.monotonic() - started < 0.3 * 32


@pytest.mark.slow
def test_photo_that_a_table_places_is_not_asked(
    store: Store, tmp_path: Path, areas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of `--geo` overrules the photo's own position, so that need not be read."""
    make_positioned_photo(tmp_path / "site" / "out.jpg", 8.5, 47.5)
    make_positioned_photo(tmp_path / "site" / "in.jpg", 9.5, 47.5)
    table = tmp_path / "geo.txt"
    table.write_text("EPSG:4326\nout.jpg 9.5 47.5\nin.jpg 8.5 47.5\n")
    address = store.put_folder(tmp_path / "site", "in")
    with Proxy(store.url).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        done = run("scan", address, "-o", "o.csv", "--aoi", areas, "--geo", table)
    assert done.exit_code == 0, done.stderr
    assert [seen.path for seen in proxy.requests if ".jpg" in seen.path] == [f"/{BUCKET}/in/in.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jpg", "png", "webp", "heic", "avif", "jp2", "tif", "gif", "bmp"])
def test_metadata_of_every_format_is_that_of_the_file(store: Store, tmp_path: Path, form: str) -> None:
    """Position and XMP do not depend on where the photo is, nor on where in it they are."""
    path = tmp_path / f"photo.{form}"
    if form in {"heic", "avif"}:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if form == "tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[700] = dji()
        tags[0x8825] = {1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 30.0, 0.0)}
        make_photo(path, width=400, height=300, tiffinfo=tags)
    elif form in {"gif", "bmp", "jp2"}:
        make_photo(path, width=400, height=300)
    else:
        make_photo(path, width=400, height=300, exif=drone_exif(), xmp=dji())
    (exif, xmp), address = read_metadata(path), store.put(path.name, path)
    remote_exif, remote_xmp = read_metadata(address)
    assert (dict(remote_exif), remote_xmp) == (dict(exif), xmp)
    assert remote_exif.get_ifd(0x8825) == exif.get_ifd(0x8825)


@pytest.mark.slow
def test_file_read_on_and_on_takes_few_requests(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces grow where one follows the other, and stay small where a few bytes here and there are read."""
    content = np.random.default_rng(0).bytes(60 * BLOCK_BYTES + 17)
    name, asked = store.put("large.bin", content), list[list[tuple[int, int]]]()
    fetch = range_files.stores.fetch_ranges
    monkeypatch.setattr(
        range_files.stores,
        "fetch_ranges",
        lambda name, ranges: [asked.append(ranges), *fetch(name, ranges)][1:],
    )
    with RangeFile(name) as file:
        assert b"".join(iter(lambda: file.read(50_000), b"")) == content
        assert len(asked) <= 9
    asked.clear()
    with RangeFile(name) as file:
        for place in (40, 3, 20):
            file.seek(place * BLOCK_BYTES)
            assert file.read(100) == content[place * BLOCK_BYTES :][:100]
    assert [end - start for [(start, end)] in asked] == [BLOCK_BYTES] * 3
