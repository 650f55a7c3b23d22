"""Scans of photos in a bucket, with outputs there: the same rows as from a disk, through real servers."""

import csv
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stand_in
from buckets import BUCKET, KEY, SECRET, Proxy, Request, Store, lead_to, rclone_server, web_server
from commands import run
from makers import make_mosaic, make_photo

import crackscan
from crackscan.reading.remote import copies, stores
from crackscan.reading.remote.listings import listing_pages
from crackscan.scanning.listing import Listing

pytestmark = pytest.mark.usefixtures("stand_in_model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of photos, whose natural order is not the order of a bucket."""
    for name in ("9.jpg", "10.jpg", "deck/a.png", "deck/b 2.jpg", "é.jpg"):
        make_photo(tmp_path / "photos" / name, crack=name == "10.jpg")
    (tmp_path / "photos" / "notes.txt").write_text("not a picture")
    return tmp_path / "photos"


def rows(content: bytes | Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    text = content.read_text("utf-8") if isinstance(content, Path) else content.decode()
    return list(csv.DictReader(text.splitlines()))


def test_bucket_gives_the_same_bytes_as_a_folder(store: Store, photos: Path) -> None:
    """Rows, their order and the summary do not depend on where the photos are."""
    address = store.put_folder(photos, "2026")
    remote, local = run("scan", address, "-o", "remote.csv"), run("scan", photos, "-o", "local.csv")
    assert remote.exit_code == local.exit_code == 0, remote.stderr
    assert Path("remote.csv").read_bytes() == Path("local.csv").read_bytes()
    assert [row["source"] for row in rows(Path("remote.csv"))][:2] == ["9.jpg", "10.jpg"]
    assert ".txt 1" in remote.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2026", "2026/", ""])
def test_folder_is_named_with_or_without_a_slash(store: Store, photos: Path, name: str) -> None:
    """`s3://survey/2026` is the folder if there is no object of this name; a bucket alone is one, too."""
    store.put_folder(photos, "2026")
    assert run("scan", f"s3://{BUCKET}/{name}".rstrip() or f"s3://{BUCKET}", "-o", "o.csv").exit_code == 0
    assert len(rows(Path("o.csv"))) == 5


@pytest.mark.slow
def test_list_of_addresses_names_what_is_not_there(store: Store, photos: Path, tmp_path: Path) -> None:
    """Each line of a list is a row, in the order of the list, with a path that rows can show."""
    store.put_folder(photos, "a")
    listed = tmp_path / "list.txt"
    listed.write_text(
        f"s3://{BUCKET}/a/10.jpg\ns3://{BUCKET}/a/gone.jpg\n{photos / '9.jpg'}\ns3://{BUCKET}/a/deck\n"
    )
    assert run("scan", "--from-file", listed, "-o", "o.csv").exit_code == 3
    sources = [row["source"].removeprefix(f"s3://{BUCKET}/") for row in rows(Path("o.csv"))]
    assert sources == ["a/10.jpg", "a/gone.jpg", str(photos / "9.jpg"), "a/deck/a.png", "a/deck/b 2.jpg"]
    assert rows(Path("o.csv"))[1]["reason"] == "there is no such file"


@pytest.mark.slow
def test_list_itself_may_be_in_the_bucket(store: Store, photos: Path) -> None:
    """What another program has listed need not be fetched first."""
    store.put_folder(photos, "a")
    listed = store.put("lists/today.txt", f"s3://{BUCKET}/a/10.jpg\n".encode())
    assert run("scan", "--from-file", listed, "-o", "o.csv").exit_code == 0
    assert [row["label"] for row in rows(Path("o.csv"))] == ["crack"]
    assert run("scan", "--from-file", f"s3://{BUCKET}/gone.txt", "-o", "o.csv").exit_code == 2


def test_output_appears_in_the_bucket_when_it_is_whole(store: Store, photos: Path) -> None:
    """The file is sent at the end; what stays here is the journal, and a sentence says where."""
    address = store.put_folder(photos, "in")
    done = run("scan", address, "-o", f"s3://{BUCKET}/out/cracks.csv", "-o", f"s3://{BUCKET}/out/cracks.gpkg")
    assert done.exit_code == 0, done.stderr
    assert len(rows(store.get("out/cracks.csv"))) == 5
    assert store.get("out/cracks.gpkg").startswith(b"SQLite format 3")
    journal = f"s3--{BUCKET}--out--cracks.csv.journal"
    assert f"The results so far stay on this machine, in {journal}." in done.stderr
    assert f"Rows are in s3://{BUCKET}/out/cracks.csv, s3://{BUCKET}/out/cracks.gpkg." in done.stderr
    assert [path.name for path in Path().iterdir()] == [journal]


@pytest.mark.slow
def test_second_run_judges_only_what_changed(store: Store, photos: Path) -> None:
    """An object is known by its size and ETag: one that was replaced is judged again, and no other one."""
    address, out = store.put_folder(photos, "in"), f"s3://{BUCKET}/o.csv"
    assert run("scan", address, "-o", out).exit_code == 0
    make_photo(photos / "9.jpg", crack=True)
    store.put("in/9.jpg", photos / "9.jpg")
    done = run("scan", address, "-o", out)
    assert "1 of 5 photos and mosaic bands are left to judge" in done.stderr
    assert [row["label"] for row in rows(store.get("o.csv"))][:2] == ["crack", "crack"]


@pytest.mark.slow
def test_failed_upload_keeps_the_file_and_says_where(
    store: Store, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A week's work is not lost because of the last request: the next run only sends it."""
    proxy = Proxy(store.url, spoil=lambda seen: 403 if seen.method == "PUT" else None)
    with proxy.running():
        lead_to(proxy.url, monkeypatch)
        done = run("scan", photos, "-o", f"s3://{BUCKET}/o.csv")
    assert done.exit_code == 1
    kept = Path(f"s3--{BUCKET}--o.csv").absolute()
    assert f"s3://{BUCKET}/o.csv: cannot be sent: access is denied to these credentials" in flat(done.stderr)
    assert f"the rows are in {kept}" in flat(done.stderr)
    assert len(rows(kept)) == 5
    lead_to(store.url, monkeypatch)
    assert run("scan", photos, "-o", f"s3://{BUCKET}/o.csv").exit_code == 0
    assert len(rows(store.get("o.csv"))) == 5
    assert not kept.exists()


@pytest.mark.slow
def test_throttled_and_cut_answers_are_asked_for_again(
    store: Store, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that says "slow down", or loses a connection, costs time and no row."""
    address, asked = store.put_folder(photos, "in"), dict[str, int]()

    def spoil(seen: Request) -> int | str | None:
        asked[seen.path] = asked.get(seen.path, 0) + 1
        return {1: 503, 2: "cut"}.get(asked[seen.path])

    with Proxy(store.url, spoil=spoil).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        done = run("scan", address, "-o", "o.csv")
    assert done.exit_code == 0, done.stderr
    assert {row["status"] for row in rows(Path("o.csv"))} == {"ok"}
    assert sum(count == 3 for path, count in asked.items() if path.endswith(".jpg")) == 4


@pytest.mark.slow
def test_photo_that_never_comes_is_a_row_and_is_tried_again(
    store: Store, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts are bounded; then the row says why, and the next run tries only this photo."""
    address = store.put_folder(photos, "in")
    with Proxy(
        store.url, spoil=lambda seen: 503 if seen.path.endswith("/9.jpg") else None
    ).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        assert run("scan", address, "-o", "o.csv").exit_code == 3
        assert sum(seen.path.endswith("/9.jpg") for seen in proxy.requests) == len(stores.WAITS) + 1
        first = rows(Path("o.csv"))[0]
        assert (first["source"], first["status"]) == ("9.jpg", "unreadable")
        assert "SlowDown" in first["reason"]
        assert first["reason"].endswith("(4 attempts)")
        proxy.spoil = lambda _: None
        done = run("scan", address, "-o", "o.csv")
    assert done.exit_code == 0
    assert "1 of 5 photos and mosaic bands are left to judge" in done.stderr


@pytest.mark.slow
def test_photo_that_may_not_be_read_is_a_row_at_once(
    store: Store, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the credentials do not allow is not asked for again."""
    address = store.put_folder(photos, "in")
    with Proxy(
        store.url, spoil=lambda seen: 403 if seen.path.endswith("/9.jpg") else None
    ).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        assert run("scan", address, "-o", "o.csv").exit_code == 3
        assert sum(seen.path.endswith("/9.jpg") for seen in proxy.requests) == 1
    assert rows(Path("o.csv"))[0]["reason"] == "access is denied to these credentials"


@pytest.mark.usefixtures("store")
def test_what_is_not_there_is_wrong_usage() -> None:
    """A bucket, a folder and an object that do not exist are named before the work."""
    for name in ("s3://nowhere/2026/", f"s3://{BUCKET}/2027/", f"s3://{BUCKET}/a.jpg"):
        done = run("scan", name, "-o", "o.csv")
        assert done.exit_code == 2
        assert f"{name}: no such object, folder or bucket." in flat(done.stderr)
    done = run("scan", f"s3://{BUCKET}", "-o", "o.csv")
    assert (done.exit_code, done.stderr) == (1, f"error: s3://{BUCKET}: no photo or mosaic found.\n")
    assert list(Path().iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_output_in_a_bucket_that_is_not_there_stops_before_the_work(photos: Path) -> None:
    """Nobody learns after a week that the name of the bucket was wrong."""
    done = run("scan", photos, "-o", "s3://nowhere/o.csv")
    assert done.exit_code == 1
    assert flat(done.stderr) == (
        "error: s3://nowhere/o.csv: there is no bucket s3://nowhere; create it first."
    )
    assert list(Path().iterdir()) == []


@pytest.mark.slow
def test_no_permission_is_one_sentence(store: Store, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused credentials end the run with code 1 before the work."""
    address = store.put_folder(photos, "in")
    with Proxy(store.url, spoil=lambda _: 403).running() as proxy:
        lead_to(proxy.url, monkeypatch)
        done = run("scan", address, "-o", "o.csv")
    assert done.exit_code == 1
    assert flat(done.stderr) == (
        f"error: {address}: cannot be reached: access is denied to these credentials."
    )


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "name",
    [
        "s3://me:hunter2@survey/a.jpg",
        "https://me:hunter2@example.org/a.jpg",
        "https://example.org/a.jpg?X-Amz-Signature=hunter2",
    ],
)
def test_secrets_in_an_address_are_refused_and_not_repeated(tmp_path: Path, name: str) -> None:
    """Addresses stand in rows, journals and logs, so they must not be keys."""
    done = run("scan", name, "-o", "o.csv")
    assert done.exit_code == 1
    assert "its address holds a password, a signature or a query" in flat(done.stderr)
    assert "hunter2" not in done.stderr
    listed = tmp_path / "list.txt"
    listed.write_text(name)
    done = run("scan", "--from-file", listed, "-o", "o.csv")
    assert done.exit_code == 3
    for path in Path().iterdir():
        assert b"hunter2" not in path.read_bytes()
    assert "hunter2" not in done.stderr


@pytest.mark.slow
def test_credentials_are_nowhere_in_what_a_scan_leaves(store: Store, photos: Path) -> None:
    """Neither key nor secret gets into the rows, the journal or the texts."""
    done = run("scan", store.put_folder(photos, "in"), "-o", "o.csv", "-o", "o.gpkg")
    for content in (done.stderr.encode(), *(path.read_bytes() for path in Path().iterdir())):
        assert KEY.encode() not in content
        assert SECRET.encode() not in content


@pytest.mark.usefixtures("store")
def test_without_the_extra_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who scans only disks need not install libraries for buckets."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    done = run("scan", "s3://survey/a.jpg", "-o", "o.csv")
    assert done.exit_code == 1
    assert flat(done.stderr) == (
        'error: s3://: needs fsspec; install the extra: pip install "crackscan[cloud]".'
    )


@pytest.mark.slow
def test_no_copy_stays(store: Store, photos: Path) -> None:
    """Copies of photos exist only while they are read."""
    assert run("scan", store.put_folder(photos, "in"), "-o", "o.csv").exit_code == 0
    assert list(Path(copies._folder().name).iterdir()) == []


@pytest.mark.slow
def test_long_listing_is_read_in_pages_and_sorted_on_disk(store: Store) -> None:
    """A folder of ten million photos fits in memory: pages and parts are small, whatever the folder holds."""
    names = [f"{number}.jpg" for number in range(1, 24)]
    for name in (*names, "deck/a.jpg"):
        store.put(f"long/{name}", b"x" * len(name))
    pages = list(listing_pages(stores.open_store, f"s3://{BUCKET}/long/", most=5))
    assert max(map(len, pages)) <= 5
    with Listing(f"s3://{BUCKET}/long", run=4) as listing:
        entries = list(listing)
    assert [entry.name for entry in entries] == [*names, "deck"]
    assert [entry.signature.size for entry in entries[:-1] if entry.signature] == list(map(len, names))


@pytest.mark.slow
def test_heatmap_in_a_bucket_replaces_no_picture(store: Store, tmp_path: Path) -> None:
    """A mosaic is not lost by a wrong -o; the heatmap of an earlier scan is replaced."""
    name = store.put("deck.tif", make_mosaic(tmp_path / "deck.tif", width=448, height=448))
    done = run("scan", name, "-o", name)
    assert (done.exit_code, flat(done.stderr).split(";")[0]) == (
        2,
        f"error: {name}: this run reads it, and would replace it",
    )
    store.put("other.tif", tmp_path / "deck.tif")
    assert "is not a heatmap" in flat(run("scan", name, "-o", f"s3://{BUCKET}/other.tif").stderr)
    for _ in range(2):
        assert run("scan", name, "-o", f"s3://{BUCKET}/heat.tif", "--fresh").exit_code == 0


@pytest.mark.slow
def test_library_takes_and_gives_addresses(store: Store, photos: Path) -> None:
    """A program scans a bucket, and converts into one, as the command line does."""
    address = store.put_folder(photos, "in")
    assert [row.source for row in crackscan.scan(address)][:2] == ["9.jpg", "10.jpg"]
    run("scan", address, "-o", "o.csv")
    crackscan.convert("o.csv.journal", f"s3://{BUCKET}/o.geojson")
    assert store.get("o.geojson").startswith(b'{"type"')
    assert run("convert", "o.csv.journal", "-o", f"s3://{BUCKET}/o.csv").exit_code == 0
    assert store.get("o.csv") == Path("o.csv").read_bytes()


@pytest.mark.slow
def test_killed_scan_resumes_from_the_journal_here(store: Store, photos: Path, tmp_path: Path) -> None:
    """Nothing is in the bucket before all is judged; the same command goes on, and gives the same bytes."""
    for number in range(12):
        make_photo(photos / f"more{number}.jpg", crack=number % 2 == 0)
    address, out = store.put_folder(photos, "in"), f"s3://{BUCKET}/o.csv"
    judged = tmp_path / "judged.txt"
    command = [sys.executable, stand_in.__file__, "scan", address, "-o", out, "--jobs", "1"]
    slowly = {**os.environ, "JUDGED": str(judged), "SLOWLY": "0.2"}
    with subprocess.Popen(command, env=slowly, stderr=subprocess.DEVNULL) as killed:
        while not judged.exists() or len(judged.read_text().splitlines()) < 5:
            assert killed.poll() is None
            time.sleep(0.02)
        killed.kill()
    assert store.keys("o.csv") == []
    done = run("scan", address, "-o", out)
    assert done.exit_code == 0, done.stderr
    assert "are left to judge" in done.stderr
    run("scan", photos, "-o", "local.csv")
    assert store.get("o.csv") == Path("local.csv").read_bytes()


@pytest.mark.slow
def test_server_of_another_kind_gives_the_same(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one server of S3 tolerates, another one may not: this one is rclone's."""
    make_mosaic(photos / "deck.tif", width=448, height=448)
    served, here = tmp_path / "served", tmp_path / "here"
    here.mkdir()
    shutil.copytree(photos, served / BUCKET / "in")
    monkeypatch.chdir(here)
    with rclone_server(served) as url:
        lead_to(url, monkeypatch)
        done = run("scan", f"s3://{BUCKET}/in/", "-o", f"s3://{BUCKET}/out/o.csv")
        assert done.exit_code == 0, done.stderr
    run("scan", photos, "-o", "local.csv")
    assert (served / BUCKET / "out" / "o.csv").read_bytes() == Path("local.csv").read_bytes()


@pytest.mark.slow
def test_single_files_of_a_web_server(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo and a mosaic by https: the server cannot list them, so each is named."""
    make_mosaic(photos / "deck.tif", width=448, height=448)
    monkeypatch.chdir(tmp_path)
    with web_server(photos) as url:
        names = [f"{url}/10.jpg", f"{url}/deck.tif", f"{url}/deck/b%202.jpg", f"{url}/gone.jpg"]
        (tmp_path / "list.txt").write_text("\n".join(names))
        assert run("scan", "--from-file", "list.txt", "-o", "o.csv").exit_code == 3
        found = rows(Path("o.csv"))
        assert [row["source"] for row in found] == [names[0], *[names[1]] * 4, *names[2:]]
        assert [row["status"] for row in found] == ["ok"] * 6 + ["unreadable"]
        assert found[-1]["reason"] == "there is no such file"
        assert run("scan", f"{url}/10.jpg", "-o", f"{url}/o.csv").exit_code == 1


def test_first_copies_of_many_threads_share_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos that are fetched at the same moment, as the first ones are, do not lose their copies."""
    copies._folder().cleanup()
    copies._folder.cache_clear()
    made = copies.TemporaryDirectory

    def slowly(**options: object) -> object:
        time.sleep(0.02)
        return made(**options)  # type: ignore[call-overload]

    monkeypatch.setattr(copies, "TemporaryDirectory", slowly)
    monkeypatch.setattr(stores, "fetch", lambda name, path: Path(path).write_text(name))
    names = [f"s3://{BUCKET}/{number}.jpg" for number in range(20)]
    copies.fetch_ahead(names)
    for name in names:
        with copies.fetched_copy(name) as path:
            assert Path(path).read_text() == name


def flat(text: str) -> str:
    """Return a text for a person without its line breaks."""
    return " ".join(text.split())
