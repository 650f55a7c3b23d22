"""The shipped model: complete, with a card that is true, and the same results on every path."""

import csv
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from makers import labelled_rows, make_mosaic, scan_options

from crackscan import DEFAULT_MODEL
from crackscan.basics.errors import BrokenModel
from crackscan.basics.records import Result, Window
from crackscan.dataset.synthesis import concrete, draw_crack
from crackscan.model.card import Card
from crackscan.model.loading import Model, find_model
from crackscan.model.predictions import log_odds
from crackscan.reading import read_photo, read_tile
from crackscan.scanning.plan import Plan

SITE = ROOT / "examples" / "site"


@pytest.fixture(scope="module")
def model() -> Model:
    """Return the default model on LiteRT."""
    return Model.load(find_model())


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Return a folder of synthetic tiles of several sizes, every second one cracked."""
    from PIL import Image

    for number in range(8):
        rng = np.random.default_rng(number)
        tile = concrete(rng, 200 + 17 * number, 224)
        if number % 2:
            tile, _ = draw_crack(rng, tile, width_px=5.0)
        Image.fromarray(tile).save(tmp_path / f"{number}.png")
    return tmp_path


def rows(folder: Path, model: Model, *, jobs: int = 1) -> list[Result]:
    """Return the rows of a scan with the model's own threshold."""
    options = scan_options(tile_px=model.card.input_px, threshold=model.card.threshold)
    return labelled_rows(Plan((str(folder),), options.tiles), options, model.classifier, jobs=jobs)


@pytest.mark.slow
def test_card_has_the_results_of_evaluate_on_the_test_split(model: Model, real_data: Path) -> None:
    """With the data anyone can check the card: evaluated again, the same images give the same metrics."""
    data = [str(real_data / dataset.name) for dataset in model.card.data]
    data += [str(path) for path in sorted((ROOT / "models").glob("*corrections.csv"))]
    command = ["evaluate", *data, "--split", "test", "--json", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "crackscan", *command], capture_output=True, text=True, check=True
    )
    report, metrics = json.loads(done.stdout), model.card.metrics
    assert report["overall"]["images"] > 1000
    assert report["overall"]["confusion"] == metrics["test"]["confusion"]
    for name, overall in report["by_data"].items():
        assert overall["confusion"] == metrics[f"test, {name}"]["confusion"]


def test_card_says_how_it_was_made_without_a_machines_folders(model: Model) -> None:
    """With the data and models/train.sh anyone can repeat it; the card holds no absolute paths."""
    assert model.card.command.startswith(("crackscan train ", "crackscan model average "))
    assert model.card.seed >= 0
    assert not [part for part in shlex.split(model.card.command) if part.startswith("/")]
    assert not model.card.weights.startswith("/")


def test_split_of_the_model_leaks_nothing(model: Model) -> None:
    """Its split.csv, checked again by content: no group and no duplicate is in two splits."""
    from crackscan.dataset.splitting import check_leaks
    from crackscan.evaluation.unseen import read_split

    check_leaks(read_split(find_model(), model.card))


def test_training_and_scanning_read_a_tile_to_the_same_probability(drawn: Path, model: Model) -> None:
    """Both use the same reader and the same scaling, and agree to 1e-6."""
    classifier = model.classifier()
    for row in rows(drawn, model):
        tile = read_tile(drawn / row.source, None, input_px=model.card.input_px)
        assert row.probability == pytest.approx(
            classifier.predict(tile[np.newaxis]).probabilities[0], abs=1e-6
        )


def test_workers_do_not_change_a_probability(drawn: Path, model: Model) -> None:
    """One interpreter or two give the same digits."""
    assert rows(drawn, model, jobs=2) == rows(drawn, model, jobs=1)


@pytest.mark.slow
def test_workers_that_share_batches_do_not_change_a_probability(drawn: Path) -> None:
    """On TensorFlow a tile's digits depend neither on the other tiles of the batch nor on its index in it."""
    shared = Model.load(find_model(), engine="tensorflow")
    assert rows(drawn, shared, jobs=4) == rows(drawn, shared, jobs=1)


def test_mosaic_and_photo_of_the_same_pixels_get_the_same_probability(tmp_path: Path, model: Model) -> None:
    """The result depends on the pixels, not on the kind of file."""
    from PIL import Image

    tile, _ = draw_crack(np.random.default_rng(3), concrete(np.random.default_rng(2), 224, 224), width_px=4.0)
    Image.fromarray(tile).save(tmp_path / "photo.png")
    make_mosaic(tmp_path / "survey.tif", bands=np.moveaxis(tile, -1, 0))
    photo, mosaic = rows(tmp_path, model)
    assert photo.probability == mosaic.probability


@pytest.mark.slow
def test_engines_agree_and_batches_change_nothing(drawn: Path) -> None:
    """The float model on TensorFlow agrees with LiteRT, for any number of tiles at once."""
    exact = Model.load(find_model(), engine="tensorflow").classifier()
    tiles = np.stack([read_tile(path, None, input_px=224) for path in sorted(drawn.iterdir())] * 5)
    together = exact.predict(tiles)
    alone = [exact.predict(tiles[index : index + 1]) for index in range(8)]
    lite = Model.load(find_model(), engine="litert").classifier().predict(tiles[:8])
    for output, tolerance in (("probabilities", 1e-3), ("activation_maps", 1e-2), ("features", 1e-2)):
        all_at_once = getattr(together, output)[:8]
        one_by_one = np.concatenate([getattr(predictions, output) for predictions in alone])
        assert np.abs(all_at_once - one_by_one).max() <= 1e-5
        assert np.abs(all_at_once - getattr(lite, output)).max() < tolerance


