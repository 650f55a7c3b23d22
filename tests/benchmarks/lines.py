"""Compare the line head with the classical way, ridges gated by the classifier, on photos with masks.

    python tests/benchmarks/lines.py MODEL DATASET...

A dataset is a folder of `images` with `masks` of cracks, like uav-crack. The photos are those of the test
split of MODEL, or all of them if it was trained without the dataset. Both ways go through the same tracing,
joining and metrics. Ridges are those of Sato et al. (1998, doi 10.1016/s1361-8415(98)80009-1); they count
where the classifier calls a tile cracked and its activation map is positive. Then the time of a tile is
measured.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.records import RowOptions, Window
from crackscan.dataset.loading import load_examples
from crackscan.dataset.masks import MaskedPhoto, masked_photos
from crackscan.evaluation.line_metrics import LINE_TITLES
from crackscan.evaluation.lines import TracedPhoto, evaluate_lines, trace_photos
from crackscan.evaluation.unseen import read_split
from crackscan.model.loading import Model
from crackscan.model.network import STRIDE
from crackscan.scanning.lines.joining import join_traces
from crackscan.scanning.lines.tracing import trace_lines
from crackscan.training.lines.split import split_for_lines

SIGMAS_PX = (1.0, 1.5, 2.0, 3.0)
STRONG = 0.995  # share of a photo's pixels whose ridges are weaker than one that surely is a line
ROUNDS = 30


def main() -> None:
    """Print the figures of both ways on each dataset, and the time of a tile."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("datasets", type=Path, nargs="+")
    arguments = parser.parse_args()
    model = Model.load(arguments.model)
    print("| dataset | way | photos |", " | ".join(LINE_TITLES.values()), "|")
    for dataset in arguments.datasets:
        photos = list(_photos(dataset, model, arguments.model))
        options = model.card.scan_options
        head = trace_photos(
            photos, model.classifier, options=options.with_rows(judge_unfamiliar=True), jobs=2
        )
        ridges = _by_ridges(photos, model)
        _show(dataset.name, "line head", head, options.rows)
        _show(dataset.name, "gated ridges", ridges, replace(options.rows, crack_threshold=0.0))
    _show_times(model)


def _photos(dataset: Path, model: Model, folder: Path) -> Iterator[MaskedPhoto]:
    examples = load_examples([dataset], group_by="run:20").examples
    if dataset.name in {own.name for own in model.card.data}:
        split = split_for_lines(examples, read_split(folder, model.card), seed=1)
        examples = tuple(example for example in split if example.split == "test")
    return iter(masked_photos(examples))


def _by_ridges(photos: list[MaskedPhoto], model: Model) -> Iterator[TracedPhoto]:
    from crackscan.evaluation.line_metrics import true_lines

    classifier, threshold = model.classifier(), model.card.threshold
    for photo in photos:
        pixels, mask = photo.read()
        light = pixels.mean(axis=2, dtype=np.float32)
        gate = _gate(pixels, classifier, threshold)
        ridges = _ridges(light)
        probabilities = np.clip(ridges / max(float(np.quantile(ridges, STRONG)), 1e-6), 0, 1) * gate
        whole = Window(0, 0, *light.shape[::-1])
        traces = trace_lines(probabilities.astype(np.float32), light, whole)
        yield TracedPhoto(photo, tuple(join_traces([(whole, traces)])), tuple(true_lines(mask)))


def _ridges(light: Float32s) -> Float32s:
    from skimage.filters import sato

    return np.asarray(sato(light, sigmas=SIGMAS_PX, black_ridges=True), np.float32)


def _gate(pixels: Pixels, classifier: object, threshold: float) -> Float32s:
    """Return 1 where a tile is called cracked and its activation is positive, else 0."""
    side = classifier.input_px  # type: ignore[attr-defined]
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % side), (0, -width % side), (0, 0)), mode="symmetric")
    gate = np.zeros(padded.shape[:2], np.float32)
    for row in range(0, padded.shape[0], side):
        for col in range(0, padded.shape[1], side):
            tile = padded[row : row + side, col : col + side]
            found = classifier.predict(tile[np.newaxis])  # type: ignore[attr-defined]
            if found.probabilities[0] >= threshold:
                cells = Image.fromarray((found.activation_maps[0] > 0).astype(np.uint8) * 255)
                grown = cells.resize((side, side), Image.Resampling.BILINEAR)
                gate[row : row + side, col : col + side] = np.asarray(grown) > 64
    return gate[:height, :width]


def _show(dataset: str, way: str, traced: Iterator[TracedPhoto], options: RowOptions) -> None:
    metrics = evaluate_lines(traced, options).overall
    cells = [metrics.figures[metric].text(2) for metric in LINE_TITLES]
    print(f"| {dataset} | {way} | {metrics.photos} |", " | ".join(cells), "|", flush=True)


def _show_times(model: Model) -> None:
    """Print the processor time of a tile judged, and of one traced alone and with its surroundings."""
    classifier = model.classifier()
    rng = np.random.default_rng(1)
    side = classifier.input_px
    for name, run, px in (
        ("classifier", lambda image: classifier.predict(image[np.newaxis]), side),
        ("line head", classifier.line_probabilities, side),
        ("line head with surroundings", classifier.line_probabilities, side + 2 * STRIDE),
    ):
        image = rng.integers(0, 255, (px, px, 3), np.uint8)
        print(f"| {name} | {px} px | {1000 * _seconds(run, image):.2f} ms |")


def _seconds(run: Callable[[Pixels], object], image: Pixels) -> float:
    run(image)
    times = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        run(image)
        times.append(time.thread_time() - began)
    return median(times)


if __name__ == "__main__":
    main()
