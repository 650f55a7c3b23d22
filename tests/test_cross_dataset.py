"""`leave-one-out`: a way of training, measured on datasets that the models were trained without."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pictures import save_tiles
from typer.testing import CliRunner

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.cli import app
from crackscan.dataset.fingerprints import Fingerprint, Fingerprinted
from crackscan.dataset.records import Example
from crackscan.dataset.split_csv import read_split_csv
from crackscan.evaluation.unseen import read_split
from crackscan.model.card import Card
from crackscan.model.card_records import CrossDataset, HeldOutDataset
from crackscan.model.loading import find_model
from crackscan.model.predictions import log_odds
from crackscan.training.folds import Structure, plan_folds
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.readme import model_readme
from crackscan.training.model_folder.recalibrate import cross_dataset_scaling
from crackscan.training.options import TrainOptions

CRACKSCAN = [sys.executable, "-m", "crackscan"]


def refused(*arguments: object) -> str:
    """Run a command that must fail, and return its sentence."""
    shown = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "300"})
    assert shown.exit_code == 1, shown.stdout
    return shown.stderr


def correct_one(known: list[Fingerprinted], path: Path) -> tuple[Example, Path]:
    """Write a CSV that calls an uncracked validation tile cracked; return both."""
    wrong = next(row.example for row in known if row.example.split == "validation" and not row.example.label)
    path.write_text(f"data,source,label\n{wrong.data},{wrong.source},crack\n", encoding="utf-8")
    return wrong, path


def quick_options(folder: Path) -> Path:
    """Write an options file beside a folder: small batches, one validation."""
    path = folder.with_suffix(".toml")
    path.write_text("batch = 8\nvalidations = 1\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_each_dataset_is_judged_by_a_model_without_it(tmp_path: Path) -> None:
    """The card and its README get a row for each dataset; a killed run goes on; `calibrate` follows."""
    deck, pier = save_tiles(tmp_path / "deck", 40, seed=1), save_tiles(tmp_path / "pier", 40, seed=2)
    model = tmp_path / "both"
    made = [*CRACKSCAN, "train", deck, pier, "-o", model, "--epochs", "1"]
    made += ["--options", quick_options(tmp_path)]
    subprocess.run(list(map(str, made)), check=True, capture_output=True)
    before = Card.read(model)

    command = [
        *CRACKSCAN,
        "model",
        "leave-one-out",
        model,
        deck,
        pier,
        "--weights",
        find_model(),
        "--steps",
        "2",
    ]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process, process.stderr:
        for line in process.stderr:
            if line.startswith("without-pier"):
                process.send_signal(signal.SIGKILL)
                break
    assert Card.read(model) == before
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    assert "without-deck" not in done.stderr  # that one was trained before the kill

    card = Card.read(model)
    card.verify(model)
    assert card.left_out is not None
    assert {name: one.trained_on for name, one in card.left_out.sources.items()} == {
        "deck": ("pier",),
        "pier": ("deck",),
    }
    assert [one.metrics["images"] for one in card.left_out.sources.values()] == [40, 40]
    text = (model / "README.md").read_text(encoding="utf-8")
    assert "## What to expect on unknown structures" in text
    assert "without deck by 2 steps on pier" in text
    assert (model / "left-out.png").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"deck", "pier", "both"}

    known = read_split_csv(model / "split.csv")
    wrong, corrected = correct_one(known, tmp_path / "corrected.csv")
    done = subprocess.run(
        [*CRACKSCAN, "model", "calibrate", model, deck, pier, corrected],
        check=True,
        capture_output=True,
        text=True,
    )
    assert f"Labels corrected by corrected.csv: 1 ({wrong.name})." in done.stderr
    card = Card.read(model)
    card.verify(model)
    text = (model / "README.md").read_text(encoding="utf-8")
    # other probabilities, the same decisions, and another id
    divided, shift = card.calibration.elsewhere, card.calibration.shift
    assert (divided, shift) == (card.left_out.temperature, card.left_out.shift)
    assert (log_odds(card.threshold) - shift) * divided == pytest.approx(
        log_odds(before.threshold), abs=0.01 * divided
    )
    assert card.metrics["test"]["confusion"] == before.metrics["test"]["confusion"]
    assert card.model_id != before.model_id
    assert (
        f"A factor of {divided:.2f} of it, and {shift:+.2f} on the log-odds, come from the held-out" in text
    )
    # all figures use the corrected label
    labels = {row.example.name: row.example.label for row in known} | {wrong.name: True}
    assert {row.example.name: row.example.label for row in read_split(model, card)} == labels
    assert sum(one.relabelled or 0 for one in card.data) == 1
    cracked = card.metrics["validation"]["cracked"], card.split.counts["validation"]["crack"]
    assert cracked == (before.split.counts["validation"]["crack"] + 1,) * 2
    assert card.familiarity == before.familiarity


def test_datasets_can_be_left_out_together() -> None:
    """Each text is one training; without a text each dataset is left out in turn."""
    folds = plan_folds(["metu", "walls", "joints", "deck"], ["metu,walls+joints"])
    assert [[one.name for one in fold.structures] for fold in folds] == [["metu", "walls + joints"]]
    assert [fold.datasets for fold in folds] == [("metu", "walls", "joints")]
    assert [fold.datasets for fold in plan_folds(["metu", "deck"], [])] == [("metu",), ("deck",)]


@pytest.mark.parametrize(
    ("together", "sentence"),
    [
        (["metu,pier"], "not trained on 'pier'; its datasets are metu, deck"),
        (["metu", "metu"], "names 'metu' 2 times"),
        (["metu,deck"], "nothing to train on"),
    ],
)
def test_folds_that_make_no_sense_are_refused(together: list[str], sentence: str) -> None:
    """A mistyped name must not silently train on what should be left out."""
    with pytest.raises(BadData, match=sentence):
        plan_folds(["metu", "deck"], together)


def test_datasets_that_are_judged_as_one_lose_no_image() -> None:
    """The cracked pictures of one folder and the uncracked ones of another make one table row."""
    rows = [
        Fingerprinted(
            Example("a.png", "a.png", label=True, data="walls", split="train"), Fingerprint("1", "")
        ),
        Fingerprinted(Example("b.png", "b.png", label=False, data="joints"), Fingerprint("2", "")),
        Fingerprinted(Example("c.png", "c.png", label=False, data="deck"), Fingerprint("3", "")),
    ]
    chosen = Structure(("walls", "joints")).select(rows)
    assert [(one.path, one.data, one.label, one.split) for one in chosen] == [
        ("a.png", "walls + joints", True, None),
        ("b.png", "walls + joints", False, None),
    ]


def test_all_of_the_data_must_be_given(tmp_path: Path) -> None:
    """Without one of them, the split would be incomplete."""
    assert "was also trained on " in refused(
        "model", "leave-one-out", find_model(), save_tiles(tmp_path / "metu", 40, seed=1), "--weights", "none"
    )


def test_options_are_those_of_the_card() -> None:
    """The options on the shipped model's card can be used again, with all ranges."""
    card = Card.read(find_model())
    options = TrainOptions.of_card(card, weights="none")
    assert options.recipe.crack_px == tuple(card.options["recipe"]["crack_px"])
    assert options.epochs_fine_tune == card.options["epochs_fine_tune"]
    # a card may be older than these ingredients, and its model was made without them
    assert options.recipe.windows == card.options["recipe"].get("windows", False)
    assert options.recipe.dirt == card.options["recipe"].get("dirt", 0.0)
    assert options.in_steps(600, 9000).steps(9000) == 600


