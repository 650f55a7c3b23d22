"""Damaged files: a scan of any bytes ends in bounded time and memory, with a row for each file."""

from pathlib import Path

import pytest
from damaged_scans import scan_damaged

DEFAULT_COUNT = 200


def test_damaged_files_are_rows(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """No crash, no hang, no lost row; `pytest tests/fuzz --fuzz 20000` tries more of them."""
    count = pytestconfig.getoption("--fuzz") or DEFAULT_COUNT
    for findings in scan_damaged(tmp_path, range(count)):
        (tmp_path / "findings.json").write_text(findings.as_json())
    print(findings.as_json())  # noqa: T201 - pytest shows it with -s, or if the test fails
    assert findings.faults == []
    assert sum(findings.outcomes.values()) == count
