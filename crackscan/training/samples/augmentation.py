"""Change training tiles in ways that leave their label true: what a crack is does not depend on the light.

All on uint8 (s, s, 3), and the same tile for the same random generator.
"""

import io

import numpy as np
from PIL import Image, ImageFilter

from crackscan.basics.arrays import Pixels
from crackscan.dataset.synthesis.light import grey, to_light
from crackscan.dataset.synthesis.noise import field
from crackscan.training.samples.recipe import Recipe

SHADE_PX = (100.0, 400.0)  # distance between light and shade, of uneven light
SHARPEN_RADIUS = (0.5, 2.0)  # px: from a drone's own sharpening to a careless edit


def augment(tile: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """Return a tile as another camera, in another light, the other way up, might have taken it."""
    tile = relit(turned(tile, rng), recipe, rng)
    if rng.random() < recipe.blur:
        tile = blurred(tile, rng.uniform(*recipe.blur_sigma))
    if rng.random() < recipe.sharpen:
        tile = sharpened(
            tile, rng.uniform(*SHARPEN_RADIUS), int(rng.integers(*recipe.sharpen_percent, endpoint=True))
        )
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


def blurred(tile: Pixels, sigma: float) -> Pixels:
    """Blur it by a Gaussian of so many px."""
    return np.asarray(Image.fromarray(tile).filter(ImageFilter.GaussianBlur(sigma)))


def sharpened(tile: Pixels, radius: float, percent: int) -> Pixels:
    """Sharpen it, as cameras and people do."""
    return np.asarray(Image.fromarray(tile).filter(ImageFilter.UnsharpMask(radius, percent, threshold=0)))


def noisy(tile: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Add noise of so many levels to each value."""
    noise = rng.standard_normal(tile.shape, dtype=np.float32) * np.float32(sigma)
    return (tile + noise).clip(0, 255).round().astype(np.uint8)


def compressed(tile: Pixels, quality: int) -> Pixels:
    """Send it through JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(tile).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:  # from memory: no file is read outside of `reading`
        return np.asarray(image)
