"""Transplants: the darkness of a real, photographed crack is put onto other concrete, at any size.

The darkness is relative to the concrete around the crack, so the colour and the tone of its background are
not transplanted. Specks darker than `FAINT` are: transplant from uncracked tiles as well, because otherwise
the specks alone would tell cracked from uncracked samples.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import dim, grey, to_light, to_pixels
from crackscan.dataset.synthesis.noise import Field, log_uniform

BACKGROUND_CELLS = 14  # cells along a side in which the background's tone is measured: 16 px of 224
BACKGROUND_PERCENTILE = 70  # of a cell: most of it is background, and brighter pixels are noise
NEIGHBOURS = 2  # cells to each side for the median tone, so that a wide crack does not become background
FAINT = (0.05, 0.12)  # range of the fraction of light; smaller darkness belongs to the background
SMALLEST = 0.2  # smallest scale of a transplant
LARGEST = 1.5  # largest scale
ENLARGED = 0.15  # share of transplants that are enlarged
STRENGTH = (0.35, 1.1)  # factor on the darkness


def lift_darkness(pixels: Pixels, *, faint: float = FAINT[0]) -> Field:
    """Return the fraction of the background's light that each pixel lacks, float32, shape (h, w), 0..1.

    pixels: uint8 RGB, shape (h, w, 3). faint: smaller fractions become 0.
    """
    height, width = pixels.shape[:2]
    seen = grey(to_light(pixels))
    cell_rows, cell_columns = height // BACKGROUND_CELLS, width // BACKGROUND_CELLS
    cells = seen[: cell_rows * BACKGROUND_CELLS, : cell_columns * BACKGROUND_CELLS]
    cells = cells.reshape(BACKGROUND_CELLS, cell_rows, BACKGROUND_CELLS, cell_columns).swapaxes(1, 2)
    tones = np.percentile(
        cells.reshape(BACKGROUND_CELLS, BACKGROUND_CELLS, -1), BACKGROUND_PERCENTILE, axis=2
    )
    around = sliding_window_view(
        np.pad(tones, NEIGHBOURS, mode="edge"), (2 * NEIGHBOURS + 1, 2 * NEIGHBOURS + 1)
    )
    tones = np.median(around, axis=(2, 3))
    tone = Image.fromarray(tones.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    lacking = 1 - seen / np.maximum(np.asarray(tone), 1)
    return np.asarray(np.clip((lacking - faint) / (1 - faint), 0, 1), np.float32)


def transplant(rng: Generator, source: Pixels, onto: Pixels) -> Pixels:
    """Put the darkness of a tile onto another tile: scaled, turned, and up to three times.

    Both uint8 RGB, shape (s, s, 3); not changed.
    """
    side = onto.shape[0]
    darkness = np.rot90(lift_darkness(source, faint=rng.uniform(*FAINT)), int(rng.integers(4)))
    scale = rng.uniform(1, LARGEST) if rng.random() < ENLARGED else log_uniform(rng, SMALLEST, 1)
    lifted = _resize(darkness, max(round(side * scale), 1))
    covered = np.zeros((side, side), np.float32)
    for _ in range(1 if scale > 1 / 2 else int(rng.integers(1, 4))):
        _paste(rng, lifted, covered)
    strength = rng.uniform(*STRENGTH)
    return to_pixels(dim(to_light(onto), np.clip(strength * covered, 0, 1)))


def _resize(darkness: Field, side: int) -> Field:
    resampling = Image.Resampling.BOX if side < len(darkness) else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(darkness)).resize((side, side), resampling))


def _paste(rng: Generator, lifted: Field, covered: Field) -> None:
    """Paste a smaller square at a random position in the frame, or a random part of a larger one over all."""
    spare = len(covered) - len(lifted)
    row, col = (int(offset) for offset in rng.integers(0, abs(spare) + 1, 2))
    if spare < 0:
        covered[:] = lifted[row : row + len(covered), col : col + len(covered)]
        return
    part = covered[row : row + len(lifted), col : col + len(lifted)]
    np.maximum(part, lifted, out=part)
