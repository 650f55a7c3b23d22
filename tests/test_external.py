"""External evaluations go onto the card: figures, pictures, and the notes of a person."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import DarkMeansCrack, scan_options
from PIL import Image
from typer.testing import CliRunner

from crackscan.basics.errors import BadData, BrokenModel, CrackscanError
from crackscan.cli import app
from crackscan.dataset.records import Example, LabelledData
from crackscan.dataset.synthesis import concrete, draw_crack
from crackscan.evaluation.evaluate import Evaluation, evaluate
from crackscan.evaluation.report import as_json
from crackscan.evaluation.widths import measure_widths
from crackscan.model.card import KERAS, LITERT, Card, sha256_of
from crackscan.model.loading import find_model
from crackscan.training.model_folder.external import check, put_onto_card
from crackscan.training.model_folder.readme import model_readme

PICTURES = {"sources.png", "widths.png"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a model folder whose model is not used."""
    made = tmp_path / "bridge"
    made.mkdir()
    for name in (KERAS, LITERT):
        (made / name).write_bytes(name.encode())
    (made / "curves.png").write_bytes(b"curves")
    card = replace(Card.read(find_model()), name="bridge", outside=None, left_out=None, notes=None)
    trained_on = (replace(card.data[0], name="home"),)
    replace(card, data=trained_on, files={n: sha256_of(made / n) for n in (KERAS, LITERT)}).write(made)
    return made


def labelled(folder: Path, *names: str) -> LabelledData:
    """Write four grey tiles for each name, two of them dark and labelled as cracked."""
    examples = []
    for data in names:
        (folder / data).mkdir(parents=True)
        for number, level in enumerate((20, 200, 180, 210)):
            path = folder / data / f"{number}.png"
            Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(path)
            examples.append(Example(str(path), path.name, label=number < 2, data=data))
    return LabelledData(tuple(examples))


def judged(data: LabelledData, model: str, *, widths: bool = True) -> Evaluation:
    """Evaluate a stand-in with the id of the model."""

    def load() -> DarkMeansCrack:
        return DarkMeansCrack(model)

    options = scan_options(tile_px=224, threshold=0.5)
    evaluation = evaluate(data, load, options=options, jobs=1)
    return replace(evaluation, widths=measure_widths(evaluation, load, jobs=1)) if widths else evaluation


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_card_gets_the_figures_of_each_dataset(folder: Path, tmp_path: Path) -> None:
    """They are those of metrics.json, and the card still fits its model."""
    evaluation = judged(labelled(tmp_path / "data", "deck", "tunnel"), Card.read(folder).model_id)
    put_onto_card(evaluation, folder)
    card = Card.read(folder)
    card.verify(folder)
    assert card.outside is not None
    measured = as_json(evaluation)
    assert {data: outside.metrics for data, outside in card.outside.items()} == measured["by_data"]
    assert {data: outside.widths for data, outside in card.outside.items()} == measured["widths"]


def test_readme_shows_figures_pictures_and_notes(folder: Path, tmp_path: Path) -> None:
    """README has a row for each dataset, the curve against width, and the notes; no link is dead."""
    evaluation = judged(labelled(tmp_path / "data", "deck", "tunnel"), Card.read(folder).model_id)
    put_onto_card(evaluation, folder, notes=["Good on\n smooth decks.", "Alarms at joints."])
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| deck | 4 (2) | 0.750 " in text
    assert "| 0.5 px | 0.000 |" in text
    assert "- Good on smooth decks.\n- Alarms at joints.\n" in text
    links = re.findall(r"\]\((.*?)\)", text)
    assert {*PICTURES, "curves.png"} == set(links)
    assert content(folder).keys() >= PICTURES


def test_second_run_replaces_the_first(folder: Path, tmp_path: Path) -> None:
    """The same evaluation leaves the same bytes; another dataset replaces the first."""
    quay = judged(labelled(tmp_path / "data", "quay"), Card.read(folder).model_id)
    put_onto_card(quay, folder)
    first = content(folder)
    put_onto_card(quay, folder)
    assert content(folder) == first
    put_onto_card(judged(labelled(tmp_path / "more", "tunnel"), quay.model), folder)
    assert list(Card.read(folder).outside or {}) == ["tunnel"]
    assert b"quay" not in content(folder)["README.md"]


