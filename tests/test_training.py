"""A training from photos to a model folder, also if it is stopped and resumed."""

import csv
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crackscan.basics.errors import BadData, CrackscanError
from crackscan.basics.progress import Silent
from crackscan.dataset.loading import load_examples
from crackscan.dataset.split_csv import read_split_csv
from crackscan.dataset.splitting import Fractions, SplitData, split_examples
from crackscan.model.card import Card, sha256_of
from crackscan.model.loading import Model
from crackscan.training.options import Provenance, TrainingRun, TrainOptions
from crackscan.training.samples.tile_store import open_store, store_tiles
from crackscan.training.train import train

SIDE = 32  # px; the smallest that MobileNetV2 takes
OPTIONS = TrainOptions(
    weights="none",
    input_px=SIDE,
    batch=8,
    epochs_head=2,
    epochs_fine_tune=1.5,
    validations=3,
    patience=9,
)
PROVENANCE = Provenance(
    command="crackscan train data -o models/small",
    split_rule="nothing",
    split_seed=1,
    fractions={"train": 0.6, "validation": 0.2, "test": 0.2},
    positive_class="crack",
    citations={"data": "made by its test"},
)
MADE = {
    "README.md",
    "card.json",
    "curves.png",
    "history.csv",
    "logs",
    "model.keras",
    "model.tflite",
    "split.csv",
}


