"""Draw `synthesis.png`, what training samples are made of: `python examples/make_synthesis.py [PNG]`.

Everything in it is drawn; in training the ground is mostly photographed concrete, and lifted cracks are real.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image, ImageDraw, ImageFont

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis import (
    LOOKALIKES,
    concrete,
    draw_crack,
    draw_dirt,
    draw_lookalikes,
    transplant,
)

PICTURE = Path(__file__).with_name("synthesis.png")
SEED = 7
TILE_PX = 224  # as the default model sees it
ACROSS = 6
CAPTION_PX, GAP_PX = 22, 8
COLOURS = 48  # small enough to clone, and it looks the same
WIDTHS_PX = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0)


def tiles() -> Iterator[tuple[str, Pixels]]:
    """Give each tile with its caption: cracks by width, clean and in dirt, lifted ones, look-alikes."""
    for at, width_px in enumerate(WIDTHS_PX):
        rng = default_rng((SEED, at))
        yield f"crack, {width_px:g} px", draw_crack(rng, ground(rng), width_px=width_px)[0]
    for at, width_px in enumerate(WIDTHS_PX):
        rng = default_rng((SEED, 400 + at))
        yield (
            f"crack in dirt, {width_px:g} px",
            draw_crack(rng, draw_dirt(rng, ground(rng)), width_px=width_px)[0],
        )
    for at in range(ACROSS):
        rng = default_rng((SEED, 100 + at))
        source, _ = draw_crack(rng, ground(rng), width_px=9.0)
        yield "lifted from another tile", transplant(rng, source, ground(rng))
    for at, kind in enumerate(LOOKALIKES):
        rng = default_rng((SEED, 200 + at))
        yield f"no crack: {kind}", draw_lookalikes(rng, ground(rng), 1, kinds=[kind])
    rng = default_rng((SEED, 300))
    yield "crack among look-alikes", draw_crack(rng, draw_lookalikes(rng, ground(rng), 3), width_px=2.0)[0]


def ground(rng: Generator) -> Pixels:
    """Return uncracked concrete."""
    return concrete(rng, TILE_PX, TILE_PX)


def sheet() -> Image.Image:
    """Lay all tiles out in rows, each with its caption below."""
    shown = list(tiles())
    rows = -(-len(shown) // ACROSS)
    step_x, step_y = TILE_PX + GAP_PX, TILE_PX + CAPTION_PX + GAP_PX
    picture = Image.new("RGB", (ACROSS * step_x + GAP_PX, rows * step_y + GAP_PX), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for at, (caption, tile) in enumerate(shown):
        row, column = divmod(at, ACROSS)
        left, top = GAP_PX + column * step_x, GAP_PX + row * step_y
        picture.paste(Image.fromarray(np.ascontiguousarray(tile)), (left, top))
        draw.text((left, top + TILE_PX + 3), caption, fill="black", font=font)
    return picture


if __name__ == "__main__":
    sheet().quantize(COLOURS, kmeans=1).save(sys.argv[1] if len(sys.argv) > 1 else PICTURE, optimize=True)
