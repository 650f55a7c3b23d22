"""Folders of any size are listed in natural order."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crackscan.scanning.listing import Entry, Listing


def fill(folder: Path, names: list[str]) -> Path:
    """Return a folder with empty files of these names, and a sub-folder."""
    (folder / "f10").mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


@given(
    names=st.sets(st.from_regex(r"[aA]?[0-9]{1,3}(é|\.jpg)?", fullmatch=True), max_size=30),
    run=st.integers(1, 40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_order_does_not_depend_on_what_fits_in_memory(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], run: int
) -> None:
    """A list that is sorted in parts equals a list that is sorted at once."""
    folder = fill(tmp_path_factory.mktemp("many"), sorted(names))
    with Listing(str(folder)) as at_once, Listing(str(folder), run=run) as in_parts:
        entries = list(in_parts)
        assert entries == list(at_once)
    assert {entry.name for entry in entries} == names | {"f10"}
    assert [entry for entry in entries if entry.is_folder] == [Entry("f10", is_folder=True)]
