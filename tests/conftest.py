"""What all tests share: where the real data lies, and the shipped model."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from makers import make_mosaic, make_photo

ROOT = Path(__file__).parent.parent

settings.register_profile("untimed", deadline=None)  # a loaded machine is no defect
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the long runs of `tests/fuzz` and `tests/faults` be asked for."""
    parser.addoption(
        "--fuzz", type=int, metavar="FILES", help="how many damaged files to scan; some hundreds"
    )
    parser.addoption(
        "--every-fault", action="store_true", help="let every call fail and damage every byte; some hours"
    )


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real images, or skip: they are not part of the project."""
    folder = Path(os.environ.get("CRACKSCAN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; name their folder in CRACKSCAN_DATA")
    return folder


@pytest.fixture
def stand_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every scan judge by darkness; it then needs no model folder."""
    from stand_in import load

    from crackscan.model import classifier

    monkeypatch.setattr(classifier, "find_model", lambda _: Path())
    monkeypatch.setattr(classifier.Model, "load", load)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with a cracked photo, a plain one and a mosaic of two bands."""
    folder = tmp_path / "site"
    make_photo(folder / "cracked.jpg", crack=True)
    make_photo(folder / "plain.jpg", width=700, height=500)
    make_mosaic(folder / "deck.tif", width=448, height=448)
    return folder
