"""split.csv records the split of each image, and finds these images again under other names."""

from dataclasses import replace
from pathlib import Path

import pytest
from pictures import blotches

from crackscan.basics.errors import BadData
from crackscan.basics.records import Window
from crackscan.dataset.fingerprints import Fingerprint, Fingerprinted, fingerprint
from crackscan.dataset.records import Example, Split
from crackscan.dataset.split_csv import find_overlap, read_split_csv, write_split_csv

HEADER = "data,source,col,row,width,height,label,group,split,sha256,phash\n"


def picture(seed: int, *, split: Split | None = None, window: Window | None = None) -> Fingerprinted:
    """Return a picture as a row."""
    example = Example(
        "", f"crack/{seed}.jpg", label=True, window=window, group=f"g{seed}", split=split, data="set"
    )
    return Fingerprinted(example, fingerprint(blotches(seed)))


def test_rows_are_written_as_documented(tmp_path: Path) -> None:
    """Whole images have empty windows, featureless ones an empty phash; lines end in LF."""
    whole = Example("/x/a.jpg", "CD/a.jpg", label=True, group="s/D7001", split="train", data="s")
    tile = Example("/x/b.jpg", 'é,"b.jpg', label=False, window=Window(0, 224, 224, 100), group="g", data="s")
    rows = [Fingerprinted(whole, Fingerprint("ab", "cd")), Fingerprinted(tile, Fingerprint("ef", ""))]
    write_split_csv(tmp_path / "split.csv", rows)
    text = HEADER + 's,CD/a.jpg,,,,,crack,s/D7001,train,ab,cd\ns,"é,""b.jpg",0,224,224,100,no-crack,g,,ef,\n'
    assert (tmp_path / "split.csv").read_bytes() == text.encode()


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    """Everything but the path, which differs between machines."""
    rows = [picture(1, split="train"), picture(2, split="test", window=Window(1, 2, 3, 4)), picture(3)]
    write_split_csv(tmp_path / "split.csv", rows)
    assert read_split_csv(tmp_path / "split.csv") == rows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,label\n", "line 1: no column data, source, col"),
        (
            HEADER + "s,a.jpg,,,,,maybe,g,train,ab,cd\n",
            "line 2: label 'maybe', split 'train'; the file is damaged",
        ),
        (HEADER + "s,a.jpg,,,,,crack,g,train,ab,xyz\n", "line 2: "),
        (HEADER + "s,a.jpg,1,,,,crack,g,train,ab,cd\n", "line 2: "),
        (HEADER + "s,a.jpg,,,,,cra", "line 2: "),
    ],
)
def test_damaged_file_is_an_error_that_names_the_line(tmp_path: Path, text: str, sentence: str) -> None:
    """A split.csv that was edited or truncated must not look like an empty one."""
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(BadData) as error:
        read_split_csv(path)
    assert f"split.csv, {sentence}" in str(error.value)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """Every model folder has this file."""
    with pytest.raises(BadData, match=r"split\.csv: cannot be read"):
        read_split_csv(tmp_path / "split.csv")


def test_images_that_a_model_learned_from_are_found_under_any_name() -> None:
    """Exact and near duplicates of train and validation are found; the model may be tested on the others."""
    known = [picture(1, split="train"), picture(2, split="validation"), picture(3, split="test"), picture(4)]
    brighter = fingerprint((blotches(2) * 1.1).astype("uint8"))
    rows = [
        picture(9),
        Fingerprinted(replace(picture(1).example, source="else.png"), picture(1).fingerprint),
        Fingerprinted(replace(picture(2).example, source="brighter.png"), brighter),
        picture(3),
        picture(4),
    ]
    overlaps = find_overlap(rows, known)
    assert [(overlap.example.source, overlap.known.source, overlap.exact) for overlap in overlaps] == [
        ("else.png", "crack/1.jpg", True),
        ("brighter.png", "crack/2.jpg", False),
    ]
    (overlap,) = find_overlap(rows, known, splits=["test"])
    assert overlap.known.source == "crack/3.jpg"
