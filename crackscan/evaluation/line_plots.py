"""The picture of a line head: cracks drawn on drawn concrete, and the lines that are traced there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from crackscan.basics.arrays import Pixels, Points
from crackscan.basics.records import RowOptions, Trace
from crackscan.dataset.synthesis import (
    choose_appearance,
    concrete,
    draw_dirt,
    draw_lookalikes,
    grow_crack,
    shade_crack,
)
from crackscan.evaluation.drawn_lines import PICTURE_PX, trace_picture
from crackscan.evaluation.line_metrics import TOLERANCE_PX, near, points_along
from crackscan.evaluation.plots import render_png
from crackscan.model.predictions import Classifier

WIDTHS_PX = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # mean width of the cracks, one a picture
COLUMNS = 4
FOUND, MISSED, FALSE = "#2a9d8f", "#d01c1c", "#ffd23f"
SEED = 5


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn picture, its crack's width, the points of the crack, and the lines traced there."""

    pixels: Pixels
    width_px: float
    true: Points
    traced: tuple[Trace, ...]


def draw_line_sheet(classifier: Classifier, options: RowOptions) -> bytes:
    """Draw cracks of several widths among look-alikes, with the lines that the model traces, as a PNG."""
    scenes = list(_scenes(classifier, options))
    return render_png(lambda: _sheet(scenes))


def _scenes(classifier: Classifier, options: RowOptions) -> Iterator[Scene]:
    for number, width_px in enumerate(WIDTHS_PX):
        rng = np.random.default_rng((SEED, number))
        plain = draw_lookalikes(rng, draw_dirt(rng, concrete(rng, PICTURE_PX, PICTURE_PX)), 1)
        crack = grow_crack(rng, PICTURE_PX, PICTURE_PX, width_px=width_px)
        covered = crack.coverage(PICTURE_PX, PICTURE_PX)
        pixels = shade_crack(rng, plain, covered, choose_appearance(rng, width_px))
        points = np.concatenate([stroke.points for stroke in crack.strokes])
        inside = points[np.all((points >= 0) & (points < PICTURE_PX), axis=1)]
        yield Scene(pixels, width_px, inside, tuple(trace_picture(pixels, classifier, options)))


def _sheet(scenes: Sequence[Scene]) -> Figure:
    rows = -(-len(scenes) // COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 2.6 * rows))
    for axes, scene in zip(figure.subplots(rows, COLUMNS).flat, scenes, strict=True):
        traced = points_along(scene.traced)
        right, found = near(traced, scene.true, TOLERANCE_PX), near(scene.true, traced, TOLERANCE_PX)
        axes.imshow(scene.pixels, extent=(0, PICTURE_PX, PICTURE_PX, 0))
        for points, colour in (
            (scene.true[~found], MISSED),
            (traced[right], FOUND),
            (traced[~right], FALSE),
        ):
            axes.plot(*points.T, ".", color=colour, markersize=1.5)
        axes.set(title=f"{scene.width_px:g} px", xlim=(0, PICTURE_PX), ylim=(PICTURE_PX, 0))
        axes.axis("off")
    return figure
