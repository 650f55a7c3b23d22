"""Evaluation gives each labelled image the row of a scan, and counts the rows right."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import DarkMeansCrack, labelled_rows, make_photo, scan_options
from PIL import Image

from crackscan.basics.errors import BadData, NoInputs
from crackscan.basics.records import ScanOptions, Window
from crackscan.dataset.records import Example, LabelledData, Problem
from crackscan.evaluation.evaluate import Evaluation, evaluate
from crackscan.evaluation.report import as_json, as_text, write_report
from crackscan.evaluation.tables import tables
from crackscan.scanning.plan import Plan

OPTIONS = scan_options(tile_px=224, threshold=0.5)
CRACK, NO_CRACK = 30, 220  # grey levels that the stand-in calls crack and no-crack
PICTURES = [
    "confusion.png",
    "errors.png",
    "precision_recall.png",
    "reliability.png",
    "roc.png",
    "sources.png",
]


def example(path: Path, *, label: bool, level: int, data: str = "site", group: str = "") -> Example:
    """Write a grey photo and return it with its label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(path)
    return Example(str(path), path.name, label, data=data, group=group)


def survey(folder: Path) -> list[Example]:
    """Return eight images: three cracks found, one missed, three plain, one false alarm."""
    levels = [
        (True, CRACK),
        (True, 40),
        (True, 50),
        (True, 200),
        (False, 210),
        (False, NO_CRACK),
        (False, 60),
    ]
    return [
        example(folder / f"{number}.png", label=label, level=level)
        for number, (label, level) in enumerate([*levels, (False, 230)])
    ]


def evaluated(examples: list[Example], *, jobs: int = 1, options: ScanOptions = OPTIONS) -> Evaluation:
    """Evaluate the stand-in classifier."""
    return evaluate(LabelledData(tuple(examples)), DarkMeansCrack, options=options, jobs=jobs)


def test_evaluation_counts_hits_misses_and_false_alarms(tmp_path: Path) -> None:
    """Three of four cracks are found, and one of four plain images is a false alarm."""
    evaluation = evaluated(survey(tmp_path))
    confusion = evaluation.overall.confusion
    assert (confusion.true_positives, confusion.false_negatives) == (3, 1)
    assert (confusion.false_positives, confusion.true_negatives) == (1, 3)
    assert evaluation.overall.figures["recall"].value == 0.75
    assert evaluation.model == "dark@00000000"


def test_evaluation_gives_the_rows_of_a_scan(tmp_path: Path) -> None:
    """A scan of the same files has exactly the same probabilities and labels."""
    predictions = evaluated(survey(tmp_path)).predictions
    plan = Plan((str(tmp_path),), OPTIONS.tiles)
    assert [prediction.result for prediction in predictions] == labelled_rows(plan, OPTIONS)


def test_number_of_workers_does_not_matter(tmp_path: Path) -> None:
    """Two workers and one give the same evaluation, in the same order."""
    examples = survey(tmp_path)
    assert evaluated(examples, jobs=1) == evaluated(examples, jobs=2)


def test_window_of_an_image_is_judged_alone(tmp_path: Path) -> None:
    """The prediction for a labelled tile depends on its own pixels only, not on the rest of the image."""
    pixels = np.full((224, 448, 3), NO_CRACK, np.uint8)
    pixels[:, :224] = CRACK
    Image.fromarray(pixels).save(tmp_path / "both.png")
    tiles = [
        Example(str(tmp_path / "both.png"), "both.png", col == 0, window=Window(col, 0, 224, 224), data="uav")
        for col in (0, 224)
    ]
    evaluation = evaluated(tiles)
    assert [prediction.result.label for prediction in evaluation.predictions] == ["crack", "no-crack"]
    assert evaluation.overall.groups == 1  # tiles of one image are not independent


def masked(folder: Path, name: str, *, dark: int, crack: int) -> Example:
    """Write a photo that is dark in one 32 px column, with a mask of a crack along another."""
    pixels, mask = np.full((224, 224, 3), NO_CRACK, np.uint8), np.zeros((224, 224), np.uint8)
    pixels[:, dark : dark + 32] = 0
    mask[:, crack : crack + 2] = 255
    Image.fromarray(pixels).save(folder / f"{name}.png")
    Image.fromarray(mask).save(folder / f"{name}-mask.png")
    path = str(folder / f"{name}.png")
    return Example(path, f"{name}.png", label=True, data="site", mask=str(folder / f"{name}-mask.png"))


