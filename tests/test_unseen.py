"""A model is evaluated on its test split, or on images that it has never seen."""

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
from crackscan.evaluation.unseen import read_split, select_split, select_split_rows, select_unseen
from crackscan.model.card import sha256_of


def draw(path: Path, seed: int) -> Path:
    """Write a picture of soft blots that is different for each seed."""
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
    """Return the rows of a split.csv: images 0 and 3 are of train, 1 and 4 of validation, 2 and 5 of test."""
    rows, _ = fingerprint_all(data.examples, input_px=224)
    return [
        row._replace(example=replace(row.example, path="", split=SPLITS[index % 3], group=f"photo {index}"))
        for index, row in enumerate(rows)
    ]


def sources(data: LabelledData) -> list[str]:
    """Return the sources of the examples."""
    return [example.source for example in data.examples]


def test_split_gives_the_images_of_the_models_split(tmp_path: Path) -> None:
    """Their files can be opened, and they have the split and the groups of the training."""
    data = labelled(tmp_path)
    test = select_split(data, trained_on(data), "test", input_px=224)
    assert sources(test) == ["2.png", "5.png"]
    assert [(example.split, example.group) for example in test.examples] == [
        ("test", "photo 2"),
        ("test", "photo 5"),
    ]
    assert Path(test.examples[0].path).is_file()


def test_split_of_changed_images_is_refused_by_name(tmp_path: Path) -> None:
    """An image that was replaced under its old name is not an image of the test split."""
    data = labelled(tmp_path)
    known = trained_on(data)
    draw(tmp_path / "5.png", 99)
    with pytest.raises(
        BadData, match=r"^Images of the .* have changed since the training: bridge/5\.png \(1 in all\)\. Give"
    ):
        select_split(data, known, "test", input_px=224)


def test_split_with_another_label_is_refused_by_name(tmp_path: Path) -> None:
    """Metrics on relabelled images are not those of the split."""
    data = labelled(tmp_path)
    known = trained_on(data)
    turned = [replace(example, label=not example.label) for example in data.examples]
    with pytest.raises(
        BadData, match=r"^Images .*, or their labels, have .*: bridge/2\.png, bridge/5\.png \(2 in all\)\."
    ):
        select_split(LabelledData(tuple(turned)), known, "test", input_px=224)


def test_split_may_have_labels_corrected_since_the_training(tmp_path: Path) -> None:
    """A person who looks at the errors corrects wrong labels; the training itself keeps its labels."""
    data = labelled(tmp_path)
    known = trained_on(data)
    corrected = [replace(example, label=not example.label, relabelled=True) for example in data.examples]
    now = LabelledData(tuple(corrected))
    assert [example.label for example in select_split(now, known, "test", input_px=224).examples] == [
        False,
        True,
    ]
    with pytest.raises(BadData, match="or their labels, have changed"):
        select_split_rows(now, known, "test", input_px=224)


def test_split_with_corrected_labels_needs_their_csv(tmp_path: Path) -> None:
    """A model that learned from corrected labels is not evaluated with the old ones."""
    data = labelled(tmp_path)
    corrected = [replace(example, label=not example.label, relabelled=True) for example in data.examples]
    with pytest.raises(BadData, match=r"with its CSV of corrected labels if it had one\.$"):
        select_split(data, trained_on(LabelledData(tuple(corrected))), "test", input_px=224)


def test_split_with_missing_images_is_refused_by_name(tmp_path: Path) -> None:
    """Metrics on half a test split cannot be compared with those of the model."""
    data = labelled(tmp_path)
    incomplete = replace(data, examples=data.examples[:4])
    with pytest.raises(
        BadData, match=r"^Images of the model's split test are not in the data: bridge/5\.png"
    ):
        select_split(incomplete, trained_on(data), "test", input_px=224)


def test_split_of_other_data_is_refused_with_the_names_of_the_right_ones(tmp_path: Path) -> None:
    """A user who gives the wrong folder learns the right one."""
    known = trained_on(labelled(tmp_path / "a"))
    other = labelled(tmp_path / "b", data="tunnel")
    with pytest.raises(
        BadData, match="The model's split test has images of bridge, not of tunnel; give the folders"
    ):
        select_split(other, known, "test", input_px=224)


def test_split_may_be_of_some_of_the_models_datasets(tmp_path: Path) -> None:
    """A model trained on two datasets can be evaluated on its test images of one."""
    bridge, tunnel = labelled(tmp_path / "a"), labelled(tmp_path / "b", data="tunnel", first=20)
    known = [*trained_on(bridge), *trained_on(tunnel)]
    assert len(select_split(tunnel, known, "test", input_px=224).examples) == 2
    both = LabelledData((*bridge.examples, *tunnel.examples))
    assert len(select_split(both, known, "test", input_px=224).examples) == 4


def test_unreadable_image_of_a_split_is_kept(tmp_path: Path) -> None:
    """The evaluation gives it a row with the reason, so it must not be lost here."""
    data = labelled(tmp_path)
    known = trained_on(data)
    (tmp_path / "2.png").write_bytes(b"broken")
    assert sources(select_split(data, known, "test", input_px=224)) == ["2.png", "5.png"]


