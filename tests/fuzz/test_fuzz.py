"""Damaged files: whatever their bytes say, a scan ends, in time and in memory, with a row for each."""

from pathlib import Path

import pytest
from survey import scan_damaged

FEW = 200


def test_damaged_files_are_rows(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """No crash, no hang, no lost row; `pytest tests/fuzz --fuzz 20000` tries more of them."""
    number = pytestconfig.getoption("--fuzz") or FEW
    for found in scan_damaged(tmp_path, range(number)):
        (tmp_path / "found.json").write_text(found.as_json())
    print(found.as_json())  # noqa: T201 - pytest shows it with -s, or where it fails
    assert found.faults == []
    assert sum(found.outcomes.values()) == number
