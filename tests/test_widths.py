"""Recall against crack width: the same cracks each time, the right counts, tables and plots."""

import csv
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from makers import change, scan_options
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.errors import BadData
from crackscan.basics.records import ScanOptions
from crackscan.dataset.records import Example, LabelledData
from crackscan.dataset.synthesis import concrete
from crackscan.evaluation import widths as widths_module
from crackscan.evaluation.evaluate import Evaluation, evaluate
from crackscan.evaluation.intervals import Estimate
from crackscan.evaluation.plots import render_png
from crackscan.evaluation.report import write_report
from crackscan.evaluation.tables import tables
from crackscan.evaluation.width_plots import draw_width_curves, draw_width_samples
from crackscan.evaluation.widths import MEASURED, WIDTHS_PX, DatasetWidths, WidthRow, measure_widths
from crackscan.model.loading import Model, find_model
from crackscan.model.predictions import Predictions

OPTIONS = scan_options(tile_px=224, threshold=0.6)


@dataclass
class DarkestPixel:
    """A stand-in classifier: the darker the darkest pixel, the higher the probability. Records tiles."""

    model: str = "darkest@00000000"
    input_px: int = 224
    seen: list[NDArray[np.uint8]] = field(default_factory=list)

    def predict(self, tiles: NDArray[np.uint8], stride_cells: int = 1) -> Predictions:  # noqa: ARG002
        """Return 1 - min / 255 of each tile, and an empty activation map."""
        self.seen += list(tiles)
        return Predictions(
            probabilities=(1 - tiles.min(axis=(1, 2, 3)) / 255).astype(np.float32),
            activation_maps=np.zeros((len(tiles), 7, 7), np.float32),
            features=np.zeros((len(tiles), 3), np.float32),
            distances=np.zeros(len(tiles), np.float32),
        )


def plain(
    folder: Path, count: int, *, data: str = "deck", size: tuple[int, int] = (224, 224)
) -> list[Example]:
    """Write uncracked grey tiles, width x height px."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    for number in range(count):
        Image.fromarray(np.full((height, width, 3), 200 + number, np.uint8)).save(folder / f"{number}.png")
    return [Example(str(folder / f"{n}.png"), f"{n}.png", label=False, data=data) for n in range(count)]


def measured(examples: list[Example], *, jobs: int = 1, options: ScanOptions = OPTIONS) -> Evaluation:
    """Evaluate the stand-in with synthetic cracks."""
    evaluation = evaluate(LabelledData(tuple(examples)), DarkestPixel, options=options, jobs=1)
    return replace(evaluation, widths=measure_widths(evaluation, DarkestPixel, jobs=jobs))


def probabilities(evaluation: Evaluation) -> dict[tuple[str, float], float]:
    """Return the probability of each synthetic crack, by source and width."""
    (dataset,) = evaluation.widths
    return {(crack.example.source, crack.width_px): crack.probability for crack in dataset.cracks}


def test_recall_rises_with_the_crack_width(tmp_path: Path) -> None:
    """The curve rises with the width, and each row counts a crack on every uncracked image."""
    (dataset,) = measured(plain(tmp_path, 8)).widths
    assert [(row.width_px, row.cracks) for row in dataset.rows] == [(width, 8) for width in WIDTHS_PX]
    recalls = [row.figures["recall"].value or 0 for row in dataset.rows]
    assert recalls[0] < 0.5
    assert recalls[-1] == 1
    assert dataset.false_alarms == 0


def test_uncracked_images_give_the_threshold_of_5_percent_false_alarms(tmp_path: Path) -> None:
    """If no plain tile is called cracked, every tile darker than all of them is found at 5 % false alarms."""
    (dataset,) = measured(plain(tmp_path, 8)).widths
    hairline = dataset.rows[0].figures
    assert (hairline["recall"].value or 0) < 0.5
    assert hairline["recall_at_5pct_false_alarms"].value == 1


def test_tiles_called_cracked_without_a_crack_are_false_alarms(tmp_path: Path) -> None:
    """A model that calls everything cracked has a recall of 1 and a false alarm rate of 1."""
    options = change(OPTIONS, threshold=0.1)
    (dataset,) = measured(plain(tmp_path, 4), options=options).widths
    assert dataset.rows[0].figures["recall"].value == 1
    assert dataset.false_alarms == 1


def test_cracks_do_not_depend_on_order_or_other_images(tmp_path: Path) -> None:
    """A crack depends on the name of its image and on its width only, not on the number of workers."""
    examples = plain(tmp_path, 4)
    all_of_them = probabilities(measured(examples))
    assert probabilities(measured(examples[::-1], jobs=2)) == all_of_them
    alone = probabilities(measured(examples[2:3]))
    assert alone == {key: value for key, value in all_of_them.items() if key[0] == "2.png"}
    assert len({*alone.values()}) > 1


def test_large_dataset_is_sampled_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only MAX_TILES images get cracks, from the first to the last; all images set the threshold."""
    monkeypatch.setattr(widths_module, "MAX_TILES", 3)
    (dataset,) = measured(plain(tmp_path, 9)).widths
    assert list(dict.fromkeys(crack.example.source for crack in dataset.cracks)) == [
        "0.png",
        "4.png",
        "8.png",
    ]
    assert (dataset.uncracked, dataset.rows[0].cracks) == (9, 3)


