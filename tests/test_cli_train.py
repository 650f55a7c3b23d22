"""Train, evaluate and scan as a user runs them, one after the other, each in its own process."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import save_tiles

from crackscan.commands.train import command_line
from crackscan.dataset.split_csv import read_split_csv
from crackscan.model.card import Card

pytestmark = pytest.mark.slow
CRACKSCAN = [sys.executable, "-m", "crackscan"]


def crackscan(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed."""
    command = [*CRACKSCAN, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return forty labelled tiles."""
    return save_tiles(tmp_path_factory.mktemp("data") / "drawn", 40, seed=1)


@pytest.fixture(scope="module")
def corrected(data: Path) -> Path:
    """Return a CSV that corrects the label of one of them."""
    path = data.parent / "corrected.csv"
    path.write_text(f"data,source,label\n{data.name},no-crack/0.png,crack\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(data: Path, corrected: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model trained by the command, from the shipped model's backbone; no network is needed."""
    folder = tmp_path_factory.mktemp("models") / "small"
    done = crackscan("train", data, corrected, "-o", folder, "--epochs", 0)
    assert done.returncode == 0, done.stderr
    assert "train: " in done.stderr
    assert f"The model is in {folder}" in done.stderr
    return folder


def test_trained_model_is_whole_and_says_how_it_was_trained(model: Path) -> None:
    """The card repeats the command without this machine's folders, and the pictures are there."""
    card = Card.read(model)
    card.verify(model)
    assert card.command == "crackscan train drawn corrected.csv -o small --epochs 0"
    assert [(one.name, one.images, one.cracked, one.relabelled) for one in card.data] == [
        ("drawn", 40, 21, 1)
    ]
    assert {"README.md", "split.csv", "history.csv", "curves.png"} <= {path.name for path in model.iterdir()}


def test_model_is_evaluated_on_its_test_split(
    data: Path, corrected: Path, model: Path, tmp_path: Path
) -> None:
    """`--split test` judges exactly the test images, leaves tables and pictures, prints JSON on request."""
    report = tmp_path / "report"
    done = crackscan("evaluate", data, corrected, "--model", model, "--split", "test", "-o", report, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    counts = Card.read(model).split.counts["test"]
    assert figures["overall"]["images"] == sum(counts.values())
    assert figures["overall"] == json.loads((report / "metrics.json").read_text(encoding="utf-8"))["overall"]
    assert {"predictions.csv", "thresholds.csv", "confusion.png", "roc.png", "precision_recall.png",
            "reliability.png"} <= {path.name for path in report.iterdir()}  # fmt: skip
    assert "ROC AUC" in done.stderr


def test_model_is_not_evaluated_on_its_training_images(data: Path, model: Path, tmp_path: Path) -> None:
    """Its training images are recognised under other names, and left out only if that is asked for."""
    renamed = save_tiles(tmp_path / "other", 10, seed=2)
    first = sorted((data / "crack").iterdir())
    for number, path in enumerate(first):
        (renamed / "crack" / f"copy-{number}.png").write_bytes(path.read_bytes())
    refused = crackscan("evaluate", renamed, "--model", model)
    assert refused.returncode == 1
    assert "The model has learned from some of the" in refused.stderr
    rest = crackscan("evaluate", renamed, "--model", model, "--leave-out-seen", "--json", "--quiet")
    assert rest.returncode == 0, rest.stderr
    known = (row.example for row in read_split_csv(model / "split.csv"))
    seen = sum(one.source.startswith("crack/") and one.split != "test" for one in known)
    assert json.loads(rest.stdout)["overall"]["images"] == 30 - seen


def test_killed_training_can_be_resumed(data: Path, tmp_path: Path) -> None:
    """After SIGKILL the same command with --resume ends with a model; without it there is an error."""
    folder = tmp_path / "killed"
    (tmp_path / "rare.toml").write_text("frozen_blocks = 17\nbatch = 8\n", encoding="utf-8")
    train = ["train", data, "-o", folder, "--epochs", "3", "--options", tmp_path / "rare.toml"]
    process = subprocess.Popen(
        [*CRACKSCAN, *map(str, train)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    with process:
        while process.poll() is None and not (tmp_path / "killed.work" / "state.json").is_file():
            time.sleep(0.01)  # until the first checkpoint of the fine-tuning
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not folder.exists()
    again = crackscan(*train)
    assert again.returncode == 1
    assert "holds an unfinished training; continue it with --resume" in again.stderr
    resumed = crackscan(*train, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    Card.read(folder).verify(folder)


def test_bad_data_is_one_sentence(tmp_path: Path) -> None:
    """No images, one class, or imagenet weights that are not there: what was found and what to do."""
    (tmp_path / "empty").mkdir()
    assert crackscan("train", tmp_path / "empty", "-o", tmp_path / "m").returncode == 1
    save_tiles(tmp_path / "one", 2, seed=3)
    (tmp_path / "one" / "crack" / "1.png").unlink()
    done = crackscan("train", tmp_path / "one", "-o", tmp_path / "m")
    assert done.returncode == 1
    assert "are no-crack" in done.stderr
    assert "Traceback" not in done.stderr


def test_command_line_of_the_card_names_no_folder_of_the_machine() -> None:
    """Folders of this machine are left out; relative paths stay, --resume goes."""
    shown = command_line(["train", "/data/metu", "-o", "models/m", "--resume", "--cite", "metu=A, B"])
    assert shown == "crackscan train metu -o models/m --cite 'metu=A, B'"
    assert command_line(["train", "--options=/home/a/rare.toml"]) == "crackscan train --options=rare.toml"
