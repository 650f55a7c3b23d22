"""A training that continues a model does not test itself on what that model knows."""

from dataclasses import replace
from pathlib import Path

import pytest

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import Split
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.unseen import read_split
from crackscan.model.card import Card
from crackscan.model.loading import find_model
from crackscan.training.fitting.weights import Weights, find_weights
from crackscan.training.known_images import check_left_out, leave_out_known


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Return the weights of the shipped model."""
    return find_weights(str(find_model()))


@pytest.fixture(scope="module")
def known() -> dict[Split, Fingerprinted]:
    """Return an image of each split of the shipped model."""
    rows = read_split(find_model(), Card.read(find_model()))
    return {row.example.split: row for row in rows if row.example.split}


def moved(row: Fingerprinted, split: Split) -> Fingerprinted:
    """Return the same picture under another name and in another split."""
    return row._replace(
        example=replace(row.example, data="mine", source=f"{row.example.split}-{split}.png", split=split)
    )


def test_images_that_the_first_weights_know_are_no_test(
    weights: Weights, known: dict[Split, Fingerprinted]
) -> None:
    """What was trained on is neither validated nor tested on; what was tuned on is not tested on."""
    given = SplitData(
        (
            moved(known["train"], "train"),
            moved(known["train"], "validation"),
            moved(known["validation"], "validation"),
            known["train"]._replace(example=replace(known["train"].example, split="test")),
            moved(known["validation"], "test"),
            known["test"],
        ),
        (),
    )
    left = leave_out_known(given, weights)
    assert [(row.example.split, row.fingerprint) for row in left.rows] == [
        ("train", known["train"].fingerprint),
        ("validation", known["validation"].fingerprint),
        ("test", known["test"].fingerprint),
    ]
    (problem,) = left.problems
    assert problem.count == 3
    assert Card.read(find_model()).model_id in str(problem)


def test_other_weights_know_no_image(known: dict[Split, Fingerprinted]) -> None:
    """ImageNet's weights, or none, leave the split as it is."""
    given = SplitData((moved(known["train"], "test"),), ())
    assert leave_out_known(given, find_weights("none")) is given


def test_known_images_cannot_be_left_out(weights: Weights, known: dict[Split, Fingerprinted]) -> None:
    """A model that continues another one is measured from weights that know none of its images."""
    card = replace(Card.read(find_model()), weights=weights.text)
    with pytest.raises(BadData, match=r"knows 1 of the images .* such as imagenet"):
        check_left_out(card, weights, [known["train"]])
    check_left_out(card, find_weights("none"), [known["train"]])
    from_imagenet = replace(card, weights="imagenet.h5 (sha256 0)")
    with pytest.raises(BrokenModel, match="give these with --weights"):
        check_left_out(from_imagenet, find_weights("none"), [known["train"]])


def test_a_model_without_its_split_does_not_start_a_training(tmp_path: Path) -> None:
    """Nobody can say what it knows, so nobody can test what comes of it."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in find_model().iterdir():
        if path.is_file() and path.name != "split.csv":
            (folder / path.name).symlink_to(path)
    with pytest.raises(BrokenModel, match="training images are unknown"):
        leave_out_known(SplitData((), ()), find_weights(str(folder)))