def test_cracks_are_drawn_on_uncracked_images_of_each_dataset(tmp_path: Path) -> None:
    """Cracked images get no synthetic crack, and each dataset is measured separately."""
    cracked = [replace(one, label=True) for one in plain(tmp_path / "c", 2, data="tunnel")]
    datasets = measured(
        [*plain(tmp_path / "a", 2), *plain(tmp_path / "b", 3, data="tunnel"), *cracked]
    ).widths
    assert [(dataset.data, dataset.uncracked) for dataset in datasets] == [("deck", 2), ("tunnel", 3)]


def test_data_without_uncracked_images_is_refused(tmp_path: Path) -> None:
    """No image can get a synthetic crack."""
    with pytest.raises(BadData, match="No image is uncracked"):
        measured([replace(one, label=True) for one in plain(tmp_path, 2)])


def test_large_photo_is_drawn_on_where_its_probability_comes_from(tmp_path: Path) -> None:
    """The tile keeps its scale: a crack of 4 px is 4 px wide, and not shrunk with the photo."""
    (dataset,) = measured(plain(tmp_path, 1, size=(600, 448))).widths
    (window,) = {crack.window for crack in dataset.cracks}
    assert window is not None
    assert (window.width, window.height) == (224, 224)


def test_samples_show_the_pixels_that_the_model_saw(tmp_path: Path) -> None:
    """A crack is drawn again with exactly the same pixels."""
    evaluation = evaluate(LabelledData(tuple(plain(tmp_path, 1))), DarkestPixel, options=OPTIONS, jobs=1)
    model = DarkestPixel()
    (dataset,) = measure_widths(evaluation, lambda: model, jobs=1)
    for crack, pixels in zip(dataset.cracks, model.seen, strict=True):
        np.testing.assert_array_equal(crack.pixels(224), pixels)


def of_recalls(*recalls: float) -> DatasetWidths:
    """Return a dataset on which the widths 1 px, 2 px, ... have these recalls."""
    rows = [
        WidthRow(float(width), 10, dict.fromkeys(MEASURED, Estimate(recall)))
        for width, recall in enumerate(recalls, start=1)
    ]
    return DatasetWidths("deck", uncracked=10, false_alarms=0, rows=tuple(rows), cracks=())


def test_detectable_range_ends_at_the_widest_width_or_has_half_of_all() -> None:
    """A narrow width found by luck does not count if wider ones are missed."""
    assert of_recalls(0.2, 0.95, 0.9, 1).describe_detectable("recall") == "9 of 10 from 2 px on"
    assert of_recalls(0.95, 0.89, 0.9, 1).describe_detectable("recall") == "9 of 10 from 3 px on"
    assert of_recalls(0.95, 1, 0.89).describe_detectable("recall") == "9 of 10 from 1 to 2 px"
    assert of_recalls(0.1, 0.2, 0.89, 1).describe_detectable("recall") == "9 of 10 from 4 px on"
    assert of_recalls(0.95, 0.3, 0.4, 0.5).describe_detectable("recall") == "9 of 10 at no width"
    assert of_recalls(0.1, 0.2).describe_detectable("recall") == "9 of 10 at no width"


