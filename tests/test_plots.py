"""The pictures of an evaluation: drawn in every case, with the same bytes and the right numbers."""

import io
from pathlib import Path

import numpy as np
import pytest
from makers import DarkMeansCrack, scan_options
from matplotlib.figure import Figure
from PIL import Image

from crackscan.dataset.records import Example, LabelledData
from crackscan.evaluation.contact_sheet import MAX_ERRORS, draw_contact_sheet
from crackscan.evaluation.dataset_plots import draw_datasets
from crackscan.evaluation.evaluate import Evaluation, evaluate
from crackscan.evaluation.plots import (
    curve_pictures,
    draw_confusion,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
    render_png,
)

OPTIONS = scan_options(tile_px=224, threshold=0.5)


def evaluation(
    folder: Path, levels: dict[bool, list[int]], *, name: str = "{}.png", data: str = "site"
) -> Evaluation:
    """Evaluate the stand-in on grey photos of these levels, by label."""
    examples = []
    for label, level in [(label, level) for label, those in levels.items() for level in those]:
        path = folder / name.format(len(examples))
        Image.fromarray(np.full((48, 48, 3), level, np.uint8)).save(path)
        examples.append(Example(str(path), path.name, label, data=data))
    return evaluate(LabelledData(tuple(examples)), DarkMeansCrack, options=OPTIONS, jobs=1)


def of_two_datasets(folder: Path) -> Evaluation:
    """Evaluate the stand-in on a deck, with an error of each kind, and a tunnel without cracks."""
    examples = []
    for data, label, level in (
        *(("deck", True, 20), ("deck", True, 200), ("deck", False, 60), ("deck", False, 210)),
        *(("tunnel", False, 230), ("tunnel", False, 90)),
    ):
        path = folder / f"{len(examples)}.png"
        Image.fromarray(np.full((48, 48, 3), level, np.uint8)).save(path)
        examples.append(Example(str(path), path.name, label, data=data))
    return evaluate(LabelledData(tuple(examples)), DarkMeansCrack, options=OPTIONS, jobs=1)


def texts(figure: Figure) -> list[str]:
    """Return all texts of a figure."""
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def test_plots_are_pictures_and_the_same_twice(tmp_path: Path) -> None:
    """The same evaluation gives the same bytes, without a version or a date in them."""
    subject = evaluation(tmp_path, {True: [20, 40, 200], False: [210, 60, 230]})
    first, second = dict(curve_pictures(subject)), dict(curve_pictures(subject))
    assert first == second
    for picture in first.values():
        image = Image.open(io.BytesIO(picture))
        assert min(image.size) >= 800
        assert image.text == {}


@pytest.mark.parametrize("levels", [{True: [20, 200]}, {False: [20, 200]}, {True: [128], False: [128]}])
def test_plots_are_drawn_where_there_is_no_curve(tmp_path: Path, levels: dict[bool, list[int]]) -> None:
    """With one class only, or one probability for all images, each picture is still written."""
    subject = evaluation(tmp_path, levels)
    assert len(dict(curve_pictures(subject))) == 4
    shown = " ".join(texts(draw_roc(subject)) + texts(draw_precision_recall(subject)))
    assert ("there is no curve" in shown) == (len(levels) == 1)


def test_plots_name_the_model_and_the_number_of_images(tmp_path: Path) -> None:
    """A picture without its report still says what it shows."""
    subject = evaluation(tmp_path, {True: [20, 40, 200], False: [210, 60, 230]})
    for plot in (draw_confusion, draw_roc, draw_precision_recall, draw_reliability, draw_contact_sheet):
        assert "dark@00000000, n = 6 (3 cracked)" in " ".join(texts(plot(subject)))


def test_confusion_shows_counts_and_their_fractions_of_each_label(tmp_path: Path) -> None:
    """Two of three cracks are found, and two of three uncracked images are called so."""
    shown = texts(draw_confusion(evaluation(tmp_path, {True: [20, 40, 200], False: [210, 60, 230]})))
    assert [text for text in shown if " of " in text] == [
        "2\n66.67 % of 3",
        "1\n33.33 % of 3",
        "1\n33.33 % of 3",
        "2\n66.67 % of 3",
    ]


def test_nearly_perfect_roc_is_enlarged(tmp_path: Path) -> None:
    """At an area of 0.999 the whole curve lies in the corner of the plot."""
    perfect = draw_roc(evaluation(tmp_path, {True: [20, 40], False: [210, 230]}))
    assert "corner, enlarged" in texts(perfect)
    poor = draw_roc(evaluation(tmp_path, {True: [20, 230], False: [30, 220]}))
    assert "corner, enlarged" not in texts(poor)


def test_contact_sheet_shows_the_worst_errors_with_probability_and_name(tmp_path: Path) -> None:
    """The most confident miss comes first; right predictions are not shown."""
    shown = texts(draw_contact_sheet(evaluation(tmp_path, {True: [20, 200, 250], False: [210, 60]})))
    assert [text for text in shown if ".png" in text] == ["0.020\n2.png", "0.216\n1.png", "0.765\n4.png"]
    assert {"Missed cracks: 2", "False alarms: 1"} <= set(shown)


def test_contact_sheet_shows_only_the_worst_of_many_errors(tmp_path: Path) -> None:
    """The heading counts all of them."""
    shown = texts(draw_contact_sheet(evaluation(tmp_path, {True: [200] * (MAX_ERRORS + 3), False: [210]})))
    assert len([text for text in shown if ".png" in text]) == MAX_ERRORS
    assert f"Missed cracks: {MAX_ERRORS + 3}, the worst {MAX_ERRORS} shown" in shown
    assert "False alarms: none" in shown


def test_contact_sheet_is_drawn_if_a_file_is_gone(tmp_path: Path) -> None:
    """A note replaces a file that was deleted after the evaluation."""
    subject = evaluation(tmp_path, {True: [250], False: [210]})
    (tmp_path / "0.png").unlink()
    assert "the file is gone" in texts(draw_contact_sheet(subject))


@pytest.mark.parametrize("name", ["cost $5 {} $x.png", "ひび割れ{}.png"])
def test_names_in_any_script_are_drawn_as_they_are(tmp_path: Path, name: str) -> None:
    """A dollar sign does not start a formula, and a script that the font lacks raises no warning."""
    subject = evaluation(tmp_path, {True: [250], False: [210]}, name=name, data="$site$ 亀裂")
    assert render_png(lambda: draw_contact_sheet(subject)).startswith(b"\x89PNG")
    assert f"0.020\n{name.format(0)}" in texts(draw_contact_sheet(subject))


def test_datasets_are_compared_with_their_intervals(tmp_path: Path) -> None:
    """Each dataset has a row with its name and size; one without a metric says why."""
    shown = texts(draw_datasets(of_two_datasets(tmp_path).by_data, "a model"))
    assert {"deck\n4 images, 2 cracked", "tunnel\n2 images, 0 cracked"} <= set(shown)
    assert shown.count("no image is cracked") == 2
    assert "0.75" in shown  # two images of each class are too few for an interval


def test_contact_sheet_has_the_errors_of_each_dataset(tmp_path: Path) -> None:
    """A dataset with many errors does not displace the others."""
    shown = texts(draw_contact_sheet(of_two_datasets(tmp_path)))
    headings = [text for text in shown if text.startswith(("deck", "tunnel"))]
    assert headings == [
        "deck: missed cracks: 1",
        "deck: false alarms: 1",
        "tunnel: missed cracks: none",
        "tunnel: false alarms: 1",
    ]
