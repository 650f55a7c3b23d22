"""What all tests share: where the real data lies, and the shipped model."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real images, or skip: they are not part of the project."""
    folder = Path(os.environ.get("CRACKSCAN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; name their folder in CRACKSCAN_DATA")
    return folder
