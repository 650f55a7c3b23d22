"""Scans of Google's and Azure's buckets through servers of them: what S3 gives, gs:// and az:// give."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import stand_in
from buckets import BUCKET, Proxy, Request
from clouds import SECRETS, SERVERS, Cloud
from commands import run
from makers import make_mosaic, make_photo
from test_bucket_mosaics import BLOCKS, noise
from test_buckets import flat, rows

from crackscan.basics.records import Window
from crackscan.reading import open_mosaic
from crackscan.reading.remote import stores
from crackscan.reading.remote.listings import listing_pages
from crackscan.scanning.listing import Listing

FAULTS: dict[int | str, tuple[int, str]] = {  # attempts, and what the row says
    403: (1, "access is denied to these credentials"),
    401: (1, "access is denied to these credentials"),
    503: (4, "503"),
    "cut": (4, "not completed"),
}
SCAN = (
    "import stand_in, sys; from crackscan.reading.remote import stores; stores.WAITS = (0.01,);"
    "stand_in.run(*sys.argv[1:])"
)
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("stand_in_model")]


@pytest.fixture(params=SERVERS)
def cloud(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Return an empty bucket, to which the environment leads; the test runs in a folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(stores, "WAITS", (0.01, 0.02, 0.04))
    with SERVERS[request.param]() as made:
        lead_to(made, made.url, monkeypatch)
        yield made
        stores.open_store.cache_clear()


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Return a folder of photos and a mosaic."""
    for name in ("9.jpg", "10.jpg", "deck/a.png", "deck/b 2#?.jpg", "é.jpg"):
        make_photo(tmp_path / "survey" / name, crack=name == "10.jpg")
    make_mosaic(tmp_path / "survey" / "deck.tif", width=448, height=448)
    return tmp_path / "survey"


