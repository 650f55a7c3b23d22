"""Changes of training tiles that keep their label: other light, another camera, another orientation.

All functions take and return uint8 (s, s, 3), and give the same tile for the same random generator.
"""

import io

import numpy as np
from PIL import Image, ImageFilter

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import grey, to_light
from crackscan.dataset.synthesis.noise import field
from crackscan.training.samples.recipe import Recipe

SHADE_PX = (100.0, 400.0)  # distance between light and shade in uneven light
SHARPEN_RADIUS = (0.5, 2.0)  # px: from the sharpening of a drone to a strong edit


def augment(tile: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Return a tile as another camera might have taken it, in other light and another orientation."""
    return photograph(turn(tile, rng), recipe, rng)


def photograph(tile: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Return a tile as another camera might have taken it, in other light; each pixel keeps its place."""
    tile = relight(tile, recipe, rng)
    if rng.random() < recipe.blur:
        tile = blur(tile, rng.uniform(*recipe.blur_sigma))
    if rng.random() < recipe.sharpen:
        tile = sharpen(
            tile, rng.uniform(*SHARPEN_RADIUS), int(rng.integers(*recipe.sharpen_percent, endpoint=True))
        )
    if rng.random() < recipe.noise:
        tile = add_noise(tile, rng.uniform(*recipe.noise_sigma), rng)
    if rng.random() < recipe.jpeg:
        tile = compress(tile, int(rng.integers(*recipe.jpeg_quality, endpoint=True)))
    return np.ascontiguousarray(tile)


def turn(tile: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirror the tile or not, and turn it by quarter turns; no pixel is resampled."""
    quarters = int(rng.integers(8))
    mirrored = tile[:, ::-1] if quarters >= 4 else tile
    return np.rot90(mirrored, quarters % 4)


def relight(tile: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Change shade, saturation, contrast, brightness and tint."""
    light = to_light(tile)
    if rng.random() < recipe.shade:
        height, width = tile.shape[:2]
        shade = field(rng, width, height, wavelength_px=rng.uniform(*SHADE_PX))
        light *= np.exp(np.float32(rng.uniform(*recipe.shade_depth)) * shade)[..., np.newaxis]
    saturation, contrast = (
        np.float32(rng.uniform(*limits)) for limits in (recipe.saturation, recipe.contrast)
    )
    if saturation != 1:
        without = grey(light)[..., np.newaxis]
        light = without + (light - without) * saturation
    gains = np.float32(1) + rng.uniform(-recipe.tint, recipe.tint, 3).astype(np.float32)
    level = light.mean()
    shift = level * (1 - contrast) + np.float32(rng.uniform(-recipe.brightness, recipe.brightness))
    light = (light * contrast + shift) * gains
    return light.clip(0, 255).round().astype(np.uint8)  # type: ignore[no-any-return]


def blur(tile: Pixels, sigma: float) -> Pixels:
    """Blur the tile with a Gaussian of `sigma` px."""
    return np.asarray(Image.fromarray(tile).filter(ImageFilter.GaussianBlur(sigma)))


def sharpen(tile: Pixels, radius: float, percent: int) -> Pixels:
    """Sharpen the tile, as cameras and people do."""
    return np.asarray(Image.fromarray(tile).filter(ImageFilter.UnsharpMask(radius, percent, threshold=0)))


def add_noise(tile: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise of `sigma` levels to each value."""
    noise = rng.standard_normal(tile.shape, dtype=np.float32) * np.float32(sigma)
    return (tile + noise).clip(0, 255).round().astype(np.uint8)


def compress(tile: Pixels, quality: int) -> Pixels:
    """Compress the tile as JPEG, and decode it again."""
    buffer = io.BytesIO()
    Image.fromarray(tile).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer, formats=["JPEG"]) as image:  # from memory: only `reading` reads files
        return np.asarray(image)
