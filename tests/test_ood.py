"""Out-of-distribution detection: concrete is told from other things in any light, by NumPy alone."""

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sklearn
from PIL import Image

from crackscan.basics import grid
from crackscan.basics.arrays import evenly_spaced
from crackscan.basics.errors import BadData, BrokenModel
from crackscan.basics.progress import Silent
from crackscan.dataset.not_concrete import NotConcrete
from crackscan.dataset.synthesis import concrete
from crackscan.model.card import OOD_FILE, Card
from crackscan.model.loading import find_model
from crackscan.model.ood import OODDetector, describe_samples, expand, sample_pixels
from crackscan.reading import read_photo, read_tile
from crackscan.training.model_folder.ood_fit import Figures, FiguresBuilder, fit_detector
from crackscan.training.model_folder.ood_limit import measure_limit
from crackscan.training.samples.lights import CASTS, cast, regrade

SIDE = 96


def leaves(rng: np.random.Generator) -> np.ndarray:
    """Draw leaves: blots of many greens with dark gaps."""
    small = rng.integers(0, 256, (SIDE // 3, SIDE // 3, 1))
    blots = np.concatenate([small // 2, small * 0.8, small // 5], axis=2).astype(np.uint8)
    return np.asarray(Image.fromarray(blots).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def figures(*, is_concrete: bool, group: str, seed: int, count: int = 30) -> Figures:
    """Return the figures of drawn tiles."""
    builder, rng = FiguresBuilder(1, is_concrete=is_concrete), np.random.default_rng(seed)
    for _ in range(count):
        tile = concrete(rng, SIDE, SIDE) if is_concrete else leaves(rng)
        builder.add(group, "crack" if is_concrete else "leaves", tile)
    (one,) = builder.finish()
    return one


@pytest.fixture(scope="module")
def known() -> list[Figures]:
    """Return concrete of two datasets."""
    return [figures(is_concrete=True, group=f"bridge {seed}", seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def others() -> list[Figures]:
    """Return two pictures of leaves."""
    return [figures(is_concrete=False, group=f"tree {seed}", seed=seed) for seed in (3, 4)]


@pytest.fixture(scope="module")
def detector(known: list[Figures], others: list[Figures]) -> OODDetector:
    """Return a detector of drawn concrete and leaves."""
    return fit_detector(known, others)


@pytest.fixture(scope="module")
def shipped() -> OODDetector:
    """Return the detector of the shipped model."""
    return OODDetector.load(find_model() / OOD_FILE)


@pytest.fixture(scope="module")
def limit() -> float:
    """Return the limit of the shipped model."""
    familiarity = Card.read(find_model()).familiarity
    assert familiarity is not None
    return familiarity.limit


def test_new_concrete_is_nearer_than_new_leaves(detector: OODDetector) -> None:
    """It learned from other tiles than these."""
    rng = np.random.default_rng(9)
    tiles = np.stack([concrete(rng, SIDE, SIDE) for _ in range(8)])
    foliage = np.stack([leaves(rng) for _ in range(8)])
    assert detector.distances(tiles).max() < detector.distances(foliage).min()


def test_tile_has_the_same_distance_alone_in_a_batch_and_in_a_block(shipped: OODDetector) -> None:
    """To the last bit: rows must not depend on how tiles are grouped."""
    picture = np.random.default_rng(1).integers(0, 256, (256, 288, 3), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (224, 224), axis=(0, 1))[::32, ::32]
    windows = np.moveaxis(windows, 2, -1)
    block = shipped.distances(windows)
    tiles = np.ascontiguousarray(windows.reshape(-1, 224, 224, 3))
    assert np.array_equal(block, shipped.distances(tiles))
    assert np.array_equal(block, [shipped.distances(tile[None])[0] for tile in tiles])


def test_gains_of_the_channels_change_only_greenness() -> None:
    """A white balance multiplies each channel by a number."""
    tile = np.random.default_rng(1).integers(80, 120, (1, 64, 64, 3), np.uint8)
    plain, gained = (describe_samples(sample_pixels(pixels)) for pixels in (tile, tile * np.uint8(2)))
    assert gained == pytest.approx(plain, abs=0.05)
    doubled = tile.copy()
    doubled[..., 0] *= 2
    assert describe_samples(sample_pixels(doubled))[:, :-4] == pytest.approx(plain[:, :-4], abs=0.1)


@pytest.mark.parametrize("name", ["as it is", *CASTS])
def test_drawn_concrete_is_judged_in_every_light(shipped: OODDetector, limit: float, name: str) -> None:
    """Warm or cool light, a grey or dark photo, or swapped channels do not make it unfamiliar."""
    rng = np.random.default_rng(7)
    tiles = np.stack([concrete(rng, 224, 224) for _ in range(16)])
    assert (shipped.distances(cast(tiles, name) if name in CASTS else tiles) <= limit).all()


@pytest.mark.parametrize("name", CASTS)
def test_cast_changes_the_pixels(name: str) -> None:
    """Otherwise nothing would be tested with it."""
    tile = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    assert cast(tile, name).dtype == np.uint8
    assert (cast(tile, name) != tile).mean() > 0.3


def test_random_light_is_the_same_for_the_same_generator() -> None:
    """So a fit can be repeated."""
    tile = concrete(np.random.default_rng(1), 64, 64)
    first, again, other = (regrade(tile, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_limit_says_what_is_lost_and_caught(known: list[Figures], others: list[Figures]) -> None:
    """Each dataset and each picture is judged by a detector that has not seen it."""
    found = measure_limit(known, others, progress=Silent())
    assert found.tiles == {"bridge 1, crack": 30, "bridge 2, crack": 30}
    assert found.others == {"leaves": 60}
    assert found.lost_at_worst is not None
    assert found.caught is not None
    assert all(found.lost[name] <= found.lost_at_worst[name] <= 0.01 for name in found.tiles)
    assert found.caught["leaves"] > 0.9


def test_file_reads_back_as_it_was_written(detector: OODDetector, tmp_path: Path) -> None:
    """Scanning reads what training writes."""
    detector.save(tmp_path / "familiar.npz")
    tile = concrete(np.random.default_rng(1), SIDE, SIDE)[None]
    assert OODDetector.load(tmp_path / "familiar.npz").distances(tile) == detector.distances(tile)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A broken file gives an error of one sentence, and nothing in it is executed."""
    (tmp_path / "familiar.npz").write_bytes(content)
    with pytest.raises(BrokenModel, match=r"familiar\.npz: cannot be read .*get the model folder again\.$"):
        OODDetector.load(tmp_path / "familiar.npz")


@pytest.mark.parametrize(
    "array",
    [np.zeros((2, 8), np.float32), np.zeros(0, np.float32), np.full(8, np.nan, np.float32)],
    ids=["two rows", "empty", "NaN"],
)
def test_array_of_another_kind_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    """It would fail in a worker, or call every tile unfamiliar."""
    np.savez(tmp_path / "familiar.npz", means=array)
    with pytest.raises(BrokenModel, match=r"familiar\.npz: cannot be read \(its array means has"):
        OODDetector.load(tmp_path / "familiar.npz")


def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    """They would fail in a worker."""
    np.savez(tmp_path / "familiar.npz", means=np.ones(5), deviations=np.ones(5), weights=np.ones(9))
    with pytest.raises(BrokenModel, match=r"familiar\.npz: cannot be read .*get the model folder again\.$"):
        OODDetector.load(tmp_path / "familiar.npz")


def test_file_of_an_earlier_crackscan_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """It compares features of another kind, and would call concrete unfamiliar in warm light."""
    np.savez(tmp_path / "familiar.npz", prototypes=np.zeros((2, 8), np.float32))
    with pytest.raises(BrokenModel, match=r"familiar\.npz: .*earlier crackscan.*crackscan model gate"):
        OODDetector.load(tmp_path / "familiar.npz")


def test_array_that_unpacks_without_limit_is_refused(tmp_path: Path) -> None:
    """Zeros of a gigabyte take a megabyte in a zip."""
    path = tmp_path / "familiar.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        for _ in range(300):
            member.write(bytes(1 << 20))
    with pytest.raises(BrokenModel, match="more than 268,435,456 bytes when unpacked"):
        OODDetector.load(tmp_path / "familiar.npz")


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    """Reading an array of objects could execute code."""
    with (tmp_path / "familiar.npz").open("wb") as file:
        np.savez(file, means=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BrokenModel, match="cannot be read"):
        OODDetector.load(tmp_path / "familiar.npz")


def test_products_are_counted_once() -> None:
    """A constant, d figures, and d (d + 1) / 2 products."""
    assert expand(np.ones((2, 4), np.float32)).shape == (2, 15)


@pytest.fixture
def park(tmp_path: Path) -> Path:
    """Return a folder with one picture of six tiles, and a CSV of what they show."""
    (tmp_path / "park").mkdir()
    picture = np.concatenate([np.full((64, 32, 3), level, np.uint8) for level in (50, 100, 150)], axis=1)
    Image.fromarray(picture).save(tmp_path / "park" / "a.png")
    with (tmp_path / "kinds.csv").open("w", newline="") as file:
        rows = [("data", "source", "label", "col", "row"), ("park", "a.png", "grass", "", "")]
        rows += [("park", "a.png", "water", "32", "0"), ("park", "a.png", "leave-out", "64", "32")]
        csv.writer(file).writerows(rows)
    return tmp_path


def kinds(paths: list[Path]) -> Iterator[tuple[str, int]]:
    """Yield the kind of each tile of 32 px, and its level."""
    for tile in NotConcrete(paths).tiles(tile_px=32, progress=Silent()):
        yield tile.kind, int(tile.pixels[0, 0, 0])


def test_other_things_are_cut_into_tiles_whose_kind_a_csv_names(park: Path) -> None:
    """A row of a tile counts more than the row of its picture; doubtful tiles are left out."""
    expected = [("grass", 50), ("water", 100), ("grass", 150), ("grass", 50), ("grass", 100)]
    assert list(kinds([park / "park", park / "kinds.csv"])) == expected


def test_kind_without_a_csv_is_the_name_of_the_folder(park: Path) -> None:
    """So a user may sort pictures into folders."""
    assert {kind for kind, _ in kinds([park / "park"])} == {"park"}


def test_csv_of_kinds_needs_its_folders(park: Path) -> None:
    """Otherwise there is nothing to learn from."""
    with pytest.raises(BadData, match=r"^--not-concrete: a CSV alone"):
        NotConcrete([park / "kinds.csv"])


def test_picture_that_cannot_be_read_is_noted(park: Path) -> None:
    """The others are used."""
    (park / "park" / "b.png").write_bytes(b"broken")
    assert len(list(kinds([park / "park"]))) == 6


def photo_tiles(path: Path, *, right: int | None = None, most: int = 30) -> np.ndarray:
    """Return evenly spaced tiles of 224 px of the part of a photo that ends at `right` px."""
    pixels = read_photo(path).patch.pixels[:, :right]
    windows = list(grid.windows(*pixels.shape[1::-1], tile_px=224))
    chosen = [windows[index] for index in evenly_spaced(len(windows), most)]
    return np.stack([pixels[w.row : w.row + 224, w.col : w.col + 224] for w in chosen])


def test_photos_of_a_flower_and_a_temple_are_in_part_unfamiliar(shipped: OODDetector, limit: float) -> None:
    """Photos that scikit-learn ships; the detector has not seen them. Sky and water still pass."""
    images = Path(sklearn.__file__).parent / "datasets" / "images"
    tiles = np.concatenate([photo_tiles(images / name) for name in ("flower.jpg", "china.jpg")])
    assert (shipped.distances(tiles) > limit).mean() >= 0.2


@pytest.mark.parametrize("name", ["as it is", *(name for name in CASTS if name not in {"grey", "light"})])
def test_woods_are_unfamiliar_in_coloured_light(
    shipped: OODDetector, limit: float, real_data: Path, name: str
) -> None:
    """The light does not make plants concrete; on grey film or in thick haze they may pass."""
    woods = photo_tiles(real_data / "drone-photos" / "DJI_0025.JPG", right=1000)
    assert (shipped.distances(cast(woods, name) if name in CASTS else woods) > limit).mean() > 0.8


@pytest.mark.parametrize("name", ["as it is", *CASTS])
def test_facades_are_judged_in_every_light(
    shipped: OODDetector, limit: float, real_data: Path, name: str
) -> None:
    """The detector before this one lost most concrete in warm or cool light."""
    images = sorted((real_data / "facade-mortar").rglob("*.jpg"))
    small = [path for path in images if max(read_photo(path).size) <= 500][::8]
    tiles = np.stack([read_tile(path, None, input_px=224) for path in small])
    assert (shipped.distances(cast(tiles, name) if name in CASTS else tiles) <= limit).mean() >= 0.95
