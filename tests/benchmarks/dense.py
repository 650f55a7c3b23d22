"""Measure what one pass over a large photo is worth, against judging each of its windows as a tile.

    python tests/benchmarks/dense.py DATA MODEL -o dense.json

DATA is a folder of photos of 448 px with masks of cracks that the model was trained on, like uav-crack.
Windows of a tile that begin at every 32 px of its validation and test photos are judged as tiles, and in ways
that share work between them. The last one decides by a head that is fitted to what the tiles of training
photos say: it shows what a network that learns from larger crops could win.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from crackscan.card import KERAS, Card
from crackscan.classifier import log_odds
from crackscan.dataset.masks import MIN_CRACK_PX
from crackscan.dataset.split_csv import read_split_csv
from crackscan.network import LOGIT, backbone_of, import_keras, import_tensorflow, load_network
from crackscan.reading import read_mask, read_photo

Array = NDArray[Any]
Way = Callable[[Array], Array]  # pixels -1..1, (448, 448, 3) → features of its windows, (windows, channels)

PHOTO_PX, TILE_PX, STRIDE = 448, 224, 32
STARTS = range(0, PHOTO_PX - TILE_PX + 1, STRIDE)
SHARED = {"blocks 1 to 5 in one pass": "block_5_add", "blocks 1 to 12 in one pass": "block_12_add"}
SHRINKING = 10.0  # of the fitted head's weights: the best of 0.1 to 1000 over groups of training photos
DRAWS = 300  # of the bootstrap


def main() -> None:
    """Judge, print the figures of each split, write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--photos", type=int, help="so many of each split; all of them otherwise")
    asked = parser.parse_args()
    network = load_network(asked.model / KERAS)
    weights, bias = network.get_layer(LOGIT).get_weights()
    ways, limit = _ways(backbone_of(network).get_weights()), float(log_odds(Card.read(asked.model).threshold))
    seen = _judged({name: ways[name] for name in ("tile", "one pass")}, asked, "train")
    wanted = (seen["tile"] - seen["one pass"]) @ weights[:, 0]
    fitted = Ridge(alpha=SHRINKING).fit(seen["one pass"], wanted)
    figures = {}
    for split in ("validation", "test"):
        found = _judged(ways, asked, split)
        odds = {name: found[name] @ weights[:, 0] + bias[0] for name in ways}
        odds["one pass, fitted head"] = odds["one pass"] + fitted.predict(found["one pass"])
        figures[split] = _figures(odds, found["crack_px"], found["group"], limit)
    print(json.dumps(figures, indent=1))
    if asked.output:
        asked.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _ways(weights: list[Array]) -> dict[str, Way]:
    """Return how windows can be judged, each as the features that the head decides by."""
    keras, tensorflow = import_keras(), import_tensorflow()

    def backbone(height: int, width: int) -> Any:
        shape = (height, width, 3)
        made = keras.applications.MobileNetV2(input_shape=shape, include_top=False, weights=None)
        made.set_weights(weights)
        return made

    def run(model: Any) -> Callable[[Array], Array]:
        compiled = tensorflow.function(lambda given: model(given, training=False))
        return lambda given: compiled(given).numpy()  # type: ignore[no-any-return]

    whole, wide, tile = backbone(PHOTO_PX, PHOTO_PX), backbone(TILE_PX, PHOTO_PX), backbone(TILE_PX, TILE_PX)
    on_whole, on_wide, on_tile = run(whole), run(wide), run(tile)

    def sharing(layer: str) -> Way:
        front = run(keras.Model(whole.input, whole.get_layer(layer).output))
        back = run(keras.Model(tile.get_layer(layer).output, tile.output))
        return lambda photo: back(_windows(front(photo[np.newaxis])[0])).mean(axis=(1, 2))

    rows = {name: sharing(layer) for name, layer in SHARED.items()}
    return {
        "tile": lambda photo: on_tile(_windows(photo)).mean(axis=(1, 2)),
        **rows,
        "one pass over each row": lambda photo: _means(
            on_wide(np.stack([photo[at : at + TILE_PX] for at in STARTS]))
        ),
        "one pass": lambda photo: _means(on_whole(photo[np.newaxis])),
    }


