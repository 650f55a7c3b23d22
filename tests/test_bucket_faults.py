"""What goes wrong with a bucket in the middle of a scan: each is told for what it is, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import stand_in
from buckets import BUCKET, CODES, Proxy, Request, Store, environment, lead_to
from commands import run
from makers import make_mosaic, make_photo
from test_buckets import flat, rows

from crackscan.reading.remote import stores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("stand_in_model")]
BLOCKS = {"tiled": True, "blockxsize": 256, "blockysize": 256}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of eight photos."""
    for number in range(8):
        make_photo(tmp_path / "photos" / f"{number}.jpg", crack=number == 2)
    return tmp_path / "photos"


@pytest.fixture
def proxy(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Return a proxy before the store, to which the environment leads."""
    with Proxy(store.url).running() as made:
        lead_to(made.url, monkeypatch)
        yield made


def test_expired_credentials_end_the_scan_and_a_second_run_resumes(
    store: Store, photos: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that expires after an hour makes no thousand unreadable rows: renew it, and go on."""
    address, asked = store.put_folder(photos, "in"), list[str]()
    monkeypatch.setitem(CODES, 400, "ExpiredToken")

    def spoil(seen: Request) -> int | None:
        asked.extend([seen.path] if ".jpg" in seen.path else [])
        return 400 if len(asked) > 3 else None

    proxy.spoil = spoil
    done = run("scan", address, "-o", "o.csv", "--jobs", "1")
    assert done.exit_code == 1
    assert "the credentials have expired; renew them, and run the same command again." in flat(done.stderr)
    assert not Path("o.csv").exists()
    proxy.spoil = lambda _: None
    done = run("scan", address, "-o", "o.csv")
    assert done.exit_code == 0, done.stderr
    assert [row["status"] for row in rows(Path("o.csv"))] == ["ok"] * 8


def test_expired_credentials_end_the_scan_of_a_mosaic(
    store: Store, tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where GDAL asks for the bytes, which takes no errors."""
    noise = np.random.default_rng(1).integers(0, 255, (3, 1024, 1024)).astype(np.uint8)
    address = store.put("deck.tif", make_mosaic(tmp_path / "deck.tif", bands=noise, **BLOCKS))
    monkeypatch.setitem(CODES, 400, "ExpiredToken")
    proxy.spoil = lambda seen: 400 if seen.range and len(proxy.requests) > 20 else None
    done = run("scan", address, "-o", "o.csv")
    assert done.exit_code == 1, done.stderr
    assert "the credentials have expired" in flat(done.stderr)
    proxy.spoil = lambda _: None
    assert run("scan", address, "-o", "o.csv").exit_code == 0


REFUSALS = {
    "InvalidObjectState": (403, "it is in an archive of the store; restore it there first"),
    "RequestTimeTooSkewed": (403, "the clock of this machine is wrong"),
    "InvalidAccessKeyId": (403, "access is denied to these credentials"),
    "KMS.DisabledException": (400, "no (KMS.DisabledException)"),
    "PermanentRedirect": (301, "its bucket is in another region; name that in AWS_DEFAULT_REGION"),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_refusal_is_told_for_what_it_is_and_not_tried_again(
    store: Store, photos: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """An archived photo and a wrong clock need other help than a missing right."""
    address, (status, reason) = store.put_folder(photos, "in"), REFUSALS[code]
    monkeypatch.setitem(CODES, status, code)
    monkeypatch.setattr(stores, "WAITS", (60.0,))
    proxy.spoil = lambda seen: status if seen.path.endswith("/3.jpg") else None
    started = time.monotonic()
    assert run("scan", address, "-o", "o.csv").exit_code == 3
    assert time.monotonic() - started < 60
    (row,) = [row for row in rows(Path("o.csv")) if row["status"] == "unreadable"]
    assert row["source"] == "3.jpg"
    assert row["reason"].endswith(reason)


def test_photo_that_changes_during_the_scan_is_judged_again_by_the_next(
    store: Store, photos: Path, proxy: Proxy
) -> None:
    """Its row is that of what was read, but the journal knows that it was planned as another one."""
    address = store.put_folder(photos, "in")
    changed = list[str]()

    def spoil(seen: Request) -> None:
        if seen.path.endswith("/5.jpg") and not changed:
            changed.append(store.put("in/5.jpg", photos / "2.jpg"))

    proxy.spoil = spoil
    assert run("scan", address, "-o", "o.csv").exit_code == 0
    done = run("scan", address, "-o", "o.csv")
    assert "1 of 8 photos and mosaic bands are left to judge" in done.stderr
    assert [row["label"] for row in rows(Path("o.csv"))].count("crack") == 2


@pytest.mark.parametrize("status", [403, 503])
def test_listing_that_breaks_off_is_no_survey_of_its_first_pages(
    store: Store, photos: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """It is told that the folder could not be listed; what an earlier run has judged stays known."""
    address = store.put_folder(photos, "in")
    monkeypatch.setattr(stores._pages, "__defaults__", (3,))
    assert run("scan", address, "-o", "o.csv").exit_code == 0
    proxy.spoil = lambda seen: status if "max-keys=3" in seen.path and "continuation" in seen.path else None
    done = run("scan", address, "-o", "o.csv")
    assert done.exit_code == 3
    (row,) = rows(Path("o.csv"))
    assert (row["source"], row["status"]) == (".", "unreadable")
    assert row["reason"].startswith("cannot be listed: ")
    proxy.spoil = lambda _: None
    assert "0 of 8 photos and mosaic bands are left to judge" in run("scan", address, "-o", "o.csv").stderr


def test_strange_keys_are_photos_like_others(store: Store, tmp_path: Path) -> None:
    """Every character that a key may hold; two slashes are not one, and objects may be named like folders."""
    path = make_photo(tmp_path / "a.jpg")
    keys = [
        "a b.jpg",
        "é 漢 😀.jpg",
        "a#b.jpg",
        "a?b&c=d.jpg",
        "100%.jpg",
        "%2F.jpg",
        "+p.jpg",
        "a*[x]{}.jpg",
    ]
    keys += ["/two.jpg", "//three.jpg", "./dot.jpg", "../up.jpg", "back\\slash.jpg", "tab\t.jpg", "'q\".jpg"]
    keys += ["two.jpg", "two.jpg/inside.jpg", "folder.jpg/", "folder.jpg/inside.jpg"]
    for key in keys:
        store.put(f"in/{key}", path)
    store.put("in", path)
    done = run("scan", f"s3://{BUCKET}/in/", "-o", "o.csv")
    assert done.exit_code == 0, done.stderr
    found = [row["source"] for row in rows(Path("o.csv"))]
    assert len(set(found)) == len(found) == len(keys) - 1
    assert {"two.jpg", ".//two.jpg", ".///three.jpg", "./+p.jpg"} <= set(found)
    listed = tmp_path / "list"
    listed.write_text("\0".join(f"s3://{BUCKET}/in/{key}" for key in keys if not key.endswith("/")))
    done = run("scan", "--from-file", listed, "--null", "-o", "l.csv")
    assert (done.exit_code, len(rows(Path("l.csv")))) == (0, len(keys) - 1), done.stderr


def test_objects_without_a_byte_are_rows_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload that was broken off is no reason to ask a store again and again."""
    for ending in ("jpg", "tif", "heic", "vrt", "jp2"):
        store.put(f"in/zero.{ending}", b"")
    store.put("in/", b"")
    monkeypatch.setattr(stores, "WAITS", (60.0,))
    started = time.monotonic()
    assert run("scan", f"s3://{BUCKET}/in", "-o", "o.csv").exit_code == 3
    assert time.monotonic() - started < 60
    assert [row["status"] for row in rows(Path("o.csv"))] == ["unreadable"] * 5
    assert not any("range" in row["reason"] for row in rows(Path("o.csv")))


def test_output_that_may_not_be_written_is_told_before_the_work(
    store: Store, photos: Path, proxy: Proxy
) -> None:
    """Nobody learns after a week that the right to write was missing; the question leaves no object."""
    out = f"s3://{BUCKET}/out/o.csv"
    proxy.spoil = lambda seen: 403 if seen.method in {"PUT", "POST"} else None
    done = run("scan", photos, "-o", out)
    assert done.exit_code == 1
    assert flat(done.stderr) == (
        f"error: {out}: cannot be written: access is denied to these credentials; get the right to write "
        "there, or name another place."
    )
    assert list(Path().iterdir()) == []
    proxy.spoil = lambda seen: 501 if seen.method == "POST" else None  # a server that knows no such question
    assert run("scan", photos, "-o", out).exit_code == 0
    proxy.spoil = lambda _: None
    assert run("convert", "s3--survey--out--o.csv.journal", "-o", f"s3://{BUCKET}/out/p.csv").exit_code == 0
    assert store.keys("out/") == ["out/o.csv", "out/p.csv"]
    assert store.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads") is None


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", [f"s3://{BUCKET}/out/", f"s3://{BUCKET}"])
def test_output_that_is_a_folder_is_told_by_its_address(photos: Path, name: str) -> None:
    """And not by the name of the file that would be written here first."""
    done = run("scan", photos, "-o", name)
    assert (done.exit_code, flat(done.stderr)) == (1, f"error: {name}: is a folder; name a file in it.")


@pytest.mark.filterwarnings("ignore")
def test_interrupted_upload_is_made_up_for_by_the_next_run(store: Store, photos: Path) -> None:
    """Ctrl-C while the output is sent: it is told where the rows are, and the same command sends them."""
    command = [sys.executable, stand_in.__file__, "scan", photos, "-o", f"s3://{BUCKET}/o.csv"]
    with Proxy(store.url).running() as slow:
        slow.spoil = lambda seen: time.sleep(3) if seen.method == "PUT" else None
        variables = {**os.environ, **environment(slow.url)}
        with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as scan:
            while not any(seen.method == "PUT" for seen in slow.requests):
                assert scan.poll() is None
                time.sleep(0.02)
            scan.send_signal(signal.SIGINT)
            told = flat(scan.communicate()[1])
        assert scan.returncode == 130
        assert f"s3://{BUCKET}/o.csv was not sent: the rows are in" in told
        time.sleep(3)
    store.client.delete_object(Bucket=BUCKET, Key="o.csv")  # what the server has got all the same
    done = run("scan", photos, "-o", f"s3://{BUCKET}/o.csv")
    assert done.exit_code == 0
    assert "this scan is complete, what was left to send was sent" in flat(done.stderr)
    assert len(rows(store.get("o.csv"))) == 8
    assert not Path("s3--survey--o.csv").exists()
