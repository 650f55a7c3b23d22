"""Measure what judging tiles together, each with its surroundings, is worth against judging each alone.

    python tests/benchmarks/surroundings.py DATA MODEL -o surroundings.json

DATA is a folder of `images` with `masks` of cracks, like uav-crack. Of the photos of its validation and test
splits, of all of them where MODEL was trained without it, the windows that begin at every place of the
feature map are judged both ways. Windows that hold a few pixels of a crack are left out.
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
Way = Callable[[Array], Array]  # a photo's pixels → probabilities of its windows


def main() -> None:
    """Judge, print the figures of each split, write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    figures = {
        split: _figures(photos, asked.data, asked.model)
        for split, photos in _photos(asked.data, asked.model).items()
    }
    print(json.dumps(figures, indent=1))
    if asked.output:
        asked.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _photos(data: Path, model: Path) -> dict[str, list[Photo]]:
    """Return the photos that the model has not learned from, by split."""
    rows = [row.example for row in read_split_csv(model / "split.csv")]
    known = [row for row in rows if row.data == data.name]
    if not known:
        return {"all": [(path, path.stem) for path in sorted((data / "images").iterdir())]}
    return {
        split: sorted({(data / row.source, row.group or row.source) for row in known if row.split == split})
        for split in ("validation", "test")
    }


def _figures(photos: list[Photo], data: Path, model: Path) -> dict[str, Any]:
    side, classifier = Card.read(model).input_px, Model.load(model).classifier()

    def cut(pixels: Array, margin: int = 0) -> Array:
        across = side + 2 * margin
        windows = sliding_window_view(pixels, (across, across), axis=(0, 1))[::STRIDE, ::STRIDE]
        return windows.reshape(-1, *windows.shape[2:])

    ways: dict[str, Way] = {
        "alone": lambda pixels: classifier.predict(np.moveaxis(cut(pixels), 1, -1)).probabilities,
        "together": lambda pixels: classifier.predict(pixels[np.newaxis]).probabilities,
    }
    found: dict[str, list[Array]] = {name: [] for name in (*ways, "crack_px", "near_px", "group")}
    took = dict.fromkeys(ways, 0.0)
    for path, group in photos:
        pixels = read_photo(path).patch.pixels
        for name, predict in ways.items():
            began = time.process_time()
            found[name].append(predict(pixels))
            took[name] += time.process_time() - began
        mask = read_mask(next((data / "masks").glob(f"{path.stem}.*")))
        found["crack_px"].append(cut(mask).sum(axis=(1, 2)))
        found["near_px"].append(cut(np.pad(mask, STRIDE), STRIDE).sum(axis=(1, 2)))
        found["group"].append(np.full(len(found["crack_px"][-1]), group))
    return _compared({name: np.concatenate(values) for name, values in found.items()}, took, model)


def _compared(found: dict[str, Array], took: dict[str, float], model: Path) -> dict[str, Any]:
    sure = (found["crack_px"] == 0) | (found["crack_px"] >= MIN_CRACK_PX)
    cracked, groups, limit = (
        found["crack_px"][sure] > 0,
        found["group"][sure].tolist(),
        Card.read(model).threshold,
    )
    said: dict[str, Any] = {
        "windows": len(cracked),
        "cracked": int(cracked.sum()),
        "groups": len(set(groups)),
        "same_decision": float(((found["alone"] >= limit) == (found["together"] >= limit))[sure].mean()),
        "times_faster": round(took["alone"] / took["together"], 2),
    }
    for name in took:
        measured = measure(cracked, found[name][sure], threshold=limit, groups=groups)
        said[name] = {metric: measured.as_json()["figures"][metric] for metric in COMPARED}
        called, near = found[name][sure][~cracked] >= limit, found["near_px"][sure][~cracked] > 0
        said[name]["false_alarm_rate"] = float(called.mean())
        said[name]["false_alarm_rate_beside_cracks"] = float(called[near].mean())  # within STRIDE px of one
        said[name]["false_alarm_rate_elsewhere"] = float(called[~near].mean())
    return said


if __name__ == "__main__":
    main()
