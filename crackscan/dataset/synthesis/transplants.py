"""Real cracks on other concrete: how much light a photographed crack takes away, put elsewhere at any size.

What is lifted is the darkness relative to the concrete around it, so neither the colour nor the tone of
the old ground comes along. Specks darker than `FAINT` do: lift from uncracked tiles as well, or the
specks alone would tell the two apart.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import dim, grey, to_light, to_pixels
from crackscan.dataset.synthesis.noise import Field, log_uniform

GROUND_CELLS = 14  # the tone of the ground is taken in so many cells along a side: 16 px of 224
GROUND_PERCENTILE = 70  # of a cell: most of it is ground, what is brighter is noise
AROUND = 2  # cells to each side whose median tone is taken, so that a wide crack is not its own ground
FAINT = (0.05, 0.12)  # fractions of the light; what takes less away belongs to the ground
SMALLEST = 0.2  # a lifted tile is shrunk to this fraction of its side at most
LARGEST = 1.5  # and enlarged to this
ENLARGED = 0.15  # of them are
STRENGTH = (0.35, 1.1)  # factor on the darkness


def lift_darkness(pixels: Pixels, *, faint: float = FAINT[0]) -> Field:
    """Return which fraction of the ground's light each pixel lacks, float32, shape (h, w), 0..1.

    pixels: uint8 RGB, shape (h, w, 3). faint: the fraction below which it is 0.
    """
    height, width = pixels.shape[:2]
    seen = grey(to_light(pixels))
    cell_rows, cell_columns = height // GROUND_CELLS, width // GROUND_CELLS
    cells = seen[: cell_rows * GROUND_CELLS, : cell_columns * GROUND_CELLS]
    cells = cells.reshape(GROUND_CELLS, cell_rows, GROUND_CELLS, cell_columns).swapaxes(1, 2)
    tones = np.percentile(cells.reshape(GROUND_CELLS, GROUND_CELLS, -1), GROUND_PERCENTILE, axis=2)
    around = sliding_window_view(np.pad(tones, AROUND, mode="edge"), (2 * AROUND + 1, 2 * AROUND + 1))
    tones = np.median(around, axis=(2, 3))
    tone = Image.fromarray(tones.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    lacking = 1 - seen / np.maximum(np.asarray(tone), 1)
    return np.asarray(np.clip((lacking - faint) / (1 - faint), 0, 1), np.float32)


def transplant(rng: Generator, source: Pixels, onto: Pixels) -> Pixels:
    """Put what is dark in a tile onto another of the same size, smaller or larger, turned, up to three times.

    Both uint8 RGB, shape (s, s, 3); left as they are.
    """
    side = onto.shape[0]
    darkness = np.rot90(lift_darkness(source, faint=rng.uniform(*FAINT)), int(rng.integers(4)))
    scale = rng.uniform(1, LARGEST) if rng.random() < ENLARGED else log_uniform(rng, SMALLEST, 1)
    lifted = _resized(darkness, max(round(side * scale), 1))
    covered = np.zeros((side, side), np.float32)
    for _ in range(1 if scale > 1 / 2 else int(rng.integers(1, 4))):
        _lay(rng, lifted, covered)
    strength = rng.uniform(*STRENGTH)
    return to_pixels(dim(to_light(onto), np.clip(strength * covered, 0, 1)))


def _resized(darkness: Field, side: int) -> Field:
    way = Image.Resampling.BOX if side < len(darkness) else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(darkness)).resize((side, side), way))


def _lay(rng: Generator, lifted: Field, covered: Field) -> None:
    """Lay a smaller square somewhere into the frame, or some part of a larger one over all of it."""
    spare = len(covered) - len(lifted)
    row, col = (int(at) for at in rng.integers(0, abs(spare) + 1, 2))
    if spare < 0:
        covered[:] = lifted[row : row + len(covered), col : col + len(covered)]
        return
    there = covered[row : row + len(lifted), col : col + len(lifted)]
    np.maximum(there, lifted, out=there)