@dataclass
class RecordedProgress:
    """Keeps the phases and notes of a training, and stops it at a step if asked to."""

    stop_at: int | None = None  # step of the fine-tuning
    phases: list[tuple[str, int | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    steps: int = 0

    def phase(self, name: str, total: int | None) -> None:
        """Begin a phase."""
        self.phases.append((name, total))
        self.steps = 0

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count steps."""
        self.steps += steps
        if self.phases[-1][0] == "fine-tuning":
            assert figures.keys() == {"loss", "accuracy"}
            if self.steps == self.stop_at:
                raise KeyboardInterrupt

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SplitData:
    """Return sixty photos of noise, half of them with a dark line, in their splits."""
    folder = tmp_path_factory.mktemp("photos") / "data"
    rng = np.random.default_rng(0)
    for number in range(60):
        label = ("crack", "no-crack")[number % 2]
        photo = rng.integers(120, 250, (SIDE, SIDE, 3)).astype(np.uint8)
        if label == "crack":
            photo[:, int(rng.integers(4, 28)) :][:, :3] = 10
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(folder / label / f"{number}.png")
    found = load_examples([folder])
    return split_examples(found, seed=1, fractions=Fractions(0.6, 0.2, 0.2), input_px=SIDE)


@pytest.fixture(scope="module")
def made(data: SplitData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that was trained without interruption."""
    folder = tmp_path_factory.mktemp("models") / "small"
    train(TrainingRun(data, OPTIONS, PROVENANCE, folder), progress=RecordedProgress())
    return folder


@pytest.mark.slow
def test_folder_is_whole_and_the_work_folder_is_gone(made: Path) -> None:
    """All files of a model are there and match the card, and no work folder is left."""
    assert {path.name for path in made.iterdir()} >= MADE
    Card.read(made).verify(made)
    assert [path.name for path in made.parent.iterdir()] == ["small"]


@pytest.mark.slow
def test_card_says_what_the_model_was_trained_on(made: Path, data: SplitData) -> None:
    """Data, split, options and command can be checked on the card."""
    card = Card.read(made)
    assert card.command == PROVENANCE.command
    assert card.quantisation is not None
    assert set(card.quantisation.agreement) == {"data"}
    assert ("litert-int8" in card.engines) == (made / "model-int8.tflite").exists()
    assert card.familiarity is not None
    assert card.familiarity.rule.startswith("that of concrete-v")
    assert (
        card.data[0].images
        == len(data.rows)
        == sum(sum(counts.values()) for counts in card.split.counts.values())
    )
    assert card.data[0].citation == "made by its test"
    assert card.split.sha256 == sha256_of(made / "split.csv")
    assert len(read_split_csv(made / "split.csv")) == len(data.rows)
    assert card.options["checks"] == 3
    assert card.weights == "none: random weights"


@pytest.mark.slow
def test_scan_gives_the_probabilities_that_the_card_counts(made: Path, data: SplitData) -> None:
    """The figures on the card are those that a scan with the folder reaches, to the last image."""
    model = Model.load(made)
    classifier, counts = model.classifier(), model.card.metrics["test"]["confusion"]
    rows = data.part("test")
    tiles = np.stack([np.asarray(Image.open(row.example.path)) for row in rows])
    called = classifier.predict(tiles).probabilities >= model.card.threshold
    labels = np.array([row.example.label for row in rows])
    assert counts["true_positives"] == int((called & labels).sum())
    assert counts["false_positives"] == int((called & ~labels).sum())
    assert model.card.largest_difference < 1e-4


@pytest.mark.slow
def test_history_has_a_line_for_each_validation(made: Path) -> None:
    """The head alone is validation 0; three validations follow, with figures of both splits."""
    with (made / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["check"] for row in rows] == ["0", "1", "2", "3"]
    assert all(float(row["val_loss"]) > 0 for row in rows)
    assert all(float(row["loss"]) > 0 for row in rows[1:])


@pytest.mark.slow
def test_interrupted_and_resumed_is_as_good_as_uninterrupted(
    made: Path, data: SplitData, tmp_path: Path
) -> None:
    """A stopped training says how to resume it, and the resumed one ends with the same figures."""
    folder, stopped = tmp_path / "small", RecordedProgress(stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        train(TrainingRun(data, OPTIONS, PROVENANCE, folder), progress=stopped)
    assert not folder.exists()
    assert "the same command with --resume continues" in stopped.notes[-1]
    resumed = RecordedProgress()
    card = train(TrainingRun(data, OPTIONS, PROVENANCE, folder), progress=resumed, resume=True)
    assert [name for name, _ in resumed.phases] == [
        "validation samples",
        "fine-tuning",
        "measuring",
        "int8 model",
    ]
    straight = Card.read(made)
    assert card.calibration.temperature == pytest.approx(straight.calibration.temperature, rel=1e-2)
    for split in ("validation", "test"):
        figures, expected = card.metrics[split]["figures"], straight.metrics[split]["figures"]
        assert figures["roc_auc"]["value"] == pytest.approx(expected["roc_auc"]["value"], abs=1e-2)


@pytest.mark.slow
def test_ood_limit_keeps_the_concrete_that_it_was_chosen_on(data: SplitData, tmp_path: Path) -> None:
    """With concrete that is not trained on, the card says which share of it is lost."""
    genuine = tuple(replace(row.example, data="other") for row in data.part("test"))
    seen = replace(data, unseen=genuine)
    folder = tmp_path / "small"
    card = train(
        TrainingRun(seen, replace(OPTIONS, epochs_fine_tune=0), PROVENANCE, folder),
        progress=RecordedProgress(),
    )
    assert card.familiarity is not None
    assert all(card.familiarity.lost[name] <= 0.01 for name in ("other, crack", "other, no-crack"))
    assert (folder / "familiar.npz").stat().st_size < 1e6
    classifier = Model.load(folder).classifier()
    noise = np.stack([np.asarray(Image.open(example.path)) for example in genuine])
    assert classifier.predict(noise).distances.max() <= card.familiarity.limit
    assert "`unfamiliar`" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_model_folder_starts_another_training(made: Path, data: SplitData, tmp_path: Path) -> None:
    """A model's backbone can be trained on; the card says whose it was, without this machine's folders."""
    options = replace(OPTIONS, weights=str(made), epochs_fine_tune=0)
    card = train(TrainingRun(data, options, PROVENANCE, tmp_path / "next"), progress=RecordedProgress())
    assert card.weights.startswith(f"the backbone of {Card.read(made).model_id}")
    assert str(made.parent) not in json.dumps(card.weights)


@pytest.mark.slow
def test_existing_model_is_not_overwritten(made: Path, data: SplitData) -> None:
    """A finished model is replaced only with `force`, and nothing is left beside it."""
    before = sha256_of(made / "model.keras")
    with pytest.raises(
        CrackscanError, match="exists already; choose another name, or replace it with --force"
    ):
        train(TrainingRun(data, OPTIONS, PROVENANCE, made), progress=RecordedProgress())
    assert sha256_of(made / "model.keras") == before
    assert [path.name for path in made.parent.iterdir()] == ["small"]


def test_split_without_both_classes_is_refused(data: SplitData, tmp_path: Path) -> None:
    """Before anything is decoded, the split and the class that it lacks are named."""
    rows = tuple(row for row in data.rows if row.example.label or row.example.split != "validation")
    with pytest.raises(BadData, match="validation split has no no-crack image"):
        train(
            TrainingRun(SplitData(rows, ()), OPTIONS, PROVENANCE, tmp_path / "m"), progress=RecordedProgress()
        )


def test_tiles_are_stored_as_they_are_read(data: SplitData, tmp_path: Path) -> None:
    """Each tile is stored at its index; an unreadable one is named by its index, and no other moves."""
    tiles = [(row.example.path, None) for row in data.rows[:3]]
    (tmp_path / "broken.png").write_bytes(b"no PNG")
    tiles.insert(1, (str(tmp_path / "broken.png"), None))
    unreadable = store_tiles(tmp_path / "tiles.npy", tiles, input_px=SIDE, progress=Silent())
    assert list(unreadable) == [1]
    assert np.array_equal(open_store(tmp_path / "tiles.npy")[2], np.asarray(Image.open(tiles[2][0])))
    assert [path.name for path in tmp_path.glob("tiles*")] == ["tiles.npy"]
