"""Rows as columns, which reviews read: they say the same as rows, and refuse the same damages."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from makers import make_mosaic, make_photo, scan_options

from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import PhotoLimit, Result, Window, Work
from crackscan.basics.row_columns import FIELDS, RowColumns
from crackscan.scanning.journal_file import read_journal
from crackscan.scanning.packing import pack_results, row_columns, unpack_rows
from crackscan.scanning.photo_thresholds import label_rows
from crackscan.scanning.row_labels import cracked_up_to, label_row

PROBABILITIES = st.integers(0, 1000).map(lambda number: number / 1000)
PHOTOS = st.lists(st.lists(st.none() | PROBABILITIES, min_size=1, max_size=30), max_size=8)


def photo(tiles: list[float | None], across: int, step: int) -> Result:
    """Return the row of a photo with tiles in rows of so many; None is one that was not assessed."""
    judged = tuple(
        (Window(step * (place % across), step * (place // across), 224, 224), tile)
        for place, tile in enumerate(tiles)
        if tile is not None
    )
    status = "ok" if judged else "nodata"
    return Result(source="a", kind="photo", status=status, judged=judged)


@given(
    PHOTOS,
    st.integers(1, 6),
    st.sampled_from([0.0, 0.5]),
    PROBABILITIES,
    st.sampled_from([(), (0.7,), (0.3, 3.1)]),
)
def test_labels_are_those_of_the_rows(
    photos: list[list[float | None]], across: int, overlap: float, threshold: float, masses: tuple[float, ...]
) -> None:
    """Labels, highest thresholds and cracked tiles do not depend on how rows are read."""
    limits = tuple(PhotoLimit(4**place, mass) for place, mass in enumerate(masses, start=1))
    options = scan_options(threshold=threshold, overlap=overlap, photo_limits=limits)
    tile = Result(source="a", kind="tile", status="ok", probability=threshold)
    rows = [tile, *(photo(tiles, across, round(224 * (1 - overlap))) for tiles in photos)]
    columns = RowColumns.of_results([Work("a", "a", "photo", options.tiles)] * len(rows), rows)
    found = label_rows(columns, options)
    known = [label_row(row, options) for row in rows]
    assert found.cracked.tolist() == [row.label == "crack" for row in known]
    up_to = [cracked_up_to(row, options) for row in rows]
    assert np.array_equal(found.cracked_up_to, np.array(up_to, np.float64), equal_nan=True)
    assert np.array_equal(
        found.crack_tiles, np.array([row.crack_tiles for row in known], np.float64), equal_nan=True
    )


@pytest.mark.usefixtures("stand_in_model")
@pytest.mark.parametrize("options", [[], ["--per", "tile"], ["--lines"]])
def test_journal_gives_the_same_rows_as_columns(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each column holds what the rows hold, photos and mosaics, read in small pieces."""
    monkeypatch.setattr("crackscan.scanning.journal.COLUMN_ROWS", 3)
    make_photo(tmp_path / "site" / "cracked.jpg", crack=True)
    make_photo(tmp_path / "site" / "large.jpg", width=700, height=500)
    make_mosaic(tmp_path / "site" / "deck.tif", width=672, height=448)
    (tmp_path / "site" / "broken.jpg").write_bytes(b"no picture")
    assert run("scan", tmp_path / "site", "-o", tmp_path / "o.csv", *options).exit_code == 3
    with read_journal(tmp_path / "o.csv.journal") as journal:
        batches = list(journal.columns())
        rows = [row for _, rows in journal.results() for row in rows]
    assert len(batches) > 1
    for name in FIELDS:
        expected = [getattr(row, name) for row in rows]
        assert plain([value for batch in batches for value in batch[name]]) == plain(expected), name


def plain(values: Any) -> Any:
    """Return values with lists in place of tuples."""
    return [plain(value) for value in values] if isinstance(values, list | tuple) else values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("probability", "0.5"),
        ("kind", "house"),
        ("col", 2**63),
        ("col", 1.5),
        ("col", True),
        ("source", "b"),
        ("outline", [[1.0, 2.0, 3.0]]),
        ("outline", [["1", 2.0]]),
        ("judged", [[[0, 0, 224], 0.5]]),
        ("judged", [[[0, 0, 224, 224.5], 0.5]]),
        ("judged", [[[0, 0, 224, 224], "0.5"]]),
        ("traces", [[1.0]]),
    ],
)
def test_damaged_value_is_no_row(name: str, value: Any) -> None:
    """A value that its column cannot have is a damage, also where no row object is made of it."""
    work = Work("a", "a", "photo", scan_options().tiles)
    (row,) = unpack_rows(pack_results([Result(source="a", kind="tile", status="ok", probability=0.5)]))
    assert len(row_columns([work], [[row]])) == 1
    row[FIELDS.index(name)] = value
    with pytest.raises((ValueError, TypeError, LookupError)):
        row_columns([work], [[row]])


@pytest.mark.usefixtures("stand_in_model")
def test_damaged_journal_is_told(tmp_path: Path) -> None:
    """A row of a wrong length is told as a damaged journal, in one sentence."""
    make_photo(tmp_path / "a.jpg")
    assert run("scan", tmp_path / "a.jpg", "-o", tmp_path / "o.csv").exit_code == 0
    path = tmp_path / "o.csv.journal"
    with read_journal(path) as journal, closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE plan SET work = json_set(work, '$[0]', 'b.jpg')")
        database.commit()
        journal._database.execute("COMMIT")  # so that it sees the change, which its check has not seen
        with pytest.raises(CrackscanError, match="is damaged or not a journal"):
            list(journal.columns())
