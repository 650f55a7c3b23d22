"""Change training tiles in ways that leave their label true: what a crack is does not depend on the light.

All on uint8 (s, s, 3), and the same tile for the same random generator.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from crackscan.reading import Pixels

GREY = 128.0  # the level that contrast turns about


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How tiles are changed. Probabilities 0..1; levels are of 8 bits."""

    mosaic: float = 0.25  # probability of a 2x2 mosaic of half-size tiles: cracks get half as wide
    contrast: tuple[float, float] = (0.6, 1.4)  # factor
    brightness: float = 40.0  # levels, up to so many either way
    tint: float = 0.08  # each colour channel is scaled by up to so much either way
    blur: float = 0.15  # probability
    blur_sigma: tuple[float, float] = (0.3, 1.0)  # px
    noise: float = 0.3  # probability
    noise_sigma: tuple[float, float] = (1.0, 8.0)  # levels
    jpeg: float = 0.3  # probability
    jpeg_quality: tuple[int, int] = (40, 95)


def augmented(tile: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Return a tile as another camera, in another light, the other way up, might have taken it."""
    tile = relit(turned(tile, rng), recipe, rng)
    if rng.random() < recipe.blur:
        tile = blurred(tile, rng.uniform(*recipe.blur_sigma))
    if rng.random() < recipe.noise:
        tile = noisy(tile, rng.uniform(*recipe.noise_sigma), rng)
    if rng.random() < recipe.jpeg:
        tile = compressed(tile, int(rng.integers(*recipe.jpeg_quality, endpoint=True)))
    return np.ascontiguousarray(tile)


def turned(tile: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirror it or not, and turn it by any number of quarter turns: no pixel is resampled."""
    quarters = int(rng.integers(8))
    mirrored = tile[:, ::-1] if quarters >= 4 else tile
    return np.rot90(mirrored, quarters % 4)


def relit(tile: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Change contrast, brightness and tint, by a table of the 256 levels for each channel."""
    gains = rng.uniform(*recipe.contrast) * (1 + rng.uniform(-recipe.tint, recipe.tint, 3))
    shift = rng.uniform(-recipe.brightness, recipe.brightness)
    levels = (np.arange(256)[:, np.newaxis] - GREY) * gains + GREY + shift
    table = levels.clip(0, 255).round().astype(np.uint8)
    return np.stack([table[:, channel][tile[..., channel]] for channel in range(3)], axis=-1)


def blurred(tile: Pixels, sigma: float) -> Pixels:
    """Blur it by a Gaussian of so many px."""
    return np.asarray(Image.fromarray(tile).filter(ImageFilter.GaussianBlur(sigma)))


def noisy(tile: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Add noise of so many levels to each value."""
    noise = rng.standard_normal(tile.shape, dtype=np.float32) * sigma
    return (tile + noise).clip(0, 255).round().astype(np.uint8)


def compressed(tile: Pixels, quality: int) -> Pixels:
    """Send it through JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(tile).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:  # from memory: no file is read outside of `reading`
        return np.asarray(image)


def mosaic(tiles: Sequence[Pixels]) -> Pixels:
    """Put four tiles at half their size into one, at one mean level: meaningless seams, finer cracks."""
    level = float(np.mean([tile.mean() for tile in tiles]))
    side = tiles[0].shape[0]
    upper, lower = side // 2, side - side // 2
    sizes = ((upper, upper), (lower, upper), (upper, lower), (lower, lower))  # width, height
    parts = [_levelled(_shrunk(tile, size), level) for tile, size in zip(tiles, sizes, strict=True)]
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])


def companions(at: int, labels: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose three more tiles for a mosaic that keeps tile `at`'s label: an uncracked one holds no crack."""
    pool = np.arange(len(labels)) if labels[at] else np.flatnonzero(~labels)
    return rng.choice(pool, 3)


def _shrunk(tile: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(tile).resize(size, Image.Resampling.BILINEAR))


def _levelled(tile: Pixels, level: float) -> Pixels:
    shifted: Pixels = (tile + (level - tile.mean())).clip(0, 255).round().astype(np.uint8)
    return shifted
