"""Fixtures of all tests: the real data, the stand-in model and a small site."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from makers import make_mosaic, make_photo

if TYPE_CHECKING:
    from buckets import Store

ROOT = Path(__file__).parent.parent

settings.register_profile("untimed", deadline=None)  # a loaded machine is no defect
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that start the long runs of `tests/fuzz` and `tests/faults`."""
    parser.addoption("--fuzz", type=int, metavar="FILES", help="number of damaged files to scan")
    parser.addoption(
        "--every-fault",
        action="store_true",
        help="fail every call and damage every byte; this takes an hour on two cores",
    )
    parser.addoption(
        "--fault-log",
        metavar="FILE",
        help="takes each fault; what went well is not tried again by the next run",
    )


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real images, or skip, because they are not part of the project."""
    folder = Path(os.environ.get("CRACKSCAN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; name their folder in CRACKSCAN_DATA")
    return folder


@pytest.fixture
def stand_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every scan use the stand-in model, which needs no model folder."""
    from stand_in import load

    from crackscan.model import loading

    monkeypatch.setattr(loading, "find_model", lambda _: Path())
    monkeypatch.setattr(loading.Model, "load", load)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with a cracked photo, a plain one and a mosaic of two bands."""
    folder = tmp_path / "site"
    make_photo(folder / "cracked.jpg", crack=True)
    make_photo(folder / "plain.jpg", width=700, height=500)
    make_mosaic(folder / "deck.tif", width=448, height=448)
    return folder


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[str]:
    """Return the address of a server of S3."""
    from buckets import moto_server

    with moto_server() as url:
        yield url


@pytest.fixture
def store(bucket_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Store"]:
    """Return an empty bucket, to which the environment leads; the test runs in a folder of its own."""
    from buckets import open_bucket

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with open_bucket(bucket_server, monkeypatch) as made:
        yield made
