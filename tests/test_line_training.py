"""The line head's training: targets, samples, splits, calibration, and a whole head of a few steps."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from crackscan.basics.records import Trace
from crackscan.dataset.fingerprints import Fingerprint, Fingerprinted
from crackscan.dataset.loading import load_examples
from crackscan.dataset.masks import MaskedPhoto, masked_photos
from crackscan.dataset.records import Example
from crackscan.dataset.synthesis import concrete, draw_crack
from crackscan.evaluation.lines import TracedPhoto
from crackscan.model.card import LINES_FILE, Card
from crackscan.model.loading import Model
from crackscan.scanning.lines.joining import Crack
from crackscan.training.lines.calibration import fit_scale
from crackscan.training.lines.grooves import draw_grooves
from crackscan.training.lines.publish import choose_threshold
from crackscan.training.lines.samples import SAMPLE_PX, LineSamples
from crackscan.training.lines.split import split_for_lines
from crackscan.training.lines.targets import LINE, NONE, UNSURE, make_targets
from crackscan.training.samples.recipe import PLAIN, Recipe

UNCRACKED = 3  # the number of each fourth photo, which has no crack
MODEL = ROOT / "models" / "concrete-v4"


def save_photos(folder: Path, count: int, *, side: int = 448) -> Path:
    """Write photos of drawn concrete and their masks; three of four have a crack."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        photo, covered = concrete(rng, side, side), np.zeros((side, side))
        if number % 4 != UNCRACKED:
            photo, covered = draw_crack(rng, photo, width_px=5.0)
        Image.fromarray(photo).save(folder / "images" / f"{number}.png")
        Image.fromarray((covered > 0.3).astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")
    return folder


def test_target_is_the_centre_line_and_its_surroundings_do_not_count() -> None:
    """Masks are drawn by hand: only what is well beside the line has none for sure."""
    mask = np.zeros((64, 64), np.bool_)
    mask[28:35, :] = True  # 7 px wide, its centre in row 31
    column = make_targets(mask)[:, 16].tolist()
    assert [row for row, target in enumerate(column) if target == LINE] == [15, 16]
    assert [row for row, target in enumerate(column) if target == UNSURE] == [13, 14, 17]
    assert column.count(NONE) == 32 - 5


def test_photo_without_a_crack_has_no_line() -> None:
    """An empty mask gives no target that is unsure."""
    assert (make_targets(np.zeros((32, 48), np.bool_)) == NONE).all()


def test_samples_are_the_same_each_time_and_their_targets_lie_on_the_crack(tmp_path: Path) -> None:
    """A resumed training sees the same samples; turning keeps a target on its crack."""
    examples = load_examples([save_photos(tmp_path / "deck", 3)]).examples
    photos = masked_photos(examples)
    samples = LineSamples(photos, (), 7, PLAIN)
    for number in range(4):
        sample, again = samples.sample(number), samples.sample(number)
        assert (sample.pixels == again.pixels).all()
        assert sample.pixels.shape == (SAMPLE_PX, SAMPLE_PX, 3)
        assert sample.data == "deck"
        light = sample.pixels.mean(axis=2).reshape(SAMPLE_PX // 2, 2, -1, 2).min(axis=(1, 3))
        if (sample.targets == LINE).any():
            assert light[sample.targets == LINE].mean() < light[sample.targets == NONE].mean() - 10


def test_cracks_are_drawn_on_uncracked_tiles_of_one_dataset(tmp_path: Path) -> None:
    """Without masks all samples are drawn, on tiles or on drawn concrete; most have a line."""
    Image.fromarray(concrete(np.random.default_rng(1), 227, 227)).save(tmp_path / "1.png")
    plain = Example(str(tmp_path / "1.png"), "1.png", label=False, data="wall")
    photo = MaskedPhoto("", "", "", "wall", "", "train", cracked=True)
    samples = LineSamples((photo,), (plain,), 1, Recipe())
    drawn = [samples._draw(np.random.default_rng(number)) for number in range(12)]
    assert {data for _, _, data in drawn} <= {"wall", ""}
    assert 6 <= sum(bool(mask.any()) for _, mask, _ in drawn) < 12


def test_grooves_are_drawn_the_same_each_time() -> None:
    """The same generator gives the same grooves, and they darken the picture."""
    plain = np.full((96, 96, 3), 180, np.uint8)
    first, again = (draw_grooves(np.random.default_rng(3), plain) for _ in range(2))
    assert (first == again).all()
    assert first.min() < 170


def test_scale_and_shift_of_logits_are_recovered() -> None:
    """Logits that are twice too large and shifted become calibrated; unsure spots do not count."""
    rng = np.random.default_rng(1)
    right = rng.normal(-2, 2, (20, 50, 50))
    targets = (rng.random(right.shape) < 1 / (1 + np.exp(-right))).astype(np.uint8) * LINE
    targets[:, :10] = UNSURE
    scale, shift = fit_scale((2 * right + 3).astype(np.float32), targets)
    assert scale == pytest.approx(0.5, rel=0.05)
    assert shift == pytest.approx(-1.5, abs=0.1)


def test_splits_of_the_model_are_kept_and_new_datasets_are_split_by_groups() -> None:
    """What the model was tested on stays test; what it left out is left out; a group stays together."""
    known = [
        Fingerprinted(
            Example("", f"{n}.png", label=True, data="old", group=f"g{n}", split=split), Fingerprint("", "")
        )
        for n, split in enumerate(("train", "validation", "test"))
    ]
    old = [Example("", f"{n}.png", label=True, data="old") for n in range(4)]
    new = [Example("", f"{n}.png", label=n < 20, data="new", group=f"g{n // 2}") for n in range(40)]
    found = split_for_lines([*old, *new], known, seed=1)
    assert [(item.source, item.split) for item in found if item.data == "old"] == [
        ("0.png", "train"),
        ("1.png", "validation"),
        ("2.png", "test"),
    ]
    splits = {}
    for item in (item for item in found if item.data == "new"):
        splits.setdefault(item.group, set()).add(item.split)
    assert all(len(own) == 1 for own in splits.values())
    assert len(splits) == 20
    cracked = {item.split for item in found if item.data == "new" and item.label}
    assert cracked == {"train", "validation", "test"}


def test_threshold_is_the_one_with_the_best_lines() -> None:
    """A false line of probability 0.4 beside a true one of 0.8: a threshold between them."""
    true = Trace(((0.0, 50.0), (100.0, 50.0)), 0.8, None, None)
    false = Trace(((0.0, 90.0), (100.0, 90.0)), 0.4, None, None)
    cracks = tuple(Crack((trace,), trace.probability, 100.0, None, None) for trace in (true, false))
    photo = MaskedPhoto("", "", "1.png", "deck", "g", "validation", cracked=True)
    assert choose_threshold([TracedPhoto(photo, cracks, (true,))]) == pytest.approx(0.45)


@pytest.mark.slow
def test_command_adds_a_line_head_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """A model folder gets the file and its figures; rows keep their names, and the work folder goes."""
    import shutil

    folder = tmp_path / "m"
    shutil.copytree(MODEL, folder)
    before = Card.read(folder)
    data = save_photos(tmp_path / "deck", 12, side=256)
    command = ["model", "add-lines", folder, data, "--samples", 16, "--steps", 5]
    done = subprocess.run(
        [sys.executable, "-m", "crackscan", *map(str, command)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    card = Card.read(folder)
    card.verify(folder)
    assert card.model_id == before.model_id
    assert card.lines is not None
    assert {"validation", "test, deck"} <= set(card.lines.metrics)
    assert card.lines.command.startswith("crackscan model add-lines m deck")
    assert not list(tmp_path.glob("*.lines"))
    assert "## Cracks as lines" in (folder / "README.md").read_text(encoding="utf-8")
    image = np.full((96, 160, 3), 150, np.uint8)
    probabilities = Model.load(folder).classifier().line_probabilities(image)
    assert probabilities is not None
    assert probabilities.shape == (48, 80)
    assert (folder / LINES_FILE).stat().st_size < 11_000_000