def test_unseen_data_is_kept_complete(tmp_path: Path) -> None:
    """Other pictures are not a leak, even with the same names; unreadable ones are kept, too."""
    known = trained_on(labelled(tmp_path / "a"))
    other = labelled(tmp_path / "b", first=50)
    (tmp_path / "b" / "3.png").write_bytes(b"broken")
    assert select_unseen(other, known, input_px=224) == other


def test_equal_images_of_both_classes_are_left_out(tmp_path: Path) -> None:
    """Which label is right is unknown; training leaves them out, too."""
    data = labelled(tmp_path)
    copy = Example(data.examples[0].path, "copy.png", label=False, data="bridge")
    doubled = replace(data, examples=(*data.examples, copy))
    chosen = select_unseen(doubled, trained_on(labelled(tmp_path / "other", first=100)), input_px=224)
    assert sources(chosen) == sources(data)[1:]
    assert [str(problem) for problem in chosen.problems] == [
        "Equal images of both classes, all left out: 2 (bridge/0.png (crack), bridge/copy.png (no-crack))."
    ]


def test_data_that_contradict_each_other_completely_are_kept(tmp_path: Path) -> None:
    """Nothing would be left to judge; the problem is told."""
    data = labelled(tmp_path, 2)
    twice = tuple(replace(data.examples[0], label=label) for label in (True, False))
    known = trained_on(labelled(tmp_path / "other", first=100))
    chosen = select_unseen(replace(data, examples=twice), known, input_px=224)
    assert len(chosen.examples) == 2
    assert str(chosen.problems[0]).startswith("Equal images of both classes: 2 (bridge/0.png (crack), ")


def test_unseen_data_has_no_split(tmp_path: Path) -> None:
    """A split "test" in a manifest is not that of the model, and the report must not name it."""
    other = labelled(tmp_path / "b", first=50)
    given = replace(other, examples=tuple(replace(example, split="test") for example in other.examples))
    assert select_unseen(given, trained_on(labelled(tmp_path / "a")), input_px=224) == other


def test_seen_images_are_refused_under_any_name(tmp_path: Path) -> None:
    """Metrics on renamed copies of training images would be too good."""
    known = trained_on(labelled(tmp_path / "a"))
    copied = labelled(tmp_path / "b", data="new")
    with pytest.raises(
        BadData, match=r"learned from some of the 6 images: new/0\.png \(the same as bridge/0\.png\)"
    ):
        select_unseen(copied, known, input_px=224)


def test_seen_images_are_found_after_recompression(tmp_path: Path) -> None:
    """A smaller JPEG of a training image has other bytes and shows the same."""
    known = trained_on(labelled(tmp_path / "a"))
    path = tmp_path / "again.jpg"
    Image.open(tmp_path / "a" / "0.png").resize((80, 80)).save(path, quality=80)
    again = LabelledData((Example(str(path), "again.jpg", label=True, data="new"),))
    with pytest.raises(BadData, match=r"new/again\.jpg \(nearly the same as bridge/0\.png\)"):
        select_unseen(again, known, input_px=224)


def test_seen_images_are_left_out_if_asked_and_named(tmp_path: Path) -> None:
    """The model has not learned from the remaining images, and the report names the others."""
    data = labelled(tmp_path)
    rest = select_unseen(data, trained_on(data), leave_out=True, input_px=224)
    assert sources(rest) == ["2.png", "5.png"]
    (problem,) = rest.problems
    assert (problem.count, problem.what) == (4, "images that the model has learned from, left out")


def test_completely_seen_data_is_refused_even_with_leave_out(tmp_path: Path) -> None:
    """No image remains, and the error does not suggest to leave the others out."""
    data = labelled(tmp_path)
    seen = replace(data, examples=data.examples[:2])
    with pytest.raises(BadData, match=r"\(2 in all\)\. .* or on other data\.$"):
        select_unseen(seen, trained_on(data), leave_out=True, input_px=224)


def card_of(sha256: str) -> Any:
    """Return the part of a card that has the digest of its split.csv."""
    return SimpleNamespace(split=SimpleNamespace(sha256=sha256))


def test_split_csv_is_that_of_the_card(tmp_path: Path) -> None:
    """The training images of a model are read from the file that the training wrote."""
    rows = trained_on(labelled(tmp_path / "data"))
    write_split_csv(tmp_path / "split.csv", rows)
    assert read_split(tmp_path, card_of(sha256_of(tmp_path / "split.csv"))) == rows


def test_missing_or_foreign_split_csv_is_a_broken_model(tmp_path: Path) -> None:
    """Without the right file, the training images of the model are unknown."""
    with pytest.raises(BrokenModel, match=r"split\.csv: missing, so the training images are unknown"):
        read_split(tmp_path, card_of("0" * 64))
    write_split_csv(tmp_path / "split.csv", [])
    with pytest.raises(BrokenModel, match=r"split\.csv: does not belong to card\.json"):
        read_split(tmp_path, card_of("0" * 64))
