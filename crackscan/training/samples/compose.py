"""One training sample of a given label, made of labelled tiles.

All pictures are uint8 RGB, shape (s, s, 3), and the same for the same random generator.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis import concrete, draw_crack, draw_dirt, draw_lookalikes, transplant
from crackscan.dataset.synthesis.noise import log_uniform
from crackscan.training.samples.augmentation import augment, turn
from crackscan.training.samples.recipe import Recipe

Rng = np.random.Generator


class TileSource(Protocol):
    """A source of random tiles with given labels, uint8 (s, s, 3)."""

    def tile(self, rng: Rng, *, label: bool) -> Pixels:
        """Return a tile."""

    def same_dataset(self, rng: Rng, labels: Sequence[bool]) -> list[Pixels]:
        """Return tiles of one dataset."""


def compose(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    """Make a sample: a photographed tile, or an uncracked tile that gets a crack if the label says so.

    Both labels get look-alikes equally often, so that look-alikes do not reveal the label.
    """
    make = _synthesise if rng.random() < recipe.drawn else _photograph
    return augment(make(tiles, recipe, rng, label=label), recipe, rng)


def _photograph(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    tile = add_dirt(lay_background(tiles, recipe, rng, label=label), recipe, rng)
    if rng.random() < recipe.lookalikes_on_photos:
        tile = draw_lookalikes(rng, tile, int(rng.integers(1, max(recipe.most_lookalikes, 2))))
    return tile


def _synthesise(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    side = tiles.tile(rng, label=False).shape[0]
    if rng.random() < recipe.concrete:
        tile = concrete(rng, side, side)
    else:
        tile = lay_background(tiles, recipe, rng, label=False)
    tile = add_dirt(tile, recipe, rng)
    if rng.random() < recipe.lookalikes:
        tile = draw_lookalikes(rng, tile, int(rng.integers(1, recipe.most_lookalikes + 1)))
    if rng.random() < recipe.transplanted:  # uncracked tiles too: specks must not reveal the label
        tile = transplant(rng, tiles.tile(rng, label=label), tile)
    elif label:
        tile, _ = draw_crack(rng, tile, width_px=log_uniform(rng, *recipe.crack_px))
    if rng.random() < recipe.lookalikes_above:
        tile = draw_lookalikes(rng, tile, 1)
    return tile


def lay_background(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    """Return a part of a photographed tile, or a collage of several."""
    if rng.random() < recipe.mosaic:
        return collage(tiles, recipe, rng, label=label)
    tile = tiles.tile(rng, label=label)
    return zoom(tile, tile.shape[0], recipe.zoom_cracked if label else recipe.zoom_uncracked, rng)


def add_dirt(tile: Pixels, recipe: Recipe, rng: Rng) -> Pixels:
    """Draw dirt onto some tiles."""
    return draw_dirt(rng, tile) if rng.random() < recipe.dirt else tile


def collage(tiles: TileSource, recipe: Recipe, rng: Rng, *, label: bool) -> Pixels:
    """Put several shrunk tiles into one, at one mean level: seams mean nothing, and cracks get finer.

    A cracked collage has at least one cracked tile, and at most as many as tiles along its side.
    """
    count = int(rng.integers(*recipe.mosaic_side, endpoint=True))
    cracked = np.zeros(count * count, dtype=bool)
    if label:
        cracked[rng.permutation(count * count)[: rng.integers(1, count + 1)]] = True
    parts = tiles.same_dataset(rng, cracked.tolist())
    side = parts[0].shape[0]
    edges = np.linspace(0, side, count + 1).round().astype(int)
    part_px = int(np.diff(edges).max())
    level = np.mean([part.mean() for part in parts])
    collected = np.empty_like(parts[0])
    for index, (tile, is_cracked) in enumerate(zip(parts, cracked, strict=True)):
        smallest = recipe.zoom_cracked if is_cracked else recipe.zoom_uncracked
        part = _set_level(turn(zoom(tile, part_px, smallest, rng), rng), level)
        (top, bottom), (left, right) = (edges[start : start + 2] for start in divmod(index, count))
        collected[top:bottom, left:right] = part[: bottom - top, : right - left]
    return collected


def zoom(tile: Pixels, side: int, smallest: float, rng: Rng) -> Pixels:
    """Return a random square of the tile, at least `smallest` of its side, resized to `side` px."""
    whole = tile.shape[0]
    part = whole * rng.uniform(smallest, 1)
    left, top = rng.uniform(0, whole - part, 2)
    box = (left, top, left + part, top + part)
    if smallest == 1 and side == whole:
        return tile
    return np.asarray(Image.fromarray(tile).resize((side, side), Image.Resampling.BILINEAR, box=box))


def _set_level(tile: Pixels, level: float) -> Pixels:
    shifted: Pixels = (tile + np.float32(level - tile.mean())).clip(0, 255).round().astype(np.uint8)
    return shifted