def test_peaks_are_compared_with_masks(tmp_path: Path) -> None:
    """The report says how often peaks are near the crack in the mask, and how often random ones would be."""
    examples = [
        masked(tmp_path, "right", dark=96, crack=100),
        masked(tmp_path, "wrong", dark=192, crack=10),
        *survey(tmp_path),
    ]
    evaluation = evaluated(examples, options=scan_options(tile_px=224, threshold=0.9))
    (table,) = [table for table in tables(evaluation) if "within 32 px" in table.title]
    assert table.rows == (("all", "1 of 2", "50.0%", "25.0%"),)  # 66 and 42 px of 224, in steps of 16
    assert as_json(evaluation)["pointing"]["all"] == {"tiles": 2, "near": 1, "chance": 0.25}
    laxer = evaluated(examples[:1], options=scan_options(tile_px=224, threshold=0.1))
    (table,) = [table for table in tables(laxer) if "within 32 px" in table.title]
    assert table.rows[1][:2] == ("called crack", "1 of 1")


def test_data_without_masks_has_no_table_of_peaks(tmp_path: Path) -> None:
    """Without a mask, the position of the crack is unknown."""
    assert not [table for table in tables(evaluated(survey(tmp_path))) if "within" in table.title]


def test_unfamiliar_images_are_judged_and_also_counted_by_class(tmp_path: Path) -> None:
    """Leaving out what a scan does not judge could improve the metrics, so these images count, too."""
    odd = tmp_path / "odd.png"
    Image.fromarray(np.full((64, 64, 3), (250, 120, 20), np.uint8)).save(odd)
    examples = [*survey(tmp_path), Example(str(odd), "odd.png", label=True, data="site")]
    gate = scan_options(tile_px=224, threshold=0.5, max_distance=50, judge_unfamiliar=True)
    evaluation = evaluated(examples, options=gate)
    assert evaluation.overall.images == 9
    assert as_json(evaluation)["unfamiliar"] == {
        "crack": {"images": 5, "lost": 1},
        "no-crack": {"images": 4, "lost": 0},
    }
    (table,) = [table for table in tables(evaluation) if table.title.startswith("Unfamiliar")]
    assert table.rows == (("crack", "1 of 5", "20.0%"), ("no-crack", "0 of 4", "0.0%"))


