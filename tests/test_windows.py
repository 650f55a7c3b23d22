"""Additional windows of training photos with masks: their positions, their labels and their use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crackscan.basics.progress import Silent
from crackscan.basics.records import Window
from crackscan.dataset.loading import load_examples
from crackscan.dataset.records import SPLITS, Example
from crackscan.dataset.splitting import SplitData, split_examples
from crackscan.dataset.windows import training_windows
from crackscan.training.samples.subsets import read_subsets

TILE_PX, PHOTO_PX = 32, 64
LINE_ROW = 40  # of a crack of one pixel across the photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a dataset of eight photos whose pixels encode their position; each has a crack in one row."""
    rows, cols = np.mgrid[0:PHOTO_PX, 0:PHOTO_PX]
    mask = (rows == LINE_ROW).astype(np.uint8)
    for number in range(8):
        photo = np.stack([rows, cols, np.full_like(rows, 30 * number)], axis=-1).astype(np.uint8)
        for name, pixels in (("images", photo), ("masks", mask)):
            (tmp_path / "site" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "site" / name / f"{number}.png")
    return tmp_path / "site"


def tile(folder: Path, side: int) -> Example:
    """Return the first tile of a photo, of the training split."""
    corner = Window(0, 0, side, side)
    path, mask = (str(folder / name / "0.png") for name in ("images", "masks"))
    return Example(path, "images/0.png", label=True, window=corner, split="train", mask=mask)


@pytest.fixture
def split(folder: Path) -> SplitData:
    """Return the dataset in its splits, with the additional windows."""
    data = split_examples(load_examples([folder], tile_px=TILE_PX, min_crack_px=10), seed=1, input_px=TILE_PX)
    examples = (row.example for row in data.rows)
    return replace(data, windows=training_windows(examples, tile_px=TILE_PX, min_crack_px=10))


def test_windows_lie_between_the_tiles_and_are_larger(split: SplitData) -> None:
    """No window is a tile, each is inside the photo, and its label agrees with the mask."""
    photos = {window.path for window in split.windows}
    assert len(split.windows) == len(photos) * (5 + 4 + 1)
    tiles = {(row.example.path, row.example.window) for row in split.rows}
    for example in split.windows:
        window = example.window
        assert window is not None
        assert (example.path, window) not in tiles
        assert window.width in {TILE_PX, 1.5 * TILE_PX, 2 * TILE_PX}
        assert max(window.col + window.width, window.row + window.height) <= PHOTO_PX
        assert example.label == (window.row <= LINE_ROW < window.row + window.height)


def test_windows_are_of_training_photos_only(split: SplitData) -> None:
    """No window shows a photo of the validation or test split."""
    training = {row.example.path for row in split.part("train")}
    assert {window.path for window in split.windows} == training
    assert len(training) < 8


def test_larger_windows_need_longer_cracks(folder: Path) -> None:
    """Crack pixels that suffice for a tile are too few for a window of twice its side: it is left out."""
    mask = np.zeros((PHOTO_PX, PHOTO_PX), np.uint8)
    mask[20, 20:32] = 1  # 12 px
    Image.fromarray(mask).save(folder / "masks" / "0.png")
    windows = training_windows([tile(folder, TILE_PX)], tile_px=TILE_PX, min_crack_px=10)
    widths = [example.window.width for example in windows if example.label and example.window]
    assert set(widths) == {TILE_PX}
    assert Window(0, 0, PHOTO_PX, PHOTO_PX) not in {example.window for example in windows}


def test_photos_no_larger_than_a_tile_have_no_windows(folder: Path) -> None:
    """One tile covers the photo, so that no additional window fits."""
    assert training_windows([tile(folder, PHOTO_PX)], tile_px=PHOTO_PX, min_crack_px=10) == ()


def test_samples_are_made_of_windows_too(split: SplitData, tmp_path: Path) -> None:
    """Training draws from tiles and windows; the tiles of each split stay the same."""
    subsets = read_subsets(split, tmp_path / "tiles.npy", input_px=TILE_PX, progress=Silent())
    drawn, tiles = subsets.training_tiles(), len(subsets.train)
    assert [len(subset) for subset in (subsets.train, subsets.validation, subsets.test)] == [
        len(split.part(name)) for name in SPLITS
    ]
    assert len(drawn) == tiles + len(split.windows)
    for index, label, window in zip(drawn.indices[tiles:], drawn.labels[tiles:], split.windows, strict=True):
        assert window.window is not None
        corner = drawn.pixels[index][0, 0]
        assert corner[:2].tolist() == pytest.approx([window.window.row, window.window.col], abs=1)
        assert label == window.label