def _windows(values: Array) -> Array:
    """Cut the windows out of a photo, or a feature map of it: (windows, height, width, channels)."""
    px = PHOTO_PX // len(values)  # of the photo, to one place
    return np.stack(
        [
            values[row : row + TILE_PX // px, col : col + TILE_PX // px]
            for row in range(0, STARTS[-1] // px + 1, STRIDE // px)
            for col in range(0, STARTS[-1] // px + 1, STRIDE // px)
        ]
    )


def _means(places: Array) -> Array:
    """Return the mean of the places that each window covers, (windows, channels)."""
    side = TILE_PX // STRIDE
    return (
        sliding_window_view(places, (side, side), axis=(1, 2))
        .mean(axis=(-2, -1))
        .reshape(-1, places.shape[-1])
    )


def _judged(ways: dict[str, Way], asked: argparse.Namespace, split: str) -> dict[str, Array]:
    """Return the features of all windows of a split by each way, their crack pixels and their group."""
    examples = [row.example for row in read_split_csv(asked.model / "split.csv")]
    groups = {one.source: one.group for one in examples if (one.data, one.split) == (asked.data.name, split)}
    found: dict[str, list[Array]] = {name: [] for name in (*ways, "crack_px", "group")}
    for source, group in list(groups.items())[: asked.photos]:
        pixels = read_photo(asked.data / source).patch.pixels
        mask = read_mask(next((asked.data / "masks").glob(f"{Path(source).stem}.*")))
        for name, way in ways.items():
            found[name].append(way(pixels / np.float32(127.5) - 1))
        found["crack_px"].append(_windows(mask).sum(axis=(1, 2)))
        found["group"].append(np.full(len(STARTS) ** 2, group))
    return {name: np.concatenate(values) for name, values in found.items()}


def _figures(odds: dict[str, Array], crack_px: Array, group: Array, limit: float) -> dict[str, Any]:
    """Compare each way with the tiles, by windows with a crack and without any pixel of one."""
    sure = (crack_px == 0) | (crack_px >= MIN_CRACK_PX)
    cracked, group = crack_px[sure] > 0, group[sure]
    tile = odds["tile"][sure]
    figures: dict[str, Any] = {"windows": len(cracked), "cracked": int(cracked.sum())}
    for name, each in odds.items():
        way = each[sure]
        differences = [_gain(cracked[of], way[of], tile[of]) for of in _draws(group, cracked)]
        low, high = np.percentile(differences, [2.5, 97.5], axis=0)
        auc, recall = _ranking(cracked, way)
        figures[name] = {
            "equal": round(float(((way >= limit) == (tile >= limit)).mean()), 4),
            "correlation": round(float(np.corrcoef(way, tile)[0, 1]), 4),
            "roc_auc": round(auc, 4),
            "roc_auc_less_tile": [round(float(low[0]), 4), round(float(high[0]), 4)],
            "recall_at_5pct_false_alarms": round(recall, 4),
            "recall_less_tile": [round(float(low[1]), 4), round(float(high[1]), 4)],
        }
    return figures


def _ranking(cracked: Array, odds: Array) -> tuple[float, float]:
    alarm = np.quantile(odds[~cracked], 0.95)
    return float(roc_auc_score(cracked, odds)), float((odds[cracked] > alarm).mean())


def _gain(cracked: Array, way: Array, tile: Array) -> Array:
    return np.subtract(_ranking(cracked, way), _ranking(cracked, tile))


def _draws(group: Array, cracked: Array) -> Iterator[Array]:
    """Yield windows of groups drawn with replacement, where they have some of both kinds."""
    rng, names = np.random.default_rng(0), np.unique(group)
    places = {name: np.flatnonzero(group == name) for name in names}
    for _ in range(DRAWS):
        drawn = np.concatenate([places[name] for name in rng.choice(names, len(names))])
        if 0 < cracked[drawn].mean() < 1:
            yield drawn


if __name__ == "__main__":
    main()
