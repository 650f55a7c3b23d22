"""A model is judged on the split that it kept aside, or on what it has never seen."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.dataset.fingerprints import Fingerprinted, fingerprint_all
from crackscan.dataset.records import SPLITS, Example, LabelledData
from crackscan.dataset.split_csv import write_split_csv
from crackscan.evaluation.unseen import examples_of_split, read_split, split_rows, unseen
from crackscan.model.card import sha256_of


def draw(path: Path, seed: int) -> Path:
    """Write a picture that resembles no other: soft blots, as a photo has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blots = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(blots).resize((96, 96), Image.Resampling.BICUBIC).save(path)
    return path


def labelled(folder: Path, count: int = 6, *, data: str = "bridge", first: int = 0) -> LabelledData:
    """Write pictures, the first half of them labelled as cracked."""
    examples = [
        Example(
            str(draw(folder / f"{number}.png", first + number)),
            f"{number}.png",
            number < count // 2,
            data=data,
        )
        for number in range(count)
    ]
    return LabelledData(tuple(examples))


def trained_on(data: LabelledData) -> list[Fingerprinted]:
    """Return a split.csv's rows: images 0 and 3 were trained on, 1 and 4 validated on, 2 and 5 kept aside."""
    marked, _ = fingerprint_all(data.examples, input_px=224)
    return [
        row._replace(example=replace(row.example, path="", split=SPLITS[place % 3], group=f"photo {place}"))
        for place, row in enumerate(marked)
    ]


def sources(data: LabelledData) -> list[str]:
    """Return which images are left."""
    return [example.source for example in data.examples]


def test_split_gives_the_images_that_the_model_kept_aside(tmp_path: Path) -> None:
    """They come as files that can be opened, with the split and the groups of the training."""
    data = labelled(tmp_path)
    test = examples_of_split(data, trained_on(data), "test", input_px=224)
    assert sources(test) == ["2.png", "5.png"]
    assert [(example.split, example.group) for example in test.examples] == [
        ("test", "photo 2"),
        ("test", "photo 5"),
    ]
    assert Path(test.examples[0].path).is_file()


def test_split_of_changed_images_is_refused_by_name(tmp_path: Path) -> None:
    """An image that was replaced under its old name was never kept aside."""
    data = labelled(tmp_path)
    known = trained_on(data)
    draw(tmp_path / "5.png", 99)
    with pytest.raises(
        BadData, match=r"^Images of the model's split test have changed .*: bridge/5\.png \(1 in all\)\. Give"
    ):
        examples_of_split(data, known, "test", input_px=224)


def test_split_with_another_label_is_refused_by_name(tmp_path: Path) -> None:
    """Figures on relabelled images are not those of the split."""
    data = labelled(tmp_path)
    known = trained_on(data)
    turned = [replace(example, label=not example.label) for example in data.examples]
    with pytest.raises(
        BadData, match=r"^Images .* or their label has: bridge/2\.png, bridge/5\.png \(2 in all\)\."
    ):
        examples_of_split(LabelledData(tuple(turned)), known, "test", input_px=224)


def test_split_may_be_judged_by_labels_corrected_since(tmp_path: Path) -> None:
    """A person who looks at the errors corrects wrong labels; a training's own figures keep its labels."""
    data = labelled(tmp_path)
    known = trained_on(data)
    corrected = [replace(one, label=not one.label, relabelled=True) for one in data.examples]
    now = LabelledData(tuple(corrected))
    assert [one.label for one in examples_of_split(now, known, "test", input_px=224).examples] == [
        False,
        True,
    ]
    with pytest.raises(BadData, match="or their label has"):
        split_rows(now, known, "test", input_px=224)


def test_split_of_corrected_labels_asks_for_them(tmp_path: Path) -> None:
    """A model that learned from corrected labels is not judged by those before."""
    data = labelled(tmp_path)
    corrected = [replace(one, label=not one.label, relabelled=True) for one in data.examples]
    with pytest.raises(BadData, match=r"with the CSV of corrected labels if it had one\.$"):
        examples_of_split(data, trained_on(LabelledData(tuple(corrected))), "test", input_px=224)


def test_split_with_missing_images_is_refused_by_name(tmp_path: Path) -> None:
    """Half a test split is another test."""
    data = labelled(tmp_path)
    kept = replace(data, examples=data.examples[:4])
    with pytest.raises(
        BadData, match=r"^Images of the model's split test are not in the data: bridge/5\.png"
    ):
        examples_of_split(kept, trained_on(data), "test", input_px=224)


def test_split_of_other_data_is_refused_with_the_names_of_the_right_ones(tmp_path: Path) -> None:
    """Who gives the wrong folder learns which it should be."""
    known = trained_on(labelled(tmp_path / "a"))
    other = labelled(tmp_path / "b", data="tunnel")
    with pytest.raises(BadData, match="The model's split test is of bridge, not of tunnel; give the folders"):
        examples_of_split(other, known, "test", input_px=224)