def test_report_has_the_widths_as_table_curve_and_samples(tmp_path: Path) -> None:
    """With `-o`: one row per width in widths.csv, the same in metrics.json, and two pictures."""
    report = tmp_path / "report"
    write_report(measured(plain(tmp_path / "data", 3)), report)
    with (report / "widths.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["width_px"]) for row in rows] == list(WIDTHS_PX)
    assert (rows[-1]["data"], rows[-1]["cracks"], rows[-1]["recall"]) == ("deck", "3", "1.000000")
    widths = json.loads((report / "metrics.json").read_text())["widths"]["deck"]
    assert [row["figures"]["recall"]["value"] for row in widths["rows"]] == [
        float(row["recall"]) for row in rows
    ]
    assert all(
        (report / name).read_bytes().startswith(b"\x89PNG") for name in ("widths.png", "widths-samples.png")
    )


def test_report_without_widths_removes_those_of_an_earlier_one(tmp_path: Path) -> None:
    """A reader would take the curve of an earlier model for one of this model."""
    evaluation = measured(plain(tmp_path / "data", 3))
    write_report(evaluation, tmp_path / "report")
    write_report(replace(evaluation, widths=()), tmp_path / "report")
    assert [path for path in (tmp_path / "report").iterdir() if path.name.startswith("widths")] == []


def test_table_has_the_false_alarms_above_and_the_real_cracks_below(tmp_path: Path) -> None:
    """Synthetic cracks are easier to find than real ones, so the table has both."""
    examples = plain(tmp_path, 3)
    real = [replace(plain(tmp_path / "real", 1)[0], source="real.png", label=True)]
    *_, table = tables(measured([*examples, *real]))
    assert table.title.startswith(
        "deck: recall of synthetic cracks on uncracked tiles, by mean width\nFound: 9 of 10 from "
    )
    assert "\n95 % intervals by " in table.title
    assert table.rows[0][:3] == ("none: false alarms", "3", "0.000")
    assert [row[0] for row in table.rows[1:3]] == ["0.5 px", "0.7 px"]
    assert table.rows[-1][:2] == ("real, any width", "1")


def texts(evaluation: Evaluation) -> set[str]:
    """Return all texts in the two pictures."""
    artists = [
        artist
        for figure in (
            draw_width_curves(evaluation.widths, evaluation.by_data, evaluation.model),
            draw_width_samples(evaluation),
        )
        for artist in figure.findobj(lambda artist: hasattr(artist, "get_text"))
    ]
    return {artist.get_text() for artist in artists}


def test_pictures_name_the_widths_at_which_cracks_are_found(tmp_path: Path) -> None:
    """The legend has the detectable range, and the samples have the number found of each width."""
    evaluation = measured(plain(tmp_path, 3))
    (dataset,) = evaluation.widths
    assert {
        f"deck: {dataset.describe_detectable('recall')}",
        "0.5 px",
        "0 of 3\nfound",
        "3 of 3\nfound",
    } <= texts(evaluation)


def test_samples_leave_out_tiles_called_cracked_without_a_crack(tmp_path: Path) -> None:
    """On these tiles, a synthetic crack cannot be found."""
    evaluation = measured(plain(tmp_path, 2), options=change(OPTIONS, threshold=0.213))
    assert evaluation.widths[0].false_alarms == 0.5  # the tile of level 200, not that of 201
    assert "1 of 1\nfound" in texts(evaluation)


def test_pictures_are_drawn_even_if_a_file_is_gone(tmp_path: Path) -> None:
    """A note replaces a file that was deleted after the evaluation."""
    evaluation = measured(plain(tmp_path, 2))
    (tmp_path / "0.png").unlink()
    assert "the file is gone" in texts(evaluation)
    assert render_png(lambda: draw_width_samples(evaluation)) == render_png(
        lambda: draw_width_samples(evaluation)
    )


@pytest.mark.slow
def test_shipped_model_finds_thin_cracks_on_synthetic_concrete(tmp_path: Path) -> None:
    """On synthetic concrete it finds nearly all cracks of 1 px or wider, with few false alarms."""
    for number in range(20):
        Image.fromarray(concrete(np.random.default_rng(number), 224, 224)).save(tmp_path / f"{number}.png")
    examples = [Example(str(tmp_path / f"{n}.png"), f"{n}.png", label=False, data="drawn") for n in range(20)]
    model = Model.load(find_model())
    options = scan_options(tile_px=model.card.input_px, threshold=model.card.threshold)
    evaluation = evaluate(LabelledData(tuple(examples)), model.classifier, options=options, jobs=2)
    (dataset,) = measure_widths(evaluation, model.classifier, jobs=2)
    recall = {row.width_px: row.figures["recall"].value or 0.0 for row in dataset.rows}
    assert min(value for width_px, value in recall.items() if width_px >= 1) >= 0.9
    assert dataset.false_alarms <= 0.1