def test_options_of_another_crackscan_are_not_guessed() -> None:
    """Options that this version does not know are an error."""
    card = Card.read(find_model())
    other = replace(card, options={**card.options, "flips": True})
    with pytest.raises(BrokenModel, match="with other options, trained it"):
        TrainOptions.of_card(other, weights="none")


def test_readme_shows_the_held_out_datasets() -> None:
    """A row for each dataset, the model that judged it, and the share that would be unfamiliar."""
    card = Card.read(find_model())
    metrics = card.metrics["test"]
    found = HeldOutDataset(
        metrics=metrics, trained_on=("metu", "deck"), steps=600, temperature=1.5, unfamiliar=0.012
    )
    text = model_readme(
        replace(card, left_out=CrossDataset(temperature=1.5, sources={"pier": found})),
        pictures=["left-out.png"],
    )
    assert "without pier by 600 steps on metu and deck. Of the held-out images, 1.2% of pier" in text
    assert "(left-out.png)" in text
    assert "left-out-widths.png" not in text


def test_calibrating_needs_held_out_datasets() -> None:
    """A card without them says what to run, before anything is changed."""
    card = replace(Card.read(find_model()), left_out=None)
    with pytest.raises(BrokenModel, match="run crackscan model leave-one-out first"):
        cross_dataset_scaling(ModelFolder(find_model(), card))
