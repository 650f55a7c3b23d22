"""The options of `crackscan train`: few on the command line, the others in a TOML file."""

from pathlib import Path

import pytest
from pictures import save_tiles
from typer.testing import CliRunner, Result

from crackscan.cli import app
from crackscan.commands import console
from crackscan.training.options import TrainOptions
from crackscan.training.options_file import read_options_file
from crackscan.training.samples.recipe import Ingredient, Recipe


def run(*arguments: object, columns: int = 200) -> Result:
    """Run a command on a terminal of a width."""
    console.stderr._file = None
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": str(columns)})


def options_file(folder: Path, text: str) -> Path:
    """Write an options file."""
    path = folder / "rare.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_options_of_the_file_are_used(tmp_path: Path) -> None:
    """Each key sets its option; the others keep their defaults."""
    path = options_file(
        tmp_path,
        "epochs_head = 0\nlearning_rate = 0.001\nfrozen_blocks = 3\nvalidations = 2\npatience = 5\n"
        'batch = 16\nlabel_smoothing = 0\nwithout = ["dirt", "light"]\n',
    )
    options = TrainOptions(weights="none", **read_options_file(path))
    assert options == TrainOptions(
        weights="none",
        epochs_head=0,
        learning_rate_fine_tune=0.001,
        frozen_blocks=3,
        validations=2,
        patience=5,
        batch=16,
        label_smoothing=0.0,
        recipe=Recipe().without([Ingredient.DIRT, Ingredient.LIGHT]),
    )
    assert read_options_file(options_file(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("patiences = 3", "patiences is not an option; allowed are epochs_head, learning_rate, "),
        ("patience = 0", "patience is 0; it must be a whole number from 1 up."),
        ("patience = 2.5", "patience is 2.5; it must be a whole number from 1 up."),
        ("patience = true", "patience is True; it must be a whole number from 1 up."),
        ("frozen_blocks = 18", "frozen_blocks is 18; it must be a whole number from 0 to 17."),
        ('batch = "8"', "batch is '8'; it must be a whole number from 1 up."),
        ("learning_rate = nan", "learning_rate is nan; it must be a number from 0 up."),
        ("learning_rate = inf", "learning_rate is inf; it must be a number from 0 up."),
        ("label_smoothing = 0.6", "label_smoothing is 0.6; it must be a number from 0 to 0.5."),
        ('without = "dirt"', "without is 'dirt'; it must be a list of ingredients: mosaics, zoom, "),
        ('without = ["rain"]', "without is ['rain']; it must be a list of ingredients: mosaics, zoom, "),
        ("without = [1, []]", "without is [1, []]; it must be a list of ingredients: mosaics, zoom, "),
        ("[recipe]\ndirt = 1", "recipe is not an option; allowed are epochs_head, "),
        ("patience 3", "is not TOML ("),
    ],
)
def test_wrong_options_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """It names the file, the key, what was found and what is allowed, before any image is read."""
    path = options_file(tmp_path, text)
    done = run("train", tmp_path, "-o", tmp_path / "m", "--options", path, columns=400)
    assert done.exit_code == 2
    assert f"{path}: {sentence}" in done.stderr


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_options_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """A missing file, or a folder, is a sentence too."""
    with pytest.raises(ValueError, match=r"cannot be read \(.*\); name a TOML file\.$"):
        read_options_file(tmp_path / name)


def test_options_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    """A file of another kind is not TOML."""
    (tmp_path / "o.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"o\.toml: is not TOML"):
        read_options_file(tmp_path / "o.toml")


def test_card_keeps_the_names_of_earlier_cards() -> None:
    """Cards name the number of validations `checks`, before and after the option got its name."""
    written = TrainOptions(weights="none", validations=3).as_card()
    assert written["checks"] == 3
    assert "validations" not in written


def test_train_help_is_in_panels() -> None:
    """Options stand by what they are for, and each text is a sentence."""
    shown = run("train", "--help", columns=300)
    assert shown.exit_code == 0
    for panel in ("Datasets", "Split", "Training", "Output"):
        assert f"─ {panel} ─" in shown.stdout


def test_unseen_concrete_that_is_trained_on_is_refused(tmp_path: Path) -> None:
    """Its distances would be too small."""
    data = save_tiles(tmp_path / "deck", 40, seed=1)
    done = run("train", data, "-o", tmp_path / "m", "--unseen", data)
    assert done.exit_code == 1
    assert "is trained on; give concrete of other structures." in done.stderr
    assert not (tmp_path / "m").exists()