def test_curve_of_an_earlier_run_does_not_stay(folder: Path, tmp_path: Path) -> None:
    """Without --widths there is no curve, neither as a file nor in the README."""
    data, model = labelled(tmp_path / "data", "deck"), Card.read(folder).model_id
    put_onto_card(judged(data, model), folder)
    put_onto_card(judged(data, model, widths=False), folder)
    assert not [name for name in content(folder) if name.startswith("widths")]
    assert "Recall by crack width" not in (folder / "README.md").read_text(encoding="utf-8")


def test_notes_stay_until_there_are_others(folder: Path, tmp_path: Path) -> None:
    """Another evaluation keeps the notes of a person; an empty note removes them."""
    evaluation = judged(labelled(tmp_path / "data", "deck"), Card.read(folder).model_id, widths=False)
    put_onto_card(evaluation, folder, notes=["Good."])
    assert put_onto_card(evaluation, folder).notes == ("Good.",)
    assert put_onto_card(evaluation, folder, notes=[""]).notes == ()
    assert "Where it is good" not in (folder / "README.md").read_text(encoding="utf-8")


def test_another_model_in_the_folder_is_left_alone(folder: Path, tmp_path: Path) -> None:
    """A model that was trained meanwhile does not get the figures of the old one."""
    before = content(folder)
    with pytest.raises(
        BrokenModel, match=r"is now bridge@.*, but old@00000000 was evaluated; evaluate it again\.$"
    ):
        put_onto_card(judged(labelled(tmp_path / "data", "deck"), "old@00000000", widths=False), folder)
    assert content(folder) == before


def test_data_of_the_training_does_not_go_onto_the_card_as_other_data(folder: Path, tmp_path: Path) -> None:
    """Other images of a training dataset give figures that are too good."""
    data = labelled(tmp_path / "data", "home", "deck")
    with pytest.raises(BadData, match=r"^home: the model was trained on a dataset of this name"):
        check(folder, Card.read(folder), data)


def test_folder_that_cannot_be_written_to_is_said_before_any_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused at once, not after an hour of measuring."""
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CrackscanError, match="bridge: cannot be written to"):
        check(folder, Card.read(folder), labelled(tmp_path / "data", "deck"))


def test_card_without_other_data_says_nothing_of_it(folder: Path) -> None:
    """A freshly trained model has no such sections, and older cards are read."""
    card = Card.read(folder)
    assert (card.outside, card.notes) == (None, None)
    text = model_readme(card, pictures=[])
    assert "not trained on" not in text
    assert "](" not in text


@pytest.mark.parametrize("option", [("--split", "test"), ("--leave-out-seen",), ("--threshold", "0.5")])
def test_onto_card_needs_all_of_the_data_and_the_own_threshold(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    """Figures that other options changed would not be comparable with the others on the card."""
    shown = CliRunner().invoke(
        app, ["evaluate", str(tmp_path), "--onto-card", *option], env={"COLUMNS": "300"}
    )
    assert shown.exit_code == 2
    assert "leave out --split, --leave-out-seen and --threshold" in shown.stderr


def test_note_without_card_is_wrong_usage(tmp_path: Path) -> None:
    """It would be lost."""
    shown = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--note", "Good."], env={"COLUMNS": "300"})
    assert shown.exit_code == 2
    assert "use it with --onto-card" in shown.stderr


@pytest.mark.slow
def test_command_puts_drawn_tiles_onto_the_card_of_the_shipped_model(tmp_path: Path) -> None:
    """`evaluate --widths --onto-card` measures, and leaves a model that scans as before."""
    model = shutil.copytree(find_model(), tmp_path / "model", ignore=shutil.ignore_patterns("logs"))
    for number in range(12):
        rng = np.random.default_rng(number)
        pixels, label = concrete(rng, 224, 224), "crack" if number % 2 else "no-crack"
        (tmp_path / "drawn" / label).mkdir(parents=True, exist_ok=True)
        tile = draw_crack(rng, pixels, width_px=6.0)[0] if number % 2 else pixels
        Image.fromarray(tile).save(tmp_path / "drawn" / label / f"{number}.png")
    arguments = [
        "evaluate",
        tmp_path / "drawn",
        "--model",
        model,
        "--widths",
        "--onto-card",
        "--note",
        "Drawn.",
    ]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.stderr
    assert (
        "drawn: recall of synthetic cracks on uncracked tiles, by mean width\nFound: 9 of 10" in done.stderr
    )
    card = Card.read(model)
    card.verify(model)
    assert card.notes == ("Drawn.",)
    assert card.outside is not None
    assert card.outside["drawn"].metrics["images"] == 12
