"""Compare dense inference, which sees each tile with its context, with inference of each tile alone.

    python tests/benchmarks/context_head.py DATASET MODEL -o context_head.json

DATASET is a folder of `images` with `masks` of cracks, like uav-crack. The photos are those of its validation
and test splits, or all of them if MODEL was trained without it. The windows begin at every cell of the
feature map, and are predicted in both methods. Windows with only a few pixels of a crack are left out.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from crackscan.dataset.masks import MIN_CRACK_PX
from crackscan.dataset.split_csv import read_split_csv
from crackscan.evaluation.metrics import COMPARED, measure
from crackscan.model.card import Card
from crackscan.model.loading import Model
from crackscan.model.network import STRIDE
from crackscan.reading import read_mask, read_photo

Array = NDArray[Any]
Photo = tuple[Path, str]  # and its group
Method = Callable[[Array], Array]  # a photo's pixels to probabilities of its windows


def main() -> None:
    """Predict, print the figures of each split, write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    figures = {
        split: _figures(photos, arguments.dataset, arguments.model)
        for split, photos in _photos(arguments.dataset, arguments.model).items()
    }
    print(json.dumps(figures, indent=1))
    if arguments.output:
        arguments.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _photos(dataset: Path, model: Path) -> dict[str, list[Photo]]:
    """Return the photos that the model was not trained on, by split."""
    rows = [row.example for row in read_split_csv(model / "split.csv")]
    known = [row for row in rows if row.data == dataset.name]
    if not known:
        return {"all": [(path, path.stem) for path in sorted((dataset / "images").iterdir())]}
    return {
        split: sorted(
            {(dataset / row.source, row.group or row.source) for row in known if row.split == split}
        )
        for split in ("validation", "test")
    }


def _figures(photos: list[Photo], dataset: Path, model: Path) -> dict[str, Any]:
    side, classifier = Card.read(model).input_px, Model.load(model).classifier()

    def cut(pixels: Array, margin: int = 0) -> Array:
        across = side + 2 * margin
        windows = sliding_window_view(pixels, (across, across), axis=(0, 1))[::STRIDE, ::STRIDE]
        return windows.reshape(-1, *windows.shape[2:])

    methods: dict[str, Method] = {
        "alone": lambda pixels: classifier.predict(np.moveaxis(cut(pixels), 1, -1)).probabilities,
        "together": lambda pixels: classifier.predict(pixels[np.newaxis]).probabilities,
    }
    values: dict[str, list[Array]] = {name: [] for name in (*methods, "crack_px", "near_px", "group")}
    seconds = dict.fromkeys(methods, 0.0)
    for path, group in photos:
        pixels = read_photo(path).patch.pixels
        for name, predict in methods.items():
            started = time.process_time()
            values[name].append(predict(pixels))
            seconds[name] += time.process_time() - started
        mask = read_mask(next((dataset / "masks").glob(f"{path.stem}.*")))
        values["crack_px"].append(cut(mask).sum(axis=(1, 2)))
        values["near_px"].append(cut(np.pad(mask, STRIDE), STRIDE).sum(axis=(1, 2)))
        values["group"].append(np.full(len(values["crack_px"][-1]), group))
    return _compare({name: np.concatenate(parts) for name, parts in values.items()}, seconds, model)


def _compare(values: dict[str, Array], seconds: dict[str, float], model: Path) -> dict[str, Any]:
    clear = (values["crack_px"] == 0) | (values["crack_px"] >= MIN_CRACK_PX)
    cracked, groups, limit = (
        values["crack_px"][clear] > 0,
        values["group"][clear].tolist(),
        Card.read(model).threshold,
    )
    figures: dict[str, Any] = {
        "windows": len(cracked),
        "cracked": int(cracked.sum()),
        "groups": len(set(groups)),
        "same_decision": float(((values["alone"] >= limit) == (values["together"] >= limit))[clear].mean()),
        "times_faster": round(seconds["alone"] / seconds["together"], 2),
    }
    for name in seconds:
        measured = measure(cracked, values[name][clear], threshold=limit, groups=groups)
        figures[name] = {metric: measured.as_json()["figures"][metric] for metric in COMPARED}
        called, near = values[name][clear][~cracked] >= limit, values["near_px"][clear][~cracked] > 0
        figures[name]["false_alarm_rate"] = float(called.mean())
        # beside: within STRIDE px of a crack
        figures[name]["false_alarm_rate_beside_cracks"] = float(called[near].mean())
        figures[name]["false_alarm_rate_elsewhere"] = float(called[~near].mean())
    return figures


if __name__ == "__main__":
    main()