def test_split_counts_those_of_several_data_that_are_given(tmp_path: Path) -> None:
    """A model trained on two sources can be judged on its test images of one."""
    bridge, tunnel = labelled(tmp_path / "a"), labelled(tmp_path / "b", data="tunnel", first=20)
    known = [*trained_on(bridge), *trained_on(tunnel)]
    assert len(examples_of_split(tunnel, known, "test", input_px=224).examples) == 2
    both = LabelledData((*bridge.examples, *tunnel.examples))
    assert len(examples_of_split(both, known, "test", input_px=224).examples) == 4


def test_unreadable_image_of_a_split_stays_to_be_counted(tmp_path: Path) -> None:
    """Evaluate gives it a row that says so; it does not vanish here."""
    data = labelled(tmp_path)
    known = trained_on(data)
    (tmp_path / "2.png").write_bytes(b"broken")
    assert sources(examples_of_split(data, known, "test", input_px=224)) == ["2.png", "5.png"]


def test_unseen_data_is_taken_whole(tmp_path: Path) -> None:
    """Other pictures are no leak, even under the same names; unreadable ones stay to be counted."""
    known = trained_on(labelled(tmp_path / "a"))
    other = labelled(tmp_path / "b", first=50)
    (tmp_path / "b" / "3.png").write_bytes(b"broken")
    assert unseen(other, known, input_px=224) == other


def test_unseen_data_is_of_no_split(tmp_path: Path) -> None:
    """A manifest's own "test" is not the model's, and no report may say so."""
    other = labelled(tmp_path / "b", first=50)
    said = replace(other, examples=tuple(replace(example, split="test") for example in other.examples))
    assert unseen(said, trained_on(labelled(tmp_path / "a")), input_px=224) == other


def test_seen_images_are_refused_under_any_name(tmp_path: Path) -> None:
    """Renamed copies of training images would show how well a model has learned them by heart."""
    known = trained_on(labelled(tmp_path / "a"))
    copied = labelled(tmp_path / "b", data="new")
    with pytest.raises(
        BadData, match=r"learned from some of the 6 images: new/0\.png \(the same as bridge/0\.png\)"
    ):
        unseen(copied, known, input_px=224)


def test_seen_images_are_found_after_saving_them_anew(tmp_path: Path) -> None:
    """A JPEG of a training image, a little smaller, has other bytes and shows the same."""
    known = trained_on(labelled(tmp_path / "a"))
    path = tmp_path / "again.jpg"
    Image.open(tmp_path / "a" / "0.png").resize((80, 80)).save(path, quality=80)
    again = LabelledData((Example(str(path), "again.jpg", label=True, data="new"),))
    with pytest.raises(BadData, match=r"new/again\.jpg \(nearly bridge/0\.png\)"):
        unseen(again, known, input_px=224)


def test_seen_images_are_left_out_if_asked_and_named(tmp_path: Path) -> None:
    """What remains is what the model has not learned from, and the report says what went."""
    data = labelled(tmp_path)
    rest = unseen(data, trained_on(data), leave_out=True, input_px=224)
    assert sources(rest) == ["2.png", "5.png"]
    (problem,) = rest.problems
    assert (problem.count, problem.what) == (4, "images that the model has learned from, left out")


def test_data_that_is_all_seen_is_refused_even_then(tmp_path: Path) -> None:
    """Nothing is left to judge the model on, and leaving it out is no advice."""
    data = labelled(tmp_path)
    seen = replace(data, examples=data.examples[:2])
    with pytest.raises(BadData, match=r"\(2 in all\)\. .* or on other data\.$"):
        unseen(seen, trained_on(data), leave_out=True, input_px=224)


def card_of(sha256: str) -> Any:
    """Return as much of a card as says which split.csv is its own."""
    return SimpleNamespace(split=SimpleNamespace(sha256=sha256))


def test_split_csv_is_that_of_the_card(tmp_path: Path) -> None:
    """What a model has seen is read from the file that was made with it."""
    rows = trained_on(labelled(tmp_path / "data"))
    write_split_csv(tmp_path / "split.csv", rows)
    assert read_split(tmp_path, card_of(sha256_of(tmp_path / "split.csv"))) == rows


def test_missing_or_foreign_split_csv_is_a_broken_model(tmp_path: Path) -> None:
    """Without it nobody knows what the model has seen."""
    with pytest.raises(BrokenModel, match=r"split\.csv: missing, so what the model has seen is unknown"):
        read_split(tmp_path, card_of("0" * 64))
    write_split_csv(tmp_path / "split.csv", [])
    with pytest.raises(BrokenModel, match=r"split\.csv: not the file that card\.json speaks of"):
        read_split(tmp_path, card_of("0" * 64))
