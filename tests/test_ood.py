"""Out-of-distribution detection: distances to prototypes in a small file, without the training packages."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from crackscan.basics.errors import BrokenModel
from crackscan.model.ood import OODDetector, describe_tiles
from crackscan.training.model_folder.ood_limit import MARGIN, limit_factor


@pytest.fixture
def features() -> np.ndarray:
    """Return features of five tiles."""
    return np.random.default_rng(0).random((5, 16), dtype=np.float32)


def grey(count: int) -> np.ndarray:
    """Return grey tiles."""
    return np.full((count, 32, 32, 3), 128, np.uint8)


def test_training_tile_has_distance_zero(features: np.ndarray) -> None:
    """Distances of training tiles are zero, however bright the tiles are."""
    detector = OODDetector(describe_tiles(features, grey(5)))
    assert detector.distances(features, grey(5)) == pytest.approx(0, abs=1e-3)
    assert detector.distances(features * 3, grey(5) // 2) == pytest.approx(0, abs=1e-3)


def test_other_features_and_other_colours_are_far(features: np.ndarray) -> None:
    """Other features, or another colour, give a tile a large distance."""
    detector = OODDetector(describe_tiles(features, grey(5)))
    other = np.eye(16, dtype=np.float32)[:5]
    assert (detector.distances(other, grey(5)) > 0.5).all()
    grass = grey(5)
    grass[..., 0] //= 2
    assert (detector.distances(features, grass) > 0.5).all()


def test_distances_are_those_to_the_nearest_prototype(features: np.ndarray) -> None:
    """The expanded formula gives what the definition gives."""
    prototypes = np.random.default_rng(1).random((7, 20), dtype=np.float32)
    descriptors = describe_tiles(features, grey(5))
    expected = np.linalg.norm(descriptors[:, None] - prototypes, axis=2).min(axis=1)
    assert OODDetector(prototypes).distances(features, grey(5)) == pytest.approx(expected, abs=1e-3)


def test_file_reads_back_as_it_was_written(features: np.ndarray, tmp_path: Path) -> None:
    """Scanning reads what training writes."""
    OODDetector(features).save(tmp_path / "familiar.npz")
    assert np.array_equal(OODDetector.load(tmp_path / "familiar.npz").prototypes, features)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A broken file gives an error of one sentence, and nothing in it is executed."""
    (tmp_path / "familiar.npz").write_bytes(content)
    with pytest.raises(BrokenModel, match=r"familiar\.npz: cannot be read .*get the model folder again\.$"):
        OODDetector.load(tmp_path / "familiar.npz")


@pytest.mark.parametrize(
    "array",
    [np.zeros(8, np.float32), np.zeros((0, 8), np.float32), np.full((2, 8), np.nan, np.float32)],
    ids=["one row", "empty", "NaN"],
)
def test_array_of_another_kind_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    """It would fail in a worker, or call every tile unfamiliar."""
    np.savez(tmp_path / "familiar.npz", prototypes=array)
    with pytest.raises(BrokenModel, match=r"familiar\.npz: cannot be read \(its array prototypes has"):
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
        np.savez(file, prototypes=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BrokenModel, match="cannot be read"):
        OODDetector.load(tmp_path / "familiar.npz")


def test_limit_factor_is_the_limit_that_loses_a_hundredth_of_either_class() -> None:
    """As a multiple of the largest distance on the validation split: the model's limit without the margin."""
    near, far = np.linspace(0.1, 0.2, 100, dtype=np.float32), np.linspace(0.2, 0.4, 300, dtype=np.float32)
    needed = limit_factor({"crack": near, "no-crack": far}, MARGIN * 0.3)
    assert np.mean(far > needed * 0.3) <= 0.01 < np.mean(far > needed * 0.3 * 0.99)
    assert limit_factor({"crack": far, "no-crack": near}, MARGIN * 0.3) == needed
    assert limit_factor({"crack": near, "no-crack": near}, MARGIN * 0.3) < needed / 1.9
