"""Draw `synthesis.png`, the ingredients of training samples: `python examples/make_synthesis.py [PNG]`.

Everything in it is drawn. In training, backgrounds are mostly photographed concrete, and transplanted cracks
are real.
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
COLUMNS = 6
CAPTION_PX, GAP_PX = 22, 8
COLOURS = 48  # keeps the repository small, and it looks the same
WIDTHS_PX = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0)


def tiles() -> Iterator[tuple[str, Pixels]]:
    """Yield each tile with its caption: cracks by width, clean and in dirt, transplants, look-alikes."""
    for index, width_px in enumerate(WIDTHS_PX):
        rng = default_rng((SEED, index))
        yield f"crack, {width_px:g} px", draw_crack(rng, background(rng), width_px=width_px)[0]
    for index, width_px in enumerate(WIDTHS_PX):
        rng = default_rng((SEED, 400 + index))
        yield (
            f"crack in dirt, {width_px:g} px",
            draw_crack(rng, draw_dirt(rng, background(rng)), width_px=width_px)[0],
        )
    for index in range(COLUMNS):
        rng = default_rng((SEED, 100 + index))
        source, _ = draw_crack(rng, background(rng), width_px=9.0)
        yield "lifted from another tile", transplant(rng, source, background(rng))
    for index, kind in enumerate(LOOKALIKES):
        rng = default_rng((SEED, 200 + index))
        yield f"no crack: {kind}", draw_lookalikes(rng, background(rng), 1, kinds=[kind])
    rng = default_rng((SEED, 300))
    yield (
        "crack among look-alikes",
        draw_crack(rng, draw_lookalikes(rng, background(rng), 3), width_px=2.0)[0],
    )


def background(rng: Generator) -> Pixels:
    """Return uncracked concrete."""
    return concrete(rng, TILE_PX, TILE_PX)


def sheet() -> Image.Image:
    """Put all tiles into rows, each with its caption below."""
    captioned = list(tiles())
    rows = -(-len(captioned) // COLUMNS)
    step_x, step_y = TILE_PX + GAP_PX, TILE_PX + CAPTION_PX + GAP_PX
    picture = Image.new("RGB", (COLUMNS * step_x + GAP_PX, rows * step_y + GAP_PX), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for index, (caption, tile) in enumerate(captioned):
        row, column = divmod(index, COLUMNS)
        left, top = GAP_PX + column * step_x, GAP_PX + row * step_y
        picture.paste(Image.fromarray(np.ascontiguousarray(tile)), (left, top))
        draw.text((left, top + TILE_PX + 3), caption, fill="black", font=font)
    return picture


if __name__ == "__main__":
    sheet().quantize(COLOURS, kmeans=1).save(sys.argv[1] if len(sys.argv) > 1 else PICTURE, optimize=True)