def test_unreadable_image_is_counted_and_named_and_not_measured(tmp_path: Path) -> None:
    """A broken file is not a miss and not a hit; the report names the file and the reason."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    missing = Example(str(tmp_path / "gone.png"), "gone.png", label=True, data="site")
    evaluation = evaluated(
        [*survey(tmp_path), Example(str(broken), "broken.png", label=True, data="site"), missing]
    )
    assert (evaluation.overall.images, len(evaluation.predictions)) == (8, 10)
    named = as_json(evaluation)["not_assessed"]
    assert [(item["source"], item["status"]) for item in named] == [
        ("broken.png", "unreadable"),
        ("gone.png", "unreadable"),
    ]
    assert named[1]["reason"] == "the file is gone"
    *_, table = tables(evaluation)
    assert table.title == "Not assessed and not counted above: 2"
    assert table.rows[1] == ("gone.png", "unreadable", "the file is gone")


def test_nothing_assessed_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    """If no image can be read, there is no evaluation."""
    gone = Example(str(tmp_path / "gone.png"), "gone.png", label=True)
    with pytest.raises(
        BadData, match=r"None of 1 images .* the first, gone\.png, is unreadable \(the file is"
    ):
        evaluated([gone])


def test_no_images_are_an_error() -> None:
    """An empty evaluation could look like a perfect one."""
    with pytest.raises(NoInputs, match="No labelled image to evaluate on"):
        evaluated([])


def test_errors_come_with_the_most_confident_first(tmp_path: Path) -> None:
    """The miss at 0.1 comes before the false alarm at 0.77."""
    wrong = evaluated([*survey(tmp_path), example(tmp_path / "8.png", label=True, level=230)]).errors
    assert [prediction.example.source for prediction in wrong] == ["8.png", "3.png", "6.png"]


def test_each_dataset_is_measured_alone_and_all_together(tmp_path: Path) -> None:
    """A good result on one dataset cannot hide a bad one on another."""
    good = [
        example(tmp_path / "a" / f"{n}.png", label=n < 3, level=CRACK + n if n < 3 else NO_CRACK, data="easy")
        for n in range(6)
    ]
    bad = [example(tmp_path / "b" / f"{n}.png", label=n < 3, level=NO_CRACK, data="hard") for n in range(6)]
    evaluation = evaluated([*good, *bad])
    recalls = {data: metrics.figures["recall"].value for data, metrics in evaluation.by_data.items()}
    assert recalls == {"easy": 1.0, "hard": 0.0}
    assert evaluation.overall.figures["recall"].value == 0.5
    (table,) = [table for table in tables(evaluation) if table.title.startswith("By dataset")]
    assert [row[:2] for row in table.rows] == [("easy", "6 (3)"), ("hard", "6 (3)")]


def test_table_of_datasets_names_intervals_that_are_too_narrow(tmp_path: Path) -> None:
    """If intervals are computed over images instead of groups, the table says so."""
    examples = [replace(one, group=str(n % 2)) for n, one in enumerate(survey(tmp_path / "a"))]
    others = [replace(one, data="other") for one in survey(tmp_path / "b")]
    (table,) = [one for one in tables(evaluated([*examples, *others])) if one.title.startswith("By dataset")]
    assert table.title.endswith("\nThe intervals of site are over images, too narrow: only 2 groups")


def test_progress_advances_with_each_image(tmp_path: Path) -> None:
    """Unreadable images count as done, too."""
    calls: list[tuple[int, int]] = []
    gone = Example(str(tmp_path / "gone.png"), "gone.png", label=True)
    data = LabelledData((*survey(tmp_path), gone))
    evaluate(data, DarkMeansCrack, options=OPTIONS, jobs=1, advance=lambda *done: calls.append(done))
    assert len(calls) == 9


def test_report_has_all_files_and_is_the_same_twice(tmp_path: Path) -> None:
    """A second run into the same folder gives the same bytes: no dates, no random numbers, no old files."""
    evaluation = evaluated(survey(tmp_path / "data"))
    write_report(evaluation, tmp_path / "report")
    first = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    assert sorted(first) == sorted([*PICTURES, "metrics.json", "predictions.csv", "thresholds.csv"])
    write_report(evaluation, tmp_path / "report")
    assert {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()} == first


def test_report_keeps_other_files_in_its_folder(tmp_path: Path) -> None:
    """The user may have put them there."""
    (tmp_path / "notes.txt").write_text("mine")
    write_report(evaluated(survey(tmp_path / "data")), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_predictions_have_a_row_for_each_image(tmp_path: Path) -> None:
    """A row has label and prediction; an image that was not assessed has its reason."""
    gone = Example(str(tmp_path / "gone.png"), 'gone, "really".png', label=True, data="site", group="site/7")
    write_report(evaluated([*survey(tmp_path), gone]), tmp_path / "report")
    with (tmp_path / "report" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    found, lost = rows[0], rows[-1]
    assert (found["label"], found["predicted"], found["probability"]) == ("crack", "crack", "0.882353")
    assert (found["width"], found["height"], found["status"]) == ("64", "64", "ok")
    assert (lost["source"], lost["status"], lost["group"]) == ('gone, "really".png', "unreadable", "site/7")
    assert (lost["predicted"], lost["probability"], lost["reason"]) == ("", "", "the file is gone")


def test_metrics_json_agrees_with_the_evaluation(tmp_path: Path) -> None:
    """`--json` prints the same text as the file has: plain JSON, without NaN."""
    examples = [example(tmp_path / "1.png", label=True, level=CRACK)]  # one class: many values are missing
    evaluation = evaluated(examples)
    write_report(evaluation, tmp_path / "report")
    text = (tmp_path / "report" / "metrics.json").read_text()
    assert text == as_text(evaluation)
    content = json.loads(text)
    assert content["overall"]["figures"]["roc_auc"]["reason"] == "no image is uncracked"
    assert (content["images"], content["assessed"], content["threshold"]) == (1, 1, 0.5)


def test_images_left_out_before_are_in_the_report(tmp_path: Path) -> None:
    """A reader of the metrics must see which images they do not include."""
    problem = Problem("images cannot be read and are left out", 2, ("a.jpg", "b.jpg"))
    data = LabelledData(tuple(survey(tmp_path)), (problem,))
    content = as_json(evaluate(data, DarkMeansCrack, options=OPTIONS, jobs=1))
    assert content["left_out"] == [
        {"what": "images cannot be read and are left out", "count": 2, "names": ("a.jpg", "b.jpg")}
    ]


def test_tables_show_metrics_with_their_intervals(tmp_path: Path) -> None:
    """They have each value, its interval and its method, and the costs of each threshold."""
    metrics, confusion, thresholds = tables(evaluated(survey(tmp_path)))
    assert metrics.title == "dark@00000000: 8 images, 4 of them cracked, in 8 groups; threshold 0.5"
    assert ("recall", "0.7500", "0.3006 to 0.9544", "wilson") in metrics.rows
    assert confusion.rows == (("crack", "3", "1"), ("no-crack", "1", "3"))
    assert thresholds.headings[3] == "missed cracks per 1,000 tiles at 5 % prevalence"
    assert ("0.5 (used)", "0.7500", "250.0", "12.50") in thresholds.rows


def test_large_photo_is_judged_by_its_strongest_tile(tmp_path: Path) -> None:
    """A photo that a scan cuts into tiles is cut here, too, and not shrunk."""
    make_photo(tmp_path / "large.png", width=600, height=448)
    pixels = np.asarray(Image.open(tmp_path / "large.png")).copy()
    pixels[:224, :224] = CRACK
    Image.fromarray(pixels).save(tmp_path / "large.png")
    evaluation = evaluated([Example(str(tmp_path / "large.png"), "large.png", label=True, data="site")])
    (prediction,) = evaluation.predictions
    assert prediction.result.label == "crack"
    assert prediction.result.tiles == 6