def test_changed_model_file_is_refused(tmp_path: Path) -> None:
    """The error names a model file that does not match the card, before any photo is judged."""
    folder = find_model()
    for name in ("card.json", "model.keras", "model.tflite"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with (tmp_path / "model.tflite").open("r+b") as file:
        file.seek(5000)
        file.write(b"changed")
    with pytest.raises(BrokenModel, match=r"model\.tflite: not the file of card.json"):
        Model.load(tmp_path)
    (tmp_path / "model.tflite").unlink()
    with pytest.raises(BrokenModel, match="missing"):
        Model.load(tmp_path)


def test_unknown_model_names_the_shipped_ones() -> None:
    """The error for a mistyped name lists the shipped models."""
    with pytest.raises(BrokenModel, match=f"shipped with crackscan: .*{DEFAULT_MODEL}"):
        find_model("metu-v99")


def test_first_scan_of_a_new_user(tmp_path: Path) -> None:
    """README's first command, in a process of its own, ends within a minute, with rows for all inputs."""
    out = tmp_path / "cracks.geojson"
    command = [sys.executable, "-m", "crackscan", "scan", str(SITE), "-o", str(out)]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 60
    features = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert "9 inputs" in done.stderr
    assert "TensorFlow" not in done.stderr
    assert len({feature["properties"]["source"] for feature in features}) == 9


def test_scanning_imports_no_tensorflow(tmp_path: Path) -> None:
    """Scanning alone neither needs TensorFlow nor waits for its import."""
    code = (
        "import sys\nfrom crackscan.cli import app\n"
        f"try: app(['scan', {str(SITE / 'pier-2.jpg')!r}, '-o', {str(tmp_path / 'o.csv')!r}])\n"
        "except SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_closed_pipe_ends_quietly() -> None:
    """`crackscan scan ... -o - | head -1` ends without a traceback."""
    command = f"{sys.executable} -m crackscan scan {SITE} --per tile -o - --quiet | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("source,kind,status")
    assert done.stderr == ""
    assert done.returncode == 0


def test_examples_are_judged_mostly_right(model: Model) -> None:
    """In the synthetic survey most tiles with a known label get it."""
    options = scan_options(tile_px=224, threshold=model.card.threshold, per="tile")
    plan = Plan((str(SITE),), options.tiles)
    labels = {
        (row.source, row.window): row.label for row in labelled_rows(plan, options, model.classifier, jobs=2)
    }
    with (SITE / "truth_tiles.csv").open(encoding="utf-8", newline="") as file:
        known = [row for row in csv.DictReader(file) if row["label"]]
    is_right = [
        labels[row["source"], Window(*(int(row[name]) for name in Window._fields))] == row["label"]
        for row in known
    ]
    assert np.mean(is_right) > 0.85


def test_card_reads_back_as_it_was_written(tmp_path: Path, model: Model) -> None:
    """Writing and reading a card changes nothing in it."""
    model.card.write(tmp_path)
    assert Card.read(tmp_path) == model.card


def test_photo_larger_than_a_tile_has_its_most_cracked_tile_in_its_row(model: Model) -> None:
    """The abutment's wide crack is found, and the row has the tile's window."""
    options = scan_options(tile_px=224, threshold=model.card.threshold)
    (row,) = labelled_rows(Plan((str(SITE / "abutment-1.jpg"),), options.tiles), options, model.classifier)
    assert row.label == "crack"
    assert row.window is not None
    width, height = read_photo(SITE / "abutment-1.jpg").size
    assert row.window.col + row.window.width <= width
    assert row.window.row + row.window.height <= height


def covers(row: Result, px: int) -> bool:
    """Say whether a row's tile covers the pixel (px, px)."""
    return 0 <= px - (row.col or 0) < 224 and 0 <= px - (row.row or 0) < 224


@pytest.mark.parametrize("seed", range(3))
def test_crack_on_a_seam_is_found_with_overlap_as_in_the_middle_of_a_tile(
    tmp_path: Path, model: Model, seed: int
) -> None:
    """A short crack where four tiles meet is weak in each of them; with overlap one tile holds all of it."""
    rng = np.random.default_rng(seed)
    surface = concrete(rng, 784, 784).copy()
    middle = np.s_[256:416, 256:416]  # of the tile in column 224, row 224
    surface[middle], _ = draw_crack(rng, surface[middle], width_px=1.0)

    def strongest(shift: int, overlap: float) -> float:
        """Return the largest log-odds above the threshold's of the tiles that see the middle of the crack."""
        part = np.moveaxis(surface[shift : shift + 672, shift : shift + 672], -1, 0)
        options = scan_options(tile_px=224, threshold=model.card.threshold, overlap=overlap)
        plan = Plan((str(make_mosaic(tmp_path / "m.tif", bands=part)),), options.tiles)
        scanned = labelled_rows(plan, options, model.classifier)
        middle_px = 336 - shift
        near = (row for row in scanned if covers(row, middle_px))
        highest = max(row.probability or 0.0 for row in near)
        return log_odds(highest) - log_odds(model.card.threshold)

    in_the_middle = strongest(shift=0, overlap=0.0)
    assert in_the_middle > 2
    assert strongest(shift=112, overlap=0.0) < in_the_middle - 1
    assert strongest(shift=112, overlap=0.5) >= in_the_middle - 0.05
    assert strongest(shift=56, overlap=0.5) >= max(2, in_the_middle - 1)
    for shift in (56, 112):  # in one pass, each tile with its context
        together = strongest(shift=shift, overlap=4 / 7)
        assert together >= max(2, in_the_middle - 0.5)