def lead_to(cloud: Cloud, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment lead to a server."""
    for name, value in cloud.environment(url).items():
        monkeypatch.setenv(name, value)
    stores.open_store.cache_clear()


def test_bucket_gives_the_same_bytes_as_a_folder(cloud: Cloud, survey: Path) -> None:
    """Photos, a mosaic and outputs: all in the bucket, or all on the disk."""
    outputs = [f"{cloud.scheme}://{BUCKET}/out/o.csv", f"{cloud.scheme}://{BUCKET}/out/o.geojson"]
    done = run("scan", cloud.put_folder(survey, "2026"), "-o", outputs[0], "-o", outputs[1])
    assert done.exit_code == 0, done.stderr
    assert f"Rows are in {outputs[0]}, {outputs[1]}." in done.stderr
    assert run("scan", survey, "-o", "o.csv", "-o", "o.geojson").exit_code == 0
    assert len(rows(Path("o.csv"))) == 9
    for name in ("o.csv", "o.geojson"):
        assert cloud.get(f"out/{name}") == Path(name).read_bytes()


@pytest.mark.filterwarnings("ignore:Sending a large body")  # of aiohttp, which gcsfs and adlfs cause
def test_large_output_arrives_whole(cloud: Cloud, tmp_path: Path) -> None:
    """Files of more than 5 MB are sent in another way than small ones."""
    content = noise(1500).tobytes()
    (tmp_path / "large.gpkg").write_bytes(content)
    stores.send(str(tmp_path / "large.gpkg"), f"{cloud.scheme}://{BUCKET}/large.gpkg")
    assert cloud.get("large.gpkg") == content


def test_list_names_what_is_not_there(cloud: Cloud, survey: Path) -> None:
    """A list in the bucket names photos, a folder, and what is gone."""
    folder = cloud.put_folder(survey, "a")
    names = [f"{folder}10.jpg", f"{folder}gone.jpg", f"{folder}deck"]
    listed = cloud.put("lists/today.txt", "\n".join(names).encode())
    assert run("scan", "--from-file", listed, "-o", "o.csv").exit_code == 3
    found = rows(Path("o.csv"))
    assert [row["source"] for row in found] == [*names[:2], f"{folder}deck/a.png", f"{folder}deck/b 2#?.jpg"]
    assert [row["reason"] for row in found] == ["", "there is no such file", "", ""]


def test_second_run_judges_only_what_changed(cloud: Cloud, survey: Path) -> None:
    """An object that was replaced is judged again, and no other one."""
    address = cloud.put_folder(survey, "in")
    assert run("scan", address, "-o", "o.csv").exit_code == 0
    assert "is complete" in run("scan", address, "-o", "o.csv").stderr
    make_photo(survey / "9.jpg", crack=True)
    cloud.put("in/9.jpg", survey / "9.jpg")
    done = run("scan", address, "-o", "o.csv")
    assert "1 of 7 photos and mosaic bands are left to judge" in done.stderr
    assert rows(Path("o.csv"))[0]["label"] == "crack"


def test_tiles_are_read_and_not_the_file(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window of a mosaic costs its blocks and the header."""
    path = make_mosaic(tmp_path / "a.tif", bands=noise(2048), **BLOCKS)
    name = cloud.put("a.tif", path)
    with Proxy(cloud.url).running() as proxy:
        lead_to(cloud, proxy.url, monkeypatch)
        with open_mosaic(name) as remote, open_mosaic(path) as local:
            window = Window(300, 300, 500, 500)
            np.testing.assert_array_equal(remote.read(window).pixels, local.read(window).pixels)
    assert sum(seen.sent for seen in proxy.requests if seen.method == "GET") < path.stat().st_size / 4


def test_long_listing_is_read_in_pages(cloud: Cloud) -> None:
    """A folder of any size fits in memory, and the listing says what looking an object up says."""
    names = [f"{number}.jpg" for number in range(1, 24)]
    for name in (*names, "deck/a.jpg"):
        cloud.put(f"long/{name}", b"x" * len(name))
    folder = f"{cloud.scheme}://{BUCKET}/long/"
    pages = list(listing_pages(stores.open_store, folder, most=5))
    if cloud.has_pages:
        assert max(sum(not entry.is_folder for entry in page) for page in pages) <= 5
    for entry in pages[0]:
        assert entry.is_folder or entry.signature == stores.object_signature(folder + entry.name)
    with Listing(folder, run=4) as listing:
        assert [entry.name for entry in listing] == [*names, "deck"]


def test_each_photo_is_one_request(cloud: Cloud, survey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing says enough, so that only the photo itself is asked for."""
    folder = cloud.put_folder(survey / "deck", "in")
    with Proxy(cloud.url).running() as proxy:
        lead_to(cloud, proxy.url, monkeypatch)
        assert run("scan", folder, "-o", "o.csv").exit_code == 0
    assert len([seen for seen in proxy.requests if "a.png" in seen.path]) == 1


def test_what_is_not_there_is_wrong_usage(cloud: Cloud) -> None:
    """A bucket, a folder and an object that do not exist are named before the work."""
    for name in ("nowhere/2026/", f"{BUCKET}/2027/", f"{BUCKET}/a.jpg"):
        done = run("scan", f"{cloud.scheme}://{name}", "-o", "o.csv")
        assert done.exit_code == 2, done.stderr
        assert f"{cloud.scheme}://{name}: no such object, folder or bucket." in flat(done.stderr)
    done = run("scan", make_photo(Path("a.jpg")), "-o", f"{cloud.scheme}://nowhere/o.csv")
    assert f"there is no bucket {cloud.scheme}://nowhere; create it first." in flat(done.stderr)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_a_photo_is_a_row(
    cloud: Cloud, survey: Path, monkeypatch: pytest.MonkeyPatch, fault: int | str
) -> None:
    """What may pass is asked for again as often as of S3, and the libraries add no attempts of their own."""
    attempts, reason = FAULTS[fault]
    folder = cloud.put_folder(survey, "in")
    with Proxy(cloud.url, spoil=lambda seen: fault if "10.jpg" in seen.path else None).running() as proxy:
        lead_to(cloud, proxy.url, monkeypatch)
        assert run("scan", folder, "-o", "o.csv").exit_code == 3
    asked = sum("10.jpg" in seen.path for seen in proxy.requests)
    if (cloud.scheme, fault) != ("az", "cut"):  # which Azure's library asks for three times each
        assert asked == attempts
    (row,) = [row for row in rows(Path("o.csv")) if row["status"] == "unreadable"]
    assert row["source"] == "10.jpg"
    assert reason in row["reason"]


def test_credentials_are_nowhere_in_what_a_scan_leaves(cloud: Cloud, survey: Path) -> None:
    """Neither rows nor the journal nor stderr hold them, and the libraries print no messages of their own."""
    folder, faults = cloud.put_folder(survey, "in"), {"9.jpg": 401, "10.jpg": 403, "a.png": 503}
    command = [sys.executable, "-c", SCAN, "scan", folder, "-o", "o.csv", "--quiet"]

    def spoil(seen: Request) -> int | None:
        return faults.get(seen.path.partition("?")[0].replace("%2F", "/").rpartition("/")[2])

    with Proxy(cloud.url, spoil=spoil).running() as proxy:
        tests = str(Path(stand_in.__file__).parent)
        environment = {**os.environ, **cloud.environment(proxy.url), "PYTHONPATH": tests}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 3, done.stderr.decode()
    assert sum(row["status"] == "unreadable" for row in rows(Path("o.csv"))) == len(faults)
    assert done.stderr.count(b"\n") <= 1, done.stderr.decode()
    for content in (done.stdout, done.stderr, *(path.read_bytes() for path in Path().iterdir())):
        assert not any(secret.encode() in content for secret in SECRETS)


def test_no_account_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who forgot the variables of Azure is told so, and not by a traceback."""
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    stores.open_store.cache_clear()
    for name in (f"az://{BUCKET}", f"az://{BUCKET}/a.jpg"):
        done = run("scan", name, "-o", "o.csv")
        assert done.exit_code == 1
        assert flat(done.stderr) == (
            f"error: {name}: cannot be reached: no credentials were found in the environment or a profile."
        )
