"""Make one training sample of a given label from labelled tiles.

All pictures are uint8 RGB, shape (s, s, 3), and the same for the same random generator.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis import concrete, draw_crack, draw_dirt, draw_lookalikes, transplant
from crackscan.dataset.synthesis.noise import log_uniform
from crackscan.training.samples.augmentation import augment, turned
from crackscan.training.samples.recipe import Recipe

Rng = np.random.Generator


class TileSource(Protocol):
    """Gives random tiles of the labels that are asked for, uint8 (s, s, 3)."""

    def one(self, rng: Rng, *, label: bool) -> Pixels:
        """Return a tile."""

    def of_one_data(self, rng: Rng, labels: Sequence[bool]) -> list[Pixels]:
        """Return tiles of one DATA."""


def compose(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    """Make a sample: a photographed tile, or an uncracked one onto which the label may put a crack.

    Look-alikes come on both labels alike, lest they tell them apart.
    """
    made = _drawn if rng.random() < recipe.drawn else _photographed
    return augment(made(tiles, recipe, rng, label=label), recipe, rng)


def _photographed(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    tile = _weathered(_ground(tiles, recipe, rng, label=label), recipe, rng)
    if rng.random() < recipe.lookalikes_on_photos:
        tile = draw_lookalikes(rng, tile, int(rng.integers(1, max(recipe.most_lookalikes, 2))))
    return tile


def _drawn(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    side = tiles.one(rng, label=False).shape[0]
    if rng.random() < recipe.concrete:
        tile = concrete(rng, side, side)
    else:
        tile = _ground(tiles, recipe, rng, label=False)
    tile = _weathered(tile, recipe, rng)
    if rng.random() < recipe.lookalikes:
        tile = draw_lookalikes(rng, tile, int(rng.integers(1, recipe.most_lookalikes + 1)))
    if rng.random() < recipe.transplanted:  # from uncracked tiles too: their specks must not tell
        tile = transplant(rng, tiles.one(rng, label=label), tile)
    elif label:
        tile, _ = draw_crack(rng, tile, width_px=log_uniform(rng, *recipe.crack_px))
    if rng.random() < recipe.lookalikes_above:
        tile = draw_lookalikes(rng, tile, 1)
    return tile


def _ground(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    """Return a photographed tile, zoomed into, or a mosaic of some."""
    if rng.random() < recipe.mosaic:
        return collage(tiles, recipe, rng, label=label)
    tile = tiles.one(rng, label=label)
    return zoomed(tile, tile.shape[0], recipe.zoom_cracked if label else recipe.zoom_uncracked, rng)


def _weathered(tile: Pixels, recipe: Recipe, rng: Rng) -> Pixels:
    return draw_dirt(rng, tile) if rng.random() < recipe.dirt else tile


def collage(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    """Put several shrunk tiles into one, at one mean level: meaningless seams, finer cracks.

    A cracked one holds one cracked tile at least, and no more than it has along its side.
    """
    count = int(rng.integers(*recipe.mosaic_side, endpoint=True))
    cracked = np.zeros(count * count, dtype=bool)
    if label:
        cracked[rng.permutation(count * count)[: rng.integers(1, count + 1)]] = True
    parts = tiles.of_one_data(rng, cracked.tolist())
    side = parts[0].shape[0]
    edges = np.linspace(0, side, count + 1).round().astype(int)
    part_px = int(np.diff(edges).max())
    level = np.mean([part.mean() for part in parts])
    made = np.empty_like(parts[0])
    for at, (tile, one) in enumerate(zip(parts, cracked, strict=True)):
        smallest = recipe.zoom_cracked if one else recipe.zoom_uncracked
        part = _levelled(turned(zoomed(tile, part_px, smallest, rng), rng), level)
        (top, bottom), (left, right) = (edges[place : place + 2] for place in divmod(at, count))
        made[top:bottom, left:right] = part[: bottom - top, : right - left]
    return made


def zoomed(tile: Pixels, side: int, smallest: float, rng: Rng) -> Pixels:
    """Return a random square of the tile, at least `smallest` of its side, resized to `side` px."""
    whole = tile.shape[0]
    shown = whole * rng.uniform(smallest, 1)
    left, top = rng.uniform(0, whole - shown, 2)
    box = (left, top, left + shown, top + shown)
    if smallest == 1 and side == whole:
        return tile
    return np.asarray(Image.fromarray(tile).resize((side, side), Image.Resampling.BILINEAR, box=box))


def _levelled(tile: Pixels, level: float) -> Pixels:
    shifted: Pixels = (tile + np.float32(level - tile.mean())).clip(0, 255).round().astype(np.uint8)
    return shifted
